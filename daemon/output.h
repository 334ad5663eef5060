/*
 * What waits to be written to a client, in two lanes: what is next, and behind it the frames
 * of large results, so that 64 MiB of one job do not keep the answers of others waiting.
 *
 *   first   ■■■■■ ─────────┐
 *   behind  ■■■■■■■■■■■■ ──┴──▶ socket     whole frames, some at a time, whenever nothing
 *                                          is first
 *
 * Frames about one job keep their order: once a Part of it lies behind, so does everything
 * that is said of it, until nothing is behind any more. Loop thread only.
 */
#ifndef DAEMON_OUTPUT_H
#define DAEMON_OUTPUT_H

#include "common/buf.h"
#include "net/stream.h"
#include "proto/message.h"

#include <stdbool.h>
#include <stdint.h>

enum { OUTPUT_LARGE_MAX = 64 };

struct output {
	struct buf *first; /* borrowed: the stream's */
	struct buf behind;
	size_t begun; /* bytes of `behind` that go next: the rest of frames on their way */
	uint64_t large[OUTPUT_LARGE_MAX]; /* jobs that have frames behind, or had */
	unsigned nlarge;
};

void output_init(struct output *o, struct buf *first);
void output_done(struct output *o);

/* So many bytes may wait in each lane; never less than before. */
void output_set_limit(struct output *o, uint64_t bytes);

/* Appends a frame to its lane. 0, -EMSGSIZE, -ENOMEM. */
int output_put(struct output *o, const struct message *m, struct span payload);

/* The lane for what is said of this job. */
struct buf *output_lane(struct output *o, uint64_t id);

/* Writes what waits to the stream that has `first`; as stream_flush(). */
bool output_flush(struct output *o, struct stream *s, int *ret_error);

static inline size_t output_len(const struct output *o)
{
	return buf_len(o->first) + buf_len(&o->behind);
}

/* Without a large result, as long as there is no other: it may take its time. */
static inline size_t output_crowd(const struct output *o)
{
	return o->nlarge > 1 ? output_len(o) : buf_len(o->first);
}

#endif
