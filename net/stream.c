#include "net/stream.h"

#include "common/util.h"
#include "net/tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	OUT_KEEP_BYTES = 256 * 1024,
	/* With TLS one part of the scratch has ciphertext, the rest what it decrypts to. Tiny
	 * records make decrypting slow: so much is a few milliseconds at worst. */
	CIPHER_BYTES = 64 * 1024,
	/* What is encrypted waits for the socket, and nothing more is until it has taken it. */
	BATCH_BYTES = 128 * 1024,
};
_Static_assert(2 * CIPHER_BYTES + TLS_RECORD_MAX_BYTES <= STREAM_SCRATCH_BYTES,
	       "plaintext lies behind ciphertext");

void stream_init(struct stream *s, int fd, bool expects_preface, struct frame_limits limits,
		 size_t out_limit)
{
	*s = (struct stream){.fd = fd, .read_max = STREAM_SCRATCH_BYTES};
	sink_init(&s->in, expects_preface, limits);
	buf_init(&s->out, out_limit);
}

void stream_done(struct stream *s)
{
	s->fd = close_fd(s->fd);
	s->tls = tls_free(s->tls);
	sink_done(&s->in);
	buf_done(&s->out);
}

int stream_secure(struct stream *s, struct tls *tls, int (*on_ready)(void *arg))
{
	s->tls = tls;
	s->on_ready = on_ready;
	return tls_start(tls);
}

bool stream_is_ready(const struct stream *s)
{
	return !s->tls || tls_is_ready(s->tls);
}

bool stream_waits(const struct stream *s)
{
	return buf_len(&s->out) > 0 || (s->tls && tls_waits(s->tls));
}

const char *stream_fault(const struct stream *s, int error)
{
	if (s->tls && error == -EBADMSG) {
		tls_lock(s->tls);
		const char *fault = tls_fault(s->tls);
		tls_unlock(s->tls);
		return fault;
	}
	if (s->tls && error == -ECONNRESET)
		return "the connection was cut off";
	return strerror(-error);
}

/* ---- the socket ------------------------------------------------------------ */

/* The bytes read; 0 when there is nothing now; -ENODATA at the end; -errno. */
static int64_t receive(struct stream *s, uint8_t *ret, size_t size)
{
	ssize_t n;

	do {
		n = recv(s->fd, ret, size < s->read_max ? size : s->read_max, 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ENODATA;
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}

static bool send_from(struct stream *s, struct buf *b, size_t n, int *ret_error)
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
		s->sent += (uint64_t)sent;
		buf_consume(b, (size_t)sent);
		n -= (size_t)sent;
	}
	return true;
}

/* ---- with TLS between; the caller has its lock ----------------------------------- */

static bool send_records(struct stream *s, int *ret_error)
{
	struct buf *records = tls_output(s->tls);
	bool all = send_from(s, records, buf_len(records), ret_error);

	tls_note_sent(s->tls);
	return all;
}

static bool write_records(struct stream *s, struct buf *b, size_t n, int *ret_error)
{
	while (send_records(s, ret_error)) {
		size_t batch = n < BATCH_BYTES ? n : BATCH_BYTES;
		if (batch == 0 || !tls_is_ready(s->tls))
			return true;
		*ret_error = tls_write(s->tls, buf_data(b), batch);
		if (*ret_error < 0)
			return false;
		s->written += batch;
		buf_consume(b, batch);
		n -= batch;
	}
	return false;
}

/* An alert is sent at once: whoever hears of the error may close. */
static int take_records(struct stream *s, const uint8_t *p, size_t n, uint8_t *plain, size_t *ret_n)
{
	int ignored;

	tls_lock(s->tls);
	int r = tls_read(s->tls, p, n, plain, ret_n);
	if (r < 0)
		(void)send_records(s, &ignored);
	tls_unlock(s->tls);
	return r;
}

static int64_t read_records(struct stream *s, uint8_t *scratch, sink_frame_fn on_frame, void *arg)
{
	uint8_t *plain = scratch + CIPHER_BYTES;
	bool was_ready = tls_is_ready(s->tls);
	size_t len;

	int64_t n = receive(s, scratch, CIPHER_BYTES);
	if (n <= 0)
		return n == -ENODATA ? -ECONNRESET : n;
	int end = take_records(s, scratch, (size_t)n, plain, &len);
	int r = 0;
	if (!was_ready && tls_is_ready(s->tls) && s->on_ready)
		r = s->on_ready(arg);
	/* What came before the end is as good as ever. */
	if (r == 0)
		r = sink_feed(&s->in, plain, len, on_frame, arg);
	if (r == 0)
		r = end;
	return r < 0 ? r : n;
}

/* ---- either way ------------------------------------------------------------------ */

int64_t stream_read(struct stream *s, uint8_t *scratch, sink_frame_fn on_frame, void *arg)
{
	if (s->tls)
		return read_records(s, scratch, on_frame, arg);
	int64_t n = receive(s, scratch, STREAM_SCRATCH_BYTES);
	if (n <= 0)
		return n;
	int r = sink_feed(&s->in, scratch, (size_t)n, on_frame, arg);
	return r < 0 ? r : n;
}

bool stream_write(struct stream *s, struct buf *b, size_t n, int *ret_error)
{
	bool all;

	if (!s->tls) {
		size_t before = buf_len(b);
		all = send_from(s, b, n, ret_error);
		s->written += before - buf_len(b);
		return all;
	}
	tls_lock(s->tls);
	all = write_records(s, b, n, ret_error);
	tls_unlock(s->tls);
	return all;
}

bool stream_flush(struct stream *s, int *ret_error)
{
	if (!stream_write(s, &s->out, buf_len(&s->out), ret_error))
		return false;
	buf_trim(&s->out, OUT_KEEP_BYTES);
	return true;
}

void stream_shutdown(struct stream *s)
{
	int ignored;

	if (s->tls) {
		tls_lock(s->tls);
		tls_shutdown(s->tls);
		(void)send_records(s, &ignored);
		tls_unlock(s->tls);
	}
	(void)shutdown(s->fd, SHUT_WR);
}
