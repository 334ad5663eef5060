/*
 * Scratch memory for decoding one message: taken from the front, given back all at once.
 *
 * protobuf-c asks for 32 to 72 times a hostile message's size, one small piece after the
 * other; here it gets ARENA_BYTES and then no more, which ends the decoding.
 */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include <stddef.h>

enum { ARENA_BYTES = 256 * 1024 };

struct arena {
	size_t used;
	_Alignas(16) unsigned char mem[ARENA_BYTES];
};

static inline void arena_reset(struct arena *a)
{
	a->used = 0;
}

/* Aligned to 16 bytes; NULL when the arena is full. */
static inline void *arena_take(struct arena *a, size_t n)
{
	size_t rounded = (n + 15) & ~(size_t)15;

	if (rounded < n || rounded > ARENA_BYTES - a->used)
		return NULL;
	void *p = a->mem + a->used;
	a->used += rounded;
	return p;
}

#endif
