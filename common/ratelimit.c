#include "common/ratelimit.h"

void ratelimit_init(struct ratelimit *r, unsigned burst, uint64_t window_us)
{
	*r = (struct ratelimit){.burst = burst, .window_us = window_us};
}

/* Each event moves the moment at which the bucket is full by one token's time. It may
 * be at most a window away. */
uint64_t ratelimit_wait_us(const struct ratelimit *r, uint64_t now_us)
{
	uint64_t token_us = r->window_us / r->burst;
	uint64_t from_us = r->full_at_us > now_us ? r->full_at_us : now_us;
	uint64_t next_us = from_us + token_us;

	return next_us - now_us > r->window_us ? next_us - now_us - r->window_us : 0;
}

bool ratelimit_pass(struct ratelimit *r, uint64_t now_us)
{
	if (ratelimit_wait_us(r, now_us) > 0)
		return false;
	r->full_at_us = (r->full_at_us > now_us ? r->full_at_us : now_us) + r->window_us / r->burst;
	return true;
}
