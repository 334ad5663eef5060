/*
 * Each attempt at a job for itself: its limits, what it may not be run again for, and what it
 * leaves to the next one.
 */
#include "tests/integ/plan.h"
#include "tests/lib/twire.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

/* ---- limits ------------------------------------------------------------- */

/* For the first start only: an attempt that comes later is not too late for it. */
START_TEST(test_queue_limit)
{
	start_planned(_i, 1);
	fut_future *f = plan("f v", .errors = 1, .pause_us = 400 * MS, .queue_limit_us = 150 * MS);
	must_be(f, "2");
	fut_future_unref(f);
	stop();
}
END_TEST

/* Each attempt naps for 0.3 s: more together than the limit. */
START_TEST(test_run_limit_of_each_attempt)
{
	start_planned(_i, 1);
	uint64_t limit_us = (td_is_sanitized() ? 2000 : 700) * MS;
	fut_future *f =
		plan("sf sd sf sd sf sd sv", .crashes = 3, .errors = 3, .run_limit_us = limit_us);
	must_be(f, "7");
	fut_future_unref(f);
	stop();
}
END_TEST

/* What ends a job on purpose ends it. */
START_TEST(test_limit_is_no_failure)
{
	start_planned(_i, 1);
	fut_future *f = plan("w", .crashes = 5, .errors = 5, .run_limit_us = 100 * MS);
	must_fail_(f, FUT_RUN_LIMIT);
	fut_future *g = plan("v", .crashes = 5); /* a second line, when all is settled */
	must_be(g, "1");
	ck_assert_uint_eq(tfile_lines(mark), 2);
	fut_future_unref(f);
	fut_future_unref(g);
	stop();
}
END_TEST

START_TEST(test_stopped_is_not_run_again)
{
	fut_verdict v;

	start_planned(_i, 1);
	fut_future *f = plan("w", .crashes = 5, .errors = 5);
	wait_running(f);
	ck_assert_int_eq(fut_stop(f, PATIENCE_US, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_STOP_REQUESTED);
	fut_error *e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "Stopped");
	fut_error_unref(e);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	fut_future_unref(f);
	/* A death after the request is no reason either. */
	f = plan_at(gate, "w", &(struct again){.crashes = 5, .errors = 5});
	wait_running(f);
	ck_assert_int_eq(fut_kill(f, PATIENCE_US, &v), FUT_OK);
	ck_assert_int_eq(v, _i & PROCESSES ? FUT_VERDICT_KILLED : FUT_VERDICT_STOP_REQUESTED);
	must_fail_(f, _i & PROCESSES ? FUT_KILLED : FUT_TASK_FAILED);
	ck_assert_uint_eq(tfile_lines(gate), 1);
	fut_future_unref(f);
	stop();
}
END_TEST

/* A cancel of what runs is too late for that, but not for the attempts that would follow. */
START_TEST(test_cancelled_is_not_run_again)
{
	start_planned(_i, 1);
	fut_future *f = plan("wf v", .errors = 1);
	wait_running(f);
	must_cancel(f, FUT_VERDICT_TOO_LATE);
	ck_assert(!fut_done(f));
	let_go(mark);
	fut_error *e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "Planned");
	fut_error_unref(e);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- what an attempt leaves behind -------------------------------------- */

START_TEST(test_chunks_are_one_attempts)
{
	fut_progress_info p;
	fut_bytes chunk;

	start_planned(_i, 1);
	fut_future *f = plan("epeewd eeb", .crashes = 1);
	ck_assert_int_eq(fut_next_chunk(f, PATIENCE_US, &chunk), FUT_OK);
	ck_assert_mem_eq(chunk.data, "1", 1);
	wait_running(f);
	let_go(mark);
	fut_bytes value;
	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, NULL), FUT_OK);
	ck_assert_uint_eq(value.len, 3 * 1000 * 1000);
	for (size_t i = 0; i < value.len; i++)
		must(((const char *)value.data)[i] == '2');
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fut_next_chunk(f, PATIENCE_US, &chunk), FUT_OK);
		ck_assert_mem_eq(chunk.data, "2", 1);
	}
	ck_assert_int_eq(fut_next_chunk(f, PATIENCE_US, &chunk), FUT_END);
	ck_assert_int_eq(fut_progress(f, &p), FUT_OK);
	ck_assert_uint_eq(p.reports, 1); /* the first attempt's: it stays until there is another */
	ck_assert_uint_eq(p.done, 1);
	fut_future_unref(f);
	stop();
}
END_TEST

/* Each attempt has its own start, and its client is told of both. */
START_TEST(test_wire)
{
	char payload[128];

	start_planned(_i, 1);
	close_executor(x);
	x = NULL;
	struct tw *w = tw_open(d->unix_url, "p");
	snprintf(payload, sizeof payload, "%s wf w", mark);
	tw_submit_limits(w, 0, "plan", payload, .error_retries = 1);
	tw_wait_started(w, 0);
	ck_assert_uint_eq(tw_job(w, 0)->nrestarts, 0);
	let_go(mark);
	struct tw_job *j = tw_expect_status(w, 0, FUT_OK);
	ck_assert_uint_eq(j->nrestarts, 1);
	ck_assert_uint_eq(j->attempt, 2);
	/* One that never ran is removed as always. */
	tw_submit(w, 1, "gate", gate);
	tw_wait_started(w, 1);
	tw_submit_limits(w, 2, "plan", payload, .error_retries = 1, .crash_retries = 1);
	ck_assert_int_eq(tw_cancel(w, 2, CANCEL_STOP), FUT_VERDICT_REMOVED);
	ck_assert(!tw_job(w, 2)->answered);
	tfile_touch(gate);
	tw_expect_value(w, 1, "open");
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* ---- a storm ------------------------------------------------------------ */

static _Atomic bool storm_over;
static unsigned kills;

static void *kill_hosts(void *arg)
{
	struct rng *r = arg;
	pid_t hosts[8];

	while (!storm_over && kills < 60) {
		struct timespec pause = {.tv_nsec = (long)(5 + rng_below(r, 20)) * MS * 1000};
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		unsigned n = tdaemon_hosts(d, "p", hosts, ARRAY_LEN(hosts));
		if (n > 0 && kill(hosts[rng_below(r, n)], SIGKILL) == 0)
			kills++;
	}
	return NULL;
}

/* Hosts die at random, and no job does: each value is whole, and one attempt's. */
START_TEST(test_storm)
{
	enum { N = 400 };
	struct rng r = rng_of(seed_get() + (uint64_t)_i);
	fut_future *f[N];
	pthread_t thread;
	unsigned again = 0;

	start_planned(_i, 4);
	storm_over = false;
	kills = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, kill_hosts, &r), 0);
	for (int i = 0; i < N; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s.%d", mark, i);
		f[i] = plan_at(path, i % 4 ? "eev" : "eb",
			       &(struct again){.crashes = 100, .pause_us = i % 2 ? 1000 : 0});
	}
	for (int i = 0; i < N; i++) {
		fut_bytes value, chunk;
		ck_assert_int_eq(fut_result(f[i], 3 * PATIENCE_US, &value, NULL), FUT_OK);
		const char *p = value.data;
		ck_assert_uint_eq(value.len, i % 4 ? 1 : 3 * 1000 * 1000);
		for (size_t k = 0; k < value.len; k++)
			must(p[k] == p[0]);
		for (int k = 0; k < (i % 4 ? 2 : 1); k++) {
			ck_assert_int_eq(fut_next_chunk(f[i], 0, &chunk), FUT_OK);
			ck_assert_mem_eq(chunk.data, p, 1);
		}
		ck_assert_int_eq(fut_next_chunk(f[i], 0, &chunk), FUT_END);
		again += p[0] != '1';
	}
	storm_over = true;
	pthread_join(thread, NULL);
	printf("# %s: %u hosts killed, %u of %d jobs ran again\n", kind_of(_i), kills, again, N);
	fflush(stdout);
	ck_assert_uint_gt(again, 0);
	unref_all(f, N);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("attempts");
	TCase *tc = trun_case(s, "limits");

	tcase_add_loop_test(tc, test_queue_limit, 0, KINDS);
	tcase_add_loop_test(tc, test_run_limit_of_each_attempt, 0, KINDS);
	tcase_add_loop_test(tc, test_limit_is_no_failure, 0, KINDS);
	tcase_add_loop_test(tc, test_stopped_is_not_run_again, 0, KINDS);
	tcase_add_loop_test(tc, test_cancelled_is_not_run_again, 0, KINDS);
	tc = trun_case(s, "what an attempt leaves");
	tcase_add_loop_test(tc, test_chunks_are_one_attempts, 0, WAYS);
	tcase_add_loop_test(tc, test_wire, 0, KINDS);
	tcase_add_loop_test(tc, test_storm, 0, KINDS);
	return s;
}
