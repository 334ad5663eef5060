#include "common/log.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int real_stderr = -1;
static int pipe_out = -1;
static char captured[LOG_LINE_MAX * 2];

/* From here on stderr goes to a pipe, which is large enough for what a test writes. */
static void capture(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	real_stderr = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	pipe_out = fds[0];
}

/* Puts stderr back and returns all that was written to it. */
static const char *release(size_t *ret_len)
{
	size_t len = 0;
	ssize_t n;

	dup2(real_stderr, STDERR_FILENO); /* closes the pipe's last writer */
	close(real_stderr);
	while ((n = read(pipe_out, captured + len, sizeof captured - 1 - len)) > 0)
		len += (size_t)n;
	close(pipe_out);
	captured[len] = '\0';
	if (ret_len)
		*ret_len = len;
	return captured;
}

START_TEST(plain_line)
{
	capture();
	log_event(LOG_INFO, "pool.ready", LOG_STR("pool", "cpu"), LOG_INT("delta", -3),
		  LOG_UINT("slots", UINT64_MAX), LOG_INT("least", INT64_MIN));
	ck_assert_str_eq(release(NULL), "level=info event=pool.ready pool=cpu delta=-3 "
					"slots=18446744073709551615 least=-9223372036854775808\n");
}
END_TEST

START_TEST(no_fields)
{
	capture();
	log_event(LOG_ERROR, "x");
	ck_assert_str_eq(release(NULL), "level=error event=x\n");
}
END_TEST

START_TEST(values_are_quoted_and_escaped)
{
	static const struct {
		const char *value;
		size_t len;
		const char *expected;
	} rows[] = {
		{"plain._-/:@+,%", 14, "plain._-/:@+,%"},
		{"", 0, "\"\""},
		{"two words", 9, "\"two words\""},
		{"a=b", 3, "\"a=b\""},
		{"say \"hi\"", 8, "\"say \\\"hi\\\"\""},
		{"back\\slash", 10, "\"back\\\\slash\""},
		{"line\nlevel=error event=fake", 27, "\"line\\nlevel=error event=fake\""},
		{"tab\tcr\r", 7, "\"tab\\x09cr\\x0d\""},
		{"\x1b[31mred", 8, "\"\\x1b[31mred\""},
		{"nul\0nul", 7, "\"nul\\x00nul\""},
		{"\0", 1, "\"\\x00\""},
		{"\xc3\xa9\xff", 3, "\"\\xc3\\xa9\\xff\""},
		{"\x7f", 1, "\"\\x7f\""},
		{"%n%s", 4, "%n%s"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char expected[200];
		capture();
		log_event(LOG_INFO, "e", LOG_BYTES("v", rows[i].value, rows[i].len));
		snprintf(expected, sizeof expected, "level=info event=e v=%s\n", rows[i].expected);
		ck_assert_str_eq(release(NULL), expected);
	}
}
END_TEST

START_TEST(null_string_is_empty)
{
	capture();
	log_event(LOG_INFO, "e", LOG_STR("v", NULL));
	ck_assert_str_eq(release(NULL), "level=info event=e v=\"\"\n");
}
END_TEST

START_TEST(long_value_is_cut)
{
	char value[LOG_VALUE_MAX + 100];
	size_t len;

	memset(value, 'a', sizeof value);
	capture();
	log_event(LOG_INFO, "e", LOG_BYTES("v", value, sizeof value));
	release(&len);
	ck_assert_uint_eq(len, strlen("level=info event=e v=") + LOG_VALUE_MAX + 1);
}
END_TEST

/* However much there is to say, it is one line that ends with its newline. */
START_TEST(long_line_is_cut)
{
	char value[LOG_VALUE_MAX];
	size_t len;

	memset(value, '\x01', sizeof value); /* four characters each */
	capture();
	log_event(LOG_INFO, "e", LOG_BYTES("a", value, sizeof value),
		  LOG_BYTES("b", value, sizeof value), LOG_BYTES("c", value, sizeof value));
	const char *text = release(&len);
	ck_assert_uint_eq(len, LOG_LINE_MAX);
	ck_assert_ptr_eq(strchr(text, '\n'), text + len - 1);
}
END_TEST

START_TEST(levels)
{
	enum log_level level;

	capture();
	log_event(LOG_DEBUG, "hidden");
	log_set_level(LOG_DEBUG);
	log_event(LOG_DEBUG, "shown");
	log_set_level(LOG_ERROR);
	log_event(LOG_WARNING, "hidden");
	log_event(LOG_ERROR, "shown");
	log_set_level(LOG_INFO);
	ck_assert_str_eq(release(NULL), "level=debug event=shown\nlevel=error event=shown\n");

	ck_assert_int_eq(log_level_parse("error", &level), 0);
	ck_assert_int_eq(level, LOG_ERROR);
	ck_assert_int_eq(log_level_parse("warning", &level), 0);
	ck_assert_int_eq(level, LOG_WARNING);
	ck_assert_int_eq(log_level_parse("info", &level), 0);
	ck_assert_int_eq(level, LOG_INFO);
	ck_assert_int_eq(log_level_parse("debug", &level), 0);
	ck_assert_int_eq(level, LOG_DEBUG);
	ck_assert_int_eq(log_level_parse("Debug", &level), -EINVAL);
	ck_assert_int_eq(log_level_parse("", &level), -EINVAL);
	ck_assert_int_eq(level, LOG_DEBUG); /* untouched by a failure */
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("log");
	TCase *tc = trun_case(s, "log");

	tcase_add_test(tc, plain_line);
	tcase_add_test(tc, no_fields);
	tcase_add_test(tc, values_are_quoted_and_escaped);
	tcase_add_test(tc, null_string_is_empty);
	tcase_add_test(tc, long_value_is_cut);
	tcase_add_test(tc, long_line_is_cut);
	tcase_add_test(tc, levels);
	return s;
}
