/* Opening, questions, losing the connection. */
#include "tests/lib/fake_daemon.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

	/* Then it is a private daemon, and there is none. */
	setenv("FUTURED_DAEMON", "/nonexistent/futured", 1);
	unsetenv("FUTURED_URL");
	ck_assert_int_eq(open_fails(NULL, &e), FUT_CONNECT_FAILED);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "/nonexistent/futured"));
	fut_error_unref(e);
	setenv("FUTURED_URL", "", 1);
	ck_assert_int_eq(open_fails(NULL, &e), FUT_CONNECT_FAILED);
	fut_error_unref(e);
	ck_assert_int_eq(open_fails("", &e), FUT_INVALID);
	fut_error_unref(e);
	ck_assert_int_eq(open_fails("bogus", &e), FUT_INVALID);
	fut_error_unref(e);
	ck_assert_int_eq(open_fails("tls://host:1?verify=no", &e), FUT_INVALID);
	fut_error_unref(e);
	ck_assert_int_eq(open_fails("local:?workers=many", &e), FUT_INVALID);
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

/* Says again what it was asked; a question that begins with '?' it does not know. */
static void answer_question(struct fake *d)
{
	struct message m = fake_expect(d, MESSAGE_ADMIN_REQUEST);
	struct span what = m.admin_request.what, argument = m.admin_request.argument;
	struct message reply = {.kind = MESSAGE_ADMIN_REPLY,
				.admin_reply = {0, m.admin_request.nonce}};
	char text[8192];

	if (*(const char *)what.data == '?')
		reply.admin_reply.status = FUT_UNSUPPORTED;
	int len = snprintf(text, sizeof text, "%.*s(%.*s)", (int)what.len, (const char *)what.data,
			   (int)argument.len, argument.len ? (const char *)argument.data : "");
	fake_send(d, &reply, reply.admin_reply.status ? SPAN_EMPTY : span_of(text, (size_t)len));
}

static fut_status ask(struct fake *d, fut_executor *x, const char *what, const char *argument,
		      char **ret)
{
	fake_run(d, answer_question);
	fut_status status = fut_executor_ask(x, what, argument, patience_us, ret);
	fake_join(d);
	return status;
}

START_TEST(questions)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	char longest[64], argument[4097], *text = NULL;

	ck_assert_int_eq(ask(d, x, "why", "7-3-1", &text), FUT_OK);
	ck_assert_str_eq(text, "why(7-3-1)");
	free(text);
	ck_assert_int_eq(ask(d, x, "jobs", NULL, &text), FUT_OK);
	ck_assert_str_eq(text, "jobs()");
	free(text);
	text = NULL;
	ck_assert_int_eq(ask(d, x, "?", NULL, &text), FUT_UNSUPPORTED);
	ck_assert_ptr_null(text);
	memset(longest, 'w', sizeof longest);
	longest[63] = '\0';
	memset(argument, 'a', sizeof argument);
	argument[4096] = '\0';
	ck_assert_int_eq(ask(d, x, longest, argument, &text), FUT_OK);
	ck_assert_uint_eq(strlen(text), 63 + 4096 + 2);
	free(text);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

START_TEST(no_questions)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	char longer[65], argument[4098], *text = NULL;

	memset(longer, 'w', sizeof longer);
	longer[64] = '\0';
	memset(argument, 'a', sizeof argument);
	argument[4097] = '\0';
	ck_assert_int_eq(fut_executor_ask(x, NULL, NULL, 0, &text), FUT_INVALID);
	ck_assert_int_eq(fut_executor_ask(x, "", NULL, 0, &text), FUT_INVALID);
	ck_assert_int_eq(fut_executor_ask(x, longer, NULL, 0, &text), FUT_INVALID);
	ck_assert_int_eq(fut_executor_ask(x, "why", argument, 0, &text), FUT_INVALID);
	ck_assert_int_eq(fut_executor_ask(x, "why", NULL, 0, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_executor_ask(NULL, "why", NULL, 0, &text), FUT_INVALID);
	ck_assert_int_eq(fut_executor_ask(x, "why", NULL, 0, &text), FUT_TIMEOUT);
	ck_assert_int_eq(fut_executor_shutdown(x, false, false, 0), FUT_OK);
	ck_assert_int_eq(fut_executor_ask(x, "why", NULL, FUT_FOREVER, &text), FUT_SHUTDOWN);
	ck_assert_ptr_null(text);
	answer_question(d);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

static void must_be_named(const fut_future *f, const char *expected)
{
	char text[64] = "untouched", cut[4];
	size_t len = strlen(expected);

	ck_assert_uint_eq(fut_job_name(f, text, sizeof text), len);
	ck_assert_str_eq(text, expected);
	/* Too little room, or none. */
	ck_assert_uint_eq(fut_job_name(f, cut, sizeof cut), len);
	ck_assert_uint_eq(strlen(cut), 3);
	ck_assert_mem_eq(cut, expected, 3);
	ck_assert_uint_eq(fut_job_name(f, NULL, 0), len);
}

/* Session, place, generation. */
START_TEST(names_of_jobs)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *a = must_submit(x, "a"), *b = must_submit(x, "b"), *c;
	uint64_t id = fake_expect_submit(d).spec.id;

	must_be_named(a, "7-0-1");
	must_be_named(b, "7-1-1");
	fake_text(d, id, "v");
	must_be_value(a, "v");
	must_be_named(a, "7-0-1");
	fake_text(d, fake_expect_submit(d).spec.id, "v");
	must_be_value(b, "v");
	fut_future_unref(a);
	fut_future_unref(b);
	/* Its place was used before; which one, the client says. */
	c = must_submit(x, "c");
	id = fake_expect_submit(d).spec.id;
	must_be_named(c, (uint32_t)id == 0 ? "7-0-2" : "7-1-2");
	fake_text(d, id, "v");
	must_be_value(c, "v");
	fut_future_unref(c);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

START_TEST(large_session_number)
{
	struct fake *d = fake_new();
	fut_executor *x;

	d->session = UINT64_MAX - 1;
	x = fake_connect(d);
	fut_future *f = must_submit(x, "a");
	must_be_named(f, "18446744073709551614-0-1");
	fake_text(d, fake_expect_submit(d).spec.id, "v");
	must_be_value(f, "v");
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

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
	tcase_add_test(tc, questions);
	tcase_add_test(tc, no_questions);
	tcase_add_test(tc, names_of_jobs);
	tcase_add_test(tc, large_session_number);
	tcase_add_test(tc, daemon_pings);
	tcase_add_test(tc, ping_ends_with_the_connection);
	tcase_add_test(tc, lost_after_sending);
	tcase_add_test(tc, lost_before_sending);
	tcase_add_test(tc, last_words_are_kept);
	return run_case(tc, "client_executor");
}
