/* The breaker: when it opens, how long for, and what closes it. The clock is the test's. */
#include "daemon/breaker.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <string.h>

enum { MS = 1000, SECOND = 1000 * MS };

static const struct breaker_limits usual = {
	.crashes = 4, .window_us = 10 * SECOND, .pause_us = 1 * SECOND};

static struct breaker b;
static uint64_t now_us;

static void set_up(void)
{
	ck_assert_int_eq(breaker_init(&b, &usual), 0);
	now_us = 100 * SECOND;
}

static void tear_down(void)
{
	breaker_done(&b);
}

/* Fails to start as often as it takes, each time as soon as that is allowed. */
static void fail_until_open(void)
{
	for (int i = 1; i < BREAKER_START_FAILURES; i++) {
		now_us += breaker_wait_us(&b, now_us);
		ck_assert(!breaker_start_failed(&b, now_us, "no luck"));
	}
	now_us += breaker_wait_us(&b, now_us);
	ck_assert(breaker_start_failed(&b, now_us, "no luck at all"));
}

/* ---- starts ------------------------------------------------------------- */

START_TEST(it_begins_closed_and_calm)
{
	ck_assert(!b.open && breaker_is_calm(&b));
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), 0);
	ck_assert_uint_eq(breaker_wait_us(&b, 0), 0);
	ck_assert_str_eq(b.reason, "");
	ck_assert(!breaker_started(&b, now_us));
}
END_TEST

START_TEST(a_failed_start_waits_a_moment_longer_each_time)
{
	for (int i = 0; i < BREAKER_START_FAILURES - 1; i++) {
		ck_assert(!breaker_start_failed(&b, now_us, "no luck"));
		ck_assert(!b.open && !breaker_is_calm(&b));
		ck_assert_uint_eq(breaker_wait_us(&b, now_us), (uint64_t)BREAKER_MOMENT_US << i);
		now_us += breaker_wait_us(&b, now_us);
		ck_assert_uint_eq(breaker_wait_us(&b, now_us), 0);
	}
}
END_TEST

START_TEST(failures_in_a_row_open_it)
{
	fail_until_open();
	ck_assert(b.open && !b.by_crashes && !breaker_is_calm(&b));
	ck_assert_str_eq(b.reason, "no luck at all");
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), usual.pause_us);
	ck_assert_uint_eq(breaker_wait_us(&b, now_us + usual.pause_us - 1), 1);
	ck_assert_uint_eq(breaker_wait_us(&b, now_us + usual.pause_us), 0);
}
END_TEST

START_TEST(a_start_between_failures_makes_them_no_row)
{
	for (int i = 0; i < 10 * BREAKER_START_FAILURES; i++) {
		ck_assert(!breaker_start_failed(&b, now_us, "no luck"));
		if (i % (BREAKER_START_FAILURES - 1) == BREAKER_START_FAILURES - 2) {
			ck_assert(!breaker_started(&b, now_us));
			ck_assert(breaker_is_calm(&b));
			ck_assert_uint_eq(breaker_wait_us(&b, now_us), 0);
		}
	}
	ck_assert(!b.open);
}
END_TEST

START_TEST(a_start_closes_it)
{
	fail_until_open();
	now_us += usual.pause_us;
	ck_assert(breaker_started(&b, now_us));
	ck_assert(!b.open && breaker_is_calm(&b));
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), 0);
	ck_assert(!breaker_started(&b, now_us));
}
END_TEST

/* Also one that was under way before it opened. */
START_TEST(a_start_closes_it_within_the_pause)
{
	fail_until_open();
	ck_assert(breaker_started(&b, now_us + 1));
	ck_assert_uint_eq(breaker_wait_us(&b, now_us + 1), 0);
}
END_TEST

START_TEST(the_pause_doubles_with_each_attempt_that_fails)
{
	uint64_t want_us = usual.pause_us;

	fail_until_open();
	for (int i = 0; i < 10; i++) {
		ck_assert_uint_eq(breaker_wait_us(&b, now_us), want_us);
		now_us += want_us;
		ck_assert(!breaker_start_failed(&b, now_us, "still none"));
		ck_assert(b.open);
		want_us = min_u64(2 * want_us, BREAKER_PAUSE_MAX_US);
	}
	ck_assert_str_eq(b.reason, "still none");
	ck_assert_uint_eq(want_us, BREAKER_PAUSE_MAX_US);
}
END_TEST

/* They were under way when it opened, and say nothing of the time after. */
START_TEST(failures_within_the_pause_count_for_nothing)
{
	fail_until_open();
	for (int i = 0; i < 20; i++)
		ck_assert(!breaker_start_failed(&b, now_us + (uint64_t)i, "late"));
	ck_assert_str_eq(b.reason, "no luck at all");
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), usual.pause_us);
}
END_TEST

START_TEST(opening_again_soon_doubles_the_pause)
{
	fail_until_open();
	now_us += usual.pause_us;
	ck_assert(breaker_started(&b, now_us));
	fail_until_open();
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), 2 * usual.pause_us);
	now_us += 2 * usual.pause_us;
	ck_assert(breaker_started(&b, now_us));
	now_us += usual.window_us;
	fail_until_open();
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), usual.pause_us);
}
END_TEST

START_TEST(a_pause_longer_than_the_longest_stays)
{
	const struct breaker_limits l = {
		.crashes = 1, .window_us = 1, .pause_us = 3ull * BREAKER_PAUSE_MAX_US};

	breaker_done(&b);
	ck_assert_int_eq(breaker_init(&b, &l), 0);
	fail_until_open();
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(breaker_wait_us(&b, now_us), l.pause_us);
		now_us += l.pause_us;
		(void)breaker_start_failed(&b, now_us, "again");
	}
}
END_TEST

START_TEST(a_long_reason_is_cut)
{
	char text[2 * BREAKER_REASON_MAX];

	memset(text, 'r', sizeof text);
	text[sizeof text - 1] = '\0';
	(void)breaker_start_failed(&b, now_us, text);
	ck_assert_uint_eq(strlen(b.reason), BREAKER_REASON_MAX - 1);
	(void)breaker_crashed(&b, now_us, text);
}
END_TEST

/* ---- crashes ------------------------------------------------------------ */

START_TEST(crashes_within_the_window_open_it)
{
	for (unsigned i = 1; i < usual.crashes; i++)
		ck_assert(!breaker_crashed(&b, now_us + i, "it fell"));
	ck_assert(breaker_is_calm(&b));
	ck_assert(breaker_crashed(&b, now_us + 1 + usual.window_us, "it fell hard"));
	ck_assert(b.open && b.by_crashes);
	ck_assert_str_eq(b.reason, "4 hosts died within 10 s; the last one: it fell hard");
	ck_assert_uint_eq(breaker_wait_us(&b, now_us + 1 + usual.window_us), usual.pause_us);
}
END_TEST

START_TEST(one_microsecond_later_they_do_not)
{
	for (unsigned i = 1; i < usual.crashes; i++)
		ck_assert(!breaker_crashed(&b, now_us + i, "it fell"));
	ck_assert(!breaker_crashed(&b, now_us + 2 + usual.window_us, "it fell"));
	ck_assert(!b.open);
	/* But now the second one counts from. */
	ck_assert(breaker_crashed(&b, now_us + 2 + usual.window_us, "it fell"));
}
END_TEST

START_TEST(closing_forgets_the_crashes)
{
	for (unsigned i = 0; i < usual.crashes; i++)
		(void)breaker_crashed(&b, now_us, "it fell");
	ck_assert(b.open);
	now_us += usual.pause_us;
	breaker_close(&b, now_us);
	ck_assert(breaker_is_calm(&b) && !b.by_crashes);
	for (unsigned i = 1; i < usual.crashes; i++)
		ck_assert(!breaker_crashed(&b, now_us, "it fell"));
	ck_assert(breaker_crashed(&b, now_us, "it fell"));
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), 2 * usual.pause_us);
}
END_TEST

START_TEST(crashes_while_open_count_for_nothing)
{
	for (unsigned i = 0; i < usual.crashes; i++)
		(void)breaker_crashed(&b, now_us, "first");
	for (unsigned i = 0; i < 3 * usual.crashes; i++)
		ck_assert(!breaker_crashed(&b, now_us, "later"));
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), usual.pause_us);
	ck_assert_ptr_nonnull(strstr(b.reason, "first"));
}
END_TEST

START_TEST(a_start_within_the_pause_does_not_make_up_for_crashes)
{
	for (unsigned i = 0; i < usual.crashes; i++)
		(void)breaker_crashed(&b, now_us, "it fell");
	ck_assert(!breaker_started(&b, now_us));
	ck_assert(!breaker_started(&b, now_us + usual.pause_us - 1));
	ck_assert(b.open && b.by_crashes);
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), usual.pause_us);
	ck_assert(breaker_started(&b, now_us + usual.pause_us));
	ck_assert(!b.open && !b.by_crashes);
}
END_TEST

/* Then what keeps it open is that nothing starts. */
START_TEST(a_failed_attempt_after_crashes_is_a_failed_start)
{
	for (unsigned i = 0; i < usual.crashes; i++)
		(void)breaker_crashed(&b, now_us, "it fell");
	now_us += usual.pause_us;
	ck_assert(!breaker_start_failed(&b, now_us, "and does not rise"));
	ck_assert(b.open && !b.by_crashes);
	ck_assert_str_eq(b.reason, "and does not rise");
	ck_assert_uint_eq(breaker_wait_us(&b, now_us), 2 * usual.pause_us);
}
END_TEST

START_TEST(zero_crashes_is_any_number)
{
	const struct breaker_limits l = {.crashes = 0, .window_us = SECOND, .pause_us = SECOND};

	breaker_done(&b);
	ck_assert_int_eq(breaker_init(&b, &l), 0);
	for (int i = 0; i < 10000; i++)
		ck_assert(!breaker_crashed(&b, now_us, "it fell"));
	ck_assert(breaker_is_calm(&b));
	fail_until_open();
}
END_TEST

START_TEST(one_crash_can_be_too_many)
{
	const struct breaker_limits l = {.crashes = 1, .window_us = 1500 * MS, .pause_us = SECOND};

	breaker_done(&b);
	ck_assert_int_eq(breaker_init(&b, &l), 0);
	ck_assert(breaker_crashed(&b, now_us, "it fell"));
	ck_assert_str_eq(b.reason, "1 host died within 1.500 s; the last one: it fell");
}
END_TEST

/* Against a list of all crashes: open when the last n of them lie in a window. */
START_TEST(random_crashes_against_a_list)
{
	enum { N = 5, WINDOW = 1000, ROUNDS = 20000 };
	const struct breaker_limits l = {.crashes = N, .window_us = WINDOW, .pause_us = 1};
	static uint64_t at[ROUNDS];
	struct rng r = rng_of_run();
	size_t n = 0;

	breaker_done(&b);
	ck_assert_int_eq(breaker_init(&b, &l), 0);
	for (int i = 0; i < ROUNDS; i++) {
		now_us += rng_below(&r, 500);
		at[n++] = now_us;
		bool want = n >= N && now_us - at[n - N] <= WINDOW;
		must(breaker_crashed(&b, now_us, "it fell") == want);
		if (want) {
			breaker_close(&b, now_us);
			n = 0;
		}
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("breaker");
	TCase *tc = trun_case(s, "starts");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, it_begins_closed_and_calm);
	tcase_add_test(tc, a_failed_start_waits_a_moment_longer_each_time);
	tcase_add_test(tc, failures_in_a_row_open_it);
	tcase_add_test(tc, a_start_between_failures_makes_them_no_row);
	tcase_add_test(tc, a_start_closes_it);
	tcase_add_test(tc, a_start_closes_it_within_the_pause);
	tcase_add_test(tc, the_pause_doubles_with_each_attempt_that_fails);
	tcase_add_test(tc, failures_within_the_pause_count_for_nothing);
	tcase_add_test(tc, opening_again_soon_doubles_the_pause);
	tcase_add_test(tc, a_pause_longer_than_the_longest_stays);
	tcase_add_test(tc, a_long_reason_is_cut);
	tc = trun_case(s, "crashes");
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, crashes_within_the_window_open_it);
	tcase_add_test(tc, one_microsecond_later_they_do_not);
	tcase_add_test(tc, closing_forgets_the_crashes);
	tcase_add_test(tc, crashes_while_open_count_for_nothing);
	tcase_add_test(tc, a_start_within_the_pause_does_not_make_up_for_crashes);
	tcase_add_test(tc, a_failed_attempt_after_crashes_is_a_failed_start);
	tcase_add_test(tc, zero_crashes_is_any_number);
	tcase_add_test(tc, one_crash_can_be_too_many);
	tcase_add_test(tc, random_crashes_against_a_list);
	return s;
}
