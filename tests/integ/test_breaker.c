/*
 * Hosts that do not start: what their pool's jobs are told, that no other pool notices, and
 * that all is well again once the reason is gone.
 */
#include "tests/integ/one_daemon.h"
#include "tests/integ/slots.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 2 };

static const char *const kinds[KINDS] = {"threads", "processes"};

static char env_preload[PATH_MAX], env_fork[96], env_asan[256];

static void set_up(void)
{
	const char *asan = getenv("ASAN_OPTIONS");

	slots_set_up();
	snprintf(env_fork, sizeof env_fork, "FORK_FAILS=%s/fork", slots_dir);
	snprintf(env_preload, sizeof env_preload, "LD_PRELOAD=%s/.libs/testmod_fork_fails.so",
		 td_builddir());
	/* A preloaded library comes before the sanitizer's, which minds. */
	snprintf(env_asan, sizeof env_asan, "ASAN_OPTIONS=%s%sverify_asan_link_order=0",
		 asan ? asan : "", asan ? ":" : "");
}

/* ---- daemons ------------------------------------------------------------ */

/* Pool p is of this kind, and has the module; pool q is fine. `more` is about p. */
static void start_pools(const char *kind, unsigned slots, const char *top, const char *more)
{
	const char *env[] = {slots_env, NULL};
	char text[600];

	snprintf(text, sizeof text,
		 "kill_grace = 500ms\n%s\npool p {\n kind = %s\n slots = %u\n"
		 " modules = {testmod_slots, testmod_crash, basic}\n"
		 " environment = {SLOTS_DIR}\n%s\n}\n"
		 "pool q {\n kind = threads\n slots = 1\n modules = {basic}\n}\n",
		 top, kind, slots, more);
	d = tdaemon_start_with(.config = text, .env = env);
	tdaemon_path(d, "mark", mark, sizeof mark);
	tdaemon_path(d, "gate", gate, sizeof gate);
}

/* The same, where fork() may fail. */
static void start_forks(unsigned slots, const char *more)
{
	const char *env[] = {slots_env, env_preload, env_fork, env_asan, NULL};
	char text[600];

	snprintf(text, sizeof text,
		 "kill_grace = 500ms\npool p {\n kind = processes\n slots = %u\n"
		 " modules = {testmod_crash, basic}\n"
		 " environment = {LD_PRELOAD, FORK_FAILS}\n%s\n}\n",
		 slots, more);
	d = tdaemon_start_with(.config = text, .env = env);
	tdaemon_path(d, "mark", mark, sizeof mark);
	tdaemon_path(d, "gate", gate, sizeof gate);
}

/* Refused, or answered before it ran: with these words. */
static void expect_broken(struct tw *w, uint64_t id, const char *words)
{
	const struct error_info *e = tw_error(w, tw_expect_status(w, id, FUT_POOL_BROKEN));

	if (!strstr(tw_text(e->detail), words))
		ck_abort_msg("'%s' is not in '%s'", words, tw_text(e->detail));
	ck_assert_ptr_nonnull(strstr(tw_text(e->detail), "pool 'p': "));
	ck_assert_ptr_nonnull(strstr(tw_text(e->hint), "tries again"));
	ck_assert_int_eq(e->executed, FUT_EXECUTED_NO);
	ck_assert_int_eq(e->retry, FUT_RETRY_LATER);
	ck_assert(!e->has_death);
}

/* The pool comes back: sooner or later a job runs. */
static void expect_healed(struct tw *w, uint64_t id)
{
	struct twait wait = twait_for(d, "the pool to heal");

	for (;; twait_step(&wait), id++) {
		tw_submit(w, id, "echo", "healed");
		if (tw_result(w, id)->status == FUT_OK)
			return;
		ck_assert_uint_eq(tw_job(w, id)->status, FUT_POOL_BROKEN);
	}
}

static void kill_hosts(void)
{
	pid_t hosts[TD_HOSTS_MAX];
	unsigned n = tdaemon_hosts(d, "p", hosts, TD_HOSTS_MAX);

	ck_assert_uint_gt(n, 0);
	while (n-- > 0)
		ck_assert_int_eq(kill(hosts[n], SIGKILL), 0);
}

/* ---- slots begin -------------------------------------------------------- */

START_TEST(test_slots_begin_once)
{
	enum { SLOTS = 3, JOBS = 60 };
	bool seen[SLOTS] = {false};
	char path[128], line[32];

	start_pools(kinds[_i], SLOTS, "", _i == 0 ? "" : "  min_hosts = 3");
	struct tw *w = tw_open(d->unix_url, "p");
	slots_path("log", path);
	twait_until(d, tfile_lines(path) == SLOTS);
	for (uint64_t id = 0; id < SLOTS; id++)
		tw_submit(w, 1000 + id, "gate", gate);
	for (uint64_t id = 0; id < SLOTS; id++)
		tw_wait_started(w, 1000 + id);
	tfile_touch(gate);
	for (uint64_t id = 0; id < JOBS; id++)
		tw_put(w, id, "slot", "");
	tw_flush(w);
	for (uint64_t id = 0; id < JOBS; id++) {
		unsigned number, begun, jobs;
		char *text = (char *)tw_expect_status(w, id, FUT_OK)->value;
		ck_assert_int_eq(sscanf(text, "%u %u %u", &number, &begun, &jobs), 3);
		ck_assert_uint_lt(number, SLOTS);
		ck_assert_uint_eq(begun, 1);
	}
	ck_assert_uint_eq(tfile_lines(path), SLOTS);
	tw_close(w);
	tdaemon_signal(d, SIGTERM);
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	/* Each has begun once, and ended. */
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	for (unsigned i = 0; fgets(line, sizeof line, f); i++) {
		unsigned number = (unsigned)line[5] - '0';
		ck_assert_uint_lt(number, SLOTS);
		ck_assert(seen[number] == (i >= SLOTS));
		ck_assert_int_eq(strncmp(line, i < SLOTS ? "init " : "fini ", 5), 0);
		seen[number] = i < SLOTS;
	}
	ck_assert_uint_eq(tfile_lines(path), 2 * SLOTS);
	fclose(f);
	tdaemon_forget(d);
}
END_TEST

/* A host that takes its time is not up before its slots are. */
START_TEST(test_jobs_wait_for_the_slot)
{
	start_pools(kinds[_i], 1, "", "");
	struct tw *w = tw_open(d->unix_url, "p");
	set_flag("hang");
	kill_hosts();
	tdaemon_wait_log(d, "event=host.died pool=p");
	tw_submit(w, 0, "slot", "");
	tw_ping(w);
	ck_assert(!tw_job(w, 0)->answered);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.up pool=p"), 1);
	clear_flag("hang");
	tw_expect_value(w, 0, "0 1 1");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.up pool=p"), 2);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* ---- hosts that do not start -------------------------------------------- */

static const struct {
	const char *flag, *top, *words;
} faults[] = {
	{"refuse", "", "slot_init() of module testmod_slots refused: it returned -1"},
	{"crash", "", "was ended by signal 11 (SIGSEGV)"},
	{"exit", "", "exited with status 3"},
	{"hang", "start_timeout = 500ms",
	 "slot_init() of module testmod_slots: it was not ready in time"},
};

enum { FAULTS = ARRAY_LEN(faults) };

/* From the beginning: the other pool serves, this one says why it does not, and heals. */
START_TEST(test_never_started)
{
	const char *flag = faults[_i / KINDS].flag;

	set_flag(flag);
	start_pools(kinds[_i % KINDS], 2, faults[_i / KINDS].top, "  breaker_pause = 50ms");
	tdaemon_wait_log(d, "event=pool.failed pool=p");
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "slot", "");
	expect_broken(w, 0, faults[_i / KINDS].words);
	expect_broken(w, 0, "slot_init() of module testmod_slots");
	ck_assert_ptr_nonnull(strstr(tw_status(w), "\"phase\":\"failed\""));
	expect_echo("q");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.up pool=p"), 0);
	if (strcmp(flag, "refuse") == 0) {
		char said[200];
		ck_assert(tdaemon_log_value(d, "event=host.died pool=p", "stderr", said,
					    sizeof said));
		ck_assert_ptr_nonnull(strstr(said, "there is no licence"));
	}
	clear_flag(flag);
	expect_healed(w, 10);
	tdaemon_wait_log(d, "event=breaker.closed pool=p");
	ck_assert_ptr_null(strstr(tw_status(w), "\"phase\":\"failed\""));
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* In the middle: what runs dies with its host, what waits is answered. */
START_TEST(test_not_started_again)
{
	start_pools(kinds[_i], 1, "", "  breaker_pause = 1h");
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	for (uint64_t id = 1; id < 50; id++)
		tw_put(w, id, "mark", mark);
	tw_flush(w);
	tw_ping(w);
	set_flag("refuse");
	kill_hosts();
	tw_expect_status(w, 0, FUT_HOST_DIED);
	for (uint64_t id = 1; id < 50; id++)
		expect_broken(w, id, faults[0].words);
	tw_submit(w, 50, "echo", "");
	expect_broken(w, 50, faults[0].words);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	expect_echo("q");
	/* The pause is long, but a reload ends it. */
	clear_flag("refuse");
	tdaemon_signal(d, SIGHUP);
	tdaemon_wait_log(d, "event=daemon.reload");
	tw_submit(w, 51, "slot", "");
	tw_expect_value(w, 51, "0 1 1");
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* One that hangs holds up the daemon's start for one try, not for all of them. */
START_TEST(test_hang_at_first)
{
	set_flag("hang");
	start_pools(kinds[_i], 1, "start_timeout = 1s", "");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=pool.failed pool=p"), 0);
	expect_echo("q");
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "slot", "");
	clear_flag("hang");
	tw_expect_value(w, 0, "0 1 1");
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* While it is broken it tries now and then, and one host at a time. */
START_TEST(test_one_attempt_at_a_time)
{
	enum { SLOTS = 8, ATTEMPTS = 3 };
	uint64_t since_us = td_now_us();

	set_flag("refuse");
	start_pools("processes", SLOTS, "", "  min_hosts = 8\n  breaker_pause = 100ms");
	tdaemon_wait_log(d, "event=pool.failed pool=p");
	tdaemon_wait_log_count(d, "event=host.died pool=p", SLOTS + ATTEMPTS);
	ck_assert_uint_ge(td_now_us() - since_us, (100 + 200 + 400) * 1000);
	clear_flag("refuse");
	tdaemon_wait_log_count(d, "event=host.up pool=p", SLOTS);
	tdaemon_stop(d);
}
END_TEST

/* ---- hosts that die ----------------------------------------------------- */

START_TEST(test_too_many_deaths)
{
	enum { N = 40 };
	unsigned died = 0;

	start_pools(kinds[_i], 2, "",
		    "  breaker_crashes = 5\n  breaker_window = 1h\n  breaker_pause = 200ms");
	struct tw *w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < N; id++)
		tw_put(w, id, "kill_self", "");
	tw_put(w, N, "echo", "behind them");
	tw_flush(w);
	for (uint64_t id = 0; id < N; id++) {
		if (tw_result(w, id)->status == FUT_HOST_DIED)
			died++;
		else
			expect_broken(w, id, "5 hosts died within 3600 s; the last one: process");
	}
	expect_broken(w, N, "5 hosts died");
	ck_assert_uint_ge(died, 5);
	ck_assert_uint_le(died, 6 * 2); /* and what ran beside the fifth one */
	tdaemon_wait_log(d, "event=pool.failed pool=p");
	expect_echo("q");
	expect_healed(w, 100);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* A client's kill, and a run limit, are no crashes. */
START_TEST(test_deaths_that_were_ordered)
{
	start_pools("processes", 1, "", "  breaker_crashes = 1\n  breaker_pause = 1h");
	struct tw *w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < 3; id++) {
		tw_submit(w, id, "hang", "");
		tw_wait_started(w, id);
		ck_assert_int_eq(tw_cancel(w, id, CANCEL_KILL), FUT_VERDICT_KILLED);
	}
	tw_submit_limits(w, 10, "hang", "", .run_limit_us = 20000);
	tw_expect_status(w, 10, FUT_RUN_LIMIT);
	tw_submit_limits(w, 11, "stubborn", "", .run_limit_us = 20000);
	tw_expect_status(w, 11, FUT_RUN_LIMIT);
	tdaemon_wait_log_count(d, "event=host.died pool=p", 5);
	tw_submit(w, 12, "echo", "fine");
	tw_expect_value(w, 12, "fine");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=breaker.open"), 0);
	tw_submit(w, 13, "kill_self", "");
	tw_expect_status(w, 13, FUT_HOST_DIED);
	tdaemon_wait_log(d, "event=breaker.open pool=p");
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* ---- fork fails --------------------------------------------------------- */

#define FORK_WORDS "fork: Resource temporarily unavailable"

START_TEST(test_fork_fails_at_first)
{
	set_flag("fork");
	start_forks(2, "  breaker_pause = 50ms");
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "echo", "");
	expect_broken(w, 0, FORK_WORDS);
	tdaemon_wait_log(d, "event=host.fork_failed pool=p");
	clear_flag("fork");
	expect_healed(w, 10);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

START_TEST(test_fork_fails_in_the_middle)
{
	start_forks(2, "  breaker_pause = 50ms");
	struct tw *w = tw_open(d->unix_url, "p");
	unsigned fds = tdaemon_fd_count(d);
	for (uint64_t id = 0; id < 2; id++) {
		tw_submit(w, id, "gate", gate);
		tw_wait_started(w, id);
	}
	for (uint64_t id = 2; id < 40; id++)
		tw_put(w, id, "mark", mark);
	tw_flush(w);
	tw_ping(w);
	set_flag("fork");
	kill_hosts();
	for (uint64_t id = 0; id < 2; id++)
		tw_expect_status(w, id, FUT_HOST_DIED);
	for (uint64_t id = 2; id < 40; id++)
		expect_broken(w, id, FORK_WORDS);
	clear_flag("fork");
	expect_healed(w, 50);
	tw_submit(w, 49, "mark", mark);
	tw_expect_status(w, 49, FUT_OK);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	twait_until(d, tdaemon_fd_count(d) == fds);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* Where one host is left, it does all the work. */
START_TEST(test_fork_fails_for_some)
{
	pid_t hosts[2];

	start_forks(2, "  min_hosts = 2\n  breaker_pause = 50ms");
	tdaemon_wait_log_count(d, "event=host.up pool=p", 2);
	ck_assert_uint_eq(tdaemon_hosts(d, "p", hosts, 2), 2);
	struct tw *w = tw_open(d->unix_url, "p");
	set_flag("fork");
	ck_assert_int_eq(kill(hosts[0], SIGKILL), 0);
	tdaemon_wait_log(d, "event=breaker.open pool=p");
	for (uint64_t id = 0; id < 20; id++) {
		tw_submit(w, id, "pid", "");
		ck_assert_int_eq(tw_number(tw_expect_status(w, id, FUT_OK)), hosts[1]);
	}
	ck_assert_ptr_nonnull(strstr(tw_status(w), "\"phase\":\"ready\""));
	/* Now there is none. */
	ck_assert_int_eq(kill(hosts[1], SIGKILL), 0);
	tdaemon_wait_log(d, "event=pool.failed pool=p");
	tw_submit(w, 30, "echo", "");
	expect_broken(w, 30, FORK_WORDS);
	clear_flag("fork");
	expect_healed(w, 40);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("breaker");
	TCase *tc = trun_case(s, "slots");

	tcase_add_checked_fixture(tc, set_up, slots_tear_down);
	tcase_add_loop_test(tc, test_slots_begin_once, 0, KINDS);
	tcase_add_loop_test(tc, test_jobs_wait_for_the_slot, 0, KINDS);
	tc = trun_case(s, "starts");
	tcase_add_checked_fixture(tc, set_up, slots_tear_down);
	tcase_add_loop_test(tc, test_never_started, 0, FAULTS * KINDS);
	tcase_add_loop_test(tc, test_not_started_again, 0, KINDS);
	tcase_add_loop_test(tc, test_hang_at_first, 0, KINDS);
	tcase_add_test(tc, test_one_attempt_at_a_time);
	tc = trun_case(s, "deaths");
	tcase_add_checked_fixture(tc, set_up, slots_tear_down);
	tcase_add_loop_test(tc, test_too_many_deaths, 0, KINDS);
	tcase_add_test(tc, test_deaths_that_were_ordered);
	tc = trun_case(s, "fork");
	tcase_add_checked_fixture(tc, set_up, slots_tear_down);
	tcase_add_test(tc, test_fork_fails_at_first);
	tcase_add_test(tc, test_fork_fails_in_the_middle);
	tcase_add_test(tc, test_fork_fails_for_some);
	return s;
}
