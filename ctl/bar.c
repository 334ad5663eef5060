#include "ctl/bar.h"

#include "ctl/report.h"
#include "ctl/wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BAR_CELLS       24
#define BAR_INTERVAL_US 100000
#define BAR_TEXT_MAX    24 /* so that the line fits on 80 columns */

#define CLEAR_LINE "\r\033[K"

void bar_init(struct bar *b, enum bar_kind kind)
{
	*b = (struct bar){.kind = kind, .began_us = wait_now_us()};
}

static void print_cells(uint64_t done, uint64_t total)
{
	double part = done < total ? (double)done / (double)total : 1.0;
	int full = (int)(part * BAR_CELLS);

	fprintf(stderr, " [%.*s%*s] %3d%%", full, "########################", BAR_CELLS - full, "",
		(int)(part * 100));
}

static void print_numbers(const struct bar *b, uint64_t now_us, uint64_t done, uint64_t total)
{
	double seconds = (double)(now_us - b->began_us) / 1e6;

	fprintf(stderr, "%" PRIu64, done);
	if (total > 0) {
		fprintf(stderr, "/%" PRIu64, total);
		if (b->kind == BAR_TERMINAL)
			print_cells(done, total);
	}
	if (seconds > 0)
		fprintf(stderr, "  %.1f/s", (double)done / seconds);
}

void bar_show(struct bar *b, uint64_t done, uint64_t total, const char *text)
{
	uint64_t now_us = wait_now_us();

	if (b->kind == BAR_NONE)
		return;
	if (b->kind == BAR_TERMINAL && now_us - b->shown_us < BAR_INTERVAL_US)
		return;
	if (b->kind == BAR_TERMINAL)
		fputs(CLEAR_LINE, stderr);
	print_numbers(b, now_us, done, total);
	if (*text) {
		fputs("  ", stderr);
		report_text(stderr, text,
			    b->kind == BAR_TERMINAL ? strnlen(text, BAR_TEXT_MAX) : strlen(text));
	}
	if (b->kind == BAR_LINES)
		putc('\n', stderr);
	fflush(stderr);
	b->visible = b->kind == BAR_TERMINAL;
	b->shown_us = now_us;
}

void bar_hide(struct bar *b)
{
	if (!b->visible)
		return;
	fputs(CLEAR_LINE, stderr);
	fflush(stderr);
	b->visible = false;
	b->shown_us = 0;
}
