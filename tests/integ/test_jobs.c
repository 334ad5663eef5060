/* The list of jobs and why one does not run, asked of a real daemon while it works. */
#include "tests/integ/one_daemon.h"

#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *answer; /* the last one */

static const char *said(const char *member)
{
	const char *text = json_string_value(json_object_get(answer, member));

	return text ? text : "";
}

/* Why the job `id` of `of` does not run; "" while the daemon has not read of it. */
static const char *reason(struct tw *asks, const struct tw *of, uint64_t id)
{
	char name[64];

	snprintf(name, sizeof name, "%" PRIu64 "-%" PRIu32 "-%" PRIu32, of->session, (uint32_t)id,
		 (uint32_t)(id >> 32));
	json_decref(answer);
	const char *text = tw_ask(asks, "why", name);
	answer = NULL;
	if (asks->admin_status == FUT_INVALID)
		return "";
	ck_assert_int_eq(asks->admin_status, FUT_OK);
	answer = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(answer);
	ck_assert_str_eq(said("job"), name);
	return said("reason");
}

static json_int_t fact(const char *name)
{
	json_t *n = json_object_get(json_object_get(answer, "facts"), name);

	ck_assert_msg(json_is_integer(n), "no %s", name);
	return json_integer_value(n);
}

#define wait_reason(asks, of, id, word)                                                            \
	twait_until(d, strcmp(reason((asks), (of), (id)), (word)) == 0)

/* ---- states as they come --------------------------------------------------- */

static const char two_slots[] = "key k { running = 1 }\ntask hang { running = 1 }\n"
				"pool p {\n  kind = processes\n  slots = 2\n"
				"  modules = {basic, testmod_crash}\n}\n";

START_TEST(test_states)
{
	const uint64_t again = (uint64_t)9 << 32 | 5; /* place 5, generation 9 */

	start(two_slots);
	struct tw *w = tw_open(d->unix_url, "p"), *op = tw_open(d->tcp_url, "p");
	tw_submit_limits(w, 0, "gate", gate, .key = span_str("k"));
	tw_submit_limits(w, 1, "gate", gate, .key = span_str("k"));
	wait_reason(op, w, 0, "running");
	ck_assert_int_gt(fact("pid"), 1);
	ck_assert_str_eq(reason(op, w, 1), "key_cap");
	ck_assert_int_eq(fact("cap"), 1);
	tw_submit(w, 2, "hang", "");
	tw_submit(w, 3, "hang", "");
	tw_wait_started(w, 2);
	ck_assert_str_eq(reason(op, w, 3), "task_cap");
	tw_submit_limits(w, again, "echo", "", .priority = -2);
	tw_submit(w, 4, "echo", "");
	tw_ping(w);
	ck_assert_str_eq(reason(op, w, 4), "slots_busy");
	ck_assert_int_eq(fact("busy"), 2);
	ck_assert_str_eq(reason(op, w, again), "higher_priority");
	ck_assert_int_eq(json_integer_value(json_object_get(answer, "priority")), -2);
	tw_submit(op, 0, "echo", "");
	tw_ping(op);
	/* Which of the two is next is theirs. */
	const char *first = reason(op, w, 4);
	ck_assert(strcmp(first, "slots_busy") == 0 || strcmp(first, "others_turn") == 0);

	json_t *list = json_loads(tw_ask(op, "jobs", ""), 0, NULL);
	ck_assert_ptr_nonnull(list);
	ck_assert_uint_eq(json_array_size(json_object_get(list, "jobs")), 7);
	ck_assert_int_eq(json_integer_value(json_object_get(list, "more")), 0);
	json_decref(list);

	ck_assert_int_eq(tw_cancel(w, 2, CANCEL_KILL), FUT_VERDICT_KILLED);
	tw_expect_status(w, 2, FUT_KILLED);
	ck_assert_int_eq(tw_cancel(w, 3, CANCEL_KILL), FUT_VERDICT_REMOVED);
	tfile_touch(gate);
	tw_wait_answers(w, 5);
	tw_expect_value(op, 0, "");
	/* Done is done: the name leads nowhere. */
	char name[64];
	snprintf(name, sizeof name, "%" PRIu64 "-4-0", w->session);
	tw_ask(op, "why", name);
	ck_assert_uint_eq(op->admin_status, FUT_INVALID);
	ck_assert_ptr_nonnull(strstr(op->admin_reply, "no such job"));
	json_decref(answer);
	tw_close(w);
	tw_close(op);
	tdaemon_stop(d);
}
END_TEST

/*
 * It was taken for short, and others lie behind it in its slot. Once it is known to be long they
 * are taken back, at whatever moment of the daemon's tick it began: hence the rounds.
 */
START_TEST(test_ready_in_a_slot)
{
	enum { ROUNDS = 100, SHORT = 40, BEHIND = 9 };
	char open[96], shut[96];
	unsigned answers = 0;
	struct tw *w;

	start("pool p {\n kind = threads\n slots = 1\n modules = {basic, testmod_crash}\n}\n");
	tdaemon_path(d, "open", open, sizeof open);
	tdaemon_path(d, "shut", shut, sizeof shut);
	tfile_touch(open);
	w = tw_open(d->unix_url, "p");
	for (uint64_t round = 0; round < ROUNDS; round++) {
		const uint64_t first = round * 1000, held = first + SHORT;

		(void)unlink(shut);
		for (uint64_t id = first; id < held; id++)
			tw_put(w, id, id % 2 ? "gate" : "echo", id % 2 ? open : "");
		if (round % 2)
			tw_flush(w);
		tw_put(w, held, "gate", shut);
		for (uint64_t id = held + 1; id <= held + BEHIND; id++)
			tw_put(w, id, "echo", "");
		tw_flush(w);
		wait_reason(w, w, held, "running");
		wait_reason(w, w, held + 1, "slots_busy");
		ck_assert_str_eq(reason(w, w, held + BEHIND), "slots_busy");
		ck_assert_int_eq(fact("ahead_of_it"), BEHIND - 1);
		tfile_touch(shut);
		tw_wait_answers(w, answers += SHORT + 1 + BEHIND);
	}
	json_decref(answer);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

START_TEST(test_retry_pause)
{
	start(two_slots);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit_limits(w, 0, "kill_self", "", .crash_retries = 1, .retry_pause_us = 20000000);
	wait_reason(w, w, 0, "retry_pause");
	ck_assert_int_gt(fact("retry_in_us"), 0);
	ck_assert_int_le(fact("retry_in_us"), 30000000);
	ck_assert_str_eq(said("state"), "retrying");
	ck_assert_int_eq(tw_cancel(w, 0, CANCEL_QUEUED), FUT_VERDICT_TOO_LATE);
	tw_expect_status(w, 0, FUT_HOST_DIED);
	json_decref(answer);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* ---- a client that does not read ------------------------------------------- */

enum { UNREAD = 4000 };

/* One whose jobs are held, the last of them unique. */
static struct tw *open_slow(struct tw *asks)
{
	struct tw *slow = tw_open(d->tcp_url, "p");

	for (uint64_t id = 0; id < UNREAD; id++)
		tw_put(slow, id, "big", "32768");
	tw_flush(slow);
	tw_submit_limits(slow, UNREAD, "mark", mark, .unique = span_str("one"));
	twait_until(d, strcmp(reason(asks, slow, UNREAD), "slow_reader") == 0 &&
			       strcmp(said("state"), "held") == 0);
	return slow;
}

START_TEST(test_slow_reader)
{
	start("pool p {\n kind = threads\n slots = 2\n modules = {basic, testmod_crash}\n}\n");
	struct tw *w = tw_open(d->unix_url, "p"), *slow = open_slow(w);
	/* It reads: all goes on. */
	tw_wait_answers(slow, UNREAD + 1);
	ck_assert_uint_eq(slow->nfailed, 0);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	json_decref(answer);
	tw_close(slow);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* Its unique job was joined by one that reads. When it leaves, that one is not held. */
START_TEST(test_slow_reader_leaves_a_run)
{
	start("pool p {\n kind = threads\n slots = 2\n modules = {basic, testmod_crash}\n}\n");
	struct tw *w = tw_open(d->unix_url, "p"), *slow = open_slow(w);
	tw_submit_limits(w, 0, "mark", mark, .unique = span_str("one"));
	ck_assert_str_eq(reason(w, w, 0), "same_run");
	tw_close(slow);
	tw_expect_status(w, 0, FUT_OK);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	json_decref(answer);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("jobs");
	TCase *tc = trun_case(s, "jobs");

	tcase_add_test(tc, test_states);
	tcase_add_test(tc, test_ready_in_a_slot);
	tcase_add_test(tc, test_retry_pause);
	tc = trun_case(s, "slow");
	tcase_add_test(tc, test_slow_reader);
	tcase_add_test(tc, test_slow_reader_leaves_a_run);
	return s;
}
