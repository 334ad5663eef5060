/*
 * How often something may happen: `burst` times at once, and so many times a second in the long
 * run. Given the time, so that tests need no clock. A bucket of zeros is full.
 */
#ifndef DAEMON_BUCKET_H
#define DAEMON_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket_size {
	uint64_t burst;       /* at least 1 */
	uint64_t interval_us; /* for one more */
};

/* Holds no count: only when it would be full again. */
struct bucket {
	uint64_t full_at_us;
};

/* Takes `n`, where there is one left. It may so be overdrawn by one take: what things cost is
 * often known only afterwards. */
static inline bool bucket_take(struct bucket *b, const struct bucket_size *size, uint64_t n,
			       uint64_t now_us)
{
	uint64_t from_us = b->full_at_us > now_us ? b->full_at_us : now_us;

	if (from_us - now_us > (size->burst - 1) * size->interval_us)
		return false;
	b->full_at_us = from_us + n * size->interval_us;
	return true;
}

#endif
