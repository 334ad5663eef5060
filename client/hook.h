/*
 * Who wants to be told when a future is done: callbacks, and the waiters of wait sets.
 *
 * Waiters are told first, under the stripe's lock, so that one that was taken off, or
 * whose stripe was locked since, is not being told any more. Callbacks follow (callback.h),
 * with no lock held.
 */
#ifndef CLIENT_HOOK_H
#define CLIENT_HOOK_H

#include <futured/futured.h>

#include <sys/queue.h>

/* Makes sure that whoever completes the future looks for hooks. False when it is done. Under
 * the stripe's lock. */
bool hook_announce(fut_future *f);

struct waiter {
	LIST_ENTRY(waiter) node; /* in its future's list; le_prev is NULL when it is in none */
	union {                  /* the set's */
		struct waiter *next_done;
		TAILQ_ENTRY(waiter) ready;
	};
	struct waitset *set;
	fut_future *future;
};

/* False when the future is done already: then the waiter is in no list and is not told. */
bool hook_attach(struct waiter *w);

/* True when it was in its future's list: it was not told. In any case it is not being told
 * any more when this returns. */
bool hook_detach(struct waiter *w);

/* The future is done. I/O thread only. */
void hook_run_all(fut_future *f);

#endif
