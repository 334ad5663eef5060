/* Timers, with a clock of the test's own and a loop that never sleeps for long. */
#include "daemon/timer.h"

#include "common/clock.h"
#include "common/util.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <event2/event.h>
#include <stdlib.h>

enum { N = 1000 };

struct fake {
	struct timer timer;
	unsigned number, fired;
	uint64_t due_us;
};

static struct event_base *base;
static struct timers timers;
static struct fake fakes[N];
static uint64_t now_us;
static unsigned order[4 * N], nfired;

static void on_fire(struct timer *t)
{
	struct fake *f = container_of(t, struct fake, timer);

	must(!timer_is_set(t));
	must(f->due_us <= now_us);
	f->fired++;
	must(nfired < ARRAY_LEN(order));
	order[nfired++] = f->number;
}

static void setup(void)
{
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	ck_assert_int_eq(timers_init(&timers, base), 0);
	for (unsigned i = 0; i < N; i++) {
		fakes[i] = (struct fake){.number = i};
		timer_init(&fakes[i].timer, on_fire);
	}
	nfired = 0;
	now_us = 0;
}

static void teardown(void)
{
	timers_done(&timers);
	event_base_free(base);
}

static void set(unsigned i, uint64_t at_us)
{
	fakes[i].due_us = at_us;
	ck_assert_int_eq(timer_set(&timers, &fakes[i].timer, at_us), 0);
}

static void run_to(uint64_t us)
{
	now_us = us;
	timers_run(&timers, us);
}

START_TEST(test_in_order)
{
	set(0, 30);
	set(1, 10);
	set(2, 20);
	run_to(9);
	ck_assert_uint_eq(nfired, 0);
	run_to(10);
	ck_assert_uint_eq(nfired, 1);
	run_to(100);
	ck_assert_uint_eq(nfired, 3);
	ck_assert_uint_eq(order[0], 1);
	ck_assert_uint_eq(order[1], 2);
	ck_assert_uint_eq(order[2], 0);
	run_to(1000);
	ck_assert_uint_eq(nfired, 3);
}
END_TEST

START_TEST(test_set_again_and_cancel)
{
	set(0, 10);
	set(0, 50);
	set(1, 50);
	set(1, 10);
	set(2, 10);
	timer_cancel(&timers, &fakes[2].timer);
	timer_cancel(&timers, &fakes[2].timer); /* twice does no harm */
	ck_assert(!timer_is_set(&fakes[2].timer));
	timer_cancel(&timers, &fakes[3].timer); /* nor one that was never set */
	set(4, 10);
	set(4, CLOCK_NEVER); /* never is a cancel */
	ck_assert(!timer_is_set(&fakes[4].timer));
	run_to(10);
	ck_assert_uint_eq(nfired, 1);
	ck_assert_uint_eq(order[0], 1);
	run_to(50);
	ck_assert_uint_eq(nfired, 2);
	ck_assert_uint_eq(order[1], 0);
}
END_TEST

static void fire_and_set_again(struct timer *t)
{
	struct fake *f = container_of(t, struct fake, timer);

	on_fire(t);
	f->due_us += 10;
	must(timer_set(&timers, t, f->due_us) == 0);
}

/* From its own function: it fires again in the same run when that is due, too. */
START_TEST(test_set_from_its_own_function)
{
	timer_init(&fakes[0].timer, fire_and_set_again);
	set(0, 10);
	run_to(10);
	ck_assert_uint_eq(fakes[0].fired, 1);
	run_to(45);
	ck_assert_uint_eq(fakes[0].fired, 4);
	ck_assert(timer_is_set(&fakes[0].timer));
	timer_cancel(&timers, &fakes[0].timer);
}
END_TEST

static void fire_and_cancel_next(struct timer *t)
{
	on_fire(t);
	timer_cancel(&timers, &fakes[1].timer);
}

START_TEST(test_one_cancels_another)
{
	timer_init(&fakes[0].timer, fire_and_cancel_next);
	set(0, 10);
	set(1, 10 + (unsigned)_i); /* due at the same time, and later */
	run_to(1000);
	ck_assert_uint_le(fakes[1].fired, _i == 0 ? 1 : 0);
	ck_assert(!timer_is_set(&fakes[1].timer));
}
END_TEST

START_TEST(test_random)
{
	struct rng r = rng_of_run();
	unsigned set_now = 0;

	for (unsigned step = 0; step < 20; step++) {
		for (unsigned i = 0; i < N; i++) {
			if (rng_below(&r, 3) == 0)
				timer_cancel(&timers, &fakes[i].timer);
			else if (rng_below(&r, 2))
				set(i, now_us + rng_below(&r, 1000));
		}
		nfired = 0;
		run_to(now_us + rng_below(&r, 300));
		for (unsigned i = 1; i < nfired; i++)
			must(fakes[order[i - 1]].due_us <= fakes[order[i]].due_us);
		set_now = 0;
		for (unsigned i = 0; i < N; i++) {
			must(!timer_is_set(&fakes[i].timer) || fakes[i].due_us > now_us);
			set_now += timer_is_set(&fakes[i].timer);
		}
		must(set_now == timers.heap.len);
	}
	for (unsigned i = 0; i < N; i++)
		timer_cancel(&timers, &fakes[i].timer);
}
END_TEST

/* The loop wakes for the next timer: at once when it is overdue. */
START_TEST(test_wakes_the_loop)
{
	timers_arm(&timers, 0);
	ck_assert_uint_eq(timers.armed_us, CLOCK_NEVER);
	set(0, 5000);
	timers_arm(&timers, 10000); /* overdue */
	ck_assert_uint_eq(timers.armed_us, 5000);
	ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	ck_assert_uint_eq(timers.armed_us, CLOCK_NEVER);
	ck_assert_uint_eq(nfired, 0); /* waking is all that it does */
	run_to(10000);
	ck_assert_uint_eq(nfired, 1);
	/* An earlier one moves the wake forward, a later one leaves it. */
	set(1, 1000000000);
	timers_arm(&timers, 0);
	set(2, 20000);
	timers_arm(&timers, 0);
	ck_assert_uint_eq(timers.armed_us, 20000);
	set(3, 30000);
	timers_arm(&timers, 0);
	ck_assert_uint_eq(timers.armed_us, 20000);
	run_to(1000000000);
	ck_assert_uint_eq(nfired, 4);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("timer");
	TCase *tc = trun_case(s, "timer");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_in_order);
	tcase_add_test(tc, test_set_again_and_cancel);
	tcase_add_test(tc, test_set_from_its_own_function);
	tcase_add_loop_test(tc, test_one_cancels_another, 0, 2);
	tcase_add_test(tc, test_random);
	tcase_add_test(tc, test_wakes_the_loop);
	return s;
}
