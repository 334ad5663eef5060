/* The module "basic": echo, noop, sleep and count. */
#include "common/clock.h"
#include "tests/lib/fake_call.h"
#include "tests/lib/trun.h"

static void open_basic(void)
{
	open_module("basic");
}

START_TEST(echo_any_bytes)
{
	run_text("echo", "hello");
	assert_result("hello");
	run_bytes("echo", "a\0\377\n", 4);
	assert_result_bytes("a\0\377\n", 4);
	run_text("echo", "");
	assert_result("");
	run_null("echo");
	assert_result("");
}
END_TEST

START_TEST(echo_result_refused)
{
	fake_reset()->refuses_result = true;
	run_prepared("echo", "a", 1);
	assert_gave_up();
}
END_TEST

START_TEST(noop_does_nothing)
{
	run_text("noop", "anything");
	ck_assert_int_eq(fake.rc, 0);
	ck_assert(!fake.failed && !fake.returned);
	run_null("noop");
	ck_assert_int_eq(fake.rc, 0);
}
END_TEST

static const struct {
	const char *seconds;
	int64_t us;
} sleeps[] = {
	{"0", 0},
	{"0.0", 0},
	{".0", 0},
	{"0.", 0},
	{"0.03", 30000},
	{" .03\n", 30000},
	{"00.030", 30000},
	{"0.000000000999", 0},
	{"0.0123456789876", 12345},
};

START_TEST(sleep_as_long_as_asked)
{
	int64_t before = (int64_t)clock_now_us(), took;

	run_text("sleep", sleeps[_i].seconds);
	took = (int64_t)clock_now_us() - before;
	assert_result(sleeps[_i].seconds);
	ck_assert_int_ge(took, sleeps[_i].us);
	/* One look a slice; generous, for a busy machine only makes fewer of them. */
	ck_assert_int_le(fake.looks, sleeps[_i].us / 1000 + 1);
}
END_TEST

static const char *const bad_sleeps[] = {
	"",      " ",   ".",   "-1",         "+1",
	"1e3",   "0x1", "inf", "nan",        "1,5",
	"1.2.3", "1.x", "1 s", "1000000001", "99999999999999999999",
};

START_TEST(sleep_refuses)
{
	assert_refused("sleep", bad_sleeps[_i], "ValueError");
}
END_TEST

START_TEST(sleep_stops)
{
	int64_t before = (int64_t)clock_now_us();

	fake_reset()->stop_at_look = 3;
	run_prepared("sleep", "1000000000.5", 12);
	assert_failure("Stopped", "");
	ck_assert_int_eq(fake.looks, 4);
	/* Three slices, at most 10 ms each on a machine with nothing else to do. */
	ck_assert_int_ge((int64_t)clock_now_us() - before, 3 * 1000);
	ck_assert_int_le((int64_t)clock_now_us() - before, 2 * 1000 * 1000);
	run_null("sleep");
	assert_failure("ValueError", "");
}
END_TEST

START_TEST(count_streams)
{
	run_text("count", "3");
	assert_result("3");
	ck_assert_uint_eq(fake.emitted_len, 6);
	ck_assert_mem_eq(fake.emitted, "0,1,2,", 6);
	ck_assert_int_eq(fake.progresses, 3);
	ck_assert_uint_eq(fake.done, 3);
	ck_assert_uint_eq(fake.total, 3);

	run_text("count", " 012 ");
	assert_result("12");
	ck_assert_mem_eq(fake.emitted, "0,1,2,3,4,5,6,7,8,9,10,11,", 26);

	run_text("count", "0");
	assert_result("0");
	ck_assert_int_eq(fake.emits, 0);
	ck_assert_int_eq(fake.progresses, 0);
}
END_TEST

START_TEST(count_stops)
{
	fake_reset()->stop_at_look = 2;
	run_prepared("count", "18446744073709551615", 20);
	assert_failure("Stopped", "");
	ck_assert_int_eq(fake.emits, 2);

	fake_reset()->gone_at_emit = 1;
	run_prepared("count", "5", 1);
	assert_gave_up();
	ck_assert_int_eq(fake.progresses, 1);

	fake_reset()->gone_at_progress = 1;
	run_prepared("count", "5", 1);
	assert_gave_up();
	ck_assert_int_eq(fake.emits, 2);
}
END_TEST

static const char *const bad_counts[] = {"", " ", "-1", "+1", "x", "1.0", "18446744073709551616"};

START_TEST(count_refuses)
{
	assert_refused("count", bad_counts[_i], "ValueError");
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("module_basic");
	TCase *tc = trun_case(s, "basic");

	tcase_add_checked_fixture(tc, open_basic, close_module);
	tcase_add_test(tc, echo_any_bytes);
	tcase_add_test(tc, echo_result_refused);
	tcase_add_test(tc, noop_does_nothing);
	trun_add_each(tc, sleep_as_long_as_asked, sleeps);
	trun_add_each(tc, sleep_refuses, bad_sleeps);
	tcase_add_test(tc, sleep_stops);
	tcase_add_test(tc, count_streams);
	tcase_add_test(tc, count_stops);
	trun_add_each(tc, count_refuses, bad_counts);
	return s;
}
