/*
 * A token bucket without a timer: `burst` events at once, and then one each
 * window_us / burst, so at most twice `burst` in any window. `burst` is at least 1.
 */
#ifndef COMMON_RATELIMIT_H
#define COMMON_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
	unsigned burst;
	uint64_t window_us;
	uint64_t full_at_us; /* when the bucket is full again; before the first event: 0 */
};

void ratelimit_init(struct ratelimit *r, unsigned burst, uint64_t window_us);

/* True when one more event may happen now, which it then has. */
bool ratelimit_pass(struct ratelimit *r, uint64_t now_us);

/* Microseconds until ratelimit_pass() would say yes; 0 when it would now. */
uint64_t ratelimit_wait_us(const struct ratelimit *r, uint64_t now_us);

#endif
