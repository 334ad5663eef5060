/* Waiting for several futures at once. */
#include "client/future.h"
#include "client/io.h"
#include "client/waitset.h"
#include "common/clock.h"
#include "common/util.h"

static size_t count_done(fut_future *const *futures, size_t n)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++)
		done += future_is_done(futures[i]);
	return done;
}

static bool has_failed(const fut_future *f)
{
	return future_state(f) & FUTURE_ERROR;
}

/* What to wait for: so many ends, or an error before. */
struct condition {
	size_t count;
	bool or_failure;
};

static bool holds(fut_future *const *futures, size_t n, struct condition c)
{
	size_t done = 0;

	for (size_t i = 0; i < n && done < c.count; i++) {
		if (!future_is_done(futures[i]))
			continue;
		if (c.or_failure && has_failed(futures[i]))
			return true;
		done++;
	}
	return done >= c.count;
}

/* The last one first: it is likely to be the last one done, and then this slept once. */
static fut_status wait_all(fut_future *const *futures, size_t n, uint64_t deadline_us)
{
	for (size_t i = n; i-- > 0;) {
		if (!future_wait_until(futures[i], deadline_us))
			return FUT_TIMEOUT;
	}
	return FUT_OK;
}

/* A waiter for each place in the list, so that a future that is there twice counts twice. */
static fut_status wait_some(struct waiter *waiters, fut_future *const *futures, size_t n,
			    struct condition c, uint64_t deadline_us)
{
	struct waitset set;
	fut_status status = FUT_OK;

	waitset_init(&set);
	for (size_t i = 0; i < n; i++)
		waitset_add(&set, &waiters[i], futures[i]);
	while (c.count > 0) {
		struct waiter *w;
		status = waitset_wait(&set, deadline_us, &w);
		if (status != FUT_OK)
			break;
		c.count--;
		if (c.or_failure && has_failed(w->future))
			break;
	}
	for (size_t i = 0; i < n; i++)
		waitset_end(&waiters[i]);
	return status;
}

static fut_status wait_for(fut_future *const *futures, size_t n, struct condition c,
			   int64_t timeout_us)
{
	uint64_t deadline_us = clock_after_us(timeout_us);

	if (holds(futures, n, c))
		return FUT_OK;
	if (timeout_us == 0)
		return FUT_TIMEOUT;
	if (io_is_here())
		return FUT_WOULD_DEADLOCK;
	if (c.count == n && !c.or_failure)
		return wait_all(futures, n, deadline_us);
	CLEANUP(free_ptr) struct waiter *waiters = calloc(n, sizeof *waiters);
	if (!waiters)
		return FUT_NO_MEMORY;
	return wait_some(waiters, futures, n, c, deadline_us);
}

static fut_status check_and_wait(fut_future *const *futures, size_t n, struct condition c,
				 int64_t timeout_us, size_t *ret_done)
{
	fut_status status = c.count > n ? FUT_INVALID : future_check_list(futures, n);

	if (status != FUT_OK)
		return status;
	status = wait_for(futures, n, c, timeout_us);
	/* It may have come true since, unheard. */
	if (status == FUT_TIMEOUT && holds(futures, n, c))
		status = FUT_OK;
	if ((status == FUT_OK || status == FUT_TIMEOUT) && ret_done)
		*ret_done = count_done(futures, n);
	return status;
}

fut_status fut_wait(fut_future *const *futures, size_t n, fut_return_when when, int64_t timeout_us,
		    size_t *ret_done)
{
	struct condition c = {.count = n, .or_failure = when == FUT_FIRST_EXCEPTION};

	if ((unsigned)when > FUT_ALL_COMPLETED)
		return FUT_INVALID;
	if (when == FUT_FIRST_COMPLETED && n > 0)
		c.count = 1;
	return check_and_wait(futures, n, c, timeout_us, ret_done);
}

fut_status fut_wait_n(fut_future *const *futures, size_t n, size_t count, int64_t timeout_us,
		      size_t *ret_done)
{
	return check_and_wait(futures, n, (struct condition){.count = count}, timeout_us, ret_done);
}
