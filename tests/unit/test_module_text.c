/* The module "text": what wc and grep would say. */
#include "tests/lib/fake_call.h"
#include "tests/lib/trun.h"

#include <stdlib.h>
#include <string.h>

static void open_text(void)
{
	open_module("text");
}

static const struct {
	const char *text, *counts;
} word_counts[] = {
	{"", "0 0 0"},
	{"\n", "1 0 1"},
	{" \t\v\f\r ", "0 0 6"},
	{"one", "0 1 3"},
	{"one\n", "1 1 4"},
	{"one two\nthree\n", "2 3 14"},
	{"  one\t\ttwo\r\n\n three", "2 3 19"},
	{"na\303\257ve caf\303\251\n", "1 2 13"},
};

START_TEST(word_count_as_wc)
{
	run_text("word_count", word_counts[_i].text);
	assert_result(word_counts[_i].counts);
}
END_TEST

START_TEST(word_count_of_any_bytes)
{
	run_bytes("word_count", "a\0b \0\n", 6);
	assert_result("1 2 6");
	run_null("word_count");
	assert_result("0 0 0");
}
END_TEST

static const struct {
	const char *payload, *lines;
} greps[] = {
	{"cat\nthe cat\na dog\nconcatenate\n", "the cat\nconcatenate\n"},
	{"cat\nno end: cat", "no end: cat\n"},
	{"cat\nca\nt\n", ""},
	{"cat\n", ""},
	{"cat", ""},
	{"a.c\nabc\na.c\n", "a.c\n"},
	{"x\n\n\nx\n\n", "x\n"},
	{"cat\ncat\ncat", "cat\ncat\n"},
};

START_TEST(grep_finds)
{
	run_text("grep", greps[_i].payload);
	assert_result(greps[_i].lines);
	ck_assert_int_eq(fake.progresses, 0);
}
END_TEST

START_TEST(grep_any_bytes)
{
	run_bytes("grep", "\0b\na\0b\nab\n", 10);
	assert_result_bytes("a\0b\n", 4);
}
END_TEST

START_TEST(grep_empty_pattern)
{
	run_text("grep", "");
	assert_failure("ValueError", "");
	run_text("grep", "\ntext\n");
	assert_failure("ValueError", "");
	run_null("grep");
	assert_failure("ValueError", "");
}
END_TEST

START_TEST(grep_result_refused)
{
	fake_reset()->refuses_result = true;
	run_prepared("grep", "a\na", 3);
	assert_gave_up();
}
END_TEST

enum { BLOCK = 65536 };

/* "x\n", and then `n` lines "x\n". */
static size_t many_lines(char **ret, size_t n)
{
	char *text = malloc(2 * (n + 1));

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i <= n; i++)
		memcpy(text + 2 * i, "x\n", 2);
	*ret = text;
	return 2 * (n + 1);
}

START_TEST(grep_reports_progress)
{
	char *text;
	size_t len = many_lines(&text, 3 * BLOCK + 1);

	run_bytes("grep", text, len);
	assert_result_bytes(text + 2, len - 2);
	free(text);
	ck_assert_int_eq(fake.progresses, 3);
	ck_assert_uint_eq(fake.done, 2 * 3 * BLOCK);
	ck_assert_uint_eq(fake.total, len - 2);
	ck_assert_int_eq(fake.looks, 4);
}
END_TEST

START_TEST(grep_stops)
{
	char *text;
	size_t len = many_lines(&text, 3 * BLOCK);

	fake_reset()->stop_at_look = 1;
	run_prepared("grep", text, len);
	assert_failure("Stopped", "");
	ck_assert_int_eq(fake.progresses, 1);

	fake_reset()->gone_at_progress = 1;
	run_prepared("grep", text, len);
	assert_gave_up();
	ck_assert_int_eq(fake.progresses, 2);
	free(text);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("module_text");
	TCase *tc = trun_case(s, "text");

	tcase_add_checked_fixture(tc, open_text, close_module);
	trun_add_each(tc, word_count_as_wc, word_counts);
	tcase_add_test(tc, word_count_of_any_bytes);
	trun_add_each(tc, grep_finds, greps);
	tcase_add_test(tc, grep_any_bytes);
	tcase_add_test(tc, grep_empty_pattern);
	tcase_add_test(tc, grep_result_refused);
	tcase_add_test(tc, grep_reports_progress);
	tcase_add_test(tc, grep_stops);
	return s;
}
