/*
 * The window of unfinished jobs: a place for each, by which the daemon names it.
 *
 *	id on the wire = place | generation << 32
 *
 * A place is taken when a job is submitted, under the executor's lock, and given back by
 * the I/O thread when the daemon is done with the job. Each taking is a new generation, so
 * what comes late for an older one is told apart. Looking is for the I/O thread, or for
 * anybody under the executor's lock.
 */
#ifndef CLIENT_PLACES_H
#define CLIENT_PLACES_H

#include <futured/futured.h>

#include <stdatomic.h>

enum { PLACES_CHUNK = 4096, PLACES_MAX = 1 << 20, PLACES_CHUNKS = PLACES_MAX / PLACES_CHUNK };

struct place {
	_Atomic(fut_future *) future; /* NULL when it is free */
	_Atomic uint32_t generation;
	uint32_t next_free;
};

struct places {
	_Atomic(struct place *) chunks[PLACES_CHUNKS];
	uint32_t window;       /* how many there may be */
	_Atomic uint32_t used; /* how many there have ever been */
	uint32_t free;         /* heads of lists: a place + 1, 0 at the end */
	_Atomic uint32_t given;
};

void places_init(struct places *p, uint32_t window);
void places_done(struct places *p);

/* 0 and an id; -EAGAIN when the window is full, -ENOMEM. Until places_set() it is empty. */
int places_take(struct places *p, uint64_t *ret_id);

/* Gives back an id that was never set. */
void places_untake(struct places *p, uint64_t id);

/* From here on the I/O thread finds the future. */
void places_set(struct places *p, uint64_t id, fut_future *f);

/* 0 and the future; -ESTALE when the job is over, -ENOENT when there never was such a job. */
int places_find(struct places *p, uint64_t id, fut_future **ret);

/* The I/O thread only. The reference that the place held is the caller's. */
void places_give(struct places *p, uint64_t id);

/* Whatever is at a place below `used`, or NULL. */
fut_future *places_at(struct places *p, uint32_t place);

#endif
