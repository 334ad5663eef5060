/*
 * net/tls*.c below net/stream.c: two streams over a socket pair, one thread. What goes in at one
 * end comes out at the other, however it is cut; what ends badly says so.
 */
#include "net/stream.h"
#include "net/tls.h"
#include "proto/message.h"
#include "tests/lib/tcert.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { LIMIT = 16 * 1024 * 1024, PAYLOAD = 1024 * 1024, ROUNDS_MAX = 100000 };

static char dir[64];
static struct tcert ca, server, client;
static struct stream ends[2]; /* the client's, the server's */
static uint8_t *scratch;
static unsigned ready;   /* calls of on_ready */
static unsigned nframes; /* that came at either end */
static uint64_t sum;     /* of their payloads' bytes */

static const char *path(const char *name)
{
	static char paths[16][128];
	static unsigned next;
	char *p = paths[next++ % 16];

	snprintf(p, sizeof paths[0], "%s/%s", dir, name);
	return p;
}

static void write_certificate(const char *name, const struct tcert *c)
{
	char file[64];

	snprintf(file, sizeof file, "%s.crt", name);
	tcert_write(path(file), (const struct tcert *[]){c, NULL});
	snprintf(file, sizeof file, "%s.key", name);
	tcert_write_key(path(file), c);
}

static void setup(void)
{
	const struct tcert_options server_of = {
		.names = {TCERT_NAME(TCERT_DNS, "a.example"), TCERT_NAME(TCERT_IP, "\x7f\0\0\1")},
		.usage = TCERT_SERVER};
	const struct tcert_options client_of = {.names = {TCERT_NAME(TCERT_URI, "futured:someone")},
						.usage = TCERT_CLIENT};

	strcpy(dir, "/tmp/test-tls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ca = tcert_make(NULL, &(struct tcert_options){.cn = "CA", .is_ca = true});
	server = tcert_make(&ca, &server_of);
	client = tcert_make(&ca, &client_of);
	write_certificate("ca", &ca);
	write_certificate("server", &server);
	write_certificate("client", &client);
	scratch = malloc(STREAM_SCRATCH_BYTES);
	ready = nframes = 0;
	sum = 0;
	ends[0].fd = ends[1].fd = -1;
}

static void teardown(void)
{
	static const char *const names[] = {"ca.crt",     "ca.key",     "server.crt", "server.key",
					    "client.crt", "client.key", "crl",        "link"};

	stream_done(&ends[0]);
	stream_done(&ends[1]);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlink(path(names[i]));
	ck_assert_int_eq(rmdir(dir), 0);
	tcert_done(&ca);
	tcert_done(&server);
	tcert_done(&client);
	free(scratch);
}

static struct tls_settings settings_of(enum tls_side side)
{
	struct tls_settings s = {.side = side, .ca = path("ca.crt")};

	s.certificate = path(side == TLS_SERVER ? "server.crt" : "client.crt");
	s.key = path(side == TLS_SERVER ? "server.key" : "client.key");
	return s;
}

static struct tls_context *context_of(const struct tls_settings *s)
{
	struct tls_context *c;
	char why[TLS_TEXT_MAX] = "";
	int r = tls_context_new(s, &c, why);

	ck_assert_msg(r == 0, "%s", why);
	return c;
}

static int on_ready(void *arg)
{
	(void)arg;
	ck_assert_uint_eq(nframes, 0); /* whose they are is known before */
	ready++;
	return 0;
}

static int on_frame(void *arg, const struct frame *f)
{
	(void)arg;
	nframes++;
	for (size_t i = 0; i < f->payload.len; i++)
		sum += ((const uint8_t *)f->payload.data)[i];
	return 0;
}

static void secure(struct stream *s, const struct tls_settings *settings, const char *name)
{
	struct tls_context *c = context_of(settings);
	struct tls *tls;

	ck_assert_int_eq(tls_new(c, name, &tls), 0);
	(void)tls_context_unref(c);
	ck_assert_int_eq(stream_secure(s, tls, settings->side == TLS_SERVER ? on_ready : NULL), 0);
}

static void connect_with(const struct tls_settings *of_server, const char *name)
{
	const struct frame_limits limits = {FRAME_ENVELOPE_MAX, PAYLOAD};
	const struct tls_settings of_client = settings_of(TLS_CLIENT);
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	stream_init(&ends[0], fds[0], false, limits, LIMIT);
	stream_init(&ends[1], fds[1], false, limits, LIMIT);
	secure(&ends[0], &of_client, name);
	secure(&ends[1], of_server, NULL);
}

/* Lets both do what they can. The first error of either, as it came; 0 when all is quiet. */
static int carry(void)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		bool moved = false;
		for (int i = 0; i < 2; i++) {
			uint64_t before = ends[i].sent;
			int error;
			(void)stream_flush(&ends[i], &error);
			if (error < 0)
				return error;
			int64_t n = stream_read(&ends[i], scratch, on_frame, NULL);
			if (n < 0)
				return (int)n;
			moved |= n > 0 || ends[i].sent > before;
		}
		if (!moved)
			return 0;
	}
	ck_abort_msg("it never ends");
	return -1;
}

static void connect_both(void)
{
	const struct tls_settings of_server = settings_of(TLS_SERVER);

	connect_with(&of_server, "a.example");
	ck_assert_int_eq(carry(), 0);
	ck_assert(stream_is_ready(&ends[0]) && stream_is_ready(&ends[1]));
	ck_assert_uint_eq(ready, 1);
}

/* A frame whose payload is n times `byte`; its envelope is anything. */
static void put_frame(struct stream *s, uint8_t byte, uint32_t n)
{
	const uint8_t head[] = {
		0,          0, 0, 3, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
		(uint8_t)n, 1, 2, 3};
	uint8_t *p;

	ck_assert_int_eq(buf_add(&s->out, head, sizeof head), 0);
	p = buf_reserve(&s->out, n);
	ck_assert(p || n == 0);
	if (n > 0) {
		memset(p, byte, n);
		buf_commit(&s->out, n);
	}
}

/* ---- carrying ----------------------------------------------------------------- */

START_TEST(frames_go_both_ways)
{
	connect_both();
	for (uint32_t n = 0; n <= PAYLOAD; n = n * 4 + 1) {
		put_frame(&ends[0], 1, n);
		put_frame(&ends[1], 1, n);
	}
	ck_assert_int_eq(carry(), 0);
	ck_assert_uint_eq(nframes, 22);
	ck_assert(!stream_waits(&ends[0]) && !stream_waits(&ends[1]));
	ck_assert_uint_gt(ends[0].sent, ends[0].written);
}
END_TEST

/* What is put before the handshake is done leaves when it is, and not as it is. */
START_TEST(nothing_leaves_in_the_clear)
{
	const struct tls_settings of_server = settings_of(TLS_SERVER);
	char got[4096];
	int error;

	connect_with(&of_server, "a.example");
	put_frame(&ends[0], 'S', 1000);
	ck_assert(stream_flush(&ends[0], &error));
	ck_assert_uint_eq(buf_len(&ends[0].out), 1011);
	ck_assert_uint_eq(ends[0].written, 0);
	ssize_t n = recv(ends[1].fd, got, sizeof got, MSG_PEEK);
	ck_assert_int_gt(n, 0);
	ck_assert_ptr_null(memmem(got, (size_t)n, "SSSSSSSS", 8));
	ck_assert_int_eq(carry(), 0);
	ck_assert_uint_eq(nframes, 1);
	ck_assert_uint_eq(sum, 1000u * 'S');
}
END_TEST

/* A socket that takes little at a time: what is encrypted waits, and nothing is lost. */
START_TEST(a_full_socket_is_no_error)
{
	int small = 4096;

	connect_both();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			setsockopt(ends[i].fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	put_frame(&ends[0], 1, PAYLOAD);
	put_frame(&ends[1], 2, PAYLOAD);
	int error;
	ck_assert(!stream_flush(&ends[0], &error));
	ck_assert_int_eq(error, 0);
	ck_assert(stream_waits(&ends[0]));
	ck_assert_int_eq(carry(), 0);
	ck_assert_uint_eq(nframes, 2);
	ck_assert_uint_eq(sum, 3ull * PAYLOAD);
}
END_TEST

/* The tests' own hands between the two ends: each byte of everything is a read of its own. */
START_TEST(split_at_every_byte)
{
	static const size_t pieces[] = {1, 2, 3, 5, 16, 21, 22, 1000};
	const struct tls_settings of_server = settings_of(TLS_SERVER);
	int a[2], b[2], error;

	connect_with(&of_server, "a.example");
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
	close(ends[0].fd);
	close(ends[1].fd);
	ends[0].fd = a[0];
	ends[1].fd = b[0];
	put_frame(&ends[0], 1, 3000);
	put_frame(&ends[0], 1, 0);
	put_frame(&ends[1], 1, 2000);
	for (int round = 0; round < 8; round++) {
		static uint8_t bytes[64 * 1024];
		for (int i = 0; i < 2; i++) {
			ck_assert(stream_flush(&ends[i], &error));
			ssize_t n = recv(i ? b[1] : a[1], bytes, sizeof bytes, 0);
			for (ssize_t at = 0; at < n; at += (ssize_t)pieces[_i]) {
				size_t left = (size_t)(n - at);
				size_t len = left < pieces[_i] ? left : pieces[_i];
				ck_assert_int_eq(send(i ? a[1] : b[1], bytes + at, len, 0),
						 (ssize_t)len);
				ck_assert_int_ge(stream_read(&ends[!i], scratch, on_frame, NULL),
						 0);
			}
		}
	}
	close(a[1]);
	close(b[1]);
	ck_assert_uint_eq(nframes, 3);
	ck_assert_uint_eq(sum, 5000);
	ck_assert_uint_eq(ready, 1);
}
END_TEST

/* ---- ends ------------------------------------------------------------------------ */

START_TEST(an_end_that_was_announced)
{
	connect_both();
	put_frame(&ends[0], 1, 10);
	int error;
	ck_assert(stream_flush(&ends[0], &error));
	stream_shutdown(&ends[0]);
	int64_t r = stream_read(&ends[1], scratch, on_frame, NULL);
	ck_assert_int_eq(r, -ENODATA);
	ck_assert_uint_eq(nframes, 1); /* what came before is as good as ever */
}
END_TEST

START_TEST(an_end_that_was_not)
{
	connect_both();
	ck_assert_int_eq(shutdown(ends[0].fd, SHUT_WR), 0);
	ck_assert_int_eq(stream_read(&ends[1], scratch, on_frame, NULL), -ECONNRESET);
	ck_assert_str_eq(stream_fault(&ends[1], -ECONNRESET), "the connection was cut off");
}
END_TEST

START_TEST(a_changed_byte_is_found)
{
	uint8_t bytes[4096];
	int error;

	connect_both();
	put_frame(&ends[0], 1, 100);
	ck_assert(stream_flush(&ends[0], &error));
	ssize_t n = recv(ends[1].fd, bytes, sizeof bytes, 0);
	ck_assert_int_gt(n, 100);
	bytes[_i == 0 ? 5 : n - 1] ^= 1;
	ck_assert_int_eq(send(ends[0].fd, bytes, (size_t)n, 0), n);
	ck_assert_int_eq(stream_read(&ends[1], scratch, on_frame, NULL), -EBADMSG);
	ck_assert_uint_eq(nframes, 0);
	ck_assert_ptr_nonnull(strstr(stream_fault(&ends[1], -EBADMSG), "bad record mac"));
	/* It stays over. */
	put_frame(&ends[1], 1, 1);
	ck_assert(!stream_flush(&ends[1], &error));
	ck_assert_int_ne(error, 0);
}
END_TEST

/* ---- whom a client believes --------------------------------------------------------- */

static const struct {
	const char *name, *fault;
} servers[] = {
	{"a.example", NULL},
	{"A.Example", NULL},
	{"127.0.0.1", NULL},
	{"b.example", "hostname mismatch"},
	{"example", "hostname mismatch"},
	{"x.a.example", "hostname mismatch"},
	{"test", "hostname mismatch"}, /* its CN */
	{"127.0.0.2", "IP address mismatch"},
	{"::1", "IP address mismatch"},
};

START_TEST(a_server_must_have_the_name)
{
	const struct tls_settings of_server = settings_of(TLS_SERVER);

	connect_with(&of_server, servers[_i].name);
	int r = carry();
	if (!servers[_i].fault) {
		ck_assert_int_eq(r, 0);
		ck_assert(stream_is_ready(&ends[0]));
		return;
	}
	ck_assert_int_eq(r, -EBADMSG);
	ck_assert(!stream_is_ready(&ends[0]));
	ck_assert_ptr_nonnull(strstr(stream_fault(&ends[0], r), servers[_i].fault));
}
END_TEST

/* A client's certificate, or one without a use, is no server's. */
START_TEST(a_server_must_be_one)
{
	const struct tcert_options o = {.names = {TCERT_NAME(TCERT_DNS, "a.example")},
					.usage = _i ? TCERT_CLIENT : TCERT_ANY_USE};

	tcert_done(&server);
	server = tcert_make(&ca, &o);
	write_certificate("server", &server);
	const struct tls_settings of_server = settings_of(TLS_SERVER);
	connect_with(&of_server, "a.example");
	ck_assert_int_eq(carry(), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(stream_fault(&ends[0], -EBADMSG), "certificate purpose"));
}
END_TEST

START_TEST(names_that_are_none_are_refused)
{
	const struct tls_settings s = settings_of(TLS_CLIENT);
	struct tls_context *c = context_of(&s);
	struct tls *tls;

	ck_assert_int_eq(tls_new(c, "", &tls), -EINVAL);
	(void)tls_context_unref(c);
}
END_TEST

START_TEST(a_client_is_known_by_its_name)
{
	struct tls_identity id;
	int64_t until_s;

	connect_both();
	ck_assert_int_eq(tls_client(ends[1].tls, &id, &until_s), 0);
	ck_assert_str_eq(id.bytes, "futured:someone");
	ck_assert_uint_eq(id.len, strlen("futured:someone"));
	int64_t left_s = until_s - time(NULL);
	ck_assert(left_s > 6000 && left_s <= 7200);
}
END_TEST

/* A look at somebody who is in, with what has become known since. */
START_TEST(who_was_good_may_not_be_now)
{
	struct tls_settings s = settings_of(TLS_SERVER);

	connect_both();
	struct tls_context *same = context_of(&s);
	ck_assert_ptr_null(tls_client_fault(ends[1].tls, same));
	(void)tls_context_unref(same);
	s.crl = path("crl");
	tcert_write_crl(s.crl, &ca, NULL, -3600, 3600, false);
	same = context_of(&s);
	ck_assert_ptr_null(tls_client_fault(ends[1].tls, same));
	(void)tls_context_unref(same);
	tcert_write_crl(s.crl, &ca, &client, -3600, 3600, false);
	struct tls_context *other = context_of(&s);
	ck_assert_str_eq(tls_client_fault(ends[1].tls, other), "certificate revoked");
	(void)tls_context_unref(other);
	tcert_write_crl(s.crl, &ca, NULL, -7200, -3600, false);
	other = context_of(&s);
	ck_assert_str_eq(tls_client_fault(ends[1].tls, other), "CRL has expired");
	(void)tls_context_unref(other);
	s.crl = NULL;
	s.identity = TLS_IDENTITY_DNS;
	other = context_of(&s);
	ck_assert_str_eq(tls_client_fault(ends[1].tls, other),
			 "it has no DNS name among its names");
	(void)tls_context_unref(other);
}
END_TEST

/* ---- files -------------------------------------------------------------------------- */

static void must_not_load(const struct tls_settings *s, const char *why)
{
	struct tls_context *c;
	char got[TLS_TEXT_MAX] = "";

	ck_assert_int_eq(tls_context_new(s, &c, got), -EINVAL);
	ck_assert_msg(strstr(got, why), "'%s' is not in '%s'", why, got);
}

START_TEST(a_key_is_closed_to_others)
{
	static const mode_t modes[] = {0644, 0640, 0604, 0660, 0610, 0601};
	struct tls_settings s = settings_of(TLS_SERVER);

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		ck_assert_int_eq(chmod(path("server.key"), modes[i]), 0);
		must_not_load(&s, "others may read it");
	}
	ck_assert_int_eq(chmod(path("server.key"), 0400), 0);
	(void)tls_context_unref(context_of(&s));
	ck_assert_int_eq(symlink(path("server.key"), path("link")), 0);
	s.key = path("link");
	must_not_load(&s, "symbolic link");
	s.key = dir;
	must_not_load(&s, "not a regular file");
	s.key = "/nonexistent/key";
	must_not_load(&s, "No such file");
}
END_TEST

START_TEST(a_key_of_another_user)
{
	struct tls_settings s = settings_of(TLS_SERVER);

	ck_assert_int_eq(chown(path("server.key"), 65534, (gid_t)-1), 0);
	must_not_load(&s, "belongs to another user");
}
END_TEST

START_TEST(files_that_do_not_fit)
{
	struct tls_settings s = settings_of(TLS_SERVER);

	s.key = path("client.key");
	must_not_load(&s, "key values mismatch");
	s = settings_of(TLS_SERVER);
	s.certificate = path("server.key");
	must_not_load(&s, "certificate");
	s = settings_of(TLS_SERVER);
	s.ca = path("server.key");
	must_not_load(&s, "ca");
	s.ca = "/nonexistent/ca";
	must_not_load(&s, "ca /nonexistent/ca");
	s = settings_of(TLS_SERVER);
	s.crl = path("ca.crt");
	must_not_load(&s, "crl");
	s = settings_of(TLS_SERVER);
	tcert_done(&server);
	server = tcert_make(&ca, &(struct tcert_options){
					 .usage = TCERT_SERVER, .from_s = -7200, .to_s = -3600});
	write_certificate("server", &server);
	must_not_load(&s, "it has expired");
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("tls_stream");
	TCase *tc = trun_case(s, "tls_stream");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, frames_go_both_ways);
	tcase_add_test(tc, nothing_leaves_in_the_clear);
	tcase_add_test(tc, a_full_socket_is_no_error);
	tcase_add_loop_test(tc, split_at_every_byte, 0, 8);
	tcase_add_test(tc, an_end_that_was_announced);
	tcase_add_test(tc, an_end_that_was_not);
	tcase_add_loop_test(tc, a_changed_byte_is_found, 0, 2);
	trun_add_each(tc, a_server_must_have_the_name, servers);
	tcase_add_loop_test(tc, a_server_must_be_one, 0, 2);
	tcase_add_test(tc, names_that_are_none_are_refused);
	tcase_add_test(tc, a_client_is_known_by_its_name);
	tcase_add_test(tc, who_was_good_may_not_be_now);
	tcase_add_test(tc, a_key_is_closed_to_others);
	trun_add_unless(tc, geteuid() == 0 ? NULL : "only root gives files away",
			a_key_of_another_user, 1);
	tcase_add_test(tc, files_that_do_not_fit);
	return s;
}
