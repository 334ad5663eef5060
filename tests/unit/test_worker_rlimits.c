/* Limits that a child puts on itself. */
#include "worker/rlimits.h"

#include "tests/lib/trun.h"

#include <sys/resource.h>

static void no_limits(uint64_t limits[SANDBOX_NLIMITS])
{
	for (int i = 0; i < SANDBOX_NLIMITS; i++)
		limits[i] = SANDBOX_INHERIT;
}

static const struct {
	enum sandbox_limit limit;
	__rlimit_resource_t resource;
} resources[] = {
	{SANDBOX_ADDRESS_SPACE, RLIMIT_AS},  {SANDBOX_CORE, RLIMIT_CORE},
	{SANDBOX_CPU, RLIMIT_CPU},           {SANDBOX_FILE_SIZE, RLIMIT_FSIZE},
	{SANDBOX_OPEN_FILES, RLIMIT_NOFILE}, {SANDBOX_PROCESSES, RLIMIT_NPROC},
};

START_TEST(each_is_its_own)
{
	uint64_t limits[SANDBOX_NLIMITS];
	struct rlimit before[ARRAY_LEN(resources)], now;
	/* More than this process needs; a sanitizer has much of the address space. */
	const bool is_bytes =
		resources[_i].resource == RLIMIT_AS || resources[_i].resource == RLIMIT_FSIZE;
	rlim_t want = is_bytes ? (rlim_t)1 << 45 : 100;

	for (size_t i = 0; i < ARRAY_LEN(resources); i++)
		ck_assert_int_eq(getrlimit(resources[i].resource, &before[i]), 0);
	if (want > before[_i].rlim_max)
		want = before[_i].rlim_max;
	no_limits(limits);
	limits[resources[_i].limit] = want;
	ck_assert_int_eq(rlimits_apply(limits), 0);
	for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
		ck_assert_int_eq(getrlimit(resources[i].resource, &now), 0);
		ck_assert(now.rlim_cur == (i == (size_t)_i ? want : before[i].rlim_cur));
	}
}
END_TEST

/* SIGXCPU says what it is; what comes at the hard limit does not. */
START_TEST(cpu_time_ends_softly)
{
	uint64_t limits[SANDBOX_NLIMITS];
	struct rlimit now;

	no_limits(limits);
	limits[SANDBOX_CPU] = 50;
	ck_assert_int_eq(rlimits_apply(limits), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_CPU, &now), 0);
	ck_assert_uint_eq(now.rlim_cur, 50);
	ck_assert_uint_eq(now.rlim_max, 51);
}
END_TEST

START_TEST(never_more_than_there_was)
{
	const struct rlimit low = {40, 40};
	uint64_t limits[SANDBOX_NLIMITS];
	struct rlimit now;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	no_limits(limits);
	limits[SANDBOX_OPEN_FILES] = 1000;
	ck_assert_int_eq(rlimits_apply(limits), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &now), 0);
	ck_assert_uint_eq(now.rlim_cur, 40);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_rlimits");
	TCase *tc = trun_case(s, "limits");

	trun_add_each(tc, each_is_its_own, resources);
	tcase_add_test(tc, cpu_time_ends_softly);
	tcase_add_test(tc, never_more_than_there_was);
	return s;
}
