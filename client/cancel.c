#include "client/cancel.h"

#include "client/future.h"
#include "client/io.h"
#include "common/clock.h"
#include "common/util.h"

/* verdict[mode] is one more than a fut_verdict, so that a fresh future has none. */
enum { VERDICT_NONE = 0, VERDICT_ASKED = FUT_VERDICT_PENDING + 1 };

static void set_verdict(fut_future *f, unsigned mode, fut_verdict v)
{
	atomic_store_explicit(&f->verdict[mode], (uint8_t)(v + 1), memory_order_release);
}

static uint8_t get_verdict(const fut_future *f, unsigned mode)
{
	return atomic_load_explicit(&f->verdict[mode], memory_order_acquire);
}

/* Under the executor's lock. */
static fut_status put_cancel(fut_executor *x, fut_future *f, enum cancel_mode mode)
{
	struct message m = {.kind = MESSAGE_CANCEL, .cancel = {f->id, mode}};
	size_t before = buf_len(&x->outbox);

	if (x->lost || future_is_done(f) || get_verdict(f, mode) != VERDICT_NONE)
		return FUT_OK;
	if (message_put(&x->outbox, &m, SPAN_EMPTY) < 0)
		return FUT_NO_MEMORY;
	x->queued += buf_len(&x->outbox) - before;
	f->asked[f->n_asked++] = (uint8_t)mode;
	set_verdict(f, mode, FUT_VERDICT_PENDING);
	return FUT_OK;
}

fut_status cancel_ask(fut_executor *x, fut_future *f, enum cancel_mode mode)
{
	pthread_mutex_lock(&x->lock);
	fut_status status = put_cancel(x, f, mode);
	io_send_and_unlock(x, false);
	return status;
}

/* Under the executor's lock. */
static fut_status put_cancels(fut_executor *x, enum cancel_mode mode, bool also_running)
{
	uint32_t used = atomic_load_explicit(&x->places.used, memory_order_relaxed);
	fut_status status = FUT_OK;

	for (uint32_t i = 0; i < used && status == FUT_OK; i++) {
		/* Its memory stays a future's, though the job may end at any time. */
		fut_future *f = places_at(&x->places, i);
		if (f && (also_running || !(future_state(f) & FUTURE_RUNNING)))
			status = put_cancel(x, f, mode);
	}
	return status;
}

fut_status cancel_all(fut_executor *x, enum cancel_mode mode)
{
	pthread_mutex_lock(&x->lock);
	/* What waits goes first: a slot that is set free must find nothing of ours. */
	fut_status status = put_cancels(x, mode, false);
	if (status == FUT_OK)
		status = put_cancels(x, mode, true);
	io_send_and_unlock(x, false);
	return status;
}

void cancel_answered(fut_executor *x, fut_future *f, fut_verdict verdict)
{
	pthread_mutex_lock(&x->lock);
	if (f->n_asked > 0) {
		unsigned mode = f->asked[0];
		for (unsigned i = 1; i < f->n_asked; i++)
			f->asked[i - 1] = f->asked[i];
		f->n_asked--;
		set_verdict(f, mode, verdict);
	}
	pthread_mutex_unlock(&x->lock);
}

void cancel_ended(fut_future *f, fut_status status)
{
	if (status == FUT_KILLED && get_verdict(f, CANCEL_KILL) == VERDICT_ASKED)
		set_verdict(f, CANCEL_KILL, FUT_VERDICT_KILLED);
}

/* What is known of the question by now: the daemon's answer, or what the future tells. */
static fut_verdict known_verdict(const fut_future *f, enum cancel_mode mode, uint32_t state)
{
	uint8_t v = get_verdict(f, mode);

	if (v > VERDICT_ASKED)
		return (fut_verdict)(v - 1);
	if (state & FUTURE_CANCELLED)
		return FUT_VERDICT_REMOVED;
	return state & FUTURE_DONE ? FUT_VERDICT_TOO_LATE : FUT_VERDICT_PENDING;
}

static fut_status wait_verdict(fut_future *f, enum cancel_mode mode, uint64_t deadline_us,
			       fut_verdict *ret)
{
	bool in_time = true;

	for (;;) {
		uint32_t seen = future_state(f);
		*ret = known_verdict(f, mode, seen);
		if (*ret != FUT_VERDICT_PENDING)
			return FUT_OK;
		if (!in_time)
			return FUT_TIMEOUT;
		in_time = future_sleep(f, seen, deadline_us);
	}
}

static fut_status request(fut_future *f, enum cancel_mode mode, int64_t timeout_us,
			  fut_verdict *ret)
{
	if (!f)
		return FUT_INVALID;
	if (future_is_forked(f))
		return FUT_FORKED;
	fut_verdict v = known_verdict(f, mode, future_state(f));
	fut_status status = FUT_OK;
	if (v == FUT_VERDICT_PENDING) {
		if (timeout_us != 0 && io_is_here())
			return FUT_WOULD_DEADLOCK;
		status = cancel_ask(f->executor, f, mode);
		if (status == FUT_OK && timeout_us != 0)
			status = wait_verdict(f, mode, clock_after_us(timeout_us), &v);
	}
	if (status == FUT_OK && ret)
		*ret = v;
	return status;
}

fut_status fut_cancel(fut_future *f, int64_t timeout_us, fut_verdict *ret)
{
	return request(f, CANCEL_QUEUED, timeout_us, ret);
}

fut_status fut_stop(fut_future *f, int64_t timeout_us, fut_verdict *ret)
{
	return request(f, CANCEL_STOP, timeout_us, ret);
}

fut_status fut_kill(fut_future *f, int64_t timeout_us, fut_verdict *ret)
{
	return request(f, CANCEL_KILL, timeout_us, ret);
}

const char *fut_verdict_name(fut_verdict v)
{
	static const char *const names[] = {"PENDING", "REMOVED",  "STOP_REQUESTED",
					    "KILLED",  "TOO_LATE", "UNKNOWN"};

	return (unsigned)v < ARRAY_LEN(names) ? names[v] : "?";
}
