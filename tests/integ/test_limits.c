/*
 * Time limits, cancels and kills: that each comes when it must, says the truth, and touches
 * no job but its own.
 */
#include "common/util.h"
#include "tests/lib/seed.h"
#include "tests/lib/tdaemon.h"
#include "tests/lib/trun.h"
#include "tests/lib/twire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KINDS = 2, MS = 1000, SECOND = 1000 * 1000 };

static const char *const kinds[KINDS] = {"threads", "processes"};

static struct tdaemon *d;
static struct tw *w;
static char mark[96], gate[96];

static void start(const char *kind, unsigned slots)
{
	char text[400];

	snprintf(text, sizeof text,
		 "kill_grace = 1s\npool p {\n  kind = %s\n  slots = %u\n"
		 "  modules = {basic, testmod_crash}\n}\n",
		 kind, slots);
	d = tdaemon_start(text);
	tdaemon_path(d, "mark", mark, sizeof mark);
	tdaemon_path(d, "gate", gate, sizeof gate);
	w = tw_open(d->unix_url, "p");
}

static void stop(void)
{
	tw_close(w);
	tdaemon_stop(d);
}

static long pid_of_next(uint64_t id)
{
	tw_submit(w, id, "pid", "");
	return tw_number(tw_expect_status(w, id, FUT_OK));
}

/* It came no earlier than it may, and not much later. */
static void expect_between(uint64_t since_us, uint64_t from_us, uint64_t to_us)
{
	uint64_t took_us = td_now_us() - since_us;

	ck_assert_uint_ge(took_us, from_us);
	ck_assert_uint_lt(took_us, to_us * (td_is_sanitized() ? 6 : 1));
}

/* ---- queue limit -------------------------------------------------------- */

START_TEST(test_queue_limit)
{
	start(kinds[_i], 1);
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	uint64_t since_us = td_now_us();
	tw_submit_limits(w, 1, "mark", mark, .queue_limit_us = 50 * MS);
	tw_submit_limits(w, 2, "mark", mark, .queue_limit_us = 60 * SECOND);
	struct tw_job *j = tw_expect_status(w, 1, FUT_QUEUE_LIMIT);
	expect_between(since_us, 50 * MS, 1 * SECOND);
	ck_assert_uint_eq(j->attempt, 0);
	ck_assert_uint_eq(j->started_us, 0);
	ck_assert_int_eq(tw_error(w, j)->executed, FUT_EXECUTED_NO);
	ck_assert_int_eq(tw_error(w, j)->retry, FUT_RETRY_NOW);
	tfile_touch(gate);
	tw_expect_status(w, 2, FUT_OK);
	tw_expect_value(w, 0, "open");
	ck_assert_uint_eq(tfile_lines(mark), 1);
	/* One that starts in time may run as long as it likes. */
	tw_submit_limits(w, 3, "sleep", "0.2", .queue_limit_us = 50 * MS);
	tw_expect_value(w, 3, "0.2");
	stop();
}
END_TEST

/* ---- run limit ---------------------------------------------------------- */

static const char *const runners[] = {"hang", "spin", "gate", "stubborn"};

START_TEST(test_run_limit)
{
	const char *task = runners[_i / KINDS];

	start(kinds[_i % KINDS], 1);
	long pid = pid_of_next(0);
	uint64_t since_us = td_now_us();
	tw_submit_limits(w, 1, task, gate, .run_limit_us = 100 * MS);
	tw_put(w, 2, "mark", mark);
	tw_flush(w);
	struct tw_job *j = tw_expect_status(w, 1, FUT_RUN_LIMIT);
	expect_between(since_us, 100 * MS, 1 * SECOND); /* well before the grace is over */
	const struct error_info *e = tw_error(w, j);
	ck_assert_int_eq(e->executed, FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(e->retry, FUT_RETRY_NEW_JOB);
	ck_assert_uint_gt(e->detail.len, 0);
	ck_assert_uint_ge(j->finished_us, j->started_us + 100 * MS);
	/* Its slot is replaced at once, and what waited behind it runs there. */
	tw_expect_status(w, 2, FUT_OK);
	expect_between(since_us, 100 * MS, 1 * SECOND);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	if (strcmp(task, "gate") != 0) /* it may have stopped by itself */
		ck_assert_int_ne(pid_of_next(3), pid);
	stop();
}
END_TEST

/* In a thread pool the neighbour goes on, in the old process. */
START_TEST(test_run_limit_beside_another)
{
	start("threads", 2);
	tw_submit(w, 0, "sleep", "0.5");
	tw_wait_started(w, 0);
	long old = -1;
	pid_t hosts[4];
	ck_assert_uint_eq(tdaemon_hosts(d, "p", hosts, 4), 1);
	old = hosts[0];
	uint64_t since_us = td_now_us();
	tw_submit_limits(w, 1, "hang", "", .run_limit_us = 50 * MS);
	tw_expect_status(w, 1, FUT_RUN_LIMIT);
	expect_between(since_us, 50 * MS, 1 * SECOND);
	/* The pool has all its slots again. */
	tw_submit(w, 2, "gate", gate);
	tw_submit(w, 3, "gate", gate);
	tw_wait_started(w, 2);
	tw_wait_started(w, 3);
	ck_assert(!tw_job(w, 0)->answered || td_is_sanitized());
	tw_expect_value(w, 0, "0.5");
	tfile_touch(gate);
	tw_expect_value(w, 2, "open");
	tw_expect_value(w, 3, "open");
	char text[64];
	snprintf(text, sizeof text, "event=host.died pid=%ld", old);
	tdaemon_wait_log(d, text);
	ck_assert_int_ne(pid_of_next(4), old);
	stop();
}
END_TEST

/* A neighbour that takes longer than the grace is ended with it, and told so. */
START_TEST(test_neighbour_beyond_the_grace)
{
	start("threads", 2);
	tw_submit(w, 0, "hang", "");
	tw_wait_started(w, 0);
	uint64_t since_us = td_now_us();
	tw_submit_limits(w, 1, "hang", "", .run_limit_us = 50 * MS);
	tw_expect_status(w, 1, FUT_RUN_LIMIT);
	tw_expect_status(w, 0, FUT_HOST_DIED);
	expect_between(since_us, 1050 * MS, 2 * SECOND);
	ck_assert(tw_error(w, tw_job(w, 0))->has_death);
	stop();
}
END_TEST

/* SIGTERM does not move it: SIGKILL does, when the grace is over, and not before. */
START_TEST(test_stubborn)
{
	char text[64];

	start("processes", 1);
	long pid = pid_of_next(0);
	uint64_t since_us = td_now_us();
	tw_submit_limits(w, 1, "stubborn", "", .run_limit_us = 50 * MS);
	tw_expect_status(w, 1, FUT_RUN_LIMIT);
	snprintf(text, sizeof text, "event=host.died pid=%ld killed_for=RUN_LIMIT", pid);
	tdaemon_wait_log(d, text);
	expect_between(since_us, 1050 * MS, 2 * SECOND);
	char how[200];
	ck_assert(tdaemon_log_value(d, text, "how", how, sizeof how));
	ck_assert_ptr_nonnull(strstr(how, "SIGKILL"));
	stop();
}
END_TEST

/* ---- stall limit -------------------------------------------------------- */

START_TEST(test_stall_limit)
{
	start(kinds[_i], 1);
	uint64_t since_us = td_now_us();
	tw_submit_limits(w, 0, "sleep", "10", .stall_limit_us = 100 * MS);
	tw_expect_status(w, 0, FUT_STALL_LIMIT);
	expect_between(since_us, 100 * MS, 1 * SECOND);
	/* Signs of life, for longer than the limit. */
	const char *n = td_is_sanitized() ? "40000" : "300000";
	tw_submit_limits(w, 1, "count", n, .stall_limit_us = 100 * MS);
	tw_expect_value(w, 1, n);
	tw_submit(w, 2, "echo", "goes on");
	tw_expect_value(w, 2, "goes on");
	stop();
}
END_TEST

/* ---- deadline ----------------------------------------------------------- */

START_TEST(test_deadline)
{
	start(kinds[_i], 1);
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	uint64_t since_us = td_now_us();
	tw_submit_limits(w, 1, "mark", mark, .deadline_us = 50 * MS);
	struct tw_job *j = tw_expect_status(w, 1, FUT_DEADLINE);
	expect_between(since_us, 50 * MS, 1 * SECOND);
	ck_assert_int_eq(tw_error(w, j)->executed, FUT_EXECUTED_NO);
	ck_assert_int_eq(tw_error(w, j)->retry, FUT_RETRY_NEVER);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	since_us = td_now_us();
	tw_submit_limits(w, 2, "hang", "", .deadline_us = 50 * MS, .run_limit_us = 60 * SECOND);
	j = tw_expect_status(w, 2, FUT_DEADLINE);
	expect_between(since_us, 50 * MS, 1 * SECOND);
	ck_assert_int_eq(tw_error(w, j)->executed, FUT_EXECUTED_MAYBE);
	/* The nearest of several is the one that counts. */
	tw_submit_limits(w, 3, "hang", "", .deadline_us = 60 * SECOND, .run_limit_us = 50 * MS,
			 .stall_limit_us = 30 * SECOND);
	tw_expect_status(w, 3, FUT_RUN_LIMIT);
	tw_submit_limits(w, 4, "hang", "", .deadline_us = UINT64_MAX,
			 .run_limit_us = UINT64_MAX - 1, .stall_limit_us = 50 * MS,
			 .queue_limit_us = UINT64_MAX);
	tw_expect_status(w, 4, FUT_STALL_LIMIT);
	stop();
}
END_TEST

START_TEST(test_remaining)
{
	start(kinds[_i], 1);
	tw_submit(w, 0, "remaining", "");
	ck_assert_int_eq(tw_number(tw_expect_status(w, 0, FUT_OK)), -1);
	tw_submit_limits(w, 1, "remaining", "", .run_limit_us = 10 * SECOND);
	long us = tw_number(tw_expect_status(w, 1, FUT_OK));
	ck_assert_int_le(us, 10 * SECOND);
	ck_assert_int_gt(us, 5 * SECOND);
	tw_submit_limits(w, 2, "remaining", "", .run_limit_us = 60 * SECOND,
			 .deadline_us = 20 * SECOND);
	us = tw_number(tw_expect_status(w, 2, FUT_OK));
	ck_assert_int_le(us, 20 * SECOND);
	ck_assert_int_gt(us, 5 * SECOND);
	stop();
}
END_TEST

/* Limits by the thousand, most of which never come due, cost nothing and hit nobody. */
START_TEST(test_many_limits)
{
	enum { N = 20000 };

	start(kinds[_i], 2);
	for (uint64_t id = 0; id < N; id++) {
		struct job_spec s = {.id = id,
				     .task = span_str("noop"),
				     .queue_limit_us = 60 * SECOND,
				     .run_limit_us = 50 * SECOND,
				     .stall_limit_us = 40 * SECOND,
				     .deadline_us = 55 * SECOND};
		tw_put_job(w, &s, NULL, 0);
	}
	tw_flush(w);
	tw_wait_answers(w, N);
	ck_assert_uint_eq(w->nfailed, 0);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	stop();
}
END_TEST

/* ---- cancel ------------------------------------------------------------- */

START_TEST(test_verdicts)
{
	start(kinds[_i], 1);
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	for (uint64_t id = 1; id <= 4; id++)
		tw_put(w, id, "mark", mark);
	tw_flush(w);
	/* Queued: removed, whatever the mode. There is no Result then. */
	ck_assert_int_eq(tw_cancel(w, 1, CANCEL_QUEUED), FUT_VERDICT_REMOVED);
	ck_assert_int_eq(tw_cancel(w, 2, CANCEL_STOP), FUT_VERDICT_REMOVED);
	ck_assert_int_eq(tw_cancel(w, 3, CANCEL_KILL), FUT_VERDICT_REMOVED);
	ck_assert_int_eq(tw_cancel(w, 3, CANCEL_KILL), FUT_VERDICT_UNKNOWN);
	/* Running. */
	ck_assert_int_eq(tw_cancel(w, 0, CANCEL_QUEUED), FUT_VERDICT_TOO_LATE);
	ck_assert_int_eq(tw_cancel(w, 0, CANCEL_STOP), FUT_VERDICT_STOP_REQUESTED);
	struct tw_job *j = tw_expect_status(w, 0, FUT_TASK_FAILED);
	ck_assert_str_eq(tw_text(tw_error(w, j)->type), "Stopped");
	ck_assert_int_eq(tw_error(w, j)->executed, FUT_EXECUTED_YES);
	ck_assert_int_eq(tw_cancel(w, 0, CANCEL_STOP), FUT_VERDICT_UNKNOWN);
	tw_expect_status(w, 4, FUT_OK);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	tw_ping(w);
	for (uint64_t id = 1; id <= 3; id++)
		ck_assert(!tw_job(w, id)->answered);
	/* The stop was for that job, not for the next one in the slot. */
	tw_submit(w, 5, "sleep", "0.05");
	tw_expect_value(w, 5, "0.05");
	stop();
}
END_TEST

/* A kill ends its job and nothing else: not what runs beside it, not what waits behind it. */
START_TEST(test_kill)
{
	start("processes", 2);
	tw_submit(w, 0, "gate", gate);
	tw_submit(w, 1, "hang", "");
	tw_wait_started(w, 0);
	tw_wait_started(w, 1);
	for (uint64_t id = 10; id < 30; id++)
		tw_put(w, id, "mark", mark);
	tw_flush(w);
	uint64_t since_us = td_now_us();
	ck_assert_int_eq(tw_cancel(w, 1, CANCEL_KILL), FUT_VERDICT_KILLED);
	expect_between(since_us, 0, 500 * MS);
	struct tw_job *j = tw_expect_status(w, 1, FUT_KILLED);
	ck_assert_int_eq(tw_error(w, j)->executed, FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(tw_cancel(w, 1, CANCEL_KILL), FUT_VERDICT_UNKNOWN);
	for (uint64_t id = 10; id < 30; id++)
		tw_expect_status(w, id, FUT_OK);
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	ck_assert_uint_eq(tfile_lines(mark), 20);
	tdaemon_wait_log(d, "event=host.died pool=p");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 1);
	stop();
}
END_TEST

/* Threads cannot be killed one by one: the verdict says so. */
START_TEST(test_kill_in_a_thread_pool)
{
	start("threads", 2);
	tw_submit(w, 0, "gate", gate);
	tw_submit(w, 1, "sleep", "30");
	tw_wait_started(w, 0);
	tw_wait_started(w, 1);
	ck_assert_int_eq(tw_cancel(w, 1, CANCEL_KILL), FUT_VERDICT_STOP_REQUESTED);
	tw_expect_status(w, 1, FUT_TASK_FAILED);
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	stop();
}
END_TEST

/* A kill that comes just when the job ends: the job or its result, and never the next one's. */
START_TEST(test_kill_races_the_end)
{
	enum { ROUNDS = 200, OTHERS = 5 };
	unsigned verdicts[8] = {0};
	struct rng r = rng_of_run();

	start("processes", 1);
	for (uint64_t id = 0; id < 20; id++) /* short from now on: they go ahead into the slot */
		tw_put(w, 100 + id, "mark", "/dev/null");
	tw_flush(w);
	for (uint64_t id = 0; id < 20; id++)
		tw_expect_status(w, 100 + id, FUT_OK);
	for (unsigned round = 0; round < ROUNDS; round++) {
		const struct message kill = {.kind = MESSAGE_CANCEL, .cancel = {0, CANCEL_KILL}};
		tw_put(w, 0, "mark", mark);
		for (uint64_t id = 1; id <= OTHERS; id++)
			tw_put(w, id, "mark", mark);
		if (rng_below(&r, 8) > 0)
			tw_flush(w);
		for (uint64_t end_us = td_now_us() + rng_below(&r, 150); td_now_us() < end_us;)
			;
		unsigned before = w->nverdicts;
		tw_put_message(w, &kill, SPAN_EMPTY);
		tw_flush(w);
		for (uint64_t id = 1; id <= OTHERS; id++)
			tw_expect_status(w, id, FUT_OK);
		twait_until(d, (tw_pump(w, 0), w->nverdicts > before));
		tw_ping(w);
		const struct tw_job *j = tw_job(w, 0);
		verdicts[w->verdict]++;
		switch (w->verdict) {
		case FUT_VERDICT_REMOVED:
			ck_assert(!j->answered);
			break;
		case FUT_VERDICT_KILLED:
			ck_assert(j->answered);
			ck_assert_uint_eq(j->status, FUT_KILLED);
			break;
		case FUT_VERDICT_TOO_LATE:
		case FUT_VERDICT_UNKNOWN:
			ck_assert(j->answered);
			ck_assert_uint_eq(j->status, FUT_OK);
			break;
		default:
			ck_abort_msg("verdict %u", w->verdict);
		}
	}
	printf("# removed %u, killed %u, too late %u, unknown %u\n", verdicts[FUT_VERDICT_REMOVED],
	       verdicts[FUT_VERDICT_KILLED], verdicts[FUT_VERDICT_TOO_LATE],
	       verdicts[FUT_VERDICT_UNKNOWN]);
	unsigned lines = tfile_lines(mark), others = ROUNDS * OTHERS;
	ck_assert_uint_ge(lines,
			  others + verdicts[FUT_VERDICT_TOO_LATE] + verdicts[FUT_VERDICT_UNKNOWN]);
	ck_assert_uint_le(lines, others + ROUNDS - verdicts[FUT_VERDICT_REMOVED]);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.protocol"), 0);
	stop();
}
END_TEST

/* The truth about a cancel that races the start: removed and never ran, or a result. */
START_TEST(test_cancel_races_the_start)
{
	enum { BATCH = 200, ROUNDS = 40 };
	unsigned removed = 0, ran = 0;
	struct rng r = rng_of_run();

	start(kinds[_i], 2);
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool is_removed[BATCH] = {false};
		unsigned seen = 0;
		for (uint64_t id = 0; id < BATCH; id++) {
			tw_put(w, id, "mark", mark);
			if (rng_below(&r, 8) == 0)
				tw_flush(w);
		}
		for (uint64_t id = 0; id < BATCH; id++) {
			const struct message m = {.kind = MESSAGE_CANCEL,
						  .cancel = {id, CANCEL_QUEUED}};
			tw_put_message(w, &m, SPAN_EMPTY);
		}
		unsigned before = w->nverdicts;
		tw_flush(w);
		/* Verdicts come in the order of the cancels. */
		struct twait wait = twait_for(d, "verdicts");
		while (seen < BATCH) {
			unsigned got = w->nverdicts;
			ck_assert(tw_pump(w, 1));
			if (w->nverdicts == got)
				twait_step(&wait);
			seen = w->nverdicts - before;
		}
		tw_ping(w);
		for (uint64_t id = 0; id < BATCH; id++) {
			/* tw keeps the last verdict only: who has no result yet was removed, or
			 * runs. A second cancel tells. */
			if (tw_job(w, id)->answered)
				continue;
			fut_verdict v = tw_cancel(w, id, CANCEL_QUEUED);
			is_removed[id] = v == FUT_VERDICT_UNKNOWN && !tw_job(w, id)->answered;
		}
		for (uint64_t id = 0; id < BATCH; id++) {
			if (is_removed[id]) {
				removed++;
				continue;
			}
			tw_expect_status(w, id, FUT_OK);
			ran++;
		}
		tw_ping(w);
		for (uint64_t id = 0; id < BATCH; id++)
			ck_assert(tw_job(w, id)->answered != is_removed[id]);
	}
	printf("# %s: %u removed, %u ran\n", kinds[_i], removed, ran);
	ck_assert_uint_eq(tfile_lines(mark), ran);
	ck_assert_uint_gt(removed, 0);
	ck_assert_uint_gt(ran, 0);
	stop();
}
END_TEST

/* ---- started ------------------------------------------------------------ */

START_TEST(test_started)
{
	start(kinds[_i], 1);
	uint64_t since_us = td_now_us();
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	expect_between(since_us, 0, 500 * MS);
	/* RUNNING means running: not what waits, wherever it waits. */
	for (uint64_t id = 1; id <= 50; id++)
		tw_put(w, id, "sleep", "0.005");
	tw_flush(w);
	tw_ping(w);
	for (uint64_t id = 1; id <= 50; id++)
		ck_assert_uint_eq(tw_job(w, id)->nstarted, 0);
	tfile_touch(gate);
	unsigned told = 0;
	for (uint64_t id = 1; id <= 50; id++) {
		tw_expect_status(w, id, FUT_OK);
		ck_assert_uint_le(tw_job(w, id)->nstarted, 1);
		told += tw_job(w, id)->nstarted;
	}
	ck_assert_uint_eq(tw_job(w, 0)->nstarted, 1);
	ck_assert_uint_gt(told, 25); /* 5 ms are five times what it may take to tell */
	stop();
}
END_TEST

/* When each job was accepted, dispatched, started and finished makes sense. */
START_TEST(test_timeline)
{
	start(kinds[_i], 1);
	tw_put(w, 0, "sleep", "0.1");
	tw_put(w, 1, "sleep", "0.1");
	tw_flush(w);
	for (uint64_t id = 0; id < 2; id++) {
		struct tw_job *j = tw_expect_value(w, id, "0.1");
		ck_assert_uint_eq(j->attempt, 1);
		ck_assert_uint_ge(j->started_us, j->dispatched_us);
		ck_assert_uint_ge(j->finished_us - j->started_us, 100 * MS);
		ck_assert_uint_lt(j->finished_us - j->started_us,
				  (uint64_t)td_patience_ms(400) * MS);
	}
	ck_assert_uint_ge(tw_job(w, 1)->started_us, 100 * MS - 5 * MS);
	stop();
}
END_TEST

/* ---- a session that goes away ------------------------------------------- */

START_TEST(test_session_leaves)
{
	start(kinds[_i], 1);
	struct tw *other = tw_open(d->unix_url, "p");
	tw_submit(other, 0, "sleep", "60");
	tw_wait_started(other, 0);
	for (uint64_t id = 1; id < 20; id++)
		tw_put(other, id, "mark", mark);
	tw_flush(other);
	tw_ping(other);
	tw_submit(w, 0, "mark", mark);
	tw_close(other);
	/* What waited is gone, what ran was asked to stop: the slot is free. */
	tw_expect_status(w, 0, FUT_OK);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	tw_ping(w);
	twait_until(d, strstr(tw_status(w), "\"jobs_queued\":0,\"jobs_running\":0"));
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("limits");
	TCase *tc = trun_case(s, "time");

	tcase_add_loop_test(tc, test_queue_limit, 0, KINDS);
	tcase_add_loop_test(tc, test_run_limit, 0, (int)ARRAY_LEN(runners) * KINDS);
	tcase_add_test(tc, test_run_limit_beside_another);
	tcase_add_test(tc, test_neighbour_beyond_the_grace);
	tcase_add_test(tc, test_stubborn);
	tcase_add_loop_test(tc, test_stall_limit, 0, KINDS);
	tcase_add_loop_test(tc, test_deadline, 0, KINDS);
	tcase_add_loop_test(tc, test_remaining, 0, KINDS);
	tcase_add_loop_test(tc, test_many_limits, 0, KINDS);
	tc = trun_case(s, "cancel");
	tcase_add_loop_test(tc, test_verdicts, 0, KINDS);
	tcase_add_test(tc, test_kill);
	tcase_add_test(tc, test_kill_in_a_thread_pool);
	tcase_add_test(tc, test_kill_races_the_end);
	tcase_add_loop_test(tc, test_cancel_races_the_start, 0, KINDS);
	tcase_add_loop_test(tc, test_session_leaves, 0, KINDS);
	tc = trun_case(s, "told");
	tcase_add_loop_test(tc, test_started, 0, KINDS);
	tcase_add_loop_test(tc, test_timeline, 0, KINDS);
	return s;
}
