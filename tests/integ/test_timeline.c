/*
 * Where each job's time went, as its future tells: in order, of the right attempt, and with the
 * CPU time of those that worked and of those that slept.
 */
#include "tests/integ/plan.h"

static fut_timeline timeline(const fut_future *f)
{
	fut_timeline t;

	ck_assert_int_eq(fut_timeline_of(f, &t), FUT_OK);
	return t;
}

/* Of a job that ran to its end: each step after the one before it. */
static fut_timeline expect_order(const fut_future *f)
{
	fut_timeline t = timeline(f);
	bool chunk = t.first_chunk_us != FUT_NEVER;

	ck_assert_uint_le(t.queued_us, t.dispatched_us);
	ck_assert_uint_le(t.dispatched_us, t.started_us);
	ck_assert_uint_le(t.started_us, chunk ? t.first_chunk_us : t.finished_us);
	if (chunk)
		ck_assert_uint_le(t.first_chunk_us, t.finished_us);
	/* Here both clocks are of one machine; a time that came is at least 1. */
	ck_assert_uint_le(t.finished_us, t.total_us + 1);
	ck_assert_uint_eq(t.transit_us,
			  t.finished_us <= t.total_us ? t.total_us - t.finished_us : 0);
	ck_assert_uint_ne(t.cpu_us, FUT_NEVER);
	return t;
}

START_TEST(test_order)
{
	enum { N = 300 };
	fut_future *f[N];
	fut_bytes value;

	start_planned(_i, 2);
	uint64_t before_us = td_now_us();
	for (int i = 0; i < N; i++)
		f[i] = submit(i % 3 ? "echo" : "count", i % 3 ? "some bytes" : "10");
	uint64_t submitted_us = td_now_us(), last_us = before_us;
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(fut_result(f[i], PATIENCE_US, &value, NULL), FUT_OK);
		fut_timeline t = expect_order(f[i]);
		ck_assert_uint_ge(t.submitted_us, last_us);
		ck_assert_uint_le(t.submitted_us, submitted_us);
		ck_assert_uint_le(t.submitted_us + t.total_us, td_now_us());
		ck_assert_uint_eq(t.attempt, 1);
		ck_assert_uint_eq(t.queued_us, 0);
		ck_assert_uint_eq(t.payload_bytes, i % 3 ? 10 : 2);
		ck_assert_uint_eq(t.result_bytes, i % 3 ? 10 : 2);
		ck_assert_uint_eq(t.chunk_bytes, i % 3 ? 0 : 10);
		ck_assert((t.first_chunk_us == FUT_NEVER) == (i % 3 != 0));
		ck_assert_uint_le(t.cpu_us, t.finished_us - t.started_us);
		last_us = t.submitted_us;
	}
	unref_all(f, N);
	stop();
}
END_TEST

/* A future of a job that does `words`, and is done. */
static fut_timeline timeline_of_plan(const char *words)
{
	fut_future *f = plan(words, .errors = 0);
	fut_bytes value;

	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, NULL), FUT_OK);
	fut_timeline t = expect_order(f);
	fut_future_unref(f);
	return t;
}

/* Naps of 0.3 s before the chunk, and after it. */
START_TEST(test_first_chunk)
{
	start_planned(_i, 1);
	fut_timeline t = timeline_of_plan("seesv");
	ck_assert_uint_ge(t.first_chunk_us, t.started_us + 300 * MS);
	ck_assert_uint_ge(t.finished_us, t.first_chunk_us + 300 * MS);
	ck_assert_uint_ge(t.total_us, 600 * MS);
	ck_assert_uint_eq(t.chunk_bytes, 2);
	ck_assert_uint_eq(t.result_bytes, 1);
	stop();
}
END_TEST

START_TEST(test_large_value)
{
	start_planned(_i, 1);
	fut_timeline t = timeline_of_plan("b");
	ck_assert_uint_eq(t.result_bytes, 3 * 1000 * 1000);
	ck_assert_uint_eq(t.chunk_bytes, 0);
	stop();
}
END_TEST

/* Who sleeps is on no CPU; also right behind many short jobs, and in their midst. */
START_TEST(test_cpu_time)
{
	enum { N = 4000 };
	fut_future *f[N];
	fut_bytes value;

	start_planned(_i, 1);
	for (int round = 0; round < 2; round++) {
		fut_future *burn = submit("burn", "60000");
		fut_future *nap = plan("s", .errors = 0);
		ck_assert_int_eq(fut_result(burn, PATIENCE_US, &value, NULL), FUT_OK);
		ck_assert_int_eq(fut_result(nap, PATIENCE_US, &value, NULL), FUT_OK);
		fut_timeline b = expect_order(burn), n = expect_order(nap);
		ck_assert_uint_ge(b.cpu_us, 60 * MS);
		ck_assert_uint_le(b.cpu_us, b.finished_us - b.started_us);
		ck_assert_uint_ge(n.finished_us - n.started_us, 300 * MS);
		ck_assert_uint_lt(n.cpu_us, 30 * MS);
		fut_future_unref(burn);
		fut_future_unref(nap);
		for (int i = 0; i < N; i++)
			f[i] = submit("echo", "short");
		for (int i = 0; i < N; i++)
			must_be(f[i], "short");
		unref_all(f, N);
	}
	stop();
}
END_TEST

/* What waited says so. */
START_TEST(test_waiting)
{
	start_planned(_i, 1);
	fut_future *f = submit("sleep", "0.2");
	fut_future *g = submit("echo", "behind");
	must_be(g, "behind");
	must_be(f, "0.2");
	(void)expect_order(f);
	ck_assert_uint_ge(expect_order(g).started_us, 100 * MS);
	fut_future_unref(f);
	fut_future_unref(g);
	stop();
}
END_TEST

/* The last attempt's times, and when that was queued. */
START_TEST(test_attempts)
{
	fut_bytes value;

	start_planned(_i, 1);
	fut_future *f = plan("sed sef esv", .crashes = 1, .errors = 1, .pause_us = 100 * MS);
	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, NULL), FUT_OK);
	fut_timeline t = expect_order(f);
	ck_assert_uint_eq(t.attempt, 3);
	/* Two attempts of 0.3 s, a pause of 0.05 s at least, and one of 0.1 s. */
	ck_assert_uint_ge(t.queued_us, 750 * MS);
	ck_assert_uint_ge(t.finished_us, t.started_us + 300 * MS);
	ck_assert_uint_lt(t.first_chunk_us, t.started_us + 300 * MS);
	ck_assert_uint_eq(t.chunk_bytes, 1);
	fut_future_unref(f);
	stop();
}
END_TEST

/* Taken back between two attempts: it ended when its last attempt did. */
START_TEST(test_last_attempt)
{
	start_planned(_i, 1);
	fut_future *f = plan("wsf", .errors = 1, .pause_us = LONG);
	wait_running(f);
	let_go(mark);
	twait_until(d, !fut_running(f));
	fut_future *g = submit("sleep", "0.1");
	must_be(g, "0.1");
	fut_future_unref(g);
	must_cancel(f, FUT_VERDICT_TOO_LATE);
	must_fail_(f, FUT_TASK_FAILED);
	fut_timeline t = expect_order(f);
	ck_assert_uint_eq(t.attempt, 1);
	ck_assert_uint_ge(t.total_us, t.finished_us + 100 * MS);
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- what never came ---------------------------------------------------- */

static void expect_never_ran(const fut_future *f)
{
	fut_timeline t = timeline(f);

	ck_assert_uint_eq(t.dispatched_us, FUT_NEVER);
	ck_assert_uint_eq(t.started_us, FUT_NEVER);
	ck_assert_uint_eq(t.first_chunk_us, FUT_NEVER);
	ck_assert_uint_eq(t.cpu_us, FUT_NEVER);
	ck_assert_uint_eq(t.attempt, 0);
	ck_assert_uint_gt(t.submitted_us, 0);
}

START_TEST(test_never)
{
	start_planned(_i, 1);
	fut_future *f = submit("gate", gate);
	wait_running(f);
	fut_future *cancelled = submit("echo", "");
	must_cancel(cancelled, FUT_VERDICT_REMOVED);
	expect_never_ran(cancelled);
	ck_assert_uint_eq(timeline(cancelled).finished_us, FUT_NEVER);
	fut_future *refused = submit("no_such_task", "");
	must_fail_(refused, FUT_UNKNOWN_TASK);
	expect_never_ran(refused);
	ck_assert_uint_eq(timeline(refused).finished_us, FUT_NEVER);
	fut_future *late = submit_limited("echo", "", queue_limit, 20 * MS);
	must_fail_(late, FUT_QUEUE_LIMIT);
	expect_never_ran(late);
	ck_assert_uint_ge(timeline(late).finished_us, 20 * MS);
	tfile_touch(gate);
	must_be(f, "open");
	fut_future_unref(f);
	fut_future_unref(cancelled);
	fut_future_unref(refused);
	fut_future_unref(late);
	stop();
}
END_TEST

START_TEST(test_died)
{
	start_planned(_i, 1);
	fut_future *f = plan("wed", .errors = 0);
	wait_running(f);
	let_go(mark);
	must_fail_(f, FUT_HOST_DIED);
	fut_timeline t = timeline(f);
	ck_assert_uint_le(t.dispatched_us, t.started_us);
	ck_assert_uint_le(t.started_us, t.first_chunk_us);
	ck_assert_uint_le(t.first_chunk_us, t.finished_us);
	ck_assert_uint_eq(t.cpu_us, FUT_NEVER);
	ck_assert_uint_eq(t.attempt, 1);
	fut_future_unref(f);
	stop();
}
END_TEST

/* What is known of an attempt is not told of the next one. */
START_TEST(test_died_again)
{
	start_planned(_i, 1);
	fut_future *f = plan("ewd d", .crashes = 1);
	wait_running(f);
	let_go(mark);
	must_fail_(f, FUT_QUARANTINED);
	fut_timeline t = timeline(f);
	ck_assert_uint_eq(t.attempt, 2);
	ck_assert_uint_eq(t.first_chunk_us, FUT_NEVER);
	ck_assert_uint_eq(t.chunk_bytes, 0);
	ck_assert_uint_ge(t.started_us, t.dispatched_us); /* or it never came */
	fut_future_unref(f);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("timeline");
	TCase *tc = trun_case(s, "timeline");

	tcase_add_loop_test(tc, test_order, 0, WAYS);
	tcase_add_loop_test(tc, test_first_chunk, 0, WAYS);
	tcase_add_loop_test(tc, test_large_value, 0, WAYS);
	tcase_add_loop_test(tc, test_cpu_time, 0, KINDS);
	tcase_add_loop_test(tc, test_waiting, 0, KINDS);
	tcase_add_loop_test(tc, test_attempts, 0, WAYS);
	tcase_add_loop_test(tc, test_last_attempt, 0, KINDS);
	tc = trun_case(s, "never");
	tcase_add_loop_test(tc, test_never, 0, WAYS);
	tcase_add_loop_test(tc, test_died, 0, KINDS);
	tcase_add_loop_test(tc, test_died_again, 0, KINDS);
	return s;
}
