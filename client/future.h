/*
 * A future: one job's state, and what came of it.
 *
 * The state is one word that is also the futex its waiters sleep on:
 *
 *	bits   RUNNING | one of VALUE, ERROR, CANCELLED when done
 *	       SLEEPERS: somebody sleeps on it     HOOKS: somebody wants to be told
 *	from NEWS up: counts what happens before the end (a chunk, a verdict)
 *
 * RUNNING comes with the job's start, and goes again when the attempt was lost and the job
 * waits for the next one. Nothing else ever goes back.
 *
 * A future is completed by the I/O thread only, with one exchange of that word; without
 * SLEEPERS and HOOKS there is nothing more to do.
 */
#ifndef CLIENT_FUTURE_H
#define CLIENT_FUTURE_H

#include "client/timeline.h"
#include "common/span.h"

#include <futured/futured.h>

#include <stdatomic.h>
#include <sys/queue.h>

enum {
	FUTURE_RUNNING = 1 << 0,
	FUTURE_VALUE = 1 << 1,
	FUTURE_ERROR = 1 << 2,
	FUTURE_CANCELLED = 1 << 3,
	FUTURE_DONE = FUTURE_VALUE | FUTURE_ERROR | FUTURE_CANCELLED,
	FUTURE_SLEEPERS = 1 << 4,
	FUTURE_HOOKS = 1 << 5,
	FUTURE_NEWS = 1 << 8,
};

enum { FUTURE_INLINE_BYTES = 24, CANCEL_MODES = 3 };

struct callback;
struct extra;
struct waiter;

struct fut_future {
	_Atomic uint32_t state;
	_Atomic uint32_t refs; /* the users', and one of its place until the daemon is done */

	/* immutable from submit to the last unref */
	uint64_t id;
	fut_executor *executor;
	uint64_t submitted_us; /* the moment, on this machine's clock */

	/* the I/O thread's until it is done, then immutable */
	union {
		uint8_t here[FUTURE_INLINE_BYTES];
		uint8_t *bytes;
		fut_error *error;
		struct fut_future *next_free; /* the slab's, when nobody has it */
	} outcome;
	uint32_t value_len; /* above FUTURE_INLINE_BYTES it is in outcome.bytes */
	uint32_t attempt;

	/* under the stripe's lock */
	union {
		LIST_HEAD(, waiter) waiters; /* until it is done */
		struct fut_future *next_due; /* then, the pump's */
	};
	struct callback *callbacks; /* a ring of those that wait; this is the newest */
	struct extra *extra;        /* NULL until something streams; the I/O thread makes it */
	bool has_callbacks;         /* some wait, or are being run */

	/* under the executor's lock */
	uint8_t n_asked;
	uint8_t asked[CANCEL_MODES];           /* modes without a verdict, oldest first */
	_Atomic uint8_t verdict[CANCEL_MODES]; /* VERDICT_NONE or a fut_verdict + 1; read freely */

	/* One after the other; the payload's length stays from the first to the second. */
	union {
		struct {
			uint32_t payload_len;
			uint64_t submit_end; /* where its Submit ends in the stream */
		} pending;                   /* under the executor's lock */
		struct timeline_brief done;  /* the I/O thread's until it is done, then immutable */
	};
};

_Static_assert(sizeof(struct fut_future) <= 128, "two cache lines");

/* A fresh one, pending, with two references: the user's and its place's. */
void future_init(fut_future *f, fut_executor *x, uint64_t id);

/* ---- completing: the I/O thread only ------------------------------------ */

/* Each settles the future and returns the state it had, for future_announce(). When it was
 * done already they drop what they carry, and there is nothing to announce. */
uint32_t future_settle_value(fut_future *f, struct span value);
uint32_t future_settle_bytes(fut_future *f, uint8_t *bytes, size_t len); /* takes malloc'ed bytes */
uint32_t future_settle_error(fut_future *f, fut_error *e);               /* takes the reference */
uint32_t future_settle_cancelled(fut_future *f);

/* Wakes and tells whoever waits. */
void future_announce(fut_future *f, uint32_t old_state);

void future_set_running(fut_future *f);

/* The attempt failed, and there will be another one: it is as if it had never started. */
void future_restart(fut_future *f);

/* Something happened that is not the end: wakes sleepers, who look for themselves. */
void future_news(fut_future *f);

/* Whether anybody but the I/O thread can ever look at it. */
bool future_is_watched(const fut_future *f);

/* ---- looking and waiting: any thread ------------------------------------- */

static inline uint32_t future_state(const fut_future *f)
{
	return atomic_load_explicit(&f->state, memory_order_acquire);
}

static inline bool future_is_done(const fut_future *f)
{
	return future_state(f) & FUTURE_DONE;
}

bool future_is_forked(const fut_future *f);

/* Whether a list of a user's can be waited for: FUT_OK, FUT_INVALID, FUT_FORKED. */
fut_status future_check_list(fut_future *const *futures, size_t n);

/* Sleeps until the state is no longer `seen`, or for no reason. False when the deadline
 * passed. */
bool future_sleep(fut_future *f, uint32_t seen, uint64_t deadline_us);

/* Waits until it is done: FUT_OK, FUT_TIMEOUT, FUT_WOULD_DEADLOCK. */
fut_status future_wait(fut_future *f, int64_t timeout_us);
bool future_wait_until(fut_future *f, uint64_t deadline_us);

/* Of one that is done with FUTURE_VALUE. */
fut_bytes future_value(const fut_future *f);

/* Of one that is done otherwise; borrowed from the future. */
fut_error *future_error(const fut_future *f);

#endif
