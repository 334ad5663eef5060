/* Keys, tasks and ageing in the configuration. */
#include "daemon/config_table.h"
#include "tests/lib/config_files.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

START_TEST(all_is_taken)
{
	struct config *c = must_load_text("ageing = 250ms\n"
					  "key reports { weight = 1000 running = 65536 }\n"
					  "task sha256 { running = 4 }\n"
					  "key batch.low { }\n"
					  "task a_b-c.d { }\n"
					  "key interactive { weight = 3 }\n");

	ck_assert_uint_eq(c->ageing_us, 250000);
	ck_assert_uint_eq(c->nkeys, 3);
	ck_assert_uint_eq(c->ntasks, 2);
	const struct config_key *k = config_find_key(c, "reports");
	ck_assert_uint_eq(k->weight, 1000);
	ck_assert_uint_eq(k->running, 65536);
	k = config_find_key(c, "batch.low");
	ck_assert_uint_eq(k->weight, 1);
	ck_assert_uint_eq(k->running, 0);
	ck_assert_uint_eq(config_find_key(c, "interactive")->weight, 3);
	ck_assert_ptr_null(config_find_key(c, "sha256"));
	ck_assert_ptr_null(config_find_key(c, "report"));
	ck_assert_uint_eq(config_find_task(c, "sha256")->running, 4);
	ck_assert_uint_eq(config_find_task(c, "a_b-c.d")->running, 0);
	ck_assert_ptr_null(config_find_task(c, "reports"));
	(void)config_free(c);
}
END_TEST

START_TEST(none_are_declared)
{
	struct config *c = must_load_text("");

	ck_assert_ptr_null(config_find_key(c, "any"));
	ck_assert_ptr_null(config_find_task(c, "any"));
	(void)config_free(c);
}
END_TEST

/* A drop-in adds to a section, and the last word counts. */
START_TEST(sections_of_one_name_are_one)
{
	write_conf("key k { weight = 2 running = 3 }\ntask t { running = 1 }\n");
	write_drop_in("10.conf", "key k { running = 5 }\ntask t { running = 0 }\nkey l { }\n");
	struct config *c = must_load(NULL);

	ck_assert_uint_eq(c->nkeys, 2);
	ck_assert_uint_eq(c->ntasks, 1);
	ck_assert_uint_eq(config_find_key(c, "k")->weight, 2);
	ck_assert_uint_eq(config_find_key(c, "k")->running, 5);
	ck_assert_uint_eq(config_find_task(c, "t")->running, 0);
	(void)config_free(c);
}
END_TEST

static const struct {
	const char *text, *expected;
} faults[] = {
	{"\nkey k { weight = 0 }", ":2: weight = 0 is not in the range 1 to 1000"},
	{"key k { weight = 1001 }", ":1: weight = 1001 is not in the range 1 to 1000"},
	{"key k { running = 65537 }", ":1: running = 65537 is not in the range 0 to 65536"},
	{"task t { running = many }", ":1: running = 'many' is not a whole number"},
	{"task t { weight = 2 }", ":1: unknown option 'weight'"},
	{"key k { wieght = 2 }", ":1: unknown option 'wieght' (did you mean 'weight'?)"},
	{"\nkey \"a b\" { }",
	 ":2: 'a b' is not a name for a key: 1 to 63 letters, digits, dots, dashes or _"},
	{"task .t { }",
	 ":1: '.t' is not a name for a task: 1 to 63 letters, digits, dots, dashes or _"},
	{"key { }", ":1: missing title for section 'key'"},
	{"ageing = 0s", ":1: ageing = 0s is not in the range 1ms to 24h"},
};

START_TEST(a_fault_is_named_with_its_line)
{
	write_conf(faults[_i].text);
	must_refuse(-EINVAL);
	ck_assert_int_eq(nconf_errors, 1);
	assert_error(0, faults[_i].expected);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("config_shares");
	TCase *tc = config_case(s, "shares");

	tcase_add_test(tc, all_is_taken);
	tcase_add_test(tc, none_are_declared);
	tcase_add_test(tc, sections_of_one_name_are_one);
	trun_add_each(tc, a_fault_is_named_with_its_line, faults);
	return s;
}
