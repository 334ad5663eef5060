/*
 * Bytes in, frames out: the one way in for every transport.
 *
 * Whole frames are handed out where they lie in the caller's bytes; only a frame that is
 * cut off is kept, and nothing else, so that an idle connection owns no memory.
 */
#ifndef PROTO_SINK_H
#define PROTO_SINK_H

#include "common/buf.h"
#include "proto/frame.h"

#include <stdbool.h>

struct sink {
	struct buf stash; /* the start of a frame, or of the preface */
	size_t need;      /* bytes the stash must have before it is worth looking */
	struct frame_limits limits;
	bool expects_preface;
};

/* Called for each frame, which lives until it returns. 0 to go on; a negative number ends
 * sink_feed(), which returns it and may not be called again. */
typedef int (*sink_frame_fn)(void *arg, const struct frame *frame);

void sink_init(struct sink *s, bool expects_preface, struct frame_limits limits);
void sink_done(struct sink *s);

/* For the frames that follow. Outside the callback they may only be raised: a frame that has
 * begun was let in under the old ones. */
void sink_set_limits(struct sink *s, struct frame_limits limits);

/* 0, what the callback said, or -EPROTO (wrong preface, no envelope), -EMSGSIZE (a length
 * over its limit), -ENOMEM. */
int sink_feed(struct sink *s, const uint8_t *p, size_t n, sink_frame_fn on_frame, void *arg);

/* True when a frame has begun and not ended: closing now would cut it off. */
static inline bool sink_is_mid_frame(const struct sink *s)
{
	return buf_len(&s->stash) > 0;
}

#endif
