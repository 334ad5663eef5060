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

/* Whether the condition holds right now. */
static bool holds(fut_future *const *futures, size_t n, fut_return_when when)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++) {
		if (!future_is_done(futures[i]))
			continue;
		if (when == FUT_FIRST_COMPLETED ||
		    (when == FUT_FIRST_EXCEPTION && has_failed(futures[i])))
			return true;
		done++;
	}
	return done == n;
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

/* Waits for the first that will do, or for all. */
static fut_status wait_first(struct waiter *waiters, fut_future *const *futures, size_t n,
			     fut_return_when when, uint64_t deadline_us)
{
	struct waitset set;
	fut_status status = FUT_OK;
	size_t left = n;

	waitset_init(&set);
	for (size_t i = 0; i < n; i++)
		waitset_add(&set, &waiters[i], futures[i]);
	while (left > 0) {
		struct waiter *w;
		status = waitset_wait(&set, deadline_us, &w);
		if (status != FUT_OK)
			break;
		left--;
		if (when == FUT_FIRST_COMPLETED || has_failed(w->future))
			break;
	}
	for (size_t i = 0; i < n; i++)
		waitset_remove(&waiters[i]);
	return status;
}

static fut_status wait_for(fut_future *const *futures, size_t n, fut_return_when when,
			   int64_t timeout_us)
{
	uint64_t deadline_us = clock_after_us(timeout_us);

	if (holds(futures, n, when))
		return FUT_OK;
	if (timeout_us == 0)
		return FUT_TIMEOUT;
	if (io_is_here())
		return FUT_WOULD_DEADLOCK;
	if (when == FUT_ALL_COMPLETED)
		return wait_all(futures, n, deadline_us);
	CLEANUP(free_ptr) struct waiter *waiters = calloc(n, sizeof *waiters);
	if (!waiters)
		return FUT_NO_MEMORY;
	return wait_first(waiters, futures, n, when, deadline_us);
}

fut_status fut_wait(fut_future *const *futures, size_t n, fut_return_when when, int64_t timeout_us,
		    size_t *ret_done)
{
	if ((!futures && n > 0) || (unsigned)when > FUT_ALL_COMPLETED)
		return FUT_INVALID;
	for (size_t i = 0; i < n; i++) {
		if (!futures[i])
			return FUT_INVALID;
		if (future_is_forked(futures[i]))
			return FUT_FORKED;
	}
	fut_status status = wait_for(futures, n, when, timeout_us);
	/* It may have come true since, unheard. */
	if (status == FUT_TIMEOUT && holds(futures, n, when))
		status = FUT_OK;
	if ((status == FUT_OK || status == FUT_TIMEOUT) && ret_done)
		*ret_done = count_done(futures, n);
	return status;
}
