#include "tests/lib/trun.h"

#include "tests/lib/seed.h"

#include <stdio.h>
#include <stdlib.h>

static void do_nothing(int i)
{
	(void)i;
}

/* Check has no verdict for it; TAP finds one in the name. */
void trun_add_unless(TCase *tc, const char *why_not, const TTest *test, int n)
{
	enum { SKIPPED_MAX = 8 };
	static TTest skipped[SKIPPED_MAX];
	static char names[SKIPPED_MAX][200];
	static unsigned nskipped;
	unsigned i;

	if (!why_not) {
		tcase_add_loop_test(tc, test, 0, n);
		return;
	}
	i = nskipped++;
	if (i >= SKIPPED_MAX)
		abort();
	(void)snprintf(names[i], sizeof names[i], "%s # SKIP %s", test->name, why_not);
	skipped[i] = (TTest){names[i], do_nothing, test->file, test->line};
	tcase_add_test(tc, &skipped[i]);
}

int main(void)
{
	seed_init();
	/* Tests look into daemons and workers, and so do sanitizers. */
	(void)setenv("FUTURED_TRACEABLE", "yes", 0);
	SRunner *sr = srunner_create(test_suite());

	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed > 0 ? 1 : 0;
}
