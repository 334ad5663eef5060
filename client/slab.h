/*
 * Memory for futures: chunks that stay until the executor ends, so that a future's address
 * may be looked at even after it was freed.
 *
 * Taking is under the executor's lock; any thread gives back, without one.
 */
#ifndef CLIENT_SLAB_H
#define CLIENT_SLAB_H

#include <futured/futured.h>

#include <stdatomic.h>

enum { SLAB_CHUNK_FUTURES = 4096 };

struct slab_chunk;

struct slab {
	struct slab_chunk *chunks;
	uint32_t unused; /* futures of the newest chunk that were never taken */
	fut_future *free;
	_Atomic(fut_future *) given; /* given back, not yet in `free` */
};

/* Uninitialised memory, or NULL. */
fut_future *slab_take(struct slab *s);
void slab_give(struct slab *s, fut_future *f);
void slab_done(struct slab *s);

#endif
