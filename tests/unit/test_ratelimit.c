#include "common/ratelimit.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

START_TEST(burst_then_no_more)
{
	struct ratelimit r;

	ratelimit_init(&r, 5, 1000000);
	for (int i = 0; i < 5; i++) {
		ck_assert_uint_eq(ratelimit_wait_us(&r, 7), 0);
		ck_assert(ratelimit_pass(&r, 7));
	}
	ck_assert(!ratelimit_pass(&r, 7));
	ck_assert(!ratelimit_pass(&r, 7 + 199999));
	ck_assert(ratelimit_pass(&r, 7 + 200000)); /* one token's time */
	ck_assert(!ratelimit_pass(&r, 7 + 200000));
}
END_TEST

START_TEST(wait_is_exact)
{
	struct ratelimit r;
	uint64_t now = 1000000000;

	ratelimit_init(&r, 3, 3000);
	while (ratelimit_pass(&r, now))
		;
	for (int i = 0; i < 100; i++) {
		uint64_t wait = ratelimit_wait_us(&r, now);
		ck_assert_uint_gt(wait, 0);
		ck_assert_uint_le(wait, 1000);
		ck_assert(!ratelimit_pass(&r, now + wait - 1));
		ck_assert(ratelimit_pass(&r, now + wait));
		now += wait;
	}
}
END_TEST

/* Asking and being refused costs nothing. */
START_TEST(refusals_are_free)
{
	struct ratelimit r;

	ratelimit_init(&r, 1, 1000);
	ck_assert(ratelimit_pass(&r, 5000));
	for (int i = 0; i < 1000; i++)
		ck_assert(!ratelimit_pass(&r, 5500));
	ck_assert(ratelimit_pass(&r, 6000));
}
END_TEST

START_TEST(quiet_time_saves_no_more_than_a_burst)
{
	struct ratelimit r;
	uint64_t now = 0;
	int passed = 0;

	ratelimit_init(&r, 4, 1000);
	ck_assert(ratelimit_pass(&r, now));
	now += 3600u * 1000000u;
	while (ratelimit_pass(&r, now))
		passed++;
	ck_assert_int_eq(passed, 4);
}
END_TEST

/* A bucket of `burst` tokens that fills at burst per window: in any stretch of time there
 * pass at most `burst`, and those that the stretch itself brings. */
START_TEST(random_against_bucket)
{
	struct rng rng = rng_of_run();
	enum { BURST = 7, TOKEN = 100, WINDOW = BURST * TOKEN, EVENTS = 2000 };
	static uint64_t passed[EVENTS];
	uint64_t now = rng_below(&rng, 1u << 30);
	uint64_t bucket = WINDOW, last = now; /* in parts of a token */
	struct ratelimit r;
	size_t n = 0;

	ratelimit_init(&r, BURST, WINDOW);
	while (n < EVENTS) {
		now += rng_below(&rng, 8) ? rng_below(&rng, 60) : rng_below(&rng, 1500);
		bucket = bucket + (now - last) < WINDOW ? bucket + (now - last) : WINDOW;
		last = now;
		bool yes = ratelimit_pass(&r, now);
		ck_assert_int_eq(yes, bucket >= TOKEN);
		if (yes) {
			bucket -= TOKEN;
			passed[n++] = now;
		}
	}
	for (size_t from = 0; from < EVENTS; from++) {
		for (size_t to = from; to < EVENTS && to < from + 50; to++)
			must(to - from + 1 <= BURST + (passed[to] - passed[from]) / TOKEN);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("ratelimit");
	TCase *tc = trun_case(s, "ratelimit");

	tcase_add_test(tc, burst_then_no_more);
	tcase_add_test(tc, wait_is_exact);
	tcase_add_test(tc, refusals_are_free);
	tcase_add_test(tc, quiet_time_saves_no_more_than_a_burst);
	tcase_add_test(tc, random_against_bucket);
	return s;
}
