#include "tests/lib/fake_daemon.h"

#include "net/address.h"
#include "proto/error.h"
#include "proto/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { IN_LIMIT_BYTES = 256 * 1024 * 1024, READ_BYTES = 64 * 1024 };

struct fake *fake_new(void)
{
	struct fake *d = calloc(1, sizeof *d);

	ck_assert_ptr_nonnull(d);
	d->version = PROTOCOL_VERSION;
	d->max_payload = 1024 * 1024;
	d->max_result = 4 * 1024 * 1024;
	d->max_inflight = 65536;
	d->slots = 2;
	d->session = 7;
	d->fd = -1;
	buf_init(&d->in, IN_LIMIT_BYTES);
	strcpy(d->dir, "/tmp/futured-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(d->dir));
	snprintf(d->path, sizeof d->path, "%s/socket", d->dir);
	snprintf(d->url, sizeof d->url, "unix:%s", d->path);
	struct url u = {.scheme = URL_UNIX, .path = d->path};
	ck_assert_int_eq(address_listen(&u, 16, &d->listener), 0);
	ck_assert_int_eq(fcntl(d->listener, F_SETFL, 0), 0); /* accepting waits */
	return d;
}

void fake_free(struct fake *d)
{
	fake_hang_up(d);
	close(d->listener);
	unlink(d->path);
	rmdir(d->dir);
	buf_done(&d->in);
	free(d);
}

static void *run_script(void *arg)
{
	struct fake *d = arg;

	d->script(d);
	return NULL;
}

void fake_run(struct fake *d, void (*script)(struct fake *d))
{
	d->script = script;
	ck_assert_int_eq(pthread_create(&d->thread, NULL, run_script, d), 0);
}

void fake_join(struct fake *d)
{
	ck_assert_int_eq(pthread_join(d->thread, NULL), 0);
}

/* ---- reading ------------------------------------------------------------- */

static void set_patience(int fd)
{
	struct timeval tv = {.tv_sec = FAKE_PATIENCE_S};

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv), 0);
}

/* False at the end of the stream. */
static bool read_more(struct fake *d)
{
	uint8_t *to = buf_reserve(&d->in, READ_BYTES);

	ck_assert_ptr_nonnull(to);
	ssize_t n = recv(d->fd, to, READ_BYTES, 0);
	if (n < 0 && errno == ECONNRESET)
		return false;
	ck_assert_msg(n >= 0, "the client said nothing more: %s", strerror(errno));
	buf_commit(&d->in, (size_t)n);
	return n > 0;
}

uint32_t fake_next(struct fake *d, struct span *ret_message, struct span *ret_payload)
{
	static const struct frame_limits limits = {FRAME_ENVELOPE_MAX, IN_LIMIT_BYTES / 2};
	struct frame f;
	uint32_t kind;
	size_t need;
	int64_t size;

	buf_consume(&d->in, d->consumed);
	d->consumed = 0;
	while ((size = frame_cut(buf_data(&d->in), buf_len(&d->in), &limits, &f, &need)) == 0) {
		if (!read_more(d))
			return 0;
	}
	/* Plain ifs: an assertion costs a system call even when it holds. */
	if (size < 0 || envelope_open(f.envelope, &kind, ret_message) < 0)
		ck_abort_msg("the client sent what is no frame");
	d->consumed = (size_t)size;
	*ret_payload = f.payload;
	return kind;
}

struct fake_job fake_expect_submit(struct fake *d)
{
	struct span message;
	struct fake_job job = {0};

	ck_assert_uint_eq(fake_next(d, &message, &job.payload), MESSAGE_SUBMIT);
	struct submit_cursor c = submit_open(message);
	ck_assert_int_eq(submit_next(&c, &job.spec), 1);
	ck_assert_uint_eq(job.spec.payload_len, job.payload.len);
	return job;
}

struct message fake_expect(struct fake *d, enum message_kind kind)
{
	struct span message, payload;
	struct message m;

	ck_assert_uint_eq(fake_next(d, &message, &payload), kind);
	arena_reset(&d->arena);
	ck_assert_int_eq(message_parse(kind, message, &d->arena, &m), 0);
	return m;
}

void fake_expect_end(struct fake *d)
{
	struct span message, payload;
	uint32_t kind;

	while ((kind = fake_next(d, &message, &payload)) != 0)
		ck_assert_uint_eq(kind, MESSAGE_BYE);
}

/* ---- writing ------------------------------------------------------------- */

void fake_send_raw(struct fake *d, const void *p, size_t n)
{
	const char *bytes = p;

	while (n > 0) {
		ssize_t sent = send(d->fd, bytes, n, MSG_NOSIGNAL);
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			return;
		ck_assert_int_gt(sent, 0);
		bytes += sent;
		n -= (size_t)sent;
	}
}

static void send_buf(struct fake *d, struct buf *b)
{
	fake_send_raw(d, buf_data(b), buf_len(b));
	buf_done(b);
}

void fake_send(struct fake *d, const struct message *m, struct span payload)
{
	struct buf b;

	buf_init(&b, IN_LIMIT_BYTES);
	ck_assert_int_eq(message_put(&b, m, payload), 0);
	send_buf(d, &b);
}

void fake_result(struct fake *d, const struct result *r, struct span payload)
{
	struct buf b;

	buf_init(&b, IN_LIMIT_BYTES);
	ck_assert_int_eq(result_put(&b, r, payload), 0);
	send_buf(d, &b);
}

void fake_value(struct fake *d, uint64_t id, const void *p, size_t n)
{
	fake_result(d, &(struct result){.id = id, .attempt = 1}, span_of(p, n));
}

void fake_text(struct fake *d, uint64_t id, const char *text)
{
	fake_value(d, id, text, strlen(text));
}

void fake_error(struct fake *d, uint64_t id, fut_status status, const char *message)
{
	uint8_t mem[ERROR_ENCODED_MAX];
	struct error_info e = {
		.type = span_str("Type"),
		.message = span_str(message),
		.detail = span_str("detail"),
		.hint = span_str("hint"),
		.details = span_of("\0\1", 2),
		.traceback = span_str("trace"),
		.executed = FUT_EXECUTED_YES,
		.retry = FUT_RETRY_NEW_JOB,
		.has_death = status == FUT_HOST_DIED,
		.death = {.pid = 42,
			  .exit_code = -1,
			  .signal = 11,
			  .stderr_tail = span_str("last words")},
	};
	size_t n = error_encode(&e, mem);

	fake_result(d,
		    &(struct result){.id = id,
				     .status = (uint32_t)status,
				     .attempt = 1,
				     .error = span_of(mem, n)},
		    SPAN_EMPTY);
}

void fake_started(struct fake *d, uint64_t id)
{
	fake_send(d, &(struct message){.kind = MESSAGE_STARTED, .started = {&id, 1}}, SPAN_EMPTY);
}

void fake_verdict(struct fake *d, uint64_t id, fut_verdict verdict)
{
	fake_send(d, &(struct message){.kind = MESSAGE_VERDICT, .verdict = {id, (uint32_t)verdict}},
		  SPAN_EMPTY);
}

void fake_chunk(struct fake *d, uint64_t id, const void *p, size_t n)
{
	fake_send(d, &(struct message){.kind = MESSAGE_CHUNK, .chunk = {id}}, span_of(p, n));
}

void fake_part(struct fake *d, uint64_t id, const void *p, size_t n)
{
	fake_send(d, &(struct message){.kind = MESSAGE_PART, .part = {id}}, span_of(p, n));
}

void fake_restart(struct fake *d, uint64_t id, uint32_t attempt)
{
	const struct message m = {.kind = MESSAGE_RESTART, .restart = {id, attempt, FUT_HOST_DIED}};

	fake_send(d, &m, SPAN_EMPTY);
}

void fake_hang_up(struct fake *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

void fake_settle(struct fake *d)
{
	fake_send(d, &(struct message){.kind = MESSAGE_PING, .ping = {5}}, SPAN_EMPTY);
	fake_expect(d, MESSAGE_PONG);
}

/* ---- sessions ------------------------------------------------------------ */

void fake_accept(struct fake *d, struct message *ret)
{
	set_patience(d->listener);
	d->fd = accept(d->listener, NULL, NULL);
	ck_assert_int_ge(d->fd, 0);
	set_patience(d->fd);
	while (buf_len(&d->in) < FRAME_PREFACE_BYTES)
		ck_assert(read_more(d));
	ck_assert_mem_eq(buf_data(&d->in), FRAME_PREFACE, FRAME_PREFACE_BYTES);
	buf_consume(&d->in, FRAME_PREFACE_BYTES);
	*ret = fake_expect(d, MESSAGE_HELLO);
}

void fake_welcome(struct fake *d)
{
	uint8_t token[SESSION_TOKEN_BYTES] = {0};
	struct message m = {
		.kind = MESSAGE_WELCOME,
		.welcome =
			{
				.version = d->version,
				.session = span_of(token, sizeof token),
				.pool = span_str("cpu"),
				.pool_kind = span_str("processes"),
				.slots = d->slots,
				.max_payload_bytes = d->max_payload,
				.max_result_bytes = d->max_result,
				.max_inflight = d->max_inflight,
			},
	};

	for (size_t k = 0; k < sizeof d->session; k++)
		token[k] = (uint8_t)(d->session >> (8 * k));
	memset(token + sizeof d->session, 0xff, sizeof token - sizeof d->session);
	fake_send(d, &m, SPAN_EMPTY);
}

static void shake_hands(struct fake *d)
{
	struct message hello;

	fake_accept(d, &hello);
	fake_welcome(d);
}

fut_executor *fake_connect(struct fake *d)
{
	fut_executor *x = NULL;
	fut_error *e = NULL;

	fake_run(d, shake_hands);
	fut_status status = fut_executor_open(d->url, &x, &e);
	ck_assert_msg(status == FUT_OK, "%s", status == FUT_OK ? "" : fut_error_detail(e));
	fake_join(d);
	return x;
}

/* Answers each item with itself, but fails those that start with '!'. */
static void echo_pack(struct fake *d, const struct fake_job *job)
{
	static const struct error_info bad = {.message = {"bad item", 8}};
	uint8_t encoded[ERROR_ENCODED_MAX];
	size_t encoded_len = error_encode(&bad, encoded);
	struct pack_reader reader;
	struct pack_item item;
	struct buf headers, bytes;

	buf_init(&headers, IN_LIMIT_BYTES);
	buf_init(&bytes, IN_LIMIT_BYTES);
	ck_assert_int_eq(pack_open(job->payload, job->spec.items, &reader), 0);
	while (pack_next(&reader, &item) == 1) {
		bool is_bad = item.bytes.len > 0 && *(const char *)item.bytes.data == '!';
		struct span out = is_bad ? span_of(encoded, encoded_len) : item.bytes;
		uint8_t header[PACK_ITEM_HEADER_BYTES];
		pack_put_header(header, is_bad ? FUT_TASK_FAILED : FUT_OK, (uint32_t)out.len);
		buf_add(&headers, header, sizeof header);
		buf_add(&bytes, out.data, out.len);
	}
	buf_add(&headers, buf_data(&bytes), buf_len(&bytes));
	fake_value(d, job->spec.id, buf_data(&headers), buf_len(&headers));
	buf_done(&headers);
	buf_done(&bytes);
}

void fake_echo(struct fake *d)
{
	struct span message;
	struct fake_job job;
	uint32_t kind;

	while ((kind = fake_next(d, &message, &job.payload)) != 0) {
		if (kind != MESSAGE_SUBMIT)
			continue;
		struct submit_cursor c = submit_open(message);
		ck_assert_int_eq(submit_next(&c, &job.spec), 1);
		if (job.spec.items > 0)
			echo_pack(d, &job);
		else if (job.payload.len > 0 && *(const char *)job.payload.data == '!')
			fake_error(d, job.spec.id, FUT_TASK_FAILED, "bad item");
		else
			fake_value(d, job.spec.id, job.payload.data, job.payload.len);
	}
}

void fake_goodbye(struct fake *d, fut_executor *x)
{
	int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
	fut_executor_unref(x);
	if (d->fd >= 0)
		fake_expect_end(d);
}

/* ---- the client's side --------------------------------------------------- */

fut_future *must_submit(fut_executor *x, const char *payload)
{
	fut_future *f = NULL;

	ck_assert_int_eq(fut_submit(x, "task", payload, strlen(payload), &f, NULL), FUT_OK);
	return f;
}

void must_be_value(fut_future *f, const char *expected)
{
	fut_bytes value;

	ck_assert_int_eq(fut_result(f, FAKE_PATIENCE_S * 1000000LL, &value, NULL), FUT_OK);
	ck_assert_uint_eq(value.len, strlen(expected));
	ck_assert(value.len == 0 || memcmp(value.data, expected, value.len) == 0);
}

void must_fail(fut_future *f, fut_status expected)
{
	fut_bytes value;

	ck_assert_int_eq(fut_result(f, FAKE_PATIENCE_S * 1000000LL, &value, NULL), expected);
}

int run_case(TCase *tc, const char *name)
{
	Suite *s = suite_create(name);

	tcase_set_timeout(tc, FAKE_PATIENCE_S * 3);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
