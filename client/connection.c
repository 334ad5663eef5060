/*
 * Opening: from a URL to an executor whose daemon said Welcome.
 *
 * All of it runs on the caller's thread, within one deadline; the I/O thread starts when
 * there is something to carry.
 */
#include "client/dispatch.h"
#include "client/error.h"
#include "client/executor.h"
#include "client/io.h"
#include "client/secure.h"
#include "common/clock.h"
#include "common/util.h"
#include "net/address.h"
#include "proto/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* ---- errors, in words ---------------------------------------------------- */

static fut_error *bad_url(const char *text, const char *why)
{
	return error_make(FUT_INVALID, FUT_EXECUTED_NO, "the URL is not valid",
			  "for example unix:/run/futured.sock?pool=NAME, tcp://host:port/NAME, "
			  "tls://host:port/NAME, or local:",
			  "%.200s: %s", text, why);
}

static const char *connect_hint(int r)
{
	switch (-r) {
	case ENOENT:
	case ECONNREFUSED:
		return "is futured running? see: systemctl status futured";
	case EACCES:
		return "may this user open the socket? see: ls -l";
	case EHOSTUNREACH:
		return "is the host's name right?";
	}
	return NULL;
}

static fut_error *not_connected(const char *text, int r, uint64_t deadline_us)
{
	if (r == -ENOMEM)
		return error_plain(FUT_NO_MEMORY);
	if (r == -ETIMEDOUT && clock_now_us() >= deadline_us)
		return error_make(FUT_TIMEOUT, FUT_EXECUTED_NO, "no connection in time", NULL,
				  "connect %.200s", text);
	return error_make(FUT_CONNECT_FAILED, FUT_EXECUTED_NO, NULL, connect_hint(r),
			  "connect %.200s: %s", text, strerror(-r));
}

static fut_error *not_ready(const char *text)
{
	return error_make(FUT_CONNECT_FAILED, FUT_EXECUTED_NO, "the private daemon does not start",
			  "it says why on stderr", "%.200s: it ended before it was ready", text);
}

static fut_error *not_welcome(fut_executor *x, const struct url *u, const char *text, int r)
{
	if (x->farewell)
		return TAKE_PTR(x->farewell);
	if (u->scheme == URL_LOCAL && (r == -ENODATA || r == -ECONNRESET || r == -EPIPE))
		return not_ready(text);
	fut_error *refusal = secure_refusal(x, text, r);
	if (refusal)
		return refusal;
	switch (r) {
	case -ENOMEM:
		return error_plain(FUT_NO_MEMORY);
	case -ETIMEDOUT:
		return error_make(FUT_TIMEOUT, FUT_EXECUTED_NO, "the daemon did not answer in time",
				  "raise connect_timeout_us, or see what the daemon logs",
				  "no welcome from %.200s", text);
	case -EPROTO:
	case -EMSGSIZE:
		return error_make(FUT_PROTOCOL, FUT_EXECUTED_NO, NULL,
				  "does something else than futured listen there?", "%.200s: %s",
				  text, x->violation ? x->violation : "bytes that are no frame");
	}
	return error_make(FUT_CONNECT_FAILED, FUT_EXECUTED_NO, NULL, NULL, "%.200s: %s", text,
			  r == -ENODATA ? "the daemon closed the connection" : strerror(-r));
}

/* ---- the handshake ------------------------------------------------------- */

static int put_hello(fut_executor *x, const struct url *u)
{
	const char *program = program_invocation_short_name;
	struct message hello = {
		.kind = MESSAGE_HELLO,
		.hello =
			{
				.version_min = PROTOCOL_VERSION,
				.version_max = PROTOCOL_VERSION,
				.pool = span_str(u->pool),
				.client = span_cut(span_str(program), CLIENT_NAME_MAX),
			},
	};
	int r = buf_add(&x->stream.out, FRAME_PREFACE, FRAME_PREFACE_BYTES);

	return r < 0 ? r : message_put(&x->stream.out, &hello, SPAN_EMPTY);
}

/* Reads until there is nothing more now, so that a Goaway is found behind a failed write. */
static int read_all(fut_executor *x)
{
	int64_t n;

	do {
		n = stream_read(&x->stream, x->scratch, dispatch_frame, x);
	} while (n > 0 && !x->is_welcome);
	return n < 0 ? (int)n : 0;
}

static int shake_hands(fut_executor *x, const struct url *u, uint64_t deadline_us)
{
	int r = put_hello(x, u);

	while (r == 0 && !x->is_welcome) {
		int error;
		bool sent = stream_flush(&x->stream, &error);
		struct pollfd p = {.fd = x->stream.fd,
				   .events = (short)(POLLIN | (sent ? 0 : POLLOUT))};
		if (error == 0) {
			int n = poll(&p, 1, clock_poll_ms(deadline_us));
			if (n < 0 && errno != EINTR)
				return -errno;
			if (n == 0)
				return -ETIMEDOUT;
		}
		r = read_all(x);
		if (r == 0 && error != 0)
			r = error;
	}
	return r;
}

/* What callers append goes behind what the handshake left. */
static void open_outbox(fut_executor *x)
{
	size_t limit = (size_t)OUTBOX_BYTES + OUTBOX_EXTRA_BYTES + FRAME_ENVELOPE_MAX +
		       x->max_payload_bytes;

	buf_init(&x->outbox, limit);
	x->stream.out.limit = limit;
	x->queued = x->stream.written + buf_len(&x->stream.out);
}

static fut_error *connect_to(fut_executor *x, const struct url *u, const char *text,
			     uint64_t deadline_us, int *ret_fd)
{
	if (u->scheme == URL_LOCAL)
		return private_daemon_start(&x->private_daemon, u, ret_fd);
	int r = address_connect(u, deadline_us, ret_fd);
	return r < 0 ? not_connected(text, r, deadline_us) : NULL;
}

static fut_error *open_url(fut_executor *x, const struct url *u, const char *text)
{
	struct frame_limits early = {.envelope_bytes = FRAME_ENVELOPE_MAX_EARLY};
	uint64_t deadline_us = clock_after_us((int64_t)u->connect_timeout_us);
	int fd;

	fut_error *e = connect_to(x, u, text, deadline_us, &fd);
	if (e)
		return e;
	stream_init(&x->stream, fd, false, early, FRAME_ENVELOPE_MAX_EARLY);
	e = secure_begin(x, u, text);
	if (e)
		return e;
	int r = shake_hands(x, u, deadline_us);
	if (r < 0)
		return not_welcome(x, u, text, r);
	open_outbox(x);
	r = io_start(x);
	if (r == -ESHUTDOWN)
		return error_make(FUT_SHUTDOWN, FUT_EXECUTED_NO, "the program is ending",
				  "open executors before exit()", "exit() has been called");
	if (r < 0)
		return error_make(FUT_NO_MEMORY, FUT_EXECUTED_NO, "no thread for the connection",
				  NULL, "%s", strerror(-r));
	return NULL;
}

static fut_error *parse_url(const char **text, struct url *ret)
{
	const char *why = "";

	if (!*text)
		*text = getenv("FUTURED_URL");
	else if (!**text)
		return bad_url("\"\"", "it is empty");
	if (!*text || !**text)
		*text = "local:";
	switch (url_parse(*text, ret, &why)) {
	case 0:
		return NULL;
	case -ENOMEM:
		return error_plain(FUT_NO_MEMORY);
	}
	return bad_url(*text, why);
}

fut_status fut_executor_open(const char *url, fut_executor **ret, fut_error **reterr)
{
	struct url u;

	if (!ret)
		return error_give_plain(reterr, FUT_INVALID);
	fut_error *e = parse_url(&url, &u);
	if (e)
		return error_give(reterr, e);
	fut_executor *x = executor_new();
	e = x ? open_url(x, &u, url) : error_plain(FUT_NO_MEMORY);
	url_done(&u);
	if (!e) {
		*ret = x;
		return FUT_OK;
	}
	if (x)
		executor_put(x);
	return error_give(reterr, e);
}
