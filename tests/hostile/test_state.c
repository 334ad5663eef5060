/* B30 to B40, B53 to B55: messages at the wrong time, too many jobs, and what a local user may
 * try. */
#include "proto/frame.h"
#include "tests/lib/hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

START_TEST(b30_before_hello)
{
	static const struct {
		uint32_t kind;
		const char *body;
		size_t len;
	} cases[] = {
		{MESSAGE_SUBMIT, BYTES_OF("")},
		{MESSAGE_SUBMIT, BYTES_OF("\x0a\x08\x08\1\x12\4noop")},
		{MESSAGE_CANCEL, BYTES_OF("\x08\1")},
		{MESSAGE_PING, BYTES_OF("")},
		{MESSAGE_PONG, BYTES_OF("")},
		{MESSAGE_BYE, BYTES_OF("")},
		{MESSAGE_ADMIN_REQUEST, BYTES_OF("\x0a\6status")},
	};

	hostile_start("");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tw *w = hostile_connect(_i);
		tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
		tw_put_frame(w, cases[i].kind, cases[i].body, cases[i].len, NULL, 0);
		hostile_expect_refusal(w, FUT_PROTOCOL, "something before hello");
	}
	hostile_stop();
}
END_TEST

START_TEST(b31_hello_twice)
{
	hostile_start("");
	struct tw *w = hostile_open(_i);
	tw_put_hello(w, 1, 1, "p");
	hostile_expect_refusal(w, FUT_PROTOCOL, "hello twice");
	/* in one segment, too */
	w = hostile_connect(_i);
	tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
	tw_put_hello(w, 1, 1, "p");
	tw_put_hello(w, 1, 1, "p");
	hostile_expect_refusal(w, FUT_PROTOCOL, "hello twice at once");
	hostile_stop();
}
END_TEST

START_TEST(b32_versions)
{
	static const uint32_t ranges[][2] = {{2, 9}, {0, 0}, {9, 2}, {UINT32_MAX, UINT32_MAX}};

	hostile_start("");
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		struct tw *w = hostile_connect(_i);
		tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
		tw_put_hello(w, ranges[i][0], ranges[i][1], "p");
		hostile_expect_refusal(w, FUT_UNSUPPORTED, "versions");
	}
	hostile_stop();
}
END_TEST

/* A range with version 1 in it, a long client name, an empty pool: fine. */
START_TEST(b32_versions_that_fit)
{
	char name[4000];

	memset(name, 'n', sizeof name);
	hostile_start("");
	const struct message m = {.kind = MESSAGE_HELLO,
				  .hello = {.version_min = 0,
					    .version_max = 100,
					    .client = span_of(name, sizeof name)}};
	struct tw *w = hostile_connect(_i);
	tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
	tw_put_message(w, &m, SPAN_EMPTY);
	tw_ping(w);
	ck_assert(w->welcomed);
	ck_assert_uint_eq(w->version, 1);
	ck_assert_str_eq(w->pool, "p");
	ck_assert_str_eq(w->pool_kind, "threads");
	ck_assert_uint_eq(w->slots, 2);
	ck_assert_uint_eq(w->max_payload, 64 * 1024);
	ck_assert_uint_eq(w->max_result, 64 * 1024);
	ck_assert_uint_eq(w->max_inflight, 1000);
	tw_close(w);
	hostile_stop();
}
END_TEST

/* Not one that never was, nor one that is done, nor another's, nor an earlier generation. */
START_TEST(b33_cancel_of_nothing)
{
	static const uint64_t ids[] = {0,        7,          999,        1000,
				       1u << 20, UINT32_MAX, UINT64_MAX, 1ull << 63};
	char gate[96];

	hostile_start("");
	tdaemon_path(hostile_daemon, "gate", gate, sizeof gate);
	struct tw *w = hostile_open(_i), *other = hostile_open(_i);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		for (uint32_t mode = CANCEL_QUEUED; mode <= CANCEL_KILL; mode++)
			ck_assert_int_eq(tw_cancel(w, ids[i], mode), FUT_VERDICT_UNKNOWN);
	}
	tw_submit(w, 3, "echo", "x");
	tw_expect_value(w, 3, "x");
	ck_assert_int_eq(tw_cancel(w, 3, CANCEL_KILL), FUT_VERDICT_UNKNOWN);
	tw_submit(w, job_id_of(4, 2), "gate", gate);
	tw_wait_started(w, job_id_of(4, 2));
	ck_assert_int_eq(tw_cancel(w, job_id_of(4, 1), CANCEL_KILL), FUT_VERDICT_UNKNOWN);
	ck_assert_int_eq(tw_cancel(other, job_id_of(4, 2), CANCEL_KILL), FUT_VERDICT_UNKNOWN);
	tfile_touch(gate);
	tw_expect_value(w, job_id_of(4, 2), "open");
	tw_close(w);
	tw_close(other);
	hostile_stop();
}
END_TEST

/* Jobs that are taken back at once: they are really gone, and others have their share. */
START_TEST(b34_rapid_reset)
{
	enum { ROUNDS = 100, PAIRS = 500 };
	char gate[96];

	hostile_start("");
	tdaemon_path(hostile_daemon, "gate", gate, sizeof gate);
	struct tw *w = hostile_open(_i);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (uint64_t place = 0; place < PAIRS; place++) {
			uint64_t id = job_id_of((uint32_t)place, round);
			const struct message m = {.kind = MESSAGE_CANCEL,
						  .cancel = {id, CANCEL_QUEUED}};
			/* Never to run: but if one starts, its gate is open. */
			tw_put(w, id, "gate", "/");
			tw_put_message(w, &m, SPAN_EMPTY);
		}
		tw_flush(w);
		if (round % 10 == 0)
			hostile_check_served("jobs that are taken back");
		twait_until(hostile_daemon, (tw_pump(w, 0), w->nverdicts == (round + 1) * PAIRS));
	}
	tw_ping(w);
	tw_close(w);
	hostile_stop();
}
END_TEST

START_TEST(b34_cancels_of_nothing)
{
	const struct message m = {.kind = MESSAGE_CANCEL, .cancel = {7, CANCEL_KILL}};

	hostile_start("");
	struct tw *w = hostile_open(_i);
	bool open = true;
	for (int burst = 0; open && !w->goaway && burst < 2000; burst++) {
		for (int i = 0; i < 500; i++)
			tw_put_message(w, &m, SPAN_EMPTY);
		open = tw_flush(w);
		if (burst % 8 == 0)
			hostile_check_served("a flood of cancels");
		(void)tw_pump(w, 0);
	}
	tdaemon_wait_log(hostile_daemon, "event=session.flood cancels\"");
	tw_close(w);
	hostile_stop();
}
END_TEST

START_TEST(b38_an_id_in_use)
{
	char gate[96];

	hostile_start("");
	tdaemon_path(hostile_daemon, "gate", gate, sizeof gate);
	struct tw *w = hostile_open(_i);
	tw_submit(w, 5, "gate", gate);
	tw_wait_started(w, 5);
	tw_put(w, job_id_of(5, 1), "echo", "another generation, the same place");
	hostile_expect_refusal(w, FUT_PROTOCOL, "an id in use");
	/* The same unique name with another payload is that job's mistake alone. */
	w = hostile_open(_i);
	tw_submit_limits(w, 1, "gate", gate, .unique = span_str("run"));
	tw_submit_limits(w, 2, "gate", "something else", .unique = span_str("run"));
	hostile_expect_refused_job(w, 2, FUT_INVALID, "another payload");
	tfile_touch(gate);
	tw_expect_value(w, 1, "open");
	tw_close(w);
	hostile_stop();
}
END_TEST

START_TEST(b39_beyond_the_window)
{
	char gate[96];

	hostile_start_with("max_inflight = 1\npenalty_protocol = 0s\n"
			   "pool p {\n kind = threads\n slots = 2\n"
			   " modules = {basic, testmod_crash}\n}\n");
	tdaemon_path(hostile_daemon, "gate", gate, sizeof gate);
	struct tw *w = hostile_open(_i);
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	tw_put(w, 1, "echo", "one too many");
	hostile_expect_refusal(w, FUT_PROTOCOL, "a job beyond the window");
	tfile_touch(gate);
	hostile_stop();
}
END_TEST

/* Questions that come too often wait; the rest of the session, and others, do not. */
START_TEST(b40_questions)
{
	const struct message unknown = {.kind = MESSAGE_ADMIN_REQUEST,
					.admin_request = {.what = span_str("shutdown")}};
	const struct message m = {.kind = MESSAGE_ADMIN_REQUEST,
				  .admin_request = {.what = span_str("status")}};

	hostile_start("");
	struct tw *w = hostile_open(_i);
	tw_put_message(w, &unknown, SPAN_EMPTY);
	tw_ping(w);
	ck_assert_uint_eq(w->admin_status, FUT_UNSUPPORTED);
	for (int burst = 0; burst < 20; burst++) {
		for (int i = 0; i < 500; i++)
			tw_put_message(w, &m, SPAN_EMPTY);
		tw_flush(w);
		hostile_check_served("questions");
	}
	tw_ping(w);
	ck_assert_uint_eq(w->nadmin, 20 * 500 + 1);
	ck_assert_uint_eq(w->admin_status, FUT_BUSY);
	tw_close(w);
	hostile_stop();
}
END_TEST

/* ---- what a local user may try ------------------------------------------- */

/* Whatever lies there already is not the daemon's to replace: it does not start. */
static void expect_no_start(const char *path)
{
	char url[200];

	(void)snprintf(url, sizeof url, "--listen=unix:%s", path);
	struct tdaemon *d = tdaemon_spawn(&(struct tdaemon_options){
		.no_listen = true, .args = (const char *const[]){url, NULL}});
	ck_assert_int_ne(tdaemon_wait_exit(d), 0);
	tdaemon_wait_log(d, "event=listener.failed");
	tdaemon_forget(d);
}

START_TEST(b53_something_at_the_path)
{
	char dir[] = "/tmp/futured-hostile-XXXXXX", path[64], target[64];
	struct stat st;

	hostile_start("");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/socket", dir);
	(void)snprintf(target, sizeof target, "%s/target", dir);
	/* a file; a link to one; a link to nowhere; a link to a socket that is in use */
	tfile_write(path, "precious");
	expect_no_start(path);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 8);
	ck_assert_int_eq(rename(path, target), 0);
	ck_assert_int_eq(symlink(target, path), 0);
	expect_no_start(path);
	ck_assert_int_eq(unlink(target), 0);
	expect_no_start(path);
	ck_assert_int_eq(lstat(target, &st), -1);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(hostile_daemon->socket_path, path), 0);
	expect_no_start(path);
	expect_no_start(hostile_daemon->socket_path);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
	hostile_stop();
}
END_TEST

static void send_descriptors(int fd, const int *fds, unsigned n, const void *bytes, size_t len)
{
	struct iovec io = {(void *)(uintptr_t)bytes, len};
	union {
		char space[CMSG_SPACE(16 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control.space,
			   .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	ck_assert_int_eq(sendmsg(fd, &m, MSG_NOSIGNAL), (ssize_t)len);
}

/* The bytes count, the descriptors do not arrive. */
START_TEST(b54_descriptors)
{
	enum { N = 16 };
	int fds[N];

	hostile_start("");
	unsigned before = tdaemon_fd_count(hostile_daemon);
	struct tw *w = tw_open(hostile_daemon->unix_url, "p");
	for (int i = 0; i < N; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 100; i++)
		send_descriptors(w->fd, fds, N, "\0\0\0\4\0\0\0\0\x5a\2\x08\7", 12);
	tw_ping(w);
	ck_assert_uint_eq(w->npongs, 101);
	ck_assert_uint_eq(tdaemon_fd_count(hostile_daemon), before + 1);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	tw_close(w);
	hostile_stop();
}
END_TEST

/* A pattern from the wire is a name like any other, and no good one. */
START_TEST(b55_patterns)
{
	static const char *const patterns[] = {"ech*",   "*",         "ech?",
					       "ech[o]", "echo,noop", "{echo}"};

	hostile_start("");
	struct tw *w = hostile_open(_i);
	for (uint64_t i = 0; i < ARRAY_LEN(patterns); i++) {
		tw_submit(w, i, patterns[i], "");
		hostile_expect_refused_job(w, i, FUT_UNKNOWN_TASK, patterns[i]);
		tw_submit_limits(w, 100 + i, "echo", "", .key = span_str(patterns[i]));
		hostile_expect_refused_job(w, 100 + i, FUT_INVALID, patterns[i]);
		tw_submit_limits(w, 200 + i, "echo", "", .unique = span_str(patterns[i]));
		hostile_expect_refused_job(w, 200 + i, FUT_INVALID, patterns[i]);
	}
	tw_close(w);
	hostile_stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("state");
	TCase *tc = trun_case(s, "order");

	hostile_add(tc, b30_before_hello);
	hostile_add(tc, b31_hello_twice);
	hostile_add(tc, b32_versions);
	hostile_add(tc, b32_versions_that_fit);
	tc = trun_case(s, "jobs");
	hostile_add(tc, b33_cancel_of_nothing);
	hostile_add(tc, b34_rapid_reset);
	hostile_add(tc, b34_cancels_of_nothing);
	hostile_add(tc, b38_an_id_in_use);
	hostile_add(tc, b39_beyond_the_window);
	hostile_add(tc, b40_questions);
	tc = trun_case(s, "local");
	tcase_add_test(tc, b53_something_at_the_path);
	tcase_add_test(tc, b54_descriptors);
	hostile_add(tc, b55_patterns);
	return s;
}
