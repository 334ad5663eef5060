/* The last bytes of a stream: what a process said on stderr before it died. */
#ifndef COMMON_TAIL_H
#define COMMON_TAIL_H

#include <stddef.h>
#include <stdint.h>

enum { TAIL_MAX_BYTES = 4096 };

struct tail {
	uint8_t ring[TAIL_MAX_BYTES];
	uint64_t total; /* bytes ever added */
};

void tail_reset(struct tail *t);
void tail_add(struct tail *t, const void *p, size_t n);

/* Copies what is kept to `out` (TAIL_MAX_BYTES large), oldest first; returns its length. */
size_t tail_copy(const struct tail *t, uint8_t *out);

#endif
