/*
 * main() for a Check suite: the program defines test_suite() and nothing else.
 *
 * Before the suite runs, main() takes the seed and prints it (seed.h).
 */
#ifndef TESTS_TRUN_H
#define TESTS_TRUN_H

#include "common/util.h"

#include <check.h>

Suite *test_suite(void);

/* ck_assert() without its note to the parent on each success: for inner loops. */
#define must(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond))                                                                       \
			ck_abort_msg("must(%s)", #cond);                                           \
	} while (0)

/* Adds a test case of one name to the suite, for suites that need no fixtures. */
static inline TCase *trun_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 120); /* sanitizers are slow, and so are shared machines */
	suite_add_tcase(s, tc);
	return tc;
}

/* Adds the test, _i from 0 to n - 1; or, when there is a reason why it cannot run here, one that
 * counts as skipped and names it. `why_not` may be NULL. */
void trun_add_unless(TCase *tc, const char *why_not, const TTest *test, int n);

/* For programs whose tests confine themselves: a check for leaks looks into its process, and
 * would be kept from that. */
#ifdef __SANITIZE_ADDRESS__
#define TRUN_NO_LEAK_CHECK                                                                         \
	int __lsan_is_turned_off(void);                                                            \
	__attribute__((visibility("default"))) int __lsan_is_turned_off(void)                      \
	{                                                                                          \
		return 1;                                                                          \
	}                                                                                          \
	int __lsan_is_turned_off(void)
#else
#define TRUN_NO_LEAK_CHECK struct trun_checks_leaks
#endif

/* Runs the test once for each row of the table, with the row's number as _i. */
#define trun_add_each(tc, test, table) tcase_add_loop_test((tc), test, 0, (int)ARRAY_LEN(table))

#endif
