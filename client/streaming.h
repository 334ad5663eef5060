/*
 * What a job sends before its end: chunks, progress, parts of a large result.
 *
 * Most futures have none of it, so it lives beside them, made when the first comes.
 */
#ifndef CLIENT_STREAMING_H
#define CLIENT_STREAMING_H

#include "client/timeline.h"
#include "common/span.h"

#include <futured/futured.h>

struct extra;

enum { UNREAD_CHUNKS_BYTES = 64 * 1024 * 1024 };

/* The I/O thread. 0, -ENOBUFS when too much was not read, -ENOMEM. */
int streaming_add_chunk(fut_future *f, struct span bytes);

void streaming_set_progress(fut_future *f, uint64_t done, uint64_t total, struct span text);

/* 0, -EMSGSIZE when the result would pass `limit` bytes, -ENOMEM. */
int streaming_add_part(fut_future *f, struct span bytes, size_t limit);

/* 1 and the parts with the rest behind them, malloc'ed; 0 when there were no parts; errors
 * as above. */
int streaming_take_parts(fut_future *f, struct span rest, size_t limit, uint8_t **ret_bytes,
			 size_t *ret_len);

/* Drops what nobody has read yet: it is of an attempt that failed. The I/O thread. */
void streaming_restart(fut_future *f);

/* Keeps a timeline that does not fit into the future. The I/O thread. False without memory. */
bool streaming_keep_timeline(fut_future *f, const struct timeline *t);

/* That timeline, unless ret is NULL; and the bytes of all chunks. Of one that is done. */
void streaming_recall(const fut_future *f, struct timeline *ret, uint64_t *ret_chunk_bytes);

void extra_free(struct extra *e);

#endif
