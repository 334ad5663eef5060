/* Waiting for several futures: fut_wait() and fut_as_completed_*(). */
#include "tests/lib/fake_daemon.h"

#include <string.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

enum { N = 4 };

static struct fake *d;
static fut_executor *x;
static fut_future *f[N];
static uint64_t id[N];

static void setup(void)
{
	d = fake_new();
	x = fake_connect(d);
	for (int i = 0; i < N; i++) {
		f[i] = must_submit(x, "p");
		id[i] = fake_expect_submit(d).spec.id;
	}
}

/* Answers what a test left open, for the shutdown waits for it. */
static void teardown(void)
{
	for (int i = 0; i < N; i++) {
		if (!fut_done(f[i]))
			fake_text(d, id[i], "");
		fut_future_unref(f[i]);
	}
	fake_goodbye(d, x);
	fake_free(d);
}

static void finish(int i)
{
	fake_text(d, id[i], "v");
	must_be_value(f[i], "v");
}

static void end_badly(int i)
{
	fake_error(d, id[i], FUT_TASK_FAILED, "no");
	must_fail(f[i], FUT_TASK_FAILED);
}

static void cancel(int i)
{
	ck_assert_int_eq(fut_cancel(f[i], 0, NULL), FUT_OK);
	fake_expect(d, MESSAGE_CANCEL);
	fake_verdict(d, id[i], FUT_VERDICT_REMOVED);
	must_fail(f[i], FUT_CANCELLED);
}

static fut_status look(fut_return_when when, size_t *ret_done)
{
	*ret_done = 99;
	return fut_wait(f, N, when, 0, ret_done);
}

START_TEST(conditions)
{
	size_t done;

	ck_assert_int_eq(look(FUT_FIRST_COMPLETED, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 0);
	finish(0);
	ck_assert_int_eq(look(FUT_FIRST_COMPLETED, &done), FUT_OK);
	ck_assert_uint_eq(done, 1);
	ck_assert_int_eq(look(FUT_FIRST_EXCEPTION, &done), FUT_TIMEOUT);
	cancel(1);
	ck_assert_int_eq(look(FUT_FIRST_EXCEPTION, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 2);
	end_badly(2);
	ck_assert_int_eq(look(FUT_FIRST_EXCEPTION, &done), FUT_OK);
	ck_assert_uint_eq(done, 3);
	ck_assert_int_eq(look(FUT_ALL_COMPLETED, &done), FUT_TIMEOUT);
	finish(3);
	ck_assert_int_eq(look(FUT_ALL_COMPLETED, &done), FUT_OK);
	ck_assert_uint_eq(done, 4);
}
END_TEST

START_TEST(first_exception_without_any)
{
	size_t done;

	for (int i = 0; i < N; i++)
		finish(i);
	ck_assert_int_eq(fut_wait(f, N, FUT_FIRST_EXCEPTION, FUT_FOREVER, &done), FUT_OK);
	ck_assert_uint_eq(done, N);
}
END_TEST

START_TEST(edges)
{
	fut_future *none[] = {NULL};
	size_t done = 99;

	ck_assert_int_eq(fut_wait(NULL, 0, FUT_ALL_COMPLETED, FUT_FOREVER, &done), FUT_OK);
	ck_assert_uint_eq(done, 0);
	ck_assert_int_eq(fut_wait(NULL, 0, FUT_FIRST_COMPLETED, FUT_FOREVER, NULL), FUT_OK);
	ck_assert_int_eq(fut_wait(NULL, 1, FUT_ALL_COMPLETED, 0, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_wait(none, 1, FUT_ALL_COMPLETED, 0, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_wait(f, N, (fut_return_when)7, 0, NULL), FUT_INVALID);
	for (int when = FUT_FIRST_COMPLETED; when <= FUT_ALL_COMPLETED; when++)
		ck_assert_int_eq(fut_wait(f, N, (fut_return_when)when, 2000, NULL), FUT_TIMEOUT);
}
END_TEST

START_TEST(duplicates)
{
	fut_future *twice[] = {f[0], f[1], f[0]};
	size_t done;

	finish(0);
	ck_assert_int_eq(fut_wait(twice, 3, FUT_ALL_COMPLETED, 0, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 2);
	finish(1);
	ck_assert_int_eq(fut_wait(twice, 3, FUT_ALL_COMPLETED, 0, &done), FUT_OK);
	ck_assert_uint_eq(done, 3);
}
END_TEST

START_TEST(so_many_of_them)
{
	fut_future *none[] = {NULL};
	size_t done = 99;

	ck_assert_int_eq(fut_wait_n(NULL, 0, 0, FUT_FOREVER, &done), FUT_OK);
	ck_assert_uint_eq(done, 0);
	ck_assert_int_eq(fut_wait_n(f, N, 0, FUT_FOREVER, &done), FUT_OK);
	ck_assert_int_eq(fut_wait_n(NULL, 0, 1, 0, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_wait_n(f, N, N + 1, 0, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_wait_n(f, N, SIZE_MAX, 0, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_wait_n(NULL, 1, 1, 0, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_wait_n(none, 1, 0, 0, NULL), FUT_INVALID);
	for (size_t count = 1; count <= N; count++) {
		ck_assert_int_eq(fut_wait_n(f, N, count, 0, &done), FUT_TIMEOUT);
		ck_assert_int_eq(fut_wait_n(f, N, count, 1000, &done), FUT_TIMEOUT);
		ck_assert_uint_eq(done, count - 1);
		switch (count % 3) {
		case 0:
			cancel((int)count - 1);
			break;
		case 1:
			end_badly((int)count - 1); /* an end like any other */
			break;
		case 2:
			finish((int)count - 1);
			break;
		}
		ck_assert_int_eq(fut_wait_n(f, N, count, FUT_FOREVER, &done), FUT_OK);
		ck_assert_uint_eq(done, count);
	}
}
END_TEST

static void *sleep_on_two_places(void *arg)
{
	fut_future *list[] = {f[0], f[1], f[0]};

	ck_assert_int_eq(fut_wait_n(list, 3, 2, FUT_FOREVER, arg), FUT_OK);
	return NULL;
}

/* Each place in the list counts, in a wait that sleeps too. */
START_TEST(so_many_with_duplicates)
{
	fut_future *twice[] = {f[0], f[1], f[0]};
	pthread_t thread;
	size_t done = 0, slept = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, sleep_on_two_places, &slept), 0);
	ck_assert_int_eq(fut_wait_n(twice, 3, 1, 1000, NULL), FUT_TIMEOUT);
	finish(0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(slept, 2);
	ck_assert_int_eq(fut_wait_n(twice, 3, 2, 0, &done), FUT_OK);
	ck_assert_uint_eq(done, 2);
	ck_assert_int_eq(fut_wait_n(twice, 3, 3, 1000, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 2);
}
END_TEST

/* What another thread waits for, and what wakes it. */
struct sleeper {
	pthread_t thread;
	fut_return_when when;
	size_t count, done;
};

static void *sleep_on_all(void *arg)
{
	struct sleeper *s = arg;

	ck_assert_int_eq(fut_wait(f, N, s->when, patience_us, &s->done), FUT_OK);
	return NULL;
}

START_TEST(sleepers_are_woken)
{
	struct sleeper s[3][3];

	for (int when = 0; when < 3; when++) {
		for (int i = 0; i < 3; i++) {
			s[when][i].when = (fut_return_when)when;
			ck_assert_int_eq(
				pthread_create(&s[when][i].thread, NULL, sleep_on_all, &s[when][i]),
				0);
		}
	}
	fake_text(d, id[1], "v");
	for (int i = 0; i < 3; i++)
		pthread_join(s[FUT_FIRST_COMPLETED][i].thread, NULL);
	fake_error(d, id[2], FUT_TASK_FAILED, "no");
	for (int i = 0; i < 3; i++)
		pthread_join(s[FUT_FIRST_EXCEPTION][i].thread, NULL);
	fake_text(d, id[0], "v");
	fake_text(d, id[3], "v");
	for (int i = 0; i < 3; i++) {
		pthread_join(s[FUT_ALL_COMPLETED][i].thread, NULL);
		ck_assert_uint_eq(s[FUT_ALL_COMPLETED][i].done, N);
	}
}
END_TEST

static void *sleep_on_some(void *arg)
{
	struct sleeper *s = arg;

	/* For ever: what is done when the time is over is found without being woken. */
	ck_assert_int_eq(fut_wait_n(f, N, s->count, FUT_FOREVER, &s->done), FUT_OK);
	return NULL;
}

/* Each is woken by the end that it waits for, and by no earlier one. */
START_TEST(each_end_wakes_who_waits_for_it)
{
	struct sleeper s[N];

	for (size_t i = 0; i < N; i++) {
		s[i] = (struct sleeper){.count = i + 1};
		ck_assert_int_eq(pthread_create(&s[i].thread, NULL, sleep_on_some, &s[i]), 0);
	}
	for (int i = N - 1; i >= 0; i--) {
		fake_text(d, id[i], "v");
		pthread_join(s[N - 1 - i].thread, NULL);
		ck_assert_uint_eq(s[N - 1 - i].done, (size_t)(N - i));
	}
}
END_TEST

/* ---- as_completed -------------------------------------------------------- */

static void must_be_next(fut_as_completed *it, fut_future *expected)
{
	fut_future *g = NULL;

	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_OK);
	ck_assert_ptr_eq(g, expected);
	fut_future_unref(g);
}

START_TEST(in_the_order_of_their_ends)
{
	fut_as_completed *it;
	fut_future *g;

	finish(3);
	finish(1);
	ck_assert_int_eq(fut_as_completed_open(f, N, patience_us, &it), FUT_OK);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), N);
	ck_assert_uint_eq(fut_as_completed_total(it), N);
	cancel(2);
	fake_error(d, id[0], FUT_TASK_FAILED, "no");
	must_be_next(it, f[1]); /* those done before, as they are in the list */
	must_be_next(it, f[3]);
	must_be_next(it, f[2]);
	must_be_next(it, f[0]);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 0);
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_END);
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_END);
	fut_as_completed_close(it);
}
END_TEST

START_TEST(each_one_once)
{
	fut_future *list[] = {f[0], f[0], f[1], f[0], f[1]};
	fut_as_completed *it;
	fut_future *g;

	finish(0);
	ck_assert_int_eq(fut_as_completed_open(list, 5, patience_us, &it), FUT_OK);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 2);
	must_be_next(it, f[0]);
	fake_text(d, id[1], "v");
	must_be_next(it, f[1]);
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_END);
	fut_as_completed_close(it);
}
END_TEST

START_TEST(time_is_for_all)
{
	fut_as_completed *it;
	fut_future *g = NULL;

	finish(2);
	ck_assert_int_eq(fut_as_completed_open(f, N, 3000, &it), FUT_OK);
	must_be_next(it, f[2]);
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_TIMEOUT);
	ck_assert_ptr_null(g);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 3);
	finish(0);
	must_be_next(it, f[0]); /* what is there needs no time */
	fut_as_completed_close(it);

	ck_assert_int_eq(fut_as_completed_open(f, N, 0, &it), FUT_OK);
	must_be_next(it, f[0]);
	must_be_next(it, f[2]);
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_TIMEOUT);
	fut_as_completed_close(it);
}
END_TEST

START_TEST(empty_and_invalid)
{
	fut_future *none[] = {NULL};
	fut_as_completed *it;
	fut_future *g;

	ck_assert_int_eq(fut_as_completed_open(NULL, 0, 0, &it), FUT_OK);
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_END);
	fut_as_completed_close(it);
	fut_as_completed_close(NULL);
	ck_assert_int_eq(fut_as_completed_open(none, 1, 0, &it), FUT_INVALID);
	ck_assert_int_eq(fut_as_completed_open(NULL, 1, 0, &it), FUT_INVALID);
}
END_TEST

START_TEST(iterator_keeps_futures_alive)
{
	fut_future *mine[] = {must_submit(x, "a"), must_submit(x, "b")};
	uint64_t a = fake_expect_submit(d).spec.id, b = fake_expect_submit(d).spec.id;
	fut_as_completed *it;
	fut_future *g;

	ck_assert_int_eq(fut_as_completed_open(mine, 2, patience_us, &it), FUT_OK);
	fut_future_unref(mine[0]);
	fut_future_unref(mine[1]);
	fake_text(d, b, "kept");
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_OK);
	must_be_value(g, "kept");
	fut_future_unref(g);
	fut_as_completed_close(it); /* one is still on its way */
	fake_text(d, a, "dropped");
}
END_TEST

static fut_as_completed *open_all(fut_future *const *futures, size_t n)
{
	fut_as_completed *it = NULL;

	ck_assert_int_eq(fut_as_completed_open(futures, n, patience_us, &it), FUT_OK);
	return it;
}

static void must_end(fut_as_completed *it)
{
	fut_future *g = NULL;

	ck_assert_uint_eq(fut_as_completed_unfinished(it), 0);
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_END);
	ck_assert_ptr_null(g);
}

START_TEST(more_while_it_runs)
{
	fut_as_completed *it = open_all(f, 1);

	finish(2);
	ck_assert_int_eq(fut_as_completed_add(it, f[1]), FUT_OK);
	ck_assert_int_eq(fut_as_completed_add(it, f[2]), FUT_OK); /* done already */
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 3);
	ck_assert_uint_eq(fut_as_completed_total(it), 3);
	must_be_next(it, f[2]);
	cancel(1);
	must_be_next(it, f[1]);
	finish(0);
	must_be_next(it, f[0]);
	must_end(it);
	/* It goes on behind its end. */
	ck_assert_int_eq(fut_as_completed_add(it, f[3]), FUT_OK);
	fake_error(d, id[3], FUT_TASK_FAILED, "no");
	must_be_next(it, f[3]);
	must_end(it);
	ck_assert_uint_eq(fut_as_completed_total(it), 4);
	ck_assert_int_eq(fut_as_completed_add(it, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_as_completed_add(NULL, f[0]), FUT_INVALID);
	fut_as_completed_close(it);
}
END_TEST

START_TEST(each_one_once_however_added)
{
	fut_as_completed *it = open_all(f, 2);

	ck_assert_int_eq(fut_as_completed_add(it, f[0]), FUT_OK); /* it is in it */
	ck_assert_int_eq(fut_as_completed_add(it, f[2]), FUT_OK);
	ck_assert_int_eq(fut_as_completed_add(it, f[2]), FUT_OK); /* so is this */
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 3);
	finish(2);
	must_be_next(it, f[2]);
	ck_assert_int_eq(fut_as_completed_add(it, f[2]), FUT_OK); /* it was */
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 2);
	ck_assert_uint_eq(fut_as_completed_total(it), 3);
	finish(0);
	finish(1);
	must_be_next(it, f[0]);
	must_be_next(it, f[1]);
	must_end(it);
	fut_as_completed_close(it);
}
END_TEST

/* Memory is used again: what lies where another one lay is not that one. */
START_TEST(a_new_future_is_a_new_one)
{
	enum { ROUNDS = 100 };
	fut_as_completed *it = open_all(NULL, 0);
	fut_future *first = NULL;
	unsigned same = 0;

	for (int round = 0; round < ROUNDS; round++) {
		fut_future *g = must_submit(x, "p");
		same += g == first;
		first = first ? first : g;
		ck_assert_int_eq(fut_as_completed_add(it, g), FUT_OK);
		fake_text(d, fake_expect_submit(d).spec.id, "v");
		must_be_next(it, g);
		fake_settle(d); /* its place is free */
		fut_future_unref(g);
	}
	ck_assert_uint_gt(same, 0);
	ck_assert_uint_eq(fut_as_completed_total(it), ROUNDS);
	must_end(it);
	fut_as_completed_close(it);
}
END_TEST

/* An id is of one executor: another one's first job has it too. */
START_TEST(of_two_executors)
{
	struct fake *other = fake_new();
	fut_executor *y = fake_connect(other);
	fut_future *g = must_submit(y, "p");
	uint64_t its_id = fake_expect_submit(other).spec.id;
	fut_as_completed *it = open_all(f, N);

	ck_assert_uint_eq(its_id, id[0]);
	ck_assert_int_eq(fut_as_completed_add(it, g), FUT_OK);
	ck_assert_uint_eq(fut_as_completed_total(it), N + 1);
	fake_text(other, its_id, "v");
	must_be_next(it, g);
	fut_as_completed_close(it);
	fut_future_unref(g);
	fake_goodbye(other, y);
	fake_free(other);
}
END_TEST

/* More than fit in what it began with, and some that leave while others come. */
START_TEST(many_more)
{
	enum { MANY = 3000, AT_ONCE = 100 };
	fut_as_completed *it = open_all(NULL, 0);
	fut_future *mine[MANY], *g;
	unsigned came = 0;

	for (unsigned i = 0; i < MANY; i++) {
		mine[i] = must_submit(x, "p");
		ck_assert_int_eq(fut_as_completed_add(it, mine[i]), FUT_OK);
		ck_assert_int_eq(fut_as_completed_add(it, mine[i / 2]), FUT_OK);
		if (i % AT_ONCE != AT_ONCE - 1)
			continue;
		for (unsigned k = 0; k < AT_ONCE; k++)
			fake_text(d, fake_expect_submit(d).spec.id, "v");
		for (unsigned k = 0; k < AT_ONCE / 2; k++, came++) {
			ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_OK);
			fut_future_unref(g);
		}
	}
	ck_assert_uint_eq(fut_as_completed_total(it), MANY);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), MANY - came);
	for (; came < MANY; came++) {
		ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_OK);
		fut_future_unref(g);
	}
	must_end(it);
	fut_as_completed_close(it);
	for (unsigned i = 0; i < MANY; i++)
		fut_future_unref(mine[i]);
}
END_TEST

/* Closing while futures end: whoever is told must not be told too late. */
START_TEST(closing_races_with_ends)
{
	enum { ROUNDS = 300 };

	for (int round = 0; round < ROUNDS; round++) {
		fut_future *mine[N];
		fut_as_completed *it;
		fut_future *g;
		uint64_t ids[N];

		for (int i = 0; i < N; i++) {
			mine[i] = must_submit(x, "p");
			ids[i] = fake_expect_submit(d).spec.id;
		}
		ck_assert_int_eq(fut_as_completed_open(mine, N, patience_us, &it), FUT_OK);
		for (int i = 0; i < N; i++)
			fake_text(d, ids[i], "v");
		for (int i = 0; i < round % N; i++) {
			ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_OK);
			fut_future_unref(g);
		}
		fut_as_completed_close(it);
		ck_assert_int_eq(fut_wait(mine, N, FUT_FIRST_COMPLETED, patience_us, NULL), FUT_OK);
		ck_assert_int_eq(fut_wait(mine, N, FUT_ALL_COMPLETED, patience_us, NULL), FUT_OK);
		for (int i = 0; i < N; i++)
			fut_future_unref(mine[i]);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("wait");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, conditions);
	tcase_add_test(tc, first_exception_without_any);
	tcase_add_test(tc, edges);
	tcase_add_test(tc, duplicates);
	tcase_add_test(tc, so_many_of_them);
	tcase_add_test(tc, so_many_with_duplicates);
	tcase_add_test(tc, sleepers_are_woken);
	tcase_add_test(tc, each_end_wakes_who_waits_for_it);
	tcase_add_test(tc, in_the_order_of_their_ends);
	tcase_add_test(tc, each_one_once);
	tcase_add_test(tc, time_is_for_all);
	tcase_add_test(tc, empty_and_invalid);
	tcase_add_test(tc, iterator_keeps_futures_alive);
	tcase_add_test(tc, more_while_it_runs);
	tcase_add_test(tc, each_one_once_however_added);
	tcase_add_test(tc, a_new_future_is_a_new_one);
	tcase_add_test(tc, of_two_executors);
	tcase_add_test(tc, many_more);
	tcase_add_test(tc, closing_races_with_ends);
	return run_case(tc, "client_wait");
}
