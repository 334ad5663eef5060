/* The environment of a pool's processes. */
#include "daemon/environment.h"
#include "tests/lib/trun.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static const char *of_daemon[] = {
	"PATH=/bin",
	"LC_TIME=C",
	"HOME=/root",
	"SECRET=1",
	"NOTIFY_SOCKET=",
	"LD_PRELOAD=/evil.so",
	"LD_LIBRARY_PATH=/lib",
	"APP_ONE=1",
	"APP_TWO=2",
	"CREDENTIALS_DIRECTORY=/run",
	"PATHETIC=yes",
	NULL,
};

/* All there is, in its order, with a space behind each. */
static const char *make(bool for_other_user, const char *const *entries)
{
	static char text[1024];
	char **saved = environ;

	environ = (char **)(uintptr_t)of_daemon;
	char **made = environment_make((char *const *)(uintptr_t)entries, for_other_user);
	environ = saved;
	ck_assert_ptr_nonnull(made);
	text[0] = '\0';
	for (char **at = made; *at; at++) {
		strcat(text, *at);
		strcat(text, " ");
	}
	free(made);
	return text;
}

#define ENTRIES(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

START_TEST(the_usual_is_kept)
{
	ck_assert_str_eq(make(false, ENTRIES()), "PATH=/bin LC_TIME=C HOME=/root ");
	ck_assert_str_eq(make(true, ENTRIES()), "PATH=/bin LC_TIME=C ");
}
END_TEST

START_TEST(names_are_added)
{
	ck_assert_str_eq(make(true, ENTRIES("SECRET", "NOT_THERE")),
			 "PATH=/bin LC_TIME=C SECRET=1 ");
	ck_assert_str_eq(make(true, ENTRIES("APP_*")), "PATH=/bin LC_TIME=C APP_ONE=1 APP_TWO=2 ");
	ck_assert_str_eq(make(true, ENTRIES("HOME")), "PATH=/bin LC_TIME=C HOME=/root ");
}
END_TEST

START_TEST(values_replace)
{
	ck_assert_str_eq(make(true, ENTRIES("PATH=/mine", "NEW=a b")),
			 "LC_TIME=C PATH=/mine NEW=a b ");
	ck_assert_str_eq(make(true, ENTRIES("PATH", "PATH=")), "LC_TIME=C PATH= ");
}
END_TEST

/* Whoever leads the loader leads the process. */
START_TEST(the_loader_is_led_by_name_only)
{
	ck_assert_ptr_null(strstr(make(false, ENTRIES("*")), "LD_"));
	ck_assert_ptr_null(strstr(make(false, ENTRIES("LD_*")), "LD_"));
	ck_assert_ptr_nonnull(strstr(make(false, ENTRIES("*")), "SECRET=1 "));
	ck_assert_str_eq(make(true, ENTRIES("LD_LIBRARY_PATH")),
			 "PATH=/bin LC_TIME=C LD_LIBRARY_PATH=/lib ");
}
END_TEST

START_TEST(entries_are_names)
{
	static const char *const good[] = {"A", "A=", "A=b=c", "A=*", "A*", "*"};
	static const char *const bad[] = {"", "=", "=x", "A*B", "**", "A*=b", "*A"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(environment_is_entry(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!environment_is_entry(bad[i]), "%s", bad[i]);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("environment");
	TCase *tc = trun_case(s, "environment");

	tcase_add_test(tc, the_usual_is_kept);
	tcase_add_test(tc, names_are_added);
	tcase_add_test(tc, values_replace);
	tcase_add_test(tc, the_loader_is_led_by_name_only);
	tcase_add_test(tc, entries_are_names);
	return s;
}
