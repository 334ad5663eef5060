/*
 * Futures, end to end: the library, the daemon and its hosts together keep the contract of
 * concurrent.futures, over both transports and on both kinds of pool.
 */
#include "tests/integ/e2e.h"

#include <pthread.h>
#include <signal.h>

/* ---- results ------------------------------------------------------------ */

START_TEST(test_result)
{
	fut_bytes value, again;

	start(_i, 2);
	ck_assert_str_eq(fut_executor_pool(x), "p");
	ck_assert_str_eq(fut_executor_kind(x), kind_of(_i));
	ck_assert_uint_eq(fut_executor_slots(x), 2);
	fut_future *f = submit("square", "12");
	must_be(f, "144");
	/* Any number of times, and without waiting. */
	ck_assert_int_eq(fut_result(f, 0, &value, NULL), FUT_OK);
	ck_assert_int_eq(fut_result(f, FUT_FOREVER, &again, NULL), FUT_OK);
	ck_assert_ptr_eq(value.data, again.data);
	fut_error *e = (fut_error *)(uintptr_t)1;
	ck_assert_int_eq(fut_exception(f, 0, &e), FUT_OK);
	ck_assert_ptr_null(e);
	ck_assert(fut_done(f) && !fut_running(f) && !fut_cancelled(f));
	fut_future_unref(f);

	f = submit("echo", "");
	must_be(f, "");
	fut_future_unref(f);
	f = submit_on(x, "echo", "a\0b\xff", 4);
	must_be_at(f, "a\0b\xff", 4, __FILE__, __LINE__);
	fut_future_unref(f);
	f = submit("noop", "ignored");
	must_be(f, "");
	fut_future_unref(f);
	stop();
}
END_TEST

struct waiting {
	pthread_t thread;
	fut_future *f;
	fut_status status;
	fut_bytes value;
};

static void *wait_result(void *arg)
{
	struct waiting *w = arg;

	w->status = fut_result(w->f, PATIENCE_US, &w->value, NULL);
	return NULL;
}

START_TEST(test_many_threads_wait)
{
	struct waiting w[8];

	start(_i, 1);
	fut_future *f = submit("gate", gate);
	for (size_t i = 0; i < ARRAY_LEN(w); i++) {
		w[i].f = f;
		ck_assert_int_eq(pthread_create(&w[i].thread, NULL, wait_result, &w[i]), 0);
	}
	wait_running(f);
	tfile_touch(gate);
	for (size_t i = 0; i < ARRAY_LEN(w); i++) {
		pthread_join(w[i].thread, NULL);
		ck_assert_int_eq(w[i].status, FUT_OK);
		ck_assert_uint_eq(w[i].value.len, 4);
		ck_assert_ptr_eq(w[i].value.data, w[0].value.data);
	}
	fut_future_unref(f);
	stop();
}
END_TEST

/* A wait that timed out is not a task that failed for its own timeout. */
START_TEST(test_timeouts)
{
	fut_bytes value;
	fut_error *e;

	start(_i, 1);
	fut_future *f = submit("gate", gate);
	uint64_t since_us = td_now_us();
	ck_assert_int_eq(fut_result(f, 0, &value, NULL), FUT_TIMEOUT);
	ck_assert_int_eq(fut_result(f, 30 * MS, &value, &e), FUT_TIMEOUT);
	ck_assert_uint_ge(td_now_us() - since_us, 30 * MS);
	ck_assert_int_eq(fut_error_status(e), FUT_TIMEOUT);
	ck_assert_int_eq(fut_status_family(FUT_TIMEOUT), FUT_FAMILY_CALLER);
	fut_error_unref(e);
	ck_assert_int_eq(fut_exception(f, 0, &e), FUT_TIMEOUT);
	ck_assert_int_eq(fut_exception(f, 1 * MS, &e), FUT_TIMEOUT);
	ck_assert(!fut_done(f));
	/* It ended the wait, not the job. */
	tfile_touch(gate);
	must_be(f, "open");
	fut_future_unref(f);

	f = submit("fail", "TIMEOUT|the task's own");
	e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "TIMEOUT");
	ck_assert_int_eq(fut_status_family(fut_error_status(e)), FUT_FAMILY_TASK);
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

static void must_be_described(const fut_future *f, const char *expected)
{
	char text[80];

	ck_assert_uint_eq(fut_describe(f, text, sizeof text), strlen(expected));
	ck_assert_str_eq(text, expected);
}

START_TEST(test_states)
{
	fut_snapshot s;

	start(_i, 1);
	warm(); /* so that the second one is put behind the first in the slot */
	fut_future *f = submit("gate", gate), *behind = submit("echo", "b");
	wait_running(f);
	ck_assert(fut_running(f) && !fut_done(f) && !fut_cancelled(f));
	/* Lying ready in a slot is not running. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	ck_assert(!fut_running(behind) && !fut_done(behind) && !fut_cancelled(behind));
	must_be_described(f, "running");
	must_be_described(behind, "pending");
	ck_assert_int_eq(fut_cancel(behind, PATIENCE_US, NULL), FUT_OK);
	ck_assert(!fut_running(behind) && fut_done(behind) && fut_cancelled(behind));
	tfile_touch(gate);
	must_be(f, "open");
	ck_assert(!fut_running(f) && fut_done(f) && !fut_cancelled(f));
	fut_future *bad = submit("fail", "E|m");
	must_fail_(bad, FUT_TASK_FAILED);
	ck_assert(!fut_running(bad) && fut_done(bad) && !fut_cancelled(bad));
	must_be_described(f, "finished with 4 bytes");
	must_be_described(behind, "cancelled");
	must_be_described(bad, "failed: TASK_FAILED: m");
	ck_assert_int_eq(fut_poll(bad, &s), FUT_OK);
	ck_assert(s.done && !s.running && !s.cancelled && s.attempt == 1);
	ck_assert_int_eq(s.status, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(s.error), "E");
	unref_all((fut_future *[]){f, behind, bad}, 3);
	stop();
}
END_TEST

/* ---- errors ------------------------------------------------------------- */

START_TEST(test_task_error)
{
	static const char payload[] = "ValueError|it is wrong|det\0ails|\xff";
	fut_error *again, *same;
	fut_bytes value;

	start(_i, 1);
	fut_future *f = submit_on(x, "fail", payload, sizeof payload - 1);
	fut_error *e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "ValueError");
	ck_assert_str_eq(fut_error_message(e), "it is wrong");
	fut_bytes details = fut_error_details(e);
	ck_assert_uint_eq(details.len, 10);
	ck_assert_mem_eq(details.data, "det\0ails|\xff", 10);
	/* Where the task failed; the line may move. */
	const char *traceback = fut_error_traceback(e);
	ck_assert_ptr_nonnull(strstr(traceback, "crash.c:"));
	ck_assert_ptr_nonnull(strstr(traceback, ": fail\n"));
	ck_assert_ptr_nonnull(fut_error_hint(e));
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_YES);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEW_JOB);
	ck_assert_uint_eq(fut_error_attempt(e), 1);
	ck_assert_ptr_null(fut_error_death(e));
	/* The very same error each time; and it outlives its future. */
	ck_assert_int_eq(fut_result(f, 0, &value, &again), FUT_TASK_FAILED);
	ck_assert_int_eq(fut_exception(f, 0, &same), FUT_OK);
	ck_assert_ptr_eq(e, again);
	ck_assert_ptr_eq(e, same);
	fut_error_unref(again);
	fut_error_unref(same);
	fut_future_unref(f);
	ck_assert_str_eq(fut_error_message(e), "it is wrong");
	fut_error_unref(e);

	/* An error of nothing is an error. */
	f = submit("fail", "");
	e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "TaskError");
	ck_assert_uint_eq(fut_error_details(e).len, 0);
	fut_error_unref(e);
	fut_future_unref(f);
	f = submit("square", "two");
	e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "ValueError");
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

static const struct crash {
	const char *task, *payload;
	int signal, exit_code;
	const char *stderr_tail;
} crashes[] = {
	{"segv", "", SIGSEGV, -1, "about to crash\n"},
	{"abort", "", SIGABRT, -1, NULL},
	{"kill_self", "", SIGKILL, -1, NULL},
	{"exit", "7", 0, 7, NULL},
	{"exit", "0", 0, 0, NULL},
};

START_TEST(test_death)
{
	start(_i, 1);
	for (size_t i = 0; i < ARRAY_LEN(crashes); i++) {
		const struct crash *c = &crashes[i];
		long pid = ask_number("pid");
		fut_future *f = submit(c->task, c->payload), *next = submit("echo", "goes on");
		fut_error *e = must_fail(f, FUT_HOST_DIED);
		const fut_death *death = fut_error_death(e);

		ck_assert_str_eq(fut_error_type(e), "HOST_DIED");
		ck_assert_int_eq(fut_status_family(FUT_HOST_DIED), FUT_FAMILY_SYSTEM);
		ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
		ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEW_JOB);
		ck_assert_uint_eq(fut_error_attempt(e), 1);
		ck_assert_uint_gt(strlen(fut_error_detail(e)), 0);
		ck_assert_ptr_nonnull(death);
		ck_assert_int_eq(death->pid, pid);
		ck_assert_int_eq(death->signal, c->signal);
		ck_assert_int_eq(death->exit_code, c->exit_code);
		ck_assert(!death->out_of_memory);
		ck_assert_uint_gt(death->max_rss_bytes, 0);
		if (c->stderr_tail) {
			ck_assert_uint_eq(death->stderr_tail.len, strlen(c->stderr_tail));
			ck_assert_mem_eq(death->stderr_tail.data, c->stderr_tail,
					 death->stderr_tail.len);
		}
		fut_error_unref(e);
		must_be(next, "goes on");
		unref_all((fut_future *[]){f, next}, 2);
	}
	stop();
}
END_TEST

START_TEST(test_refusals)
{
	fut_executor *none;
	fut_error *e;
	char url[160];

	start(_i, 1);
	fut_future *f = submit("no_such_task", "");
	e = must_fail(f, FUT_UNKNOWN_TASK);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEVER);
	ck_assert_uint_eq(fut_error_attempt(e), 0);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "no_such_task"));
	fut_error_unref(e);
	fut_future_unref(f);

	snprintf(url, sizeof url, "%s?pool=nobody", url_of(_i));
	ck_assert_int_eq(fut_executor_open(url, &none, &e), FUT_UNKNOWN_POOL);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "nobody"));
	fut_error_unref(e);
	snprintf(url, sizeof url, "unix:%s/nobody.sock", d->dir);
	ck_assert_int_eq(fut_executor_open(url, &none, NULL), FUT_CONNECT_FAILED);
	ck_assert_int_eq(fut_submit(x, "no name", "", 0, &f, NULL), FUT_INVALID);
	stop();
}
END_TEST

/* What is too big is refused here, before a byte is sent, or told by the daemon. */
START_TEST(test_too_big)
{
	enum { LIMIT = 64 * 1024 };
	char *bytes = calloc(1, LIMIT + 1);
	fut_future *f = NULL;
	fut_error *e;

	start_with(_i, 1, "max_payload = 64K\nmax_result = 64K\n", "");
	memset(bytes, 'a', LIMIT);
	ck_assert_int_eq(fut_submit(x, "echo", bytes, LIMIT + 1, &f, &e), FUT_PAYLOAD_TOO_BIG);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "65536"));
	fut_error_unref(e);
	f = submit_on(x, "echo", bytes, LIMIT);
	must_be(f, bytes);
	fut_future_unref(f);
	f = submit("big", "65537");
	e = must_fail(f, FUT_RESULT_TOO_BIG);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_YES);
	fut_error_unref(e);
	fut_future_unref(f);
	f = submit("echo", "goes on");
	must_be(f, "goes on");
	fut_future_unref(f);
	free(bytes);
	stop();
}
END_TEST

/* The session's window is full: known here. The pool's queue is: the daemon's answer. */
START_TEST(test_busy)
{
	fut_future *f[4], *none = NULL;
	fut_error *e;

	start_with(_i, 1, "max_inflight = 4\n", "  queue = 2\n");
	f[0] = submit("gate", gate);
	wait_running(f[0]);
	f[1] = submit("echo", "1");
	f[2] = submit("echo", "2");
	f[3] = submit("echo", "3");
	e = must_fail(f[3], FUT_BUSY);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_LATER);
	fut_error_unref(e);
	fut_future_unref(f[3]);
	/* Its place is free again. */
	f[3] = submit("no_such_task", "");
	must_fail_(f[3], FUT_UNKNOWN_TASK);
	fut_future_unref(f[3]);

	/* A place is taken until the answer is here, and no answer comes to a stopped daemon. */
	tdaemon_signal(d, SIGSTOP);
	f[3] = submit("echo", "4");
	ck_assert_int_eq(fut_submit(x, "echo", "", 0, &none, &e), FUT_BUSY);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	tdaemon_signal(d, SIGCONT);
	must_fail_(f[3], FUT_BUSY);
	tfile_touch(gate);
	must_be(f[0], "open");
	must_be(f[1], "1");
	must_be(f[2], "2");
	unref_all(f, 4);
	stop();
}
END_TEST

START_TEST(test_8_mib)
{
	enum { LEN = 8 * 1024 * 1024, AT_ONCE = 3 };
	uint8_t *bytes = malloc(LEN);
	struct rng rng = rng_of_run();
	fut_future *f[AT_ONCE];

	start(_i, 2);
	rng_fill(&rng, bytes, LEN);
	for (int i = 0; i < AT_ONCE; i++) {
		bytes[0] = (uint8_t)i;
		f[i] = submit_on(x, "echo", bytes, LEN);
	}
	for (int i = 0; i < AT_ONCE; i++) {
		bytes[0] = (uint8_t)i;
		must_be_at(f[i], bytes, LEN, __FILE__, __LINE__);
	}
	unref_all(f, AT_ONCE);
	f[0] = submit("echo", "small");
	must_be(f[0], "small");
	fut_future_unref(f[0]);
	free(bytes);
	stop();
}
END_TEST

/* Fewer under a sanitizer: they make each job some twenty times slower. */
static int many(void)
{
	return td_is_sanitized() ? 20000 : 200000;
}

START_TEST(test_200000)
{
	int n = many();
	fut_future **f = calloc((size_t)n, sizeof(fut_future *));

	start(_i, 2);
	for (int i = 0; i < n; i++)
		f[i] = submit("noop", "");
	for (int i = 0; i < n; i++) {
		fut_bytes value;
		must(fut_result(f[i], PATIENCE_US, &value, NULL) == FUT_OK && value.len == 0);
		fut_future_unref(f[i]);
	}
	free(f);
	stop();
}
END_TEST

/* ---- names and questions ------------------------------------------------ */

/* A job's name begins with the number by which the daemon knows the session. */
START_TEST(test_job_name)
{
	char number[24], expected[48], name[48];

	start(_i, 1);
	fut_executor *second = open_url(d->unix_url, "p");
	ck_assert(tdaemon_log_value(d, "event=session.hello", "session", number, sizeof number));
	fut_future *f = submit("echo", "a"), *other = submit_on(second, "echo", "b", 1);
	snprintf(expected, sizeof expected, "%s-0-1", number);
	ck_assert_uint_eq(fut_job_name(f, name, sizeof name), strlen(expected));
	ck_assert_str_eq(name, expected);
	(void)fut_job_name(other, expected, sizeof expected);
	ck_assert_str_ne(name, expected);
	must_be(f, "a");
	must_be(other, "b");
	unref_all((fut_future *[]){f, other}, 2);
	close_executor(second);
	stop();
}
END_TEST

START_TEST(test_ask)
{
	char *status = NULL, *asked = NULL;

	start(_i, 1);
	ck_assert_int_eq(fut_executor_status(x, PATIENCE_US, &status), FUT_OK);
	ck_assert_int_eq(fut_executor_ask(x, "status", NULL, PATIENCE_US, &asked), FUT_OK);
	ck_assert_ptr_nonnull(strstr(status, "\"pools\""));
	/* They differ in what has changed meanwhile, but begin alike. */
	ck_assert_mem_eq(asked, status, strcspn(status, ","));
	free(status);
	free(asked);
	asked = NULL;
	ck_assert_int_eq(fut_executor_ask(x, "the_weather", "here", PATIENCE_US, &asked),
			 FUT_UNSUPPORTED);
	ck_assert_ptr_null(asked);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("futures");
	TCase *tc = trun_case(s, "results");

	tcase_add_loop_test(tc, test_result, 0, WAYS);
	tcase_add_loop_test(tc, test_many_threads_wait, 0, WAYS);
	tcase_add_loop_test(tc, test_timeouts, 0, WAYS);
	tcase_add_loop_test(tc, test_states, 0, WAYS);
	tcase_add_loop_test(tc, test_8_mib, 0, WAYS);
	tc = trun_case(s, "errors");
	tcase_add_loop_test(tc, test_task_error, 0, WAYS);
	tcase_add_loop_test(tc, test_death, 0, WAYS);
	tcase_add_loop_test(tc, test_refusals, 0, WAYS);
	tcase_add_loop_test(tc, test_too_big, 0, WAYS);
	tcase_add_loop_test(tc, test_busy, 0, WAYS);
	tc = trun_case(s, "many");
	tcase_add_loop_test(tc, test_200000, 0, WAYS);
	tc = trun_case(s, "questions");
	tcase_add_loop_test(tc, test_job_name, 0, WAYS);
	tcase_add_loop_test(tc, test_ask, 0, WAYS);
	return s;
}
