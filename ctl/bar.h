/*
 * A progress bar: the last line of the terminal, on stderr. Whoever prints something else
 * hides it first; the next bar_show() puts it back below.
 */
#ifndef CTL_BAR_H
#define CTL_BAR_H

#include <stdbool.h>
#include <stdint.h>

enum bar_kind {
	BAR_NONE,
	BAR_TERMINAL, /* one line that changes */
	BAR_LINES,    /* for a file or pipe: a line for each change */
};

struct bar {
	enum bar_kind kind;
	bool visible;
	uint64_t began_us;
	uint64_t shown_us;
};

void bar_init(struct bar *b, enum bar_kind kind);

/* Shows the numbers, unless the last ones are too fresh to be read. `total` 0: unknown. */
void bar_show(struct bar *b, uint64_t done, uint64_t total, const char *text);
void bar_hide(struct bar *b);

#endif
