/* Modules that are no use to a loader, each in its way. */
#include "tests/lib/fake_call.h"
#include "tests/lib/trun.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(init_crashes)
{
	void *dl = open_library("testmod_crash_init");
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(find_module(dl)->init("test"));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
	dlclose(dl);
}
END_TEST

START_TEST(init_refuses)
{
	void *dl = open_library("testmod_refuse_init");

	ck_assert_int_eq(find_module(dl)->init("test"), -1);
	dlclose(dl);
}
END_TEST

START_TEST(abi_is_wrong)
{
	void *dl = open_library("testmod_wrong_abi");

	ck_assert_uint_eq(find_module(dl)->abi, 999);
	dlclose(dl);
}
END_TEST

START_TEST(symbol_is_missing)
{
	void *dl = open_library("testmod_no_symbol");

	ck_assert_ptr_null(find_module(dl));
	dlclose(dl);
}
END_TEST

START_TEST(name_is_bad)
{
	void *dl = open_library("testmod_bad_name");

	module = find_module(dl);
	ck_assert_ptr_nonnull(find_task("no spaces please"));
	dlclose(dl);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("module_loading");
	TCase *tc = trun_case(s, "loading");

	tcase_add_test(tc, init_crashes);
	tcase_add_test(tc, init_refuses);
	tcase_add_test(tc, abi_is_wrong);
	tcase_add_test(tc, symbol_is_missing);
	tcase_add_test(tc, name_is_bad);
	return s;
}
