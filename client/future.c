#include "client/future.h"

#include "client/error.h"
#include "client/executor.h"
#include "client/fork.h"
#include "client/hook.h"
#include "client/io.h"
#include "client/slab.h"
#include "client/streaming.h"
#include "common/clock.h"
#include "common/futex.h"
#include "common/util.h"

#include <string.h>

void future_init(fut_future *f, fut_executor *x, uint64_t id)
{
	*f = (struct fut_future){.id = id, .executor = x};
	LIST_INIT(&f->waiters);
	atomic_init(&f->state, 0);
	atomic_init(&f->refs, 2);
}

/* ---- completing ---------------------------------------------------------- */

/* The outcome is in place: from here on everybody may read it. */
static uint32_t settle(fut_future *f, uint32_t how)
{
	timeline_end(f);
	return atomic_exchange_explicit(&f->state, how, memory_order_acq_rel);
}

uint32_t future_settle_bytes(fut_future *f, uint8_t *bytes, size_t len)
{
	if (future_is_done(f)) {
		free(bytes);
		return FUTURE_DONE;
	}
	if (len <= FUTURE_INLINE_BYTES) {
		if (len > 0)
			memcpy(f->outcome.here, bytes, len);
		free(bytes);
	} else {
		f->outcome.bytes = bytes;
	}
	f->value_len = (uint32_t)len;
	return settle(f, FUTURE_VALUE);
}

uint32_t future_settle_value(fut_future *f, struct span value)
{
	if (future_is_done(f))
		return FUTURE_DONE;
	if (value.len > FUTURE_INLINE_BYTES) {
		uint8_t *bytes = malloc(value.len);
		if (!bytes)
			return future_settle_error(f, error_plain(FUT_NO_MEMORY));
		memcpy(bytes, value.data, value.len);
		return future_settle_bytes(f, bytes, value.len);
	}
	if (value.len > 0)
		memcpy(f->outcome.here, value.data, value.len);
	f->value_len = (uint32_t)value.len;
	return settle(f, FUTURE_VALUE);
}

uint32_t future_settle_error(fut_future *f, fut_error *e)
{
	if (future_is_done(f)) {
		fut_error_unref(e);
		return FUTURE_DONE;
	}
	f->outcome.error = e;
	return settle(f, FUTURE_ERROR);
}

uint32_t future_settle_cancelled(fut_future *f)
{
	if (future_is_done(f))
		return FUTURE_DONE;
	return settle(f, FUTURE_CANCELLED);
}

void future_announce(fut_future *f, uint32_t old_state)
{
	if (old_state & FUTURE_DONE)
		return;
	if (old_state & FUTURE_SLEEPERS)
		futex_wake(&f->state, INT_MAX, FUTEX_PRIVATE);
	if (old_state & FUTURE_HOOKS)
		hook_run_all(f);
}

void future_set_running(fut_future *f)
{
	if (!future_is_done(f))
		atomic_fetch_or_explicit(&f->state, FUTURE_RUNNING, memory_order_acq_rel);
}

void future_restart(fut_future *f)
{
	if (future_is_done(f))
		return;
	streaming_restart(f);
	atomic_fetch_and_explicit(&f->state, ~(uint32_t)FUTURE_RUNNING, memory_order_acq_rel);
}

void future_news(fut_future *f)
{
	uint32_t old = future_state(f);
	uint32_t new;

	if (old & FUTURE_DONE)
		return;
	do {
		new = (old & ~(uint32_t)FUTURE_SLEEPERS) + FUTURE_NEWS;
	} while (!atomic_compare_exchange_weak_explicit(&f->state, &old, new, memory_order_acq_rel,
							memory_order_acquire));
	if (old & FUTURE_SLEEPERS)
		futex_wake(&f->state, INT_MAX, FUTEX_PRIVATE);
}

bool future_is_watched(const fut_future *f)
{
	return atomic_load_explicit(&f->refs, memory_order_acquire) > 1 ||
	       (future_state(f) & FUTURE_HOOKS);
}

/* ---- looking and waiting ------------------------------------------------- */

bool future_is_forked(const fut_future *f)
{
	return fork_happened(f->executor->fork_mark);
}

fut_status future_check_list(fut_future *const *futures, size_t n)
{
	if (!futures && n > 0)
		return FUT_INVALID;
	for (size_t i = 0; i < n; i++) {
		if (!futures[i])
			return FUT_INVALID;
		if (future_is_forked(futures[i]))
			return FUT_FORKED;
	}
	return FUT_OK;
}

bool future_sleep(fut_future *f, uint32_t seen, uint64_t deadline_us)
{
	uint32_t sleeping = seen | FUTURE_SLEEPERS;

	if (seen != sleeping &&
	    !atomic_compare_exchange_strong_explicit(&f->state, &seen, sleeping,
						     memory_order_acq_rel, memory_order_acquire))
		return true;
	return futex_wait(&f->state, sleeping, FUTEX_PRIVATE, deadline_us);
}

bool future_wait_until(fut_future *f, uint64_t deadline_us)
{
	bool in_time = true;

	for (;;) {
		uint32_t seen = future_state(f);
		if (seen & FUTURE_DONE)
			return true;
		if (!in_time)
			return false;
		in_time = future_sleep(f, seen, deadline_us);
	}
}

fut_status future_wait(fut_future *f, int64_t timeout_us)
{
	if (future_is_done(f))
		return FUT_OK;
	if (timeout_us == 0)
		return FUT_TIMEOUT;
	if (io_is_here())
		return FUT_WOULD_DEADLOCK;
	return future_wait_until(f, clock_after_us(timeout_us)) ? FUT_OK : FUT_TIMEOUT;
}

fut_bytes future_value(const fut_future *f)
{
	return (fut_bytes){f->value_len > FUTURE_INLINE_BYTES ? f->outcome.bytes : f->outcome.here,
			   f->value_len};
}

fut_error *future_error(const fut_future *f)
{
	return future_state(f) & FUTURE_CANCELLED ? error_plain(FUT_CANCELLED) : f->outcome.error;
}

/* ---- the public functions ------------------------------------------------ */

fut_future *fut_future_ref(fut_future *f)
{
	if (f && !future_is_forked(f))
		atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

/* Nobody knows it any more; it is done, for else its place would hold it. */
static void future_free(fut_future *f)
{
	uint32_t state = future_state(f);

	if (state & FUTURE_ERROR)
		fut_error_unref(f->outcome.error);
	else if ((state & FUTURE_VALUE) && f->value_len > FUTURE_INLINE_BYTES)
		free(f->outcome.bytes);
	extra_free(TAKE_PTR(f->extra));
	fut_executor *x = f->executor;
	slab_give(&x->slab, f);
	executor_put(x);
}

void fut_future_unref(fut_future *f)
{
	/* A child cannot know in which state fork() caught the parent's threads: it leaves
	 * everything as it is. */
	if (!f || future_is_forked(f))
		return;
	if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
		future_free(f);
}

fut_status fut_result(fut_future *f, int64_t timeout_us, fut_bytes *ret, fut_error **reterr)
{
	if (!f || !ret)
		return error_give_plain(reterr, FUT_INVALID);
	if (future_is_forked(f))
		return error_give_plain(reterr, FUT_FORKED);
	fut_status status = future_wait(f, timeout_us);
	if (status != FUT_OK)
		return error_give_plain(reterr, status);
	if (!(future_state(f) & FUTURE_VALUE))
		return error_give(reterr, fut_error_ref(future_error(f)));
	*ret = future_value(f);
	return FUT_OK;
}

fut_status fut_exception(fut_future *f, int64_t timeout_us, fut_error **ret)
{
	if (!f || !ret)
		return FUT_INVALID;
	if (future_is_forked(f))
		return FUT_FORKED;
	fut_status status = future_wait(f, timeout_us);
	if (status != FUT_OK)
		return status;
	uint32_t state = future_state(f);
	if (state & FUTURE_CANCELLED)
		return FUT_CANCELLED;
	*ret = state & FUTURE_ERROR ? fut_error_ref(future_error(f)) : NULL;
	return FUT_OK;
}

bool fut_done(const fut_future *f)
{
	return future_is_done(f);
}

bool fut_running(const fut_future *f)
{
	return (future_state(f) & (FUTURE_RUNNING | FUTURE_DONE)) == FUTURE_RUNNING;
}

bool fut_cancelled(const fut_future *f)
{
	return future_state(f) & FUTURE_CANCELLED;
}
