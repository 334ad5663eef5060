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

/* Runs the test once for each row of the table, with the row's number as _i. */
#define trun_add_each(tc, test, table) tcase_add_loop_test((tc), test, 0, (int)ARRAY_LEN(table))

#endif
