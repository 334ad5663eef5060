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

struct tls;

struct stream {
	int fd; /* owned; -1 once closed */
	struct sink in;
	struct buf out;
	uint64_t written; /* bytes of `out` that are on their way, ever */
	uint64_t sent;    /* bytes that the socket took, ever */
	size_t read_max;  /* bytes that one stream_read() takes; the owner may lower it */

	struct tls *tls; /* owned; NULL: what is written goes as it is */
	int (*on_ready)(void *arg);
};

/* Takes over a connected, non-blocking socket. `out_limit` bounds what may wait to be
 * written, in bytes. */
void stream_init(struct stream *s, int fd, bool expects_preface, struct frame_limits limits,
		 size_t out_limit);
void stream_done(struct stream *s);

/* Puts TLS between the socket and everything else, and takes it over. Once it is ready, and
 * before the first frame, stream_read() calls `on_ready` (or NULL) with the argument of
 * on_frame; a negative number ends it, too. 0, or what tls_start() says. */
int stream_secure(struct stream *s, struct tls *tls, int (*on_ready)(void *arg));

/* False while TLS shakes hands: nothing of `out` can leave yet. */
bool stream_is_ready(const struct stream *s);

/*
 * Reads once and hands out the frames that are whole by then. Returns the bytes read; 0
 * when there is nothing to read now; -ENODATA at the end of the stream; -errno of the
 * socket; or what sink_feed() says. With TLS also -EBADMSG when that has failed, and
 * -ECONNRESET for an end that the other side did not announce.
 */
int64_t stream_read(struct stream *s, uint8_t *scratch, sink_frame_fn on_frame, void *arg);

/* Writes what waits. True when nothing is left (that can leave yet); false when the socket is
 * full, or failed: then *ret_error is -errno, and 0 otherwise. */
bool stream_flush(struct stream *s, int *ret_error);

/* Whether there is something for stream_flush(); any thread, where `out` is not in use. */
bool stream_waits(const struct stream *s);

/* When everything is written: tells the other side so. It may still send. */
void stream_shutdown(struct stream *s);

/* What -errno from here means: TLS has more to say about itself than strerror(). */
const char *stream_fault(const struct stream *s, int error);

/* The same for the first n bytes of another buffer: while no frame of `out` is half written. */
bool stream_write(struct stream *s, struct buf *b, size_t n, int *ret_error);

#endif
