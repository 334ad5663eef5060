/*
 * A few mutexes for all futures, chosen by address: what is rarely needed of a future
 * (hooks, chunks) is guarded without a mutex in each.
 *
 * No other lock is taken while one is held, and nothing of the user's is called.
 */
#ifndef CLIENT_STRIPE_H
#define CLIENT_STRIPE_H

#include "client/fork.h"

static inline pthread_mutex_t *stripe_of(const void *future)
{
	return &fork_page->stripes[((unsigned long)future >> 7) % STRIPES];
}

static inline void stripe_lock(const void *future)
{
	pthread_mutex_lock(stripe_of(future));
}
static inline void stripe_unlock(const void *future)
{
	pthread_mutex_unlock(stripe_of(future));
}

#endif
