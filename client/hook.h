/*
 * Who wants to be told when a future is done: callbacks, and the waiters of wait sets.
 *
 * Waiters are told first, under the stripe's lock, so that one that was taken off, or
 * whose stripe was locked since, is not being told any more. Callbacks follow in the order
 * they came, with no lock held.
 */
#ifndef CLIENT_HOOK_H
#define CLIENT_HOOK_H

#include <futured/futured.h>

#include <sys/queue.h>

struct waiter {
	LIST_ENTRY(waiter) node; /* in its future's list; le_prev is NULL when it is in none */
	struct waiter *next;     /* in its set's list of those done */
	struct waitset *set;
	fut_future *future;
};

/* False when the future is done already: then the waiter is in no list and is not told. */
bool hook_attach(struct waiter *w);
void hook_detach(struct waiter *w);

/* The future is done. I/O thread only. */
void hook_run_all(fut_future *f);

#endif
