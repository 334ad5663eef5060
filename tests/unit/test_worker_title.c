/* Titles within their room, and short names with their number. */
#include "worker/title.h"

#include "tests/lib/trun.h"

#include <stdio.h>
#include <string.h>

/* Arguments and environment one behind the other, as a program finds them. */
static char area[128];
static char *argv[4];

static void set_up(void)
{
	static const char words[] = "futured-worker: zygote of cpu\0second\0third\0HOME=/root";

	memset(area, 'x', sizeof area);
	memcpy(area, words, sizeof words);
	argv[0] = area;
	for (int i = 1; i < 4; i++)
		argv[i] = argv[i - 1] + strlen(argv[i - 1]) + 1;
}

START_TEST(it_fits_where_the_arguments_were)
{
	title_init(1, argv);
	title_set("host", "cpu");
	ck_assert_str_eq(area, "futured-worker: host of cpu");
	/* Nothing of the old one is left behind it. */
	ck_assert_mem_eq(area + strlen(area), "\0\0\0second", 9);
	ck_assert_str_eq(argv[3], "HOME=/root");
}
END_TEST

START_TEST(it_is_cut_where_its_room_ends)
{
	title_init(1, argv);
	title_set("host", "a-name-that-is-too-long-for-it");
	ck_assert_str_eq(area, "futured-worker: host of a-nam");
	ck_assert_str_eq(argv[1], "second");
}
END_TEST

START_TEST(all_arguments_are_its_room)
{
	title_init(3, argv);
	title_set("host", "a-name-that-is-not-too-long-for-it");
	ck_assert_str_eq(area, "futured-worker: host of a-name-that-is-not");
	ck_assert_str_eq(argv[3], "HOME=/root");
	title_set("host", "b");
	ck_assert_str_eq(area, "futured-worker: host of b");
	for (char *p = area + strlen(area); p < argv[3]; p++)
		ck_assert_int_eq(*p, '\0');
}
END_TEST

START_TEST(only_what_lies_behind_each_other_is)
{
	char elsewhere[] = "elsewhere";

	argv[1] = elsewhere;
	title_init(3, argv);
	title_set("host", "a-name-that-is-too-long-for-it");
	ck_assert_str_eq(area, "futured-worker: host of a-nam");
	ck_assert_str_eq(elsewhere, "elsewhere");
	ck_assert_str_eq(argv[2], "third");
}
END_TEST

START_TEST(without_arguments_there_is_none)
{
	title_init(0, argv);
	title_set("host", "cpu");
	ck_assert_str_eq(area, "futured-worker: zygote of cpu");
}
END_TEST

static const struct {
	const char *pool;
	unsigned slot;
	const char *name;
} names[] = {
	{"cpu", 0, "cpu_0"},
	{"cpu", 255, "cpu_255"},
	{"thirteen-long", 7, "thirteen-long_7"},
	{"fourteen-longs", 7, "fourteen-long_7"},
	{"fourteen-longs", 12, "fourteen-lon_12"},
	{"sixty-three-letters-are-the-most-that-a-name-may-have-in-futured", 255,
	 "sixty-three_255"},
	{"x", 4294967295u, "x_4294967295"},
	{"abcdefgh", 4294967295u, "abcd_4294967295"},
};

START_TEST(the_number_of_a_thread_stays)
{
	char name[TITLE_THREAD_MAX];

	title_of_thread(names[_i].pool, names[_i].slot, name);
	ck_assert_str_eq(name, names[_i].name);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_title");
	TCase *tc = trun_case(s, "title");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, it_fits_where_the_arguments_were);
	tcase_add_test(tc, it_is_cut_where_its_room_ends);
	tcase_add_test(tc, all_arguments_are_its_room);
	tcase_add_test(tc, only_what_lies_behind_each_other_is);
	tcase_add_test(tc, without_arguments_there_is_none);
	trun_add_each(tc, the_number_of_a_thread_stays, names);
	return s;
}
