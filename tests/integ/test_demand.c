/*
 * How many hosts there are: one for each job that finds no idle slot, up to the slots, and
 * after a while no more than the pool keeps. No job waits behind another one for nothing.
 */
#include "tests/integ/one_daemon.h"
#include "tests/integ/slots.h"
#include "tests/lib/seed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MS = 1000 };

static struct tw *w;

static void start_pool(const char *kind, unsigned slots, const char *more)
{
	const char *env[] = {slots_env, NULL};
	char text[400];

	snprintf(
		text, sizeof text,
		"kill_grace = 500ms\npool p {\n kind = %s\n slots = %u\n%s\n"
		" modules = {testmod_slots, testmod_crash, basic}\n environment = {SLOTS_DIR}\n}\n",
		kind, slots, more);
	d = tdaemon_start_with(.config = text, .env = env);
	tdaemon_path(d, "mark", mark, sizeof mark);
	tdaemon_path(d, "gate", gate, sizeof gate);
	w = tw_open(d->unix_url, "p");
}

static void stop(void)
{
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	tw_close(w);
	tdaemon_stop(d);
}

static unsigned member(const char *name)
{
	char want[32];

	snprintf(want, sizeof want, "\"%s\":", name);
	const char *at = strstr(strstr(tw_status(w), "\"pools\":"), want);
	ck_assert_ptr_nonnull(at);
	return (unsigned)strtoul(at + strlen(want), NULL, 10);
}

static unsigned count_log(const char *event)
{
	return tdaemon_log_count(d, event);
}

static long pid_of(uint64_t id)
{
	tw_submit(w, id, "pid", "");
	return tw_number(tw_expect_status(w, id, FUT_OK));
}

/* So many jobs that run at once. */
static void run_gates(uint64_t first, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		tw_submit(w, first + i, "gate", gate);
	for (unsigned i = 0; i < n; i++)
		tw_wait_started(w, first + i);
}

static void open_gates(uint64_t first, unsigned n)
{
	tfile_touch(gate);
	for (unsigned i = 0; i < n; i++)
		tw_expect_value(w, first + i, "open");
}

/* ---- more --------------------------------------------------------------- */

START_TEST(test_one_job_at_a_time_needs_one)
{
	start_pool("processes", 4, "");
	ck_assert_uint_eq(w->slots, 4);
	ck_assert_uint_eq(member("hosts"), 1);
	long pid = pid_of(0);
	for (uint64_t id = 1; id < 200; id++)
		ck_assert_int_eq(pid_of(id), pid);
	ck_assert_uint_eq(count_log("event=host.up"), 1);
	ck_assert_uint_eq(member("hosts"), 1);
	ck_assert_uint_eq(member("slots"), 4);
	stop();
}
END_TEST

START_TEST(test_jobs_that_wait_bring_hosts)
{
	start_pool("processes", 4, "");
	for (unsigned n = 1; n <= 4; n++) {
		run_gates(n, 1);
		ck_assert_uint_eq(member("hosts"), n);
	}
	/* There are no more than that. */
	tw_submit(w, 10, "gate", gate);
	tw_ping(w);
	ck_assert_uint_eq(member("hosts"), 4);
	ck_assert_uint_eq(member("starting"), 0);
	ck_assert_uint_eq(member("queued"), 1);
	open_gates(1, 4);
	tw_expect_value(w, 10, "open");
	ck_assert_uint_eq(count_log("event=host.up"), 4);
	stop();
}
END_TEST

START_TEST(test_many_jobs_at_once_bring_all)
{
	enum { SLOTS = 16, N = 1000 };

	start_pool("processes", SLOTS, "");
	for (uint64_t id = 0; id < N; id++)
		tw_put(w, id, "mark", mark);
	tw_flush(w);
	tw_wait_answers(w, N);
	ck_assert_uint_eq(tfile_lines(mark), N);
	ck_assert_uint_le(count_log("event=host.up"), SLOTS);
	run_gates(2000, SLOTS);
	ck_assert_uint_eq(count_log("event=host.up"), SLOTS);
	open_gates(2000, SLOTS);
	stop();
}
END_TEST

/* The last that was busy is the next to be: the others may be idle for long enough. */
START_TEST(test_the_last_one_is_used_again)
{
	start_pool("processes", 3, "");
	run_gates(0, 3);
	open_gates(0, 3);
	long pid = pid_of(10);
	for (uint64_t id = 11; id < 100; id++)
		ck_assert_int_eq(pid_of(id), pid);
	stop();
}
END_TEST

/* Even one that would be done soon stays in the queue, where it can run in either. */
START_TEST(test_no_job_behind_a_running_one)
{
	start_pool("processes", 2, "");
	long pid = pid_of(0);
	for (uint64_t id = 0; id < 50; id++) /* it is known to be short */
		ck_assert_int_eq(pid_of(100 + id), pid);
	run_gates(1, 1);
	set_flag("hang"); /* the second host takes its time */
	for (uint64_t id = 2; id < 10; id++)
		tw_put(w, id, "pid", "");
	tw_flush(w);
	tw_ping(w);
	ck_assert_uint_eq(member("hosts"), 1);
	ck_assert_uint_eq(member("starting"), 1);
	ck_assert_uint_eq(member("queued"), 8);
	/* The first is free sooner. */
	open_gates(1, 1);
	for (uint64_t id = 2; id < 10; id++)
		ck_assert_int_eq(tw_number(tw_expect_status(w, id, FUT_OK)), pid);
	ck_assert_uint_eq(count_log("event=host.up"), 1);
	clear_flag("hang");
	tdaemon_wait_log_count(d, "event=host.up", 2);
	stop();
}
END_TEST

/* And when the new one is there first, it runs them. */
START_TEST(test_the_new_host_takes_what_waits)
{
	start_pool("processes", 2, "");
	long pid = pid_of(0);
	run_gates(1, 1);
	for (uint64_t id = 2; id < 100; id++)
		tw_put(w, id, "pid", "");
	tw_flush(w);
	for (uint64_t id = 2; id < 100; id++)
		ck_assert_int_ne(tw_number(tw_expect_status(w, id, FUT_OK)), pid);
	open_gates(1, 1);
	stop();
}
END_TEST

/* What only waits for its host to start does not fill the queue. */
START_TEST(test_room_in_the_queue)
{
	start_pool("processes", 4, "  queue = 2");
	for (uint64_t id = 0; id < 6; id++)
		tw_put(w, id, "gate", gate);
	tw_flush(w);
	for (uint64_t id = 0; id < 4; id++)
		tw_wait_started(w, id);
	tw_submit(w, 6, "gate", gate);
	tw_expect_status(w, 6, FUT_BUSY);
	open_gates(0, 6);
	stop();
}
END_TEST

/* ---- fewer -------------------------------------------------------------- */

static const struct {
	const char *kind, *more;
	unsigned slots, least;
} ends[] = {
	{"processes", "  idle_timeout = 50ms", 4, 1},
	{"processes", "  idle_timeout = 50ms\n  min_hosts = 0", 4, 0},
	{"processes", "  idle_timeout = 50ms\n  min_hosts = 3", 4, 3},
	{"processes", "  idle_timeout = 50ms\n  min_hosts = 4", 4, 4},
	{"threads", "  idle_timeout = 50ms\n  min_hosts = 0", 2, 0},
	{"threads", "  idle_timeout = 50ms\n  min_hosts = 1", 2, 1},
};

START_TEST(test_idle_hosts_end)
{
	unsigned least = ends[_i].least, slots = ends[_i].slots;
	unsigned most = strcmp(ends[_i].kind, "threads") == 0 ? 1 : slots;

	start_pool(ends[_i].kind, slots, ends[_i].more);
	twait_until(d, member("hosts") == least);
	for (unsigned round = 1; round <= 3; round++) {
		uint64_t since_us = td_now_us();
		unlink(gate);
		run_gates(0, slots);
		ck_assert_uint_eq(member("hosts"), most);
		open_gates(0, slots);
		twait_until(d, member("hosts") == least);
		if (least < most)
			ck_assert_uint_ge(td_now_us() - since_us, 50 * MS);
		/* In an orderly way. */
		tdaemon_wait_log_count(d, "event=host.ended", round * (most - least));
	}
	ck_assert_uint_eq(count_log("event=host.up"), least + 3 * (most - least));
	ck_assert_uint_eq(member("starting"), 0);
	stop();
}
END_TEST

/* One that has something to do stays, however long that takes. */
START_TEST(test_busy_hosts_stay)
{
	start_pool("processes", 3, "  idle_timeout = 30ms\n  min_hosts = 0");
	run_gates(0, 3);
	for (uint64_t id = 10; id < 12; id++)
		ck_assert_int_eq(tw_cancel(w, id - 10, CANCEL_STOP), FUT_VERDICT_STOP_REQUESTED);
	for (uint64_t id = 0; id < 2; id++)
		tw_expect_status(w, id, FUT_TASK_FAILED);
	twait_until(d, member("hosts") == 1);
	tdaemon_wait_log_count(d, "event=host.ended", 2);
	open_gates(2, 1);
	twait_until(d, member("hosts") == 0);
	stop();
}
END_TEST

/* A host that took long to start is not taken for one that was idle for so long. */
START_TEST(test_a_slow_start_is_not_idle)
{
	enum { ROUNDS = 20 };

	start_pool(_i ? "processes" : "threads", 1, "  idle_timeout = 1ms\n  min_hosts = 0");
	for (unsigned round = 1; round <= ROUNDS; round++) {
		set_flag("hang");
		tw_submit(w, 0, "slot", "");
		tw_ping(w);
		for (uint64_t end_us = td_now_us() + 5 * MS; td_now_us() < end_us;)
			(void)tw_pump(w, 0); /* longer than a host may be idle */
		clear_flag("hang");
		tw_expect_value(w, 0, "0 1 1");
		tdaemon_wait_log_count(d, "event=host.ended", round);
	}
	ck_assert_uint_eq(count_log("event=host.up"), ROUNDS);
	stop();
}
END_TEST

/* Hosts come and go while jobs do: none is lost, none runs twice. */
START_TEST(test_in_and_out)
{
	enum { ROUNDS = 300, BURST = 12 };
	struct rng r = rng_of_run();
	unsigned n = 0;

	start_pool("processes", 4, "  idle_timeout = 1ms\n  min_hosts = 0");
	unsigned fds = tdaemon_fd_count(d);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned burst = 1 + rng_below(&r, BURST);
		for (unsigned i = 0; i < burst; i++)
			tw_put(w, i, "mark", mark);
		tw_flush(w);
		for (unsigned i = 0; i < burst; i++)
			tw_expect_status(w, i, FUT_OK);
		n += burst;
		/* Somewhere around the moment when they end. */
		for (uint64_t end_us = td_now_us() + rng_below(&r, 3 * MS); td_now_us() < end_us;)
			(void)tw_pump(w, 0);
	}
	ck_assert_uint_eq(tfile_lines(mark), n);
	twait_until(d, member("hosts") == 0 && member("starting") == 0);
	twait_until(d, tdaemon_fd_count(d) == fds);
	printf("# %u jobs, %u hosts\n", n, count_log("event=host.up"));
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("demand");
	TCase *tc = trun_case(s, "more");

	tcase_add_checked_fixture(tc, slots_set_up, slots_tear_down);
	tcase_add_test(tc, test_one_job_at_a_time_needs_one);
	tcase_add_test(tc, test_jobs_that_wait_bring_hosts);
	tcase_add_test(tc, test_many_jobs_at_once_bring_all);
	tcase_add_test(tc, test_the_last_one_is_used_again);
	tcase_add_test(tc, test_no_job_behind_a_running_one);
	tcase_add_test(tc, test_the_new_host_takes_what_waits);
	tcase_add_test(tc, test_room_in_the_queue);
	tc = trun_case(s, "fewer");
	tcase_add_checked_fixture(tc, slots_set_up, slots_tear_down);
	trun_add_each(tc, test_idle_hosts_end, ends);
	tcase_add_test(tc, test_busy_hosts_stay);
	tcase_add_loop_test(tc, test_a_slow_start_is_not_idle, 0, 2);
	tcase_add_test(tc, test_in_and_out);
	return s;
}
