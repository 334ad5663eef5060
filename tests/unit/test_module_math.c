/* The module "math": exact results, or a refusal. */
#include "tests/lib/fake_call.h"
#include "tests/lib/trun.h"

#include <string.h>

static void open_math(void)
{
	open_module("math");
}

static const struct {
	const char *task, *n, *result;
} sums[] = {
	{"square", "0", "0"},
	{"square", "-0", "0"},
	{"square", "12", "144"},
	{"square", "-12", "144"},
	{"square", "+12", "144"},
	{"square", " \t\r\n-7\n ", "49"},
	{"square", "007", "49"},
	{"square", "4294967296", "18446744073709551616"},
	{"square", "18446744073709551615", "340282366920938463426481119284349108225"},
	{"square", "-18446744073709551615", "340282366920938463426481119284349108225"},
	{"square", "0000000000000000000000000000000000000009", "81"},
	{"sum_of_squares", "0", "0"},
	{"sum_of_squares", "1", "0"},
	{"sum_of_squares", " 4\n", "14"},
	{"sum_of_squares", "65535", "93818549927935"},
	{"sum_of_squares", "65536", "93822844764160"},
	{"sum_of_squares", "65537", "93827139731456"},
	{"sum_of_squares", "131072", "750591347982336"},
	{"sum_of_squares", "100000", "333328333350000"},
	{"sum_of_squares", "1000001", "333333833333500000"},
	{"sum_of_squares", "5000000", "41666654166667500000"},
};

START_TEST(math_result)
{
	run_text(sums[_i].task, sums[_i].n);
	assert_result(sums[_i].result);
}
END_TEST

static const struct {
	const char *task, *n, *type;
} bad_sums[] = {
	{"square", "", "ValueError"},
	{"square", "  ", "ValueError"},
	{"square", "-", "ValueError"},
	{"square", "--1", "ValueError"},
	{"square", "- 1", "ValueError"},
	{"square", "1 2", "ValueError"},
	{"square", "1.5", "ValueError"},
	{"square", "0x10", "ValueError"},
	{"square", "twelve", "ValueError"},
	{"square", "99999999999999999999999x", "ValueError"},
	{"square", "18446744073709551616", "OverflowError"},
	{"square", "-99999999999999999999999999999999999999999999", "OverflowError"},
	{"sum_of_squares", "", "ValueError"},
	{"sum_of_squares", "-1", "ValueError"},
	{"sum_of_squares", "+1", "ValueError"},
	{"sum_of_squares", "1e3", "ValueError"},
	{"sum_of_squares", "10069012961346", "OverflowError"},
	{"sum_of_squares", "18446744073709551615", "OverflowError"},
	{"sum_of_squares", "18446744073709551616", "OverflowError"},
};

START_TEST(math_refuses)
{
	assert_refused(bad_sums[_i].task, bad_sums[_i].n, bad_sums[_i].type);
}
END_TEST

START_TEST(math_refuses_nothing)
{
	run_null("square");
	assert_failure("ValueError", "");
	run_null("sum_of_squares");
	assert_failure("ValueError", "");
	run_bytes("square", "1\0", 2);
	ck_assert_str_eq(fake.type, "ValueError");
	ck_assert_uint_eq(fake.details_len, 2);
}
END_TEST

START_TEST(math_quotes_the_start)
{
	char text[1000];

	memset(text, 'z', sizeof(text));
	run_bytes("square", text, sizeof(text));
	text[256] = '\0';
	assert_failure("ValueError", text);
}
END_TEST

START_TEST(sum_stops)
{
	/* The largest n there is takes hours: only the flag can end this. */
	fake_reset()->stop_at_look = 3;
	run_prepared("sum_of_squares", "10069012961345", 14);
	assert_failure("Stopped", "");
	ck_assert_int_eq(fake.looks, 4);
}
END_TEST

START_TEST(sum_looks_each_65536_steps)
{
	run_text("sum_of_squares", "196608");
	ck_assert_int_eq(fake.looks, 3);
	run_text("sum_of_squares", "196609");
	ck_assert_int_eq(fake.looks, 4);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("module_math");
	TCase *tc = trun_case(s, "math");

	tcase_add_checked_fixture(tc, open_math, close_module);
	trun_add_each(tc, math_result, sums);
	trun_add_each(tc, math_refuses, bad_sums);
	tcase_add_test(tc, math_refuses_nothing);
	tcase_add_test(tc, math_quotes_the_start);
	tcase_add_test(tc, sum_stops);
	tcase_add_test(tc, sum_looks_each_65536_steps);
	return s;
}
