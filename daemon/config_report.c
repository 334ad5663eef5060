#include "daemon/config_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void config_complain(struct config_report *report, struct config_place at, const char *fmt, ...)
{
	char text[2048], line[16] = "";
	int n = 0;
	va_list ap;

	report->ncomplaints++;
	if (!report->on_error)
		return;
	if (at.line > 0)
		(void)snprintf(line, sizeof line, "%u:", at.line);
	if (at.file)
		n = snprintf(text, sizeof text, "%.1024s:%s ", at.file, line);
	va_start(ap, fmt);
	(void)vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
	va_end(ap);
	report->on_error(report->arg, text);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's distance, row by row. */
static unsigned typing_errors(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	unsigned row[LONGEST + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > LONGEST || lb > LONGEST)
		return LONGEST;
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

const char *config_nearest(const char *word, const char *const *names, size_t n)
{
	const char *nearest = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < n; i++) {
		unsigned errors = typing_errors(word, names[i]);

		/* Where every letter is wrong, it is another word. */
		if (errors < least && errors < strlen(word)) {
			least = errors;
			nearest = names[i];
		}
	}
	return nearest;
}
