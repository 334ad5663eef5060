/* A ring in memory of its exact size, both ends of it in one hand. */
#ifndef TESTS_RING_PAIR_H
#define TESTS_RING_PAIR_H

#include "proto/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RING_PAIR_BYTES = 4096 }; /* the usual size */

struct ring_pair {
	struct ring_shared shared;
	struct ring_producer p;
	struct ring_consumer c;
	uint8_t *data;
};

void ring_pair_init(struct ring_pair *t, uint64_t size);
void ring_pair_done(struct ring_pair *t);

/* Reserves a record of `len` bytes with this value. False where there is no room. */
bool ring_pair_push(struct ring_pair *t, size_t len, uint8_t fill);

/* Looks at the next record, which must be this one. */
void ring_pair_pull(struct ring_pair *t, size_t len, uint8_t fill);

#endif
