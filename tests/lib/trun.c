#include "tests/lib/trun.h"

#include "tests/lib/seed.h"

int main(void)
{
	seed_init();
	SRunner *sr = srunner_create(test_suite());

	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed > 0 ? 1 : 0;
}
