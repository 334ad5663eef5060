/*
 * Jobs that may run twice: how often they do, after which pause, and how each of them ends.
 */
#include "tests/integ/plan.h"
#include "tests/lib/twire.h"

#include <signal.h>

/* ---- how often ---------------------------------------------------------- */

static const struct course {
	const char *words;
	unsigned crashes, errors;
	fut_status status;
	unsigned runs;
} courses[] = {
	{"d d v", 2, 0, FUT_OK, 3},
	{"f f v", 0, 2, FUT_OK, 3},
	{"d f d f v", 2, 2, FUT_OK, 5},
	{"v", 2, 2, FUT_OK, 1},
	/* Counted apart: what is left of the one is of no use to the other. */
	{"d d v", 1, 100, FUT_QUARANTINED, 2},
	{"f f v", 100, 1, FUT_TASK_FAILED, 2},
	{"d v", 0, 100, FUT_HOST_DIED, 1},
	{"f v", 100, 0, FUT_TASK_FAILED, 1},
	{"f d f v", 1, 1, FUT_TASK_FAILED, 3},
	{"d f d v", 1, 1, FUT_QUARANTINED, 3},
};

enum { COURSES = ARRAY_LEN(courses) };

START_TEST(test_course)
{
	const struct course *c = &courses[_i / WAYS];
	char runs[4];

	start_planned(_i % WAYS, 1);
	fut_future *f = plan(c->words, .crashes = c->crashes, .errors = c->errors);
	snprintf(runs, sizeof runs, "%u", c->runs);
	if (c->status == FUT_OK) {
		must_be(f, runs); /* the task knows its attempt */
	} else {
		fut_error *e = must_fail(f, c->status);
		ck_assert_uint_eq(fut_error_attempt(e), c->runs);
		fut_error_unref(e);
	}
	ck_assert_uint_eq(tfile_lines(mark), c->runs);
	ck_assert(!fut_running(f));
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(test_many_times)
{
	char words[256] = "";

	start_planned(_i, 1);
	for (int i = 0; i < 100; i++)
		strcat(words, "f ");
	strcat(words, "v");
	fut_future *f = plan(words, .errors = 1000); /* a hundred count */
	must_be(f, "1");                             /* the last digit of 101 */
	ck_assert_uint_eq(tfile_lines(mark), 101);
	fut_future_unref(f);
	stop();
}
END_TEST

/* Who killed its host as often as it may is not let near another one. */
START_TEST(test_quarantine)
{
	char lists[80];

	start_planned(_i, 1);
	fut_future *f = plan("d", .crashes = 2);
	fut_error *e = must_fail(f, FUT_QUARANTINED);
	ck_assert_int_eq(fut_status_family(fut_error_status(e)), FUT_FAMILY_SYSTEM);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEVER);
	ck_assert_uint_eq(fut_error_attempt(e), 3);
	const fut_death *death = fut_error_death(e);
	ck_assert_ptr_nonnull(death);
	ck_assert_int_eq(death->signal, SIGKILL);
	snprintf(lists, sizeof lists, "3 processes died under it: %d, ", (int)death->pid);
	ck_assert_msg(strstr(fut_error_detail(e), lists) == fut_error_detail(e), "'%s'",
		      fut_error_detail(e));
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "ended by signal 9 (SIGKILL)"));
	ck_assert_uint_eq(tdaemon_log_count(d, "event=job.quarantined pool=p task=plan deaths=3"),
			  1);
	fut_error_unref(e);
	fut_future_unref(f);
	/* Others go on. */
	f = submit("echo", "healed");
	must_be(f, "healed");
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(test_many_deaths)
{
	int32_t pids[9];

	start_planned(PROCESSES, 1);
	fut_future *f = plan("d", .crashes = 9);
	fut_error *e = must_fail(f, FUT_QUARANTINED);
	const char *list = strstr(fut_error_detail(e), ": ");
	ck_assert_ptr_nonnull(list);
	ck_assert_int_eq(sscanf(list, ": %d, %d, %d, %d, %d, %d, %d, %d ...%d", &pids[0], &pids[1],
				&pids[2], &pids[3], &pids[4], &pids[5], &pids[6], &pids[7],
				&pids[8]),
			 8);
	ck_assert_ptr_nonnull(strstr(list, " ...; process "));
	ck_assert_int_eq(pids[0], fut_error_death(e)->pid);
	for (int i = 1; i < 8; i++)
		ck_assert_int_ne(pids[i], pids[i - 1]);
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

/* The daemon ends the process for another job's sake: that costs an attempt, but nobody is
 * blamed for it. */
START_TEST(test_beside_a_job_over_its_limit)
{
	char other[96];

	start_planned(0, 3);
	tdaemon_path(d, "other", other, sizeof other);
	fut_future *f = plan("w", .crashes = 1);
	fut_future *g = plan_at(other, "wv", &(struct again){.crashes = 2});
	for (unsigned round = 1; round <= 2; round++) {
		twait_until(d, tfile_lines(mark) == round && tfile_lines(other) == round);
		fut_future *h = submit_limited("hang", "", run_limit, 50 * MS);
		must_fail_(h, FUT_RUN_LIMIT);
		fut_future_unref(h);
	}
	must_fail_(f, FUT_HOST_DIED);
	let_go(other);
	must_be(g, "3");
	ck_assert_uint_eq(tfile_lines(mark), 2);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=job.quarantined"), 0);
	fut_future_unref(f);
	fut_future_unref(g);
	stop();
}
END_TEST

/* All items of a chunk run again when its process dies, and none because one of them failed. */
static const char *const items[] = {"a v", "b d e v", "c f"};

static bool next_item(void *arg, fut_bytes *ret)
{
	static char payload[128];
	size_t *n = arg;

	if (*n == ARRAY_LEN(items))
		return false;
	int len = snprintf(payload, sizeof payload, "%s.%s", mark, items[(*n)++]);
	*ret = (fut_bytes){payload, (size_t)len};
	return true;
}

START_TEST(test_chunk_of_a_map)
{
	const fut_map_options options = {.chunksize = 3};
	static const unsigned lines[] = {2, 2, 1};
	fut_map_item item;
	fut_map *m;
	size_t n = 0;

	start_planned(_i, 1);
	fut_job *job = job_of("plan", &(struct again){.crashes = 1, .errors = 5});
	ck_assert_int_eq(fut_map_open(x, job, next_item, &n, &options, &m, NULL), FUT_OK);
	fut_job_free(job);
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		char path[128];
		snprintf(path, sizeof path, "%s.%c", mark, 'a' + (int)i);
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert_int_eq(item.status, i == 2 ? FUT_TASK_FAILED : FUT_OK);
		if (i == 0)
			ck_assert_mem_eq(item.value.data, "2", 1);
		ck_assert_uint_eq(tfile_lines(path), lines[i]);
	}
	ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_END);
	fut_map_close(m);
	stop();
}
END_TEST

/* ---- the pause ---------------------------------------------------------- */

/* It takes no slot: in a pool that has but one, others run meanwhile. */
START_TEST(test_nobody_waits_for_it)
{
	enum { N = 200 };
	fut_future *f[N];

	start_planned(_i, 1);
	fut_future *slow = plan("d", .crashes = 5, .pause_us = LONG);
	fut_future *failing = plan("f", .errors = 5, .pause_us = LONG);
	twait_until(d, tfile_lines(mark) >= 1 + 1);
	for (int i = 0; i < N; i++)
		f[i] = submit("echo", "meanwhile");
	for (int i = 0; i < N; i++)
		must_be(f[i], "meanwhile");
	char *status = NULL;
	ck_assert_int_eq(fut_executor_status(x, PATIENCE_US, &status), FUT_OK);
	ck_assert_ptr_nonnull(strstr(status, "\"queued\":0,\"retrying\":2,\"running\":0"));
	free(status);
	ck_assert(!fut_done(slow));
	twait_until(d, !fut_running(slow));
	ck_assert(!fut_done(failing));
	unref_all(f, N);
	must_cancel(slow, FUT_VERDICT_TOO_LATE);
	must_cancel(failing, FUT_VERDICT_TOO_LATE);
	fut_future_unref(slow);
	fut_future_unref(failing);
	stop();
}
END_TEST

/* Half of it at least, and doubled. */
START_TEST(test_pause_lengths)
{
	start_planned(_i, 1);
	uint64_t since_us = td_now_us();
	fut_future *f = plan("f d f v", .crashes = 1, .errors = 2, .pause_us = 40 * MS);
	must_be(f, "4");
	uint64_t took_us = td_now_us() - since_us;
	ck_assert_uint_ge(took_us, (20 + 40 + 80) * MS);
	ck_assert_uint_lt(took_us, 20 * SECOND);
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- its end between two attempts --------------------------------------- */

/* Cancel, stop, kill: none of them finds a job that never ran. */
START_TEST(test_verdict_between_attempts)
{
	fut_status (*const ask[])(fut_future *, int64_t, fut_verdict *) = {fut_cancel, fut_stop,
									   fut_kill};
	bool dies = _i / WAYS % 2;
	fut_verdict v;
	fut_bytes value;

	start_planned(_i % WAYS, 1);
	fut_future *f = plan(dies ? "wd" : "wf", .crashes = 5, .errors = 5, .pause_us = LONG);
	wait_running(f);
	let_go(mark);
	twait_until(d, !fut_running(f));
	ck_assert_int_eq(fut_result(f, 0, &value, NULL), FUT_TIMEOUT);
	ck_assert_int_eq(ask[_i / WAYS / 2](f, PATIENCE_US, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_TOO_LATE);
	fut_error *e = must_fail(f, dies ? FUT_HOST_DIED : FUT_TASK_FAILED);
	ck_assert_uint_eq(fut_error_attempt(e), 1);
	ck_assert(!fut_cancelled(f));
	if (dies) {
		ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
		ck_assert_int_eq(fut_error_death(e)->signal, SIGKILL);
	} else {
		ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_YES);
		ck_assert_str_eq(fut_error_type(e), "Planned");
		ck_assert_mem_eq(fut_error_details(e).data, "1", 1);
	}
	fut_error_unref(e);
	fut_future_unref(f);
	f = submit("echo", "next");
	must_be(f, "next");
	ck_assert_uint_eq(tfile_lines(mark), 1);
	fut_future_unref(f);
	stop();
}
END_TEST

/* The same for one that is queued again, or placed ahead, behind a long job. */
START_TEST(test_cancel_when_queued_again)
{
	start_planned(_i, 1);
	fut_future *f = plan("wf", .errors = 5);
	wait_running(f);
	fut_future *g = submit("gate", gate);
	/* It is in the queue before the other one comes back to it. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	let_go(mark);
	wait_running(g);
	must_cancel(f, FUT_VERDICT_TOO_LATE);
	must_fail_(f, FUT_TASK_FAILED);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	tfile_touch(gate);
	must_be(g, "open");
	fut_future_unref(f);
	fut_future_unref(g);
	stop();
}
END_TEST

START_TEST(test_shutdown_ends_it)
{
	start_planned(_i, 1);
	fut_future *f = plan("f", .errors = 5, .pause_us = LONG);
	twait_until(d, tfile_lines(mark) == 1);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, PATIENCE_US), FUT_OK);
	must_fail_(f, FUT_TASK_FAILED);
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(test_deadline_between_attempts)
{
	start_planned(_i, 1);
	uint64_t since_us = td_now_us();
	fut_future *f = plan("f", .errors = 5, .pause_us = LONG, .deadline_us = 300 * MS);
	fut_error *e = must_fail(f, FUT_DEADLINE);
	uint64_t took_us = td_now_us() - since_us;
	ck_assert_uint_ge(took_us, 300 * MS);
	ck_assert_uint_lt(took_us, LONG / 2);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEVER);
	ck_assert_uint_eq(fut_error_attempt(e), 1);
	ck_assert_str_eq(fut_error_detail(e), "it ran before: attempt 1 ended with TASK_FAILED");
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(test_drain_between_attempts)
{
	start_planned(_i, 1);
	fut_future *f = plan("wd", .crashes = 5, .pause_us = LONG);
	wait_running(f);
	let_go(mark);
	twait_until(d, !fut_running(f));
	tdaemon_signal(d, SIGTERM);
	fut_error *e = must_fail(f, FUT_DRAINING);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEW_JOB);
	fut_error_unref(e);
	fut_future_unref(f);
	close_executor(x);
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	tdaemon_forget(d);
}
END_TEST

/* One that fails while the daemon drains is not kept: its failure is its end. */
START_TEST(test_failure_while_draining)
{
	bool dies = _i / WAYS;

	start_planned(_i % WAYS, 1);
	fut_future *f = plan(dies ? "wd" : "wf", .crashes = 5, .errors = 5);
	wait_running(f);
	tdaemon_signal(d, SIGTERM);
	tdaemon_wait_log(d, "event=daemon.drain");
	let_go(mark);
	must_fail_(f, dies ? FUT_HOST_DIED : FUT_TASK_FAILED);
	fut_future_unref(f);
	close_executor(x);
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	tdaemon_forget(d);
}
END_TEST

/* What waits goes with its session. */
START_TEST(test_session_ends_between_attempts)
{
	char payload[128];

	start_planned(_i, 1);
	close_executor(x);
	x = NULL;
	struct tw *w = tw_open(d->unix_url, "p");
	snprintf(payload, sizeof payload, "%s f", mark);
	tw_submit_limits(w, 0, "plan", payload, .error_retries = 5, .retry_pause_us = LONG,
			 .deadline_us = LONG);
	twait_until(d, (tw_pump(w, 0), tw_job(w, 0)->nrestarts == 1));
	tw_close(w);
	tdaemon_wait_log(d, "event=session.close jobs_dropped=1");
	w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "echo", "others stay");
	tw_expect_value(w, 0, "others stay");
	tw_close(w);
	tdaemon_stop(d); /* at once: nothing waits */
}
END_TEST

START_TEST(test_task_gone_between_attempts)
{
	char text[300];

	start_planned(_i, 1);
	fut_future *f = plan("f", .errors = 100, .pause_us = 300 * MS);
	twait_until(d, tfile_lines(mark) == 1);
	snprintf(text, sizeof text, plan_config, kind_of(_i), 1u, "testmod_crash");
	tdaemon_configure(d, text);
	tdaemon_signal(d, SIGHUP);
	fut_error *e = must_fail(f, FUT_UNKNOWN_TASK);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	ck_assert_uint_ge(fut_error_attempt(e), 1);
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("retries");
	TCase *tc = trun_case(s, "how often");

	tcase_add_loop_test(tc, test_course, 0, COURSES * WAYS);
	tcase_add_loop_test(tc, test_many_times, 0, WAYS);
	tcase_add_loop_test(tc, test_quarantine, 0, WAYS);
	tcase_add_test(tc, test_many_deaths);
	tcase_add_test(tc, test_beside_a_job_over_its_limit);
	tcase_add_loop_test(tc, test_chunk_of_a_map, 0, KINDS);
	tc = trun_case(s, "the pause");
	tcase_add_loop_test(tc, test_nobody_waits_for_it, 0, KINDS);
	tcase_add_loop_test(tc, test_pause_lengths, 0, KINDS);
	tc = trun_case(s, "between attempts");
	tcase_add_loop_test(tc, test_verdict_between_attempts, 0, 3 * 2 * WAYS);
	tcase_add_loop_test(tc, test_cancel_when_queued_again, 0, KINDS);
	tcase_add_loop_test(tc, test_shutdown_ends_it, 0, KINDS);
	tcase_add_loop_test(tc, test_deadline_between_attempts, 0, WAYS);
	tcase_add_loop_test(tc, test_drain_between_attempts, 0, WAYS);
	tcase_add_loop_test(tc, test_failure_while_draining, 0, 2 * WAYS);
	tcase_add_loop_test(tc, test_session_ends_between_attempts, 0, KINDS);
	tcase_add_loop_test(tc, test_task_gone_between_attempts, 0, KINDS);
	return s;
}
