/*
 * Protobuf fields written one by one, in any order and as often as wanted: what an encoder
 * would not write, and a decoder has to read.
 */
#ifndef TESTS_WIREGEN_H
#define TESTS_WIREGEN_H

#include "tests/lib/seed.h"

#include <stddef.h>
#include <stdint.h>

enum { WIREGEN_MAX_BYTES = 16 * 1024 };

struct wiregen {
	uint8_t bytes[WIREGEN_MAX_BYTES];
	size_t len;
};

static inline void wiregen_reset(struct wiregen *g)
{
	g->len = 0;
}

void wiregen_tag(struct wiregen *g, uint32_t number, unsigned type);
void wiregen_raw(struct wiregen *g, const void *p, size_t n);
void wiregen_varint(struct wiregen *g, uint32_t number, uint64_t v);
void wiregen_bytes(struct wiregen *g, uint32_t number, const void *p, size_t n);

/* A field that no message of ours has: a number from `from` up, any type that is allowed. */
void wiregen_unknown(struct wiregen *g, struct rng *r, uint32_t from);

/* Random Submit and Result messages: fields in any order, repeated, and unknown ones between.
 * A Result has at most one error. */
void wiregen_job(struct wiregen *g, struct rng *r);
void wiregen_submit(struct wiregen *g, struct rng *r);
void wiregen_result(struct wiregen *g, struct rng *r);

#endif
