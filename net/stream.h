/*
 * A connected socket, and the bytes on their way through it.
 *
 * Everything that comes in passes through one sink, everything that goes out through one
 * buffer, whatever the transport. The stream never blocks and never waits: its owner, one
 * thread at a time, calls it when the socket is ready.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "common/buf.h"
#include "proto/sink.h"

#include <stdbool.h>
#include <stdint.h>

/* Scratch memory for reading, one per thread: large, so that a burst is one call. */
enum { STREAM_SCRATCH_BYTES = 256 * 1024 };

struct stream {
	int fd; /* owned; -1 once closed */
	struct sink in;
	struct buf out;
	uint64_t written; /* bytes that the socket took, ever */
};

/* Takes over a connected, non-blocking socket. `out_limit` bounds what may wait to be
 * written, in bytes. */
void stream_init(struct stream *s, int fd, bool expects_preface, struct frame_limits limits,
		 size_t out_limit);
void stream_done(struct stream *s);

/*
 * Reads once and hands out the frames that are whole by then. Returns the bytes read; 0
 * when there is nothing to read now; -ENODATA at the end of the stream; -errno of the
 * socket; or what sink_feed() says.
 */
int64_t stream_read(struct stream *s, uint8_t *scratch, sink_frame_fn on_frame, void *arg);

/* Writes what waits. True when nothing is left; false when the socket is full, or failed:
 * then *ret_error is -errno, and 0 otherwise. */
bool stream_flush(struct stream *s, int *ret_error);

/* The same for the first n bytes of another buffer: while no frame of `out` is half written. */
bool stream_write(struct stream *s, struct buf *b, size_t n, int *ret_error);

#endif
