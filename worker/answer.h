/*
 * The bytes that a job answers with: one value, or a pack of one piece per item.
 *
 * Owned by one slot's thread, and kept from job to job so that small results cost no
 * malloc. Bytes always go to the current piece, which is the last one:
 *
 *   0 .......... piece .......... len
 *   | headers and   | the current   |
 *   | pieces before | piece         |
 */
#ifndef WORKER_ANSWER_H
#define WORKER_ANSWER_H

#include "common/buf.h"
#include "common/span.h"

#include <stdint.h>

enum { ANSWER_KEEP_BYTES = 1024 * 1024 };

struct answer {
	struct buf bytes;
	size_t piece;
	uint32_t pieces_ended; /* of a pack */
};

void answer_init(struct answer *a, size_t limit);
void answer_done(struct answer *a);

/* Back to an empty value; gives the memory of a large one back. */
void answer_reset(struct answer *a);

/* Makes it a pack. 0, -EMSGSIZE, -ENOMEM. */
int answer_start_pack(struct answer *a, uint32_t items);

/* Replaces the current piece, or adds to it. 0, -EMSGSIZE, -ENOMEM. */
int answer_set(struct answer *a, const void *data, size_t len);
int answer_add(struct answer *a, const void *data, size_t len);

static inline size_t answer_piece_len(const struct answer *a)
{
	return buf_len(&a->bytes) - a->piece;
}

/* Ends the current piece of a pack; the next one is empty. */
void answer_end_piece(struct answer *a, uint32_t status);

/* All of it. Valid until the next change. */
static inline struct span answer_bytes(const struct answer *a)
{
	return buf_len(&a->bytes) ? span_of(buf_data(&a->bytes), buf_len(&a->bytes)) : SPAN_EMPTY;
}

#endif
