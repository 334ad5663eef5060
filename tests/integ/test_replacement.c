/*
 * Hosts that are replaced while nothing is wrong with them: after so many jobs, when they have
 * grown, or after each job. No job is lost by it, none runs twice, none dies.
 *
 * breaker_crashes is 1 everywhere: nothing of this is a crash.
 */
#include "tests/integ/one_daemon.h"
#include "tests/lib/seed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KINDS = 2, PIDS_MAX = 4096 };

static const char *const kinds[KINDS] = {"threads", "processes"};

static struct tw *w;

static void start_pool(const char *kind, unsigned slots, const char *more)
{
	char text[400];

	snprintf(text, sizeof text,
		 "kill_grace = 500ms\npool p {\n kind = %s\n slots = %u\n breaker_crashes = 1\n%s\n"
		 " modules = {testmod_crash, testmod_slots, basic}\n}\n",
		 kind, slots, more);
	start(text);
	w = tw_open(d->unix_url, "p");
}

static void stop(void)
{
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=breaker.open"), 0);
	tw_close(w);
	tdaemon_stop(d);
}

/* ---- who ran how many --------------------------------------------------- */

struct tally {
	struct {
		long pid;
		unsigned jobs;
	} by[PIDS_MAX];
	unsigned n; /* in the order in which they came first */
};

static void tally_add(struct tally *t, long pid)
{
	unsigned i = t->n;

	/* From the last: it mostly is that. */
	while (i > 0 && t->by[i - 1].pid != pid)
		i--;
	if (i == 0) {
		must(t->n < PIDS_MAX);
		i = ++t->n;
		t->by[i - 1].pid = pid;
	}
	t->by[i - 1].jobs++;
}

/* Those that "mark" left in the file. */
static void tally_marks(struct tally *t)
{
	char line[32];
	FILE *f = fopen(mark, "re");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f))
		tally_add(t, strtol(line, NULL, 10));
	fclose(f);
}

/* Each has run `each`, but for at most so many that are not done yet. */
static void expect_each(const struct tally *t, unsigned each, unsigned open)
{
	unsigned unlike = 0;

	for (unsigned i = 0; i < t->n; i++) {
		if (t->by[i].jobs > each)
			ck_abort_msg("host %ld ran %u jobs", t->by[i].pid, t->by[i].jobs);
		unlike += t->by[i].jobs < each;
	}
	if (unlike > open)
		ck_abort_msg("%u of %u hosts ran fewer than %u", unlike, t->n, each);
}

/* ---- max_tasks ---------------------------------------------------------- */

START_TEST(test_the_pid_changes_after_so_many)
{
	enum { EACH = 5 };
	long before[100];

	start_pool(kinds[_i], 1, "  max_tasks = 5");
	for (unsigned id = 0; id < ARRAY_LEN(before); id++) {
		tw_submit(w, id, "pid", "");
		before[id] = tw_number(tw_expect_status(w, id, FUT_OK));
		if (id % EACH > 0)
			ck_assert_int_eq(before[id], before[id - 1]);
		else if (id > 0)
			ck_assert_int_ne(before[id], before[id - 1]);
	}
	tdaemon_wait_log_count(d, "event=host.ended", ARRAY_LEN(before) / EACH);
	stop();
}
END_TEST

static const struct {
	unsigned kind, slots, each;
} bursts[] = {
	{0, 1, 7}, {0, 3, 10}, {0, 8, 1}, {1, 1, 7}, {1, 1, 64}, {1, 4, 5}, {1, 3, 1},
};

/* However many are ready in it. */
START_TEST(test_a_host_runs_so_many_and_no_more)
{
	unsigned n = td_is_sanitized() ? 1000 : 4000, each = bursts[_i].each;
	static struct tally t;
	char more[64];

	snprintf(more, sizeof more, "  max_tasks = %u", each);
	start_pool(kinds[bursts[_i].kind], bursts[_i].slots, more);
	if (each == 1)
		n = 200;
	for (uint64_t id = 0; id < n; id++)
		tw_put(w, id, "mark", mark);
	tw_flush(w);
	for (uint64_t id = 0; id < n; id++)
		tw_expect_status(w, id, FUT_OK);
	tally_marks(&t);
	ck_assert_uint_eq(tfile_lines(mark), n);
	expect_each(&t, each, bursts[_i].slots);
	stop();
}
END_TEST

/* What was taken back has not been run: the host may have another one. */
START_TEST(test_cancelled_jobs_do_not_count)
{
	enum { ROUNDS = 150, BATCH = 20, EACH = 7 };
	struct rng r = rng_of_run();
	static struct tally t;
	unsigned removed = 0;

	start_pool(kinds[_i], 2, "  max_tasks = 7");
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool gone[BATCH] = {false};
		for (uint64_t id = 0; id < BATCH; id++)
			tw_put(w, id, "mark", mark);
		tw_flush(w);
		for (unsigned i = 0; i < 4; i++) {
			unsigned id = rng_below(&r, BATCH);
			if (!gone[id] && tw_cancel(w, id, CANCEL_QUEUED) == FUT_VERDICT_REMOVED) {
				gone[id] = true;
				removed++;
			}
		}
		for (uint64_t id = 0; id < BATCH; id++) {
			if (!gone[id])
				tw_expect_status(w, id, FUT_OK);
		}
	}
	printf("# %u of %u removed\n", removed, ROUNDS * BATCH);
	ck_assert_uint_eq(tfile_lines(mark), ROUNDS * BATCH - removed);
	tally_marks(&t);
	expect_each(&t, EACH, 2);
	stop();
}
END_TEST

/* There is one process for a slot: the next one starts when the last job is done. */
START_TEST(test_one_process_for_a_slot)
{
	char other[96];

	start_pool("processes", 1, "  max_tasks = 2");
	tdaemon_path(d, "other", other, sizeof other);
	tw_submit(w, 0, "pid", "");
	long pid = tw_number(tw_expect_status(w, 0, FUT_OK));
	tw_submit(w, 1, "gate", gate);
	tw_submit(w, 2, "gate", other);
	tw_wait_started(w, 1);
	tw_ping(w);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.up"), 1);
	ck_assert_ptr_nonnull(strstr(tw_status(w), "\"hosts\":1,\"starting\":0"));
	ck_assert_int_eq(kill((pid_t)pid, 0), 0);
	tfile_touch(gate);
	tw_expect_value(w, 1, "open");
	tw_wait_started(w, 2);
	tdaemon_wait_log(d, "event=host.ended");
	tfile_touch(other);
	tw_expect_value(w, 2, "open");
	stop();
}
END_TEST

/* Threads: what the old process still runs is a slot less in the new one. */
START_TEST(test_no_more_jobs_than_slots)
{
	char other[96];

	start_pool("threads", 2, "  max_tasks = 2");
	tdaemon_path(d, "other", other, sizeof other);
	tw_submit(w, 0, "gate", gate);
	tw_submit(w, 1, "gate", other);
	tw_wait_started(w, 0);
	tw_wait_started(w, 1);
	tdaemon_wait_log_count(d, "event=host.up", 2);
	for (uint64_t id = 2; id < 4; id++)
		tw_submit(w, id, "pid", "");
	tw_ping(w);
	const char *status = tw_status(w);
	ck_assert_ptr_nonnull(strstr(status, "\"queued\":2,"));
	ck_assert_ptr_nonnull(strstr(status, "\"running\":2,"));
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.ended"), 0);
	/* The slower one goes on in the old process while others run in the new one. */
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	long pid = tw_number(tw_expect_status(w, 2, FUT_OK));
	ck_assert_int_eq(tw_number(tw_expect_status(w, 3, FUT_OK)), pid);
	ck_assert(!tw_job(w, 1)->answered);
	/* That was all of the second one, too. */
	tw_submit(w, 4, "pid", "");
	ck_assert_int_ne(tw_number(tw_expect_status(w, 4, FUT_OK)), pid);
	tfile_touch(other);
	tw_expect_value(w, 1, "open");
	tdaemon_wait_log_count(d, "event=host.ended", 2);
	stop();
}
END_TEST

/* ---- max_rss ------------------------------------------------------------ */

enum { LIMIT_MIB = 192, JOB_BYTES = 4 * MIB };

/* Sanitizers have memory of their own, and a lot of it. */
static unsigned limit_mib(void)
{
	return td_is_sanitized() ? 4 * LIMIT_MIB : LIMIT_MIB;
}

START_TEST(test_a_host_that_grew_is_replaced)
{
	unsigned n = 3 * limit_mib() / (JOB_BYTES / MIB);
	static struct tally t;
	char more[64], bytes[24];

	snprintf(more, sizeof more, "  max_rss = %uM", limit_mib());
	snprintf(bytes, sizeof bytes, "%u", JOB_BYTES);
	start_pool(kinds[_i], 1, more);
	for (uint64_t id = 0; id < n; id++) {
		tw_submit(w, id, "keep", bytes);
		tally_add(&t, tw_number(tw_expect_status(w, id, FUT_OK)));
	}
	ck_assert_uint_ge(t.n, 3);
	/* The job that went over it is the last. */
	for (unsigned i = 0; i < t.n; i++) {
		printf("# host %u: %u jobs\n", i, t.by[i].jobs);
		ck_assert_uint_le(t.by[i].jobs, limit_mib() / (JOB_BYTES / MIB) + 1);
		if (i + 1 < t.n)
			ck_assert_uint_ge(t.by[i].jobs, 10);
	}
	stop();
}
END_TEST

/* What was ready in it runs elsewhere, once. */
START_TEST(test_what_was_ready_goes_on)
{
	unsigned n = td_is_sanitized() ? 1000 : 5000;
	char more[64], bytes[24];
	static struct tally t;

	/* Jobs of 64 KiB are short: they lie ready by the dozen. */
	snprintf(more, sizeof more, "  max_rss = %uM", limit_mib() / 4);
	snprintf(bytes, sizeof bytes, "%u", 64 * 1024);
	start_pool(kinds[_i], 3, more);
	for (uint64_t id = 0; id < n; id++) {
		tw_put(w, 2 * id, "keep", bytes);
		tw_put(w, 2 * id + 1, "mark", mark);
	}
	tw_flush(w);
	for (uint64_t id = 0; id < 2 * n; id++) {
		const struct tw_job *j = tw_expect_status(w, id, FUT_OK);
		ck_assert_uint_eq(j->attempt, 1);
		if (id % 2 == 0)
			tally_add(&t, tw_number(j));
	}
	ck_assert_uint_eq(tfile_lines(mark), n);
	ck_assert_uint_ge(t.n, td_is_sanitized() ? 1 : 4);
	printf("# %u hosts\n", t.n);
	stop();
}
END_TEST

/* What a host has resident after a few jobs of the tasks that follow. */
static long usual_size(const char *kind)
{
	start_pool(kind, 1, "");
	for (uint64_t id = 0; id < 20; id++) {
		tw_submit(w, id, id % 2 ? "mark" : "keep", id % 2 ? mark : "100");
		tw_expect_status(w, id, FUT_OK);
	}
	tw_submit(w, 20, "resident", "");
	long bytes = tw_number(tw_expect_status(w, 20, FUT_OK));
	stop();
	return bytes;
}

/* Nothing starts behind the job that went over the limit, though it lies ready. */
START_TEST(test_nothing_starts_behind_it)
{
	enum { ROUNDS = 30, BEHIND = 20 };
	unsigned same = 0;
	char more[64];

	snprintf(more, sizeof more, "  max_rss = %ld", usual_size("processes") + MIB);
	start_pool("processes", 1, more);
	for (unsigned round = 0; round < ROUNDS; round++) {
		tw_submit(w, 0, "keep", "100"); /* it is known to be short */
		tw_submit(w, 1, "mark", mark);
		tw_expect_status(w, 0, FUT_OK);
		tw_expect_status(w, 1, FUT_OK);
		tfile_touch(mark);
		tw_put(w, 2, "keep", "2000000");
		for (uint64_t id = 0; id < BEHIND; id++)
			tw_put(w, 10 + id, "mark", mark);
		tw_flush(w);
		long pid = tw_number(tw_expect_status(w, 2, FUT_OK));
		for (uint64_t id = 0; id < BEHIND; id++)
			tw_expect_status(w, 10 + id, FUT_OK);
		static struct tally t;
		t.n = 0;
		tally_marks(&t);
		for (unsigned i = 0; i < t.n; i++)
			same += t.by[i].pid == pid;
	}
	ck_assert_uint_eq(same, 0);
	stop();
}
END_TEST

/* ---- fresh -------------------------------------------------------------- */

START_TEST(test_each_job_is_the_first)
{
	enum { N = 300 };
	static struct tally t;

	start_pool("processes", (unsigned)_i, "  fresh = true");
	for (uint64_t id = 0; id < N; id++)
		tw_put(w, id, "pid", "");
	tw_flush(w);
	for (uint64_t id = 0; id < N; id++)
		tally_add(&t, tw_number(tw_expect_status(w, id, FUT_OK)));
	ck_assert_uint_eq(t.n, N);
	/* Whatever a job leaves in its process is gone with it. */
	for (uint64_t id = 0; id < 20; id++) {
		unsigned number, begun, jobs;
		tw_submit(w, id, "slot", "");
		const struct tw_job *j = tw_expect_status(w, id, FUT_OK);
		ck_assert_int_eq(sscanf((char *)j->value, "%u %u %u", &number, &begun, &jobs), 3);
		ck_assert_uint_eq(begun, 1);
		ck_assert_uint_eq(jobs, 1);
	}
	stop();
}
END_TEST

/* A crash is one job's, and nobody else's. */
START_TEST(test_a_crash_of_a_fresh_one)
{
	enum { N = 120 };

	start("pool p {\n kind = processes\n slots = 3\n fresh = yes\n"
	      " modules = {testmod_crash, basic}\n}\n");
	w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < N; id++)
		tw_put(w, id, id % 3 == 1 ? "segv" : "mark", mark);
	tw_flush(w);
	for (uint64_t id = 0; id < N; id++)
		tw_expect_status(w, id, id % 3 == 1 ? FUT_HOST_DIED : FUT_OK);
	ck_assert_uint_eq(tfile_lines(mark), N - N / 3);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), N / 3);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("replacement");
	TCase *tc = trun_case(s, "max_tasks");

	tcase_add_loop_test(tc, test_the_pid_changes_after_so_many, 0, KINDS);
	trun_add_each(tc, test_a_host_runs_so_many_and_no_more, bursts);
	tcase_add_loop_test(tc, test_cancelled_jobs_do_not_count, 0, KINDS);
	tcase_add_test(tc, test_one_process_for_a_slot);
	tcase_add_test(tc, test_no_more_jobs_than_slots);
	tc = trun_case(s, "max_rss");
	tcase_add_loop_test(tc, test_a_host_that_grew_is_replaced, 0, KINDS);
	tcase_add_loop_test(tc, test_what_was_ready_goes_on, 0, KINDS);
	tcase_add_test(tc, test_nothing_starts_behind_it);
	tc = trun_case(s, "fresh");
	tcase_add_loop_test(tc, test_each_job_is_the_first, 1, 4);
	tcase_add_test(tc, test_a_crash_of_a_fresh_one);
	return s;
}
