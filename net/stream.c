#include "net/stream.h"

#include "common/util.h"

#include <errno.h>
#include <sys/socket.h>

enum { OUT_KEEP_BYTES = 256 * 1024 };

void stream_init(struct stream *s, int fd, bool expects_preface, struct frame_limits limits,
		 size_t out_limit)
{
	*s = (struct stream){.fd = fd};
	sink_init(&s->in, expects_preface, limits);
	buf_init(&s->out, out_limit);
}

void stream_done(struct stream *s)
{
	s->fd = close_fd(s->fd);
	sink_done(&s->in);
	buf_done(&s->out);
}

int64_t stream_read(struct stream *s, uint8_t *scratch, sink_frame_fn on_frame, void *arg)
{
	ssize_t n;

	do {
		n = recv(s->fd, scratch, STREAM_SCRATCH_BYTES, 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ENODATA;
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	int r = sink_feed(&s->in, scratch, (size_t)n, on_frame, arg);
	return r < 0 ? r : n;
}

bool stream_write(struct stream *s, struct buf *b, size_t n, int *ret_error)
{
	*ret_error = 0;
	while (n > 0) {
		ssize_t sent = send(s->fd, buf_data(b), n, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno == EINTR)
				continue;
			*ret_error = errno == EAGAIN ? 0 : -errno;
			return false;
		}
		s->written += (uint64_t)sent;
		buf_consume(b, (size_t)sent);
		n -= (size_t)sent;
	}
	return true;
}

bool stream_flush(struct stream *s, int *ret_error)
{
	if (!stream_write(s, &s->out, buf_len(&s->out), ret_error))
		return false;
	buf_trim(&s->out, OUT_KEEP_BYTES);
	return true;
}
