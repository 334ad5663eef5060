/*
 * A set of waiters, and a queue of those whose future is done, in that order.
 *
 *	future done ──▶ waitset_tell() ──▶ done (a stack, no lock) ──▶ ready (a list)
 *	any I/O thread                                                 the owner's thread
 *
 * The set belongs to one thread; waitset_tell() comes from any. Its owner sleeps on a futex,
 * or on a descriptor that it may also give to poll():
 *
 *	sleeping is 1   nothing is done or ready; the descriptor is not readable;
 *	                who tells next clears it and wakes
 *	sleeping is 0   something is, and the descriptor is readable; or the owner of a set
 *	                without one is awake
 *
 * Between the two lies at most a waitset_tell() that is under way, which holds the stripe's
 * lock of its future: once its waiter has left the set, it is over.
 */
#ifndef CLIENT_WAITSET_H
#define CLIENT_WAITSET_H

#include "client/hook.h"

#include <stdatomic.h>

struct waitset {
	_Atomic(struct waiter *) done; /* newest first */
	_Atomic uint32_t sleeping;     /* the futex */
	int fd;                        /* an eventfd, or -1 */
	TAILQ_HEAD(, waiter) ready;
};

void waitset_init(struct waitset *s);

/* The same with a descriptor, which waitset_close_fd() closes; 0 or -errno. */
int waitset_init_fd(struct waitset *s);
void waitset_close_fd(struct waitset *s);

/* Waits for one more future. The waiter stays where it is until it left the set: it was
 * taken, or removed, or the whole set ends. */
void waitset_add(struct waitset *s, struct waiter *w, fut_future *f);

/* Afterwards nothing touches the waiter any more. Not for one that was taken. */
void waitset_remove(struct waitset *s, struct waiter *w);

/* The same when its set is used no more; also for one that was taken. */
void waitset_end(struct waiter *w);

/* The next waiter whose future is done, or NULL when none is now. It has left the set. */
struct waiter *waitset_take(struct waitset *s);

/* Takes; sleeps until it can: FUT_OK, FUT_TIMEOUT, FUT_WOULD_DEADLOCK. */
fut_status waitset_wait(struct waitset *s, uint64_t deadline_us, struct waiter **ret);

/* A waiter's future is done. Under its stripe's lock. */
void waitset_tell(struct waiter *w);

#endif
