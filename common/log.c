#include "common/log.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[LOG_NLEVELS] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

static atomic_int log_level = LOG_INFO;

void log_set_level(enum log_level level)
{
	atomic_store(&log_level, (int)level);
}

int log_level_parse(const char *name, enum log_level *ret)
{
	for (int i = 0; i < LOG_NLEVELS; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

struct line {
	char *text; /* LOG_LINE_MAX bytes */
	size_t len; /* at most LOG_LINE_MAX - 1: the newline always fits */
};

static void line_add(struct line *l, const char *s, size_t n)
{
	size_t room = LOG_LINE_MAX - 1 - l->len;

	if (n > room)
		n = room;
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

static void line_addf(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line_addf(struct line *l, const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n > 0)
		line_add(l, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static bool is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (!isalnum(c) && !strchr("._-/:@+,%", c))
			return false;
		if (c == '\0')
			return false;
	}
	return n > 0;
}

static void line_add_value(struct line *l, const char *s, size_t n)
{
	if (n > LOG_VALUE_MAX)
		n = LOG_VALUE_MAX;
	if (is_plain(s, n)) {
		line_add(l, s, n);
		return;
	}
	line_add(l, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '"' || c == '\\')
			line_addf(l, "\\%c", c);
		else if (c == '\n')
			line_add(l, "\\n", 2);
		else if (c < 0x20 || c >= 0x7f)
			line_addf(l, "\\x%02x", c);
		else
			line_add(l, &s[i], 1);
	}
	line_add(l, "\"", 1);
}

size_t log_format(char line[LOG_LINE_MAX], enum log_level level, const char *event,
		  const struct log_field *fields)
{
	struct line l = {.text = line};

	line_addf(&l, "level=%s event=", level_names[level]);
	line_add(&l, event, strlen(event));
	for (const struct log_field *f = fields; f->key; f++) {
		line_add(&l, " ", 1);
		line_add(&l, f->key, strlen(f->key));
		line_add(&l, "=", 1);
		switch (f->kind) {
		case LOG_FIELD_STR:
			line_add_value(&l, f->v.str ? f->v.str : "",
				       f->v.str ? strlen(f->v.str) : 0);
			break;
		case LOG_FIELD_BYTES:
			line_add_value(&l, f->v.str, (size_t)f->len);
			break;
		case LOG_FIELD_INT:
			line_addf(&l, "%" PRId64, f->v.i);
			break;
		case LOG_FIELD_UINT:
			line_addf(&l, "%" PRIu64, f->v.u);
			break;
		}
	}
	l.text[l.len++] = '\n';
	return l.len;
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
	char line[LOG_LINE_MAX];

	if ((int)level > atomic_load(&log_level))
		return;
	size_t n = log_format(line, level, event, fields);
	/* A log that cannot be written has nobody left to tell. */
	ssize_t ignored = write(STDERR_FILENO, line, n);
	(void)ignored;
}
