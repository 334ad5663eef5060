/*
 * A set of waiters, and a queue of those whose future is done, in that order.
 *
 *	future done ──▶ waitset_tell() ──▶ done (a stack, no lock) ──▶ ready (a list)
 *	any I/O thread                                                 the owner's thread
 *
 * The set belongs to one thread; waitset_tell() comes from any.
 */
#ifndef CLIENT_WAITSET_H
#define CLIENT_WAITSET_H

#include "client/hook.h"

#include <stdatomic.h>

struct waitset {
	_Atomic(struct waiter *) done; /* newest first */
	_Atomic uint32_t sleeping;     /* futex: 1 while the owner sleeps */
	struct waiter *ready, **ready_end;
};

void waitset_init(struct waitset *s);

/* Waits for one more future. The waiter stays where it is until it was taken or removed. */
void waitset_add(struct waitset *s, struct waiter *w, fut_future *f);

/* Afterwards nothing touches the waiter or its set any more. */
void waitset_remove(struct waiter *w);

/* The next waiter whose future is done, or NULL when none is now. */
struct waiter *waitset_take(struct waitset *s);

/* Sleeps until there may be one. False when the deadline passed. */
bool waitset_sleep(struct waitset *s, uint64_t deadline_us);

/* take and sleep: FUT_OK, FUT_TIMEOUT, FUT_WOULD_DEADLOCK. */
fut_status waitset_wait(struct waitset *s, uint64_t deadline_us, struct waiter **ret);

/* A waiter's future is done. Under its stripe's lock. */
void waitset_tell(struct waiter *w);

#endif
