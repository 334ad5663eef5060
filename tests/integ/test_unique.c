/*
 * Unique jobs: unfinished jobs with the same task and name are one run, whoever submits them.
 *
 * x and y are two clients of the same pool.
 */
#include "tests/integ/e2e.h"
#include "tests/lib/twire.h"

static fut_executor *y;

static void start_two(int way, unsigned slots)
{
	start(way, slots);
	y = open_url(d->unix_url, "p");
}

static void stop_two(void)
{
	close_executor(y);
	stop();
}

static fut_future *submit_unique(fut_executor *on, const char *name, const char *task,
				 const char *payload)
{
	fut_future *f;
	fut_job *job;

	ck_assert_int_eq(fut_job_new(task, &job), FUT_OK);
	ck_assert_int_eq(fut_job_set_unique(job, name), FUT_OK);
	ck_assert_int_eq(fut_submit_job(on, job, payload, strlen(payload), &f, NULL), FUT_OK);
	fut_job_free(job);
	return f;
}

/* What was submitted before this returns is known to the daemon: answers keep their order. */
static void settle_submits(fut_executor *on)
{
	ck_assert_int_eq(fut_executor_ping(on, PATIENCE_US, NULL), FUT_OK);
}

START_TEST(test_one_run)
{
	enum { N = 20 };
	fut_future *f[2 * N];

	start_two(_i, 1);
	fut_future *holder = submit("gate", gate);
	wait_running(holder);
	for (size_t i = 0; i < 2 * N; i++)
		f[i] = submit_unique(i % 2 ? x : y, "once", "mark", mark);
	settle_submits(x);
	settle_submits(y);
	tfile_touch(gate);
	for (size_t i = 0; i < 2 * N; i++)
		must_be(f[i], "");
	ck_assert_uint_eq(tfile_lines(mark), 1);
	must_be(holder, "open");
	unref_all(f, 2 * N);
	fut_future_unref(holder);

	/* The name is free again. Other names, other tasks and no name are runs of their own,
	 * also while none of them has started. */
	remove(gate);
	holder = submit("gate", gate);
	wait_running(holder);
	f[0] = submit_unique(x, "once", "mark", mark);
	f[1] = submit_unique(x, "twice", "mark", mark);
	f[2] = submit_unique(y, NULL, "mark", mark);
	f[3] = submit_unique(y, "", "mark", mark);
	f[4] = submit_unique(y, "twice", "echo", "e");
	settle_submits(x);
	settle_submits(y);
	tfile_touch(gate);
	for (size_t i = 0; i < 4; i++)
		must_be(f[i], "");
	must_be(f[4], "e");
	fut_future_unref(holder);
	ck_assert_uint_eq(tfile_lines(mark), 5);
	unref_all(f, 5);
	stop_two();
}
END_TEST

/* Who comes while it runs sees it run. A value in many parts reaches all of them whole. */
START_TEST(test_joined_while_it_runs)
{
	char payload[128];
	fut_bytes a, b;

	start_two(_i, 1);
	snprintf(payload, sizeof payload, "%s %u", gate, 1024 * 1024);
	fut_future *first = submit_unique(x, "big", "gate_big", payload);
	wait_running(first);
	fut_future *second = submit_unique(y, "big", "gate_big", payload);
	wait_running(second);
	tfile_touch(gate);
	ck_assert_int_eq(fut_result(first, PATIENCE_US, &a, NULL), FUT_OK);
	ck_assert_int_eq(fut_result(second, PATIENCE_US, &b, NULL), FUT_OK);
	ck_assert_uint_ge(a.len, 1024 * 1024);
	ck_assert_uint_eq(a.len, b.len);
	ck_assert(memcmp(a.data, b.data, a.len) == 0);
	unref_all((fut_future *[]){first, second}, 2);
	stop_two();
}
END_TEST

/* Both clients' futures fail, with a death or without. */
static void fail_together(const char *task, const char *payload, fut_status status)
{
	remove(gate);
	fut_future *holder = submit("gate", gate);
	wait_running(holder);
	fut_future *f[] = {submit_unique(x, "n", task, payload),
			   submit_unique(y, "n", task, payload)};
	settle_submits(x);
	settle_submits(y);
	tfile_touch(gate);
	must_be(holder, "open");
	for (size_t i = 0; i < ARRAY_LEN(f); i++) {
		fut_error *e = must_fail(f[i], status);
		ck_assert_int_eq(fut_error_death(e) != NULL, status == FUT_HOST_DIED);
		fut_error_unref(e);
	}
	unref_all(f, ARRAY_LEN(f));
	fut_future_unref(holder);
}

START_TEST(test_failures_are_shared)
{
	/* One slot: a death takes along whatever runs beside it. */
	start_two(_i, 1);
	fail_together("fail", "OSError", FUT_TASK_FAILED);
	fail_together("segv", "", FUT_HOST_DIED);
	/* One crash for two clients. */
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 1);
	stop_two();
}
END_TEST

START_TEST(test_another_payload_is_refused)
{
	start_two(_i, 1);
	fut_future *first = submit_unique(x, "n", "gate", gate);
	wait_running(first);
	fut_future *other = submit_unique(y, "n", "gate", gate2);
	fut_error *e = must_fail(other, FUT_INVALID);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "another payload"));
	fut_error_unref(e);
	tfile_touch(gate);
	must_be(first, "open");
	unref_all((fut_future *[]){first, other}, 2);
	stop_two();
}
END_TEST

/* Whoever cancels leaves, the first one too; the last one takes the run with him. */
START_TEST(test_cancel_before_it_starts)
{
	start_two(_i, 1);
	fut_future *holder = submit("gate", gate);
	wait_running(holder);
	fut_future *first = submit_unique(x, "n", "mark", mark);
	settle_submits(x);
	fut_future *f[] = {submit_unique(y, "n", "mark", mark),
			   submit_unique(y, "n", "mark", mark)};
	fut_future *third = submit_unique(x, "n", "mark", mark);
	must_cancel(first, FUT_VERDICT_REMOVED);
	must_cancel(f[0], FUT_VERDICT_REMOVED);
	fut_future *g[] = {submit_unique(x, "m", "mark", mark),
			   submit_unique(y, "m", "mark", mark)};
	must_cancel(g[1], FUT_VERDICT_REMOVED);
	must_cancel(g[0], FUT_VERDICT_REMOVED);
	tfile_touch(gate);
	must_be(f[1], "");
	must_be(third, "");
	must_fail_(first, FUT_CANCELLED);
	must_fail_(f[0], FUT_CANCELLED);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	unref_all((fut_future *[]){holder, first, f[0], f[1], third, g[0], g[1]}, 7);
	stop_two();
}
END_TEST

static void must_ask(fut_future *f, fut_status (*ask)(fut_future *, int64_t, fut_verdict *),
		     fut_verdict want)
{
	fut_verdict v;

	ck_assert_int_eq(ask(f, PATIENCE_US, &v), FUT_OK);
	ck_assert_int_eq(v, want);
}

START_TEST(test_a_shared_run_goes_on)
{
	start_two(_i, 1);
	fut_future *first = submit_unique(x, "n", "gate", gate);
	wait_running(first);
	fut_future *second = submit_unique(y, "n", "gate", gate);
	wait_running(second);
	must_ask(first, fut_cancel, FUT_VERDICT_TOO_LATE);
	must_ask(second, fut_stop, FUT_VERDICT_TOO_LATE);
	must_ask(first, fut_kill, FUT_VERDICT_TOO_LATE);
	tfile_touch(gate);
	must_be(first, "open");
	must_be(second, "open");
	unref_all((fut_future *[]){first, second}, 2);
	stop_two();
}
END_TEST

/* A client of the run that shares nothing with this program's others. */
static struct tw *start_client(const char *task, const char *payload)
{
	struct tw *w = tw_open(d->unix_url, "p");

	tw_submit_limits(w, 1, task, payload, .unique = span_str("n"));
	tw_ping(w);
	return w;
}

/* It goes without a word, as one does that is killed. */
static void end_client(struct tw *w)
{
	unsigned closed = tdaemon_log_count(d, "event=session.close");

	tw_close(w);
	tdaemon_wait_log_count(d, "event=session.close", closed + 1);
}

START_TEST(test_the_first_client_dies)
{
	bool queued = _i & 4;

	start_two(_i & 3, 1);
	fut_future *holder = queued ? submit("gate", gate) : NULL;
	if (queued)
		wait_running(holder);
	struct tw *first = start_client(queued ? "mark" : "gate", queued ? mark : gate);
	fut_future *f = submit_unique(y, "n", queued ? "mark" : "gate", queued ? mark : gate);
	if (!queued)
		wait_running(f);
	settle_submits(y);
	end_client(first);
	tfile_touch(gate);
	must_be(f, queued ? "" : "open");
	if (queued)
		ck_assert_uint_eq(tfile_lines(mark), 1);
	unref_all((fut_future *[]){holder, f}, 2);
	stop_two();
}
END_TEST

/* All clients gone: what has not started never does. */
START_TEST(test_all_clients_leave)
{
	start_two(_i, 1);
	fut_future *holder = submit("gate", gate);
	wait_running(holder);
	struct tw *first = start_client("mark", mark);
	fut_future *f = submit_unique(y, "n", "mark", mark);
	settle_submits(y);
	must_cancel(f, FUT_VERDICT_REMOVED);
	end_client(first);
	tfile_touch(gate);
	must_be(holder, "open");
	fut_future *last = submit("echo", "last");
	must_be(last, "last");
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all((fut_future *[]){holder, f, last}, 3);
	stop_two();
}
END_TEST

START_TEST(test_names)
{
	fut_job *job;
	fut_map *m;

	start(_i, 1);
	ck_assert_int_eq(fut_job_new("echo", &job), FUT_OK);
	ck_assert_int_eq(fut_job_set_unique(job, "no spaces"), FUT_INVALID);
	ck_assert_int_eq(fut_job_set_unique(job, "fine"), FUT_OK);
	ck_assert_int_eq(fut_map_open(x, job, NULL, NULL, NULL, &m, NULL), FUT_INVALID);
	fut_job_free(job);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("unique");
	TCase *tc = trun_case(s, "unique");

	tcase_add_loop_test(tc, test_one_run, 0, WAYS);
	tcase_add_loop_test(tc, test_joined_while_it_runs, 0, WAYS);
	tcase_add_loop_test(tc, test_failures_are_shared, 0, 2);
	tcase_add_loop_test(tc, test_another_payload_is_refused, 0, 2);
	tcase_add_loop_test(tc, test_cancel_before_it_starts, 0, 2);
	tcase_add_loop_test(tc, test_a_shared_run_goes_on, 0, 2);
	tcase_add_loop_test(tc, test_the_first_client_dies, 0, 8);
	tcase_add_loop_test(tc, test_all_clients_leave, 0, 2);
	tcase_add_loop_test(tc, test_names, 0, 1);
	return s;
}
