/* Who is next, on real slots. One slot leaves no doubt about the order: each job leaves a line
 * in a file. A gate holds the slot until all of them are there. */
#include "tests/integ/one_daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 2000 };

static char lines[LINES_MAX][16];
static unsigned nlines;

#define ONE_SLOT(more)                                                                             \
	more "pool p {\n  kind = threads\n  slots = 1\n  modules = {basic, testmod_crash}\n}\n"

/* `id` says who submits; the line says in whose name. */
static void put_line(struct tw *w, uint64_t id, const char *key, int priority, const char *line)
{
	char payload[128];

	snprintf(payload, sizeof payload, "%s %s", mark, line);
	tw_put_job(w,
		   &(struct job_spec){.id = id,
				      .task = span_str("mark_line"),
				      .priority = priority,
				      .key = span_str(key)},
		   payload, strlen(payload));
}

static void put_lines(struct tw *w, uint64_t id, unsigned n, const char *key, int priority,
		      const char *line)
{
	for (unsigned i = 0; i < n; i++)
		put_line(w, id + i, key, priority, line);
	tw_flush(w);
	tw_ping(w);
}

static void hold_slot(struct tw *w)
{
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
}

static void read_lines(void)
{
	FILE *f = fopen(mark, "re");

	ck_assert_ptr_nonnull(f);
	for (nlines = 0; nlines < LINES_MAX && fscanf(f, "%15s", lines[nlines]) == 1; nlines++)
		;
	fclose(f);
}

/* How many are `line` before the last one that is `until`. */
static unsigned count_before_last(const char *line, const char *until)
{
	unsigned n = 0, before = 0;

	for (unsigned i = 0; i < nlines; i++) {
		n += strcmp(lines[i], line) == 0;
		if (strcmp(lines[i], until) == 0)
			before = n;
	}
	return before;
}

static unsigned place_of(const char *line)
{
	for (unsigned i = 0; i < nlines; i++) {
		if (strcmp(lines[i], line) == 0)
			return i;
	}
	ck_abort_msg("no line '%s'", line);
}

static void open_and_finish(struct tw *w, unsigned answers)
{
	tfile_touch(gate);
	tw_wait_answers(w, answers);
	ck_assert_uint_eq(w->nfailed, 0);
	read_lines();
}

/* ---- shares ---------------------------------------------------------------- */

/* Of jobs that take the same time, three for one. A busy machine makes some of them long, and
 * their key pays for that: so the bounds are wide, but for equal keys it would be 300. */
START_TEST(weights)
{
	start(ONE_SLOT("key heavy { weight = 3 }\n"));
	struct tw *w = tw_open(d->unix_url, "p");
	hold_slot(w);
	put_lines(w, 1, 300, "light", 0, "l");
	put_lines(w, 1001, 300, "heavy", 0, "h");
	open_and_finish(w, 601);
	ck_assert_uint_eq(nlines, 600);
	unsigned n = count_before_last("l", "h");
	ck_assert_msg(n > 10 && n < 220, "%u of the light one, not about 100", n);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* The one that came first, with many, does not stand before the one with few: they take turns,
 * though the machine may make one of the few long. */
START_TEST(sessions)
{
	start(ONE_SLOT(""));
	struct tw *many = tw_open(d->unix_url, "p"), *few = tw_open(d->unix_url, "p");
	hold_slot(many);
	put_lines(many, 1, 800, "", 0, "many");
	put_lines(few, 1, 5, "", 0, "few");
	open_and_finish(many, 801);
	tw_wait_answers(few, 5);
	unsigned n = count_before_last("many", "few");
	ck_assert_msg(n < 400, "%u of the many before the last of the few", n);
	tw_close(many);
	tw_close(few);
	tdaemon_stop(d);
}
END_TEST

/* Two sessions that name one key have one share together. */
START_TEST(one_key_of_two_sessions)
{
	start(ONE_SLOT(""));
	struct tw *a = tw_open(d->unix_url, "p"), *b = tw_open(d->unix_url, "p");
	hold_slot(a);
	put_lines(a, 1, 200, "ours", 0, "a");
	put_lines(b, 1, 200, "ours", 0, "b");
	put_lines(b, 1001, 200, "other", 0, "c");
	open_and_finish(a, 201);
	tw_wait_answers(b, 400);
	read_lines();
	/* b's are behind a's, in the order of their key. */
	ck_assert_uint_gt(place_of("b"), count_before_last("a", "a"));
	unsigned n = count_before_last("c", "a");
	ck_assert_msg(n > 100, "%u of the other key before the last of the first session", n);
	tw_close(a);
	tw_close(b);
	tdaemon_stop(d);
}
END_TEST

START_TEST(a_key_that_is_no_name)
{
	static const char *const keys[] = {"a b", ".a", "-", "\xff"};
	char long_key[65];

	start(ONE_SLOT(""));
	struct tw *w = tw_open(d->unix_url, "p");
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		put_line(w, i, keys[i], 0, "x");
	memset(long_key, 'k', 64);
	long_key[64] = '\0';
	put_line(w, 10, long_key, 0, "x");
	put_line(w, 11, long_key + 1, 0, "y");
	tw_flush(w);
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		tw_expect_status(w, i, FUT_INVALID);
	struct tw_job *j = tw_expect_status(w, 10, FUT_INVALID);
	const struct error_info *e = tw_error(w, j);
	ck_assert_int_eq(e->executed, FUT_EXECUTED_NO);
	ck_assert_int_eq(e->retry, FUT_RETRY_NEVER);
	tw_expect_status(w, 11, FUT_OK);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* ---- priorities ------------------------------------------------------------ */

/* Whoever submits it, and in whose name; one outside the range counts as the nearest. */
START_TEST(priorities)
{
	static const int given[] = {-100, -4, -3, -2, -1, 0, 1, 2, 3, 100};
	static const char *const wanted[] = {"3",  "100", "2",  "1",    "0",
					     "-1", "-2",  "-3", "-100", "-4"};
	char line[16];

	start(ONE_SLOT(""));
	struct tw *a = tw_open(d->unix_url, "p"), *b = tw_open(d->unix_url, "p");
	hold_slot(a);
	for (unsigned i = 0; i < ARRAY_LEN(given); i++) {
		int p = given[i];
		snprintf(line, sizeof line, "%d", p);
		put_lines(p % 2 ? a : b, i + 1, 1, abs(p) < 3 && p % 3 ? "k" : "", p, line);
	}
	open_and_finish(a, 1 + 4);
	tw_wait_answers(b, 6);
	read_lines();
	ck_assert_uint_eq(nlines, ARRAY_LEN(wanted));
	for (unsigned i = 0; i < ARRAY_LEN(wanted); i++)
		ck_assert_str_eq(lines[i], wanted[i]);
	tw_close(a);
	tw_close(b);
	tdaemon_stop(d);
}
END_TEST

/*
 * It comes while a thousand of a lower priority wait: the daemon has learnt that these jobs are
 * short, also the gate, and puts many ahead. When the gate takes longer they are taken back,
 * and it is next.
 */
START_TEST(before_what_lies_ahead)
{
	char open[96], gate2[96];

	start(ONE_SLOT(""));
	tdaemon_path(d, "open", open, sizeof open);
	tdaemon_path(d, "gate2", gate2, sizeof gate2);
	tfile_touch(open);
	struct tw *w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < 40; id++)
		tw_put(w, id, id % 2 ? "gate" : "mark", open);
	tw_flush(w);
	tw_wait_answers(w, 40);
	for (uint64_t id = 100; id < 1100; id++)
		tw_put(w, id, id == 600 ? "gate" : "mark", id == 600 ? gate : mark);
	tw_flush(w);
	tw_wait_started(w, 600);
	ck_assert_uint_eq(tfile_lines(mark), 500);
	twait_until(d, !strstr(tw_ask(w, "jobs", ""), "\"assigned\""));
	put_line(w, 2000, "", 1, "high");
	tw_flush(w);
	tw_ping(w);
	tfile_touch(gate);
	tw_wait_answers(w, 40 + 1000 + 1);
	read_lines();
	ck_assert_uint_eq(nlines, 1000);
	ck_assert_uint_eq(place_of("high"), 500);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* Beside a stream of high ones that never ends, the low one has its turn. */
START_TEST(nothing_starves)
{
	uint64_t id = 100;

	start(ONE_SLOT("ageing = 20ms\n"));
	struct tw *w = tw_open(d->unix_url, "p"), *low = tw_open(d->unix_url, "p");
	hold_slot(w);
	for (; id < 150; id++)
		put_line(w, id, "", 3, "high");
	tw_flush(w);
	put_lines(low, 1, 3, "", -4, "low");
	tfile_touch(gate);
	struct twait t = twait_for(d, "the low ones");
	while (low->nanswered < 3) {
		tw_wait_answers(w, (unsigned)(id - 100 - 20));
		for (int i = 0; i < 20; i++, id++)
			put_line(w, id, "", 3, "high");
		tw_flush(w);
		(void)tw_pump(low, 0);
		ck_assert_uint_lt(td_now_us(), t.end_us);
	}
	tw_wait_answers(w, (unsigned)(id - 100 + 1));
	tw_close(w);
	tw_close(low);
	tdaemon_stop(d);
}
END_TEST

/* ---- caps ------------------------------------------------------------------ */

#define FOUR_SLOTS(more)                                                                           \
	more "pool p {\n  kind = threads\n  slots = 4\n  modules = {basic, testmod_crash}\n}\n"

static void put_gate(struct tw *w, uint64_t id, const char *key)
{
	tw_submit_spec(w,
		       &(struct job_spec){.id = id, .task = span_str("gate"), .key = span_str(key)},
		       gate);
}

/* What comes later and is of another key passes by. A reload lifts the cap. */
START_TEST(a_capped_key)
{
	start(FOUR_SLOTS("key k { running = 1 }\n"));
	struct tw *w = tw_open(d->unix_url, "p");
	put_gate(w, 0, "k");
	put_gate(w, 1, "k");
	put_gate(w, 2, "l");
	tw_submit(w, 3, "echo", "passes");
	tw_wait_started(w, 0);
	tw_wait_started(w, 2);
	tw_expect_value(w, 3, "passes");
	tw_ping(w);
	ck_assert_uint_eq(tw_job(w, 1)->nstarted, 0);
	ck_assert_ptr_nonnull(strstr(tw_status(w), "\"jobs_queued\":1,\"jobs_running\":2"));
	tdaemon_configure(d, FOUR_SLOTS("key k { running = 2 }\n"));
	tdaemon_signal(d, SIGHUP);
	tw_wait_started(w, 1);
	tfile_touch(gate);
	tw_wait_answers(w, 4);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* The others of its share pass by; and what was parked can be cancelled, or runs in order. */
START_TEST(a_capped_task)
{
	start(FOUR_SLOTS("task gate { running = 1 }\n"));
	struct tw *w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < 4; id++)
		put_gate(w, id, "");
	tw_submit(w, 10, "echo", "passes");
	tw_wait_started(w, 0);
	tw_expect_value(w, 10, "passes");
	ck_assert_int_eq(tw_cancel(w, 2, CANCEL_QUEUED), FUT_VERDICT_REMOVED);
	ck_assert_ptr_nonnull(strstr(tw_status(w), "\"jobs_queued\":2,\"jobs_running\":1"));
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	tw_expect_value(w, 1, "open");
	tw_expect_value(w, 3, "open");
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* A cap lifted by a reload, which also closes a session with parked jobs. */
START_TEST(a_cap_is_lifted)
{
	start(FOUR_SLOTS("task gate { running = 1 }\n"));
	struct tw *w = tw_open(d->unix_url, "p"), *gone = tw_open(d->unix_url, "p");
	put_gate(w, 0, "");
	tw_wait_started(w, 0);
	put_gate(gone, 0, "");
	put_gate(gone, 1, "k");
	put_gate(w, 1, "k");
	tw_ping(w);
	tw_ping(gone);
	tw_close(gone);
	tdaemon_configure(d, FOUR_SLOTS(""));
	tdaemon_signal(d, SIGHUP);
	tw_wait_started(w, 1);
	tfile_touch(gate);
	tw_wait_answers(w, 2);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* A task that no pool has is a mistake in the file: the log says so, once. */
START_TEST(a_cap_for_no_task)
{
	start(FOUR_SLOTS("task gaet { running = 1 }\ntask gate { running = 1 }\n"
			 "pool q { kind = processes slots = 1 modules = {math} }\n"
			 "task square { }\n"));
	tdaemon_wait_log(d, "level=warning event=config.unknown_task task=gaet");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=config.unknown_task"), 1);
	tdaemon_stop(d);
}
END_TEST

/* Jobs that wait for a cap are answered like the others when the daemon ends. */
START_TEST(draining_with_caps)
{
	start(FOUR_SLOTS("task gate { running = 1 }\nkey k { running = 1 }\n"));
	struct tw *w = tw_open(d->unix_url, "p");
	put_gate(w, 0, "k");
	put_gate(w, 1, "k");
	put_gate(w, 2, "");
	put_gate(w, 3, "");
	tw_wait_started(w, 0);
	tdaemon_signal(d, SIGTERM);
	for (uint64_t id = 1; id < 4; id++)
		tw_expect_status(w, id, FUT_DRAINING);
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("fairness");
	TCase *tc = trun_case(s, "shares");

	tcase_add_test(tc, weights);
	tcase_add_test(tc, sessions);
	tcase_add_test(tc, one_key_of_two_sessions);
	tcase_add_test(tc, a_key_that_is_no_name);
	tc = trun_case(s, "priorities");
	tcase_add_test(tc, priorities);
	tcase_add_test(tc, before_what_lies_ahead);
	tcase_add_test(tc, nothing_starves);
	tc = trun_case(s, "caps");
	tcase_add_test(tc, a_capped_key);
	tcase_add_test(tc, a_capped_task);
	tcase_add_test(tc, a_cap_is_lifted);
	tcase_add_test(tc, a_cap_for_no_task);
	tcase_add_test(tc, draining_with_caps);
	return s;
}
