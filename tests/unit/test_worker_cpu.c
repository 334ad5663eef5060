/* The CPU time of a slot's jobs, on clocks of the test's own: how often it is read, too. */
#include "worker/cpu.h"

#include "common/clock.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <pthread.h>

enum { US = 1000, LONG_NS = 100 * US };

static struct cpu_meter meter;
static uint64_t cpu_ns;
static unsigned reads;

static uint64_t fake_cpu_clock(void)
{
	reads++;
	return cpu_ns;
}

static void setup(void)
{
	meter = (struct cpu_meter){0};
	cpu_ns = 5000 * US; /* the thread has done other things before */
	reads = 0;
	clock_cpu_source_ns = fake_cpu_clock;
	cpu_meter_begin(&meter);
}

static void teardown(void)
{
	clock_cpu_source_ns = clock_real_cpu_ns;
}

/* A job that took so long, and so much of it on a CPU. */
static uint64_t run(bool looks_long, uint64_t run_ns, uint64_t used_ns)
{
	if (looks_long)
		cpu_meter_begin(&meter);
	cpu_ns += used_ns;
	return cpu_meter_end(&meter, run_ns);
}

/* What the slot does between jobs. */
static void pause_for(uint64_t used_ns)
{
	cpu_ns += used_ns;
	cpu_meter_pass(&meter);
}

START_TEST(test_long_jobs)
{
	ck_assert_uint_eq(run(true, LONG_NS, LONG_NS), LONG_NS); /* spins */
	ck_assert_uint_eq(run(true, LONG_NS, 3 * US), 3 * US);   /* sleeps */
	ck_assert_uint_eq(run(true, LONG_NS, 0), 0);
	ck_assert_uint_eq(run(true, 50 * LONG_NS, LONG_NS), LONG_NS);
	/* One after the other they need one reading each, and the first one before them. */
	ck_assert_uint_eq(reads, 5);
}
END_TEST

START_TEST(test_short_jobs_are_not_read)
{
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(run(false, 19 * US, 7 * US), 19 * US);
	ck_assert_uint_eq(run(false, CPU_SHORT_NS - 1, 0), CPU_SHORT_NS - 1);
	ck_assert_uint_eq(reads, 1);
}
END_TEST

/* What came before, jobs and sleep, is not charged to one that is expected to take long. */
START_TEST(test_long_after_others)
{
	for (int i = 0; i < 1000; i++)
		(void)run(false, 2 * US, 3 * US);
	pause_for(700 * US);
	ck_assert_uint_eq(run(true, LONG_NS, 4 * US), 4 * US);
	pause_for(700 * US);
	ck_assert_uint_eq(run(true, LONG_NS, 5 * US), 5 * US);
	/* A guess that was wrong costs a reading, and nothing else. */
	ck_assert_uint_eq(run(true, 2 * US, 2 * US), 2 * US);
	ck_assert_uint_eq(run(true, LONG_NS, 6 * US), 6 * US);
	ck_assert_uint_eq(reads, 7);
}
END_TEST

/* One that took long unexpectedly: the reading less the short jobs before it. */
START_TEST(test_long_by_surprise)
{
	for (int i = 0; i < 10; i++)
		(void)run(false, 4 * US, 4 * US);
	ck_assert_uint_eq(run(false, LONG_NS, 30 * US), 30 * US);
	ck_assert_uint_eq(run(false, LONG_NS, 31 * US), 31 * US);
	/* Short jobs that were on no CPU all the time: it is charged with too little, */
	(void)run(false, 10 * US, 1 * US);
	ck_assert_uint_eq(run(false, LONG_NS, 30 * US), 21 * US);
	for (int i = 0; i < 10; i++)
		(void)run(false, 10 * US, 0);
	ck_assert_uint_eq(run(false, LONG_NS, 30 * US), 0);
	/* and the slot's own work makes it too much, but never more than its time. */
	pause_for(10 * US);
	ck_assert_uint_eq(run(false, LONG_NS, 30 * US), 40 * US);
	pause_for(5000 * US);
	ck_assert_uint_eq(run(false, LONG_NS, 30 * US), LONG_NS);
}
END_TEST

/* Whatever came before: exact for those that were announced, and never beyond their time. */
START_TEST(test_random)
{
	struct rng r = rng_of_run();

	for (int i = 0; i < 20000; i++) {
		bool looks_long = rng_below(&r, 2);
		uint64_t run_ns = rng_below(&r, 40) * US, used_ns = rng_below(&r, run_ns + 1);
		if (rng_below(&r, 4) == 0)
			pause_for(rng_below(&r, 100) * US);
		uint64_t got_ns = run(looks_long, run_ns, used_ns);
		must(got_ns <= run_ns);
		if (run_ns < CPU_SHORT_NS)
			must(got_ns == run_ns);
		else if (looks_long)
			must(got_ns == used_ns);
	}
}
END_TEST

static void *spin(void *arg)
{
	uint64_t began_ns = clock_real_cpu_ns();

	while (clock_real_cpu_ns() - began_ns < 20 * 1000 * US)
		;
	return arg;
}

/* The real clocks: who spins is not who waits for another to do that. */
START_TEST(test_real_clock)
{
	pthread_t thread;

	clock_cpu_source_ns = clock_real_cpu_ns;
	for (int spins = 0; spins < 2; spins++) {
		uint64_t began_ns = clock_now_ns();
		cpu_meter_pass(&meter);
		cpu_meter_begin(&meter);
		if (spins) {
			(void)spin(NULL);
		} else {
			ck_assert_int_eq(pthread_create(&thread, NULL, spin, NULL), 0);
			ck_assert_int_eq(pthread_join(thread, NULL), 0);
		}
		uint64_t run_ns = clock_now_ns() - began_ns, got_ns = cpu_meter_end(&meter, run_ns);
		ck_assert_uint_ge(run_ns, 19 * 1000 * US);
		if (spins)
			ck_assert_uint_ge(got_ns, 19 * 1000 * US);
		else
			ck_assert_uint_lt(got_ns, 5 * 1000 * US);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_cpu");
	TCase *tc = trun_case(s, "cpu");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_long_jobs);
	tcase_add_test(tc, test_short_jobs_are_not_read);
	tcase_add_test(tc, test_long_after_others);
	tcase_add_test(tc, test_long_by_surprise);
	tcase_add_test(tc, test_random);
	tcase_add_test(tc, test_real_clock);
	return s;
}
