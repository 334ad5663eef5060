/* Opening, questions, shutting down, losing the connection. */
#include "tests/lib/fake_daemon.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The thread sanitizer cannot follow threads of a forked child. */
#ifdef __SANITIZE_THREAD__
enum { IS_TSAN = 1 };
#else
enum { IS_TSAN = 0 };
#endif

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

static fut_status open_fails(const char *url, fut_error **ret)
{
	fut_executor *x = NULL;
	fut_status status = fut_executor_open(url, &x, ret);

	ck_assert_ptr_null(x);
	ck_assert_int_eq(fut_error_status(*ret), status);
	return status;
}

START_TEST(hello_and_welcome)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);

	ck_assert_str_eq(fut_executor_pool(x), "cpu");
	ck_assert_str_eq(fut_executor_kind(x), "processes");
	ck_assert_uint_eq(fut_executor_slots(x), 2);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

static void check_hello(struct fake *d)
{
	struct message hello;

	fake_accept(d, &hello);
	ck_assert_uint_le(hello.hello.version_min, PROTOCOL_VERSION);
	ck_assert_uint_ge(hello.hello.version_max, PROTOCOL_VERSION);
	ck_assert(span_equal(hello.hello.pool, span_str("io")));
	ck_assert_uint_gt(hello.hello.client.len, 0);
	fake_welcome(d);
}

START_TEST(url_from_the_environment)
{
	struct fake *d = fake_new();
	char url[160];
	fut_executor *x = NULL;

	snprintf(url, sizeof url, "%s?pool=io", d->url);
	setenv("FUTURED_URL", url, 1);
	fake_run(d, check_hello);
	ck_assert_int_eq(fut_executor_open(NULL, &x, NULL), FUT_OK);
	fake_join(d);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

START_TEST(no_url)
{
	fut_error *e;

	unsetenv("FUTURED_URL");
	ck_assert_int_eq(open_fails(NULL, &e), FUT_INVALID);
	ck_assert_ptr_nonnull(strstr(fut_error_hint(e), "set FUTURED_URL"));
	fut_error_unref(e);
	ck_assert_int_eq(open_fails("bogus", &e), FUT_INVALID);
	fut_error_unref(e);
	ck_assert_int_eq(open_fails("tls://host:1", &e), FUT_UNSUPPORTED);
	fut_error_unref(e);
	ck_assert_int_eq(open_fails("local:", &e), FUT_UNSUPPORTED);
	fut_error_unref(e);
}
END_TEST

START_TEST(nobody_listens)
{
	fut_error *e;

	ck_assert_int_eq(open_fails("unix:/nonexistent/x.sock", &e), FUT_CONNECT_FAILED);
	ck_assert_str_eq(fut_error_message(e), "no connection to the daemon");
	ck_assert_str_eq(fut_error_detail(e),
			 "connect unix:/nonexistent/x.sock: No such file or directory");
	ck_assert_ptr_nonnull(strstr(fut_error_hint(e), "systemctl status futured"));
	ck_assert_str_eq(fut_error_type(e), "CONNECT_FAILED");
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
}
END_TEST

static void say_goaway(struct fake *d)
{
	struct message hello;
	struct message m = {.kind = MESSAGE_GOAWAY,
			    .goaway = {.status = FUT_UNKNOWN_POOL,
				       .has_error = true,
				       .error = {.message = span_str("no such pool"),
						 .hint = span_str("try cpu")}}};

	fake_accept(d, &hello);
	fake_send(d, &m, SPAN_EMPTY);
	fake_hang_up(d);
}

START_TEST(refused_with_an_error)
{
	struct fake *d = fake_new();
	fut_error *e;

	fake_run(d, say_goaway);
	ck_assert_int_eq(open_fails(d->url, &e), FUT_UNKNOWN_POOL);
	fake_join(d);
	ck_assert_str_eq(fut_error_message(e), "no such pool");
	ck_assert_str_eq(fut_error_hint(e), "try cpu");
	fut_error_unref(e);
	fake_free(d);
}
END_TEST

static void hang_up_early(struct fake *d)
{
	struct message hello;

	fake_accept(d, &hello);
	fake_hang_up(d);
}

START_TEST(closed_before_the_welcome)
{
	struct fake *d = fake_new();
	fut_error *e;

	fake_run(d, hang_up_early);
	ck_assert_int_eq(open_fails(d->url, &e), FUT_CONNECT_FAILED);
	fake_join(d);
	fut_error_unref(e);
	fake_free(d);
}
END_TEST

static void speak_http(struct fake *d)
{
	struct message hello;

	fake_accept(d, &hello);
	fake_send_raw(d, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
}

static void speak_too_early(struct fake *d)
{
	struct message hello;

	fake_accept(d, &hello);
	fake_value(d, 1, "x", 1);
}

static void speak_an_other_version(struct fake *d)
{
	struct message hello;

	d->version = 99;
	fake_accept(d, &hello);
	fake_welcome(d);
}

static void allow_nothing(struct fake *d)
{
	struct message hello;

	d->max_inflight = 0;
	fake_accept(d, &hello);
	fake_welcome(d);
}

static const struct {
	void (*script)(struct fake *d);
	fut_status status;
} bad_openings[] = {
	{speak_http, FUT_PROTOCOL},
	{speak_too_early, FUT_PROTOCOL},
	{speak_an_other_version, FUT_UNSUPPORTED},
	{allow_nothing, FUT_PROTOCOL},
};

START_TEST(bad_opening)
{
	struct fake *d = fake_new();
	fut_error *e;

	fake_run(d, bad_openings[_i].script);
	ck_assert_int_eq(open_fails(d->url, &e), bad_openings[_i].status);
	fake_join(d);
	fut_error_unref(e);
	fake_free(d);
}
END_TEST

START_TEST(no_welcome_in_time)
{
	struct fake *d = fake_new();
	char url[192];
	fut_error *e;

	snprintf(url, sizeof url, "%s?connect_timeout_us=20000", d->url);
	ck_assert_int_eq(open_fails(url, &e), FUT_TIMEOUT);
	fut_error_unref(e);
	fake_free(d);
}
END_TEST

static void answer_ping(struct fake *d)
{
	struct message m = fake_expect(d, MESSAGE_PING);

	fake_send(d, &(struct message){.kind = MESSAGE_PONG, .pong = {m.ping.nonce}}, SPAN_EMPTY);
}

static void answer_status(struct fake *d)
{
	struct message m = fake_expect(d, MESSAGE_ADMIN_REQUEST);
	struct message reply = {.kind = MESSAGE_ADMIN_REPLY,
				.admin_reply = {0, m.admin_request.nonce}};

	ck_assert(span_equal(m.admin_request.what, span_str("status")));
	fake_send(d, &reply, span_str("{\"up\":1}"));
}

START_TEST(ping_and_status)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	uint64_t us = 0;
	char *text = NULL;

	fake_run(d, answer_ping);
	ck_assert_int_eq(fut_executor_ping(x, patience_us, &us), FUT_OK);
	fake_join(d);
	ck_assert_uint_lt(us, (uint64_t)patience_us);
	fake_run(d, answer_status);
	ck_assert_int_eq(fut_executor_status(x, patience_us, &text), FUT_OK);
	fake_join(d);
	ck_assert_str_eq(text, "{\"up\":1}");
	free(text);

	ck_assert_int_eq(fut_executor_ping(x, 0, &us), FUT_TIMEOUT);
	ck_assert_int_eq(fut_executor_ping(x, 1000, NULL), FUT_TIMEOUT);
	answer_ping(d);
	answer_ping(d); /* too late for both */
	fake_goodbye(d, x);
	ck_assert_int_eq(fut_executor_ping(NULL, 0, NULL), FUT_INVALID);
	fake_free(d);
}
END_TEST

START_TEST(daemon_pings)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);

	fake_send(d, &(struct message){.kind = MESSAGE_PING, .ping = {77}}, SPAN_EMPTY);
	ck_assert_uint_eq(fake_expect(d, MESSAGE_PONG).pong.nonce, 77);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

static void hang_up_on_ping(struct fake *d)
{
	fake_expect(d, MESSAGE_PING);
	fake_hang_up(d);
}

START_TEST(ping_ends_with_the_connection)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);

	fake_run(d, hang_up_on_ping);
	ck_assert_int_eq(fut_executor_ping(x, FUT_FOREVER, NULL), FUT_CONNECTION_LOST);
	fake_join(d);
	ck_assert_int_eq(fut_executor_ping(x, FUT_FOREVER, NULL), FUT_CONNECTION_LOST);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

/* ---- shutting down ------------------------------------------------------- */

START_TEST(shutdown_lets_jobs_end)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a"), *other = NULL;
	fut_error *e = NULL;
	struct fake_job job = fake_expect_submit(d);

	ck_assert_int_eq(fut_executor_shutdown(x, true, false, 0), FUT_TIMEOUT);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, 1000), FUT_TIMEOUT);
	ck_assert_int_eq(fut_executor_shutdown(x, false, false, 0), FUT_OK);
	ck_assert_int_eq(fut_submit(x, "task", "b", 1, &other, &e), FUT_SHUTDOWN);
	ck_assert_ptr_null(other);
	fut_error_unref(e);
	ck_assert_int_eq(fut_executor_ping(x, 0, NULL), FUT_SHUTDOWN);
	fake_text(d, job.spec.id, "done");
	must_be_value(f, "done");
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, 0), FUT_OK);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, patience_us), FUT_OK);
	fake_expect(d, MESSAGE_BYE);
	fake_expect_end(d);
	fut_executor_unref(x);
	must_be_value(f, "done"); /* it outlives the executor */
	fut_future_unref(f);
	fake_free(d);
}
END_TEST

START_TEST(last_unref_is_a_shutdown)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");

	ck_assert_ptr_eq(fut_executor_ref(x), x);
	fut_executor_unref(x);
	fut_executor_unref(x);
	struct fake_job job = fake_expect_submit(d);
	fake_text(d, job.spec.id, "still");
	must_be_value(f, "still");
	fake_expect(d, MESSAGE_BYE);
	fake_expect_end(d);
	fut_future_unref(f);
	fut_executor_unref(NULL);
	fut_future_unref(NULL);
	fake_free(d);
}
END_TEST

START_TEST(nobody_keeps_anything)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);

	fut_future_unref(must_submit(x, "a"));
	fut_executor_unref(x);
	struct fake_job job = fake_expect_submit(d);
	fake_text(d, job.spec.id, "a result that nobody wants, too long to be inline");
	fake_expect(d, MESSAGE_BYE);
	fake_expect_end(d);
	fake_free(d);
}
END_TEST

static void remove_the_second(struct fake *d)
{
	struct fake_job a = fake_expect_submit(d), b = fake_expect_submit(d);
	struct message m = fake_expect(d, MESSAGE_CANCEL);

	ck_assert_uint_eq(m.cancel.id, a.spec.id);
	ck_assert_uint_eq(m.cancel.mode, CANCEL_QUEUED);
	m = fake_expect(d, MESSAGE_CANCEL);
	ck_assert_uint_eq(m.cancel.id, b.spec.id);
	fake_verdict(d, a.spec.id, FUT_VERDICT_TOO_LATE);
	fake_verdict(d, b.spec.id, FUT_VERDICT_REMOVED);
	fake_text(d, a.spec.id, "ran");
}

START_TEST(shutdown_cancels_what_has_not_started)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *a = must_submit(x, "a"), *b = must_submit(x, "b");

	fake_run(d, remove_the_second);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, patience_us), FUT_OK);
	fake_join(d);
	must_be_value(a, "ran");
	ck_assert(fut_cancelled(b));
	fut_future_unref(a);
	fut_future_unref(b);
	fut_executor_unref(x);
	fake_free(d);
}
END_TEST

START_TEST(draining)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a"), *g = NULL;
	struct fake_job job = fake_expect_submit(d);
	struct message m = {.kind = MESSAGE_GOAWAY, .goaway = {.status = FUT_DRAINING}};

	fake_send(d, &m, SPAN_EMPTY);
	fake_text(d, job.spec.id, "still");
	must_be_value(f, "still");
	ck_assert_int_eq(fut_submit(x, "task", "b", 1, &g, NULL), FUT_DRAINING);
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

/* ---- losing the connection ----------------------------------------------- */

START_TEST(lost_after_sending)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a"), *g = NULL;
	fut_error *e, *again;
	fut_bytes value;

	fake_expect_submit(d);
	fake_hang_up(d);
	ck_assert_int_eq(fut_result(f, patience_us, &value, &e), FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEW_JOB);
	ck_assert_int_eq(fut_result(f, 0, &value, &again), FUT_CONNECTION_LOST);
	ck_assert_ptr_eq(e, again);
	fut_error_unref(e);
	fut_error_unref(again);
	ck_assert_int_eq(fut_submit(x, "task", "b", 1, &g, &e), FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

enum { BIG = 900 * 1000, N_BIG = 8 };

START_TEST(lost_before_sending)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	char *big = calloc(1, BIG);
	fut_future *f[N_BIG];
	fut_bytes value;
	fut_error *e;

	/* More than the socket takes, and nobody reads: the last one cannot have left. */
	for (int i = 0; i < N_BIG; i++)
		ck_assert_int_eq(fut_submit(x, "task", big, BIG, &f[i], NULL), FUT_OK);
	fake_hang_up(d);
	ck_assert_int_eq(fut_result(f[N_BIG - 1], patience_us, &value, &e), FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NOW);
	fut_error_unref(e);
	for (int i = 0; i < N_BIG; i++) {
		must_fail(f[i], FUT_CONNECTION_LOST);
		fut_future_unref(f[i]);
	}
	free(big);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

START_TEST(last_words_are_kept)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");
	fut_bytes value;
	fut_error *e;
	struct message m = {.kind = MESSAGE_GOAWAY,
			    .goaway = {.status = FUT_PROTOCOL,
				       .has_error = true,
				       .error = {.message = span_str("you are odd")}}};

	fake_send(d, &m, SPAN_EMPTY);
	fake_hang_up(d);
	ck_assert_int_eq(fut_result(f, patience_us, &value, &e), FUT_CONNECTION_LOST);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "you are odd"));
	fut_error_unref(e);
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

/* ---- fork ---------------------------------------------------------------- */

#define MUST(expr)                                                                                 \
	do {                                                                                       \
		if (!(expr))                                                                       \
			_exit(__LINE__ & 0x7f ? __LINE__ & 0x7f : 1);                              \
	} while (0)

static void be_a_child(fut_executor *x, fut_future *f, fut_map *m, fut_as_completed *it)
{
	fut_future *g = NULL;
	fut_bytes value;
	fut_error *e;
	fut_map_item item;
	fut_progress_info progress;
	fut_job *job;
	char *text;

	MUST(fut_submit(x, "task", "", 0, &g, NULL) == FUT_FORKED && !g);
	MUST(fut_result(f, FUT_FOREVER, &value, &e) == FUT_FORKED);
	MUST(fut_error_status(e) == FUT_FORKED);
	fut_error_unref(e);
	MUST(fut_exception(f, FUT_FOREVER, &e) == FUT_FORKED);
	MUST(fut_cancel(f, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_stop(f, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_kill(f, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_add_done_callback(f, (fut_done_fn)abort, NULL) == FUT_FORKED);
	MUST(fut_next_chunk(f, FUT_FOREVER, &value) == FUT_FORKED);
	MUST(fut_progress(f, &progress) == FUT_FORKED);
	MUST(fut_wait(&f, 1, FUT_ALL_COMPLETED, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_as_completed_next(it, &g) == FUT_FORKED);
	MUST(fut_map_next(m, FUT_FOREVER, &item) == FUT_FORKED);
	MUST(fut_executor_ping(x, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_executor_status(x, FUT_FOREVER, &text) == FUT_FORKED);
	MUST(fut_executor_shutdown(x, true, true, FUT_FOREVER) == FUT_FORKED);
	MUST(fut_job_new("task", &job) == FUT_OK);
	fut_job_free(job);
	fut_future_ref(f);
	fut_future_unref(f);
	fut_future_unref(f);
	fut_as_completed_close(it);
	fut_map_close(m);
	fut_executor_unref(x);
	_exit(0);
}

static bool one_item(void *arg, fut_bytes *ret)
{
	int *left = arg;

	*ret = (fut_bytes){"i", 1};
	return (*left)-- > 0;
}

START_TEST(child_may_only_let_go)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");
	fut_as_completed *it;
	fut_job *job;
	fut_map *m;
	int left = 1, status;

	ck_assert_int_eq(fut_as_completed_open(&f, 1, FUT_FOREVER, &it), FUT_OK);
	ck_assert_int_eq(fut_job_new("task", &job), FUT_OK);
	ck_assert_int_eq(fut_map_open(x, job, one_item, &left, NULL, &m, NULL), FUT_OK);
	fut_job_free(job);
	pid_t pid = fork();
	if (pid == 0)
		be_a_child(x, f, m, it);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "line %% 128 = %d",
		      WEXITSTATUS(status));

	/* The parent took no harm. */
	struct fake_job a = fake_expect_submit(d);
	fake_text(d, a.spec.id, "v");
	must_be_value(f, "v");
	a = fake_expect_submit(d);
	fake_text(d, a.spec.id, "w");
	fut_as_completed_close(it);
	fut_map_close(m);
	fut_future_unref(f);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
	fut_executor_unref(x);
	fake_free(d);
}
END_TEST

static void child_opens_its_own(fut_executor *inherited)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");

	MUST(fut_executor_ping(inherited, 0, NULL) == FUT_FORKED);
	fake_text(d, fake_expect_submit(d).spec.id, "mine");
	must_be_value(f, "mine");
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
	_exit(0);
}

START_TEST(child_may_open_its_own)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	int status;

	pid_t pid = fork();
	if (pid == 0)
		child_opens_its_own(x);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("executor");

	tcase_add_test(tc, hello_and_welcome);
	tcase_add_test(tc, url_from_the_environment);
	tcase_add_test(tc, no_url);
	tcase_add_test(tc, nobody_listens);
	tcase_add_test(tc, refused_with_an_error);
	tcase_add_test(tc, closed_before_the_welcome);
	tcase_add_loop_test(tc, bad_opening, 0, 4);
	tcase_add_test(tc, no_welcome_in_time);
	tcase_add_test(tc, ping_and_status);
	tcase_add_test(tc, daemon_pings);
	tcase_add_test(tc, ping_ends_with_the_connection);
	tcase_add_test(tc, shutdown_lets_jobs_end);
	tcase_add_test(tc, last_unref_is_a_shutdown);
	tcase_add_test(tc, nobody_keeps_anything);
	tcase_add_test(tc, shutdown_cancels_what_has_not_started);
	tcase_add_test(tc, draining);
	tcase_add_test(tc, lost_after_sending);
	tcase_add_test(tc, lost_before_sending);
	tcase_add_test(tc, last_words_are_kept);
	tcase_add_test(tc, child_may_only_let_go);
	if (!IS_TSAN)
		tcase_add_test(tc, child_may_open_its_own);
	return run_case(tc, "client_executor");
}
