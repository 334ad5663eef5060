/* as_completed(): each future once, those that are done first (CF-AC). */
#include "tests/contract/contract.h"

static fut_as_completed *open_all(fut_future *const *f, size_t n, int64_t timeout_us)
{
	fut_as_completed *it;

	ck_assert_int_eq(fut_as_completed_open(f, n, timeout_us, &it), FUT_OK);
	return it;
}

static fut_future *next_of(fut_as_completed *it)
{
	fut_future *f = NULL;

	ck_assert_int_eq(fut_as_completed_next(it, &f), FUT_OK);
	fut_future_unref(f); /* the test holds another */
	return f;
}

static void must_end(fut_as_completed *it)
{
	fut_future *none = NULL;

	ck_assert_int_eq(fut_as_completed_next(it, &none), FUT_END);
	ck_assert_int_eq(fut_as_completed_next(it, &none), FUT_END);
	ck_assert_ptr_null(none);
	fut_as_completed_close(it);
}

/* Marks f in the list it is from; a second time is a failure. */
static void tick(bool *seen, fut_future *const *list, size_t n, const fut_future *f)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == f) {
			ck_assert_msg(!seen[i], "future %zu came twice", i);
			seen[i] = true;
			return;
		}
	}
	ck_abort_msg("a future that nobody asked for");
}

/* Those that were done before, and those that get done now: all of them, each once. */
START_TEST(cf_ac_01_no_timeout)
{
	enum { N = 6 };
	fut_future *f[N];
	bool seen[N] = {false};

	start(_i, 1);
	states_begin();
	memcpy(f, in_state, STATES * sizeof *f);
	f[STATES] = submit("square", "6");
	fut_as_completed *it = open_all(f, N, FUT_FOREVER);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), N);
	for (int i = 0; i < 3; i++) {
		fut_future *done = next_of(it);
		ck_assert(fut_done(done));
		tick(seen, f, N, done);
	}
	ck_assert(seen[CANCELLED] && seen[FAILED] && seen[SUCCEEDED]);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 3);
	tfile_touch(gate);
	/* One slot: as they were submitted. */
	ck_assert_ptr_eq(next_of(it), f[RUNNING]);
	ck_assert_ptr_eq(next_of(it), f[PENDING]);
	ck_assert_ptr_eq(next_of(it), f[STATES]);
	must_end(it);
	must_be(f[STATES], "36");
	fut_future_unref(f[STATES]);
	states_end();
	stop();
}
END_TEST

static const int64_t timeouts_us[] = {0, 100 * MS};

/* What is done is handed out first, and then the time is over. */
START_TEST(cf_ac_02_future_times_out)
{
	int64_t timeout_us = timeouts_us[_i / WAYS];
	bool seen[STATES] = {false};
	fut_future *none = NULL;

	start(_i % WAYS, 1);
	states_begin();
	uint64_t since_us = td_now_us();
	fut_as_completed *it = open_all(in_state, STATES, timeout_us);
	for (int i = 0; i < 3; i++)
		tick(seen, in_state, STATES, next_of(it));
	ck_assert(seen[CANCELLED] && seen[FAILED] && seen[SUCCEEDED]);
	ck_assert_int_eq(fut_as_completed_next(it, &none), FUT_TIMEOUT);
	ck_assert_ptr_null(none);
	ck_assert_uint_ge(td_now_us() - since_us, (uint64_t)timeout_us);
	/* It ended the wait, not the jobs. */
	ck_assert(fut_running(in_state[RUNNING]) && !fut_done(in_state[PENDING]));
	fut_as_completed_close(it);
	states_end();
	stop();
}
END_TEST

START_TEST(cf_ac_03_duplicate_futures)
{
	start(_i, 1);
	fut_future *held = hold(), *f = submit("echo", "once");
	fut_future *const list[] = {f, f, held, f};
	fut_as_completed *it = open_all(list, 4, PATIENCE_US);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 2);
	tfile_touch(gate);
	ck_assert_ptr_eq(next_of(it), held);
	ck_assert_ptr_eq(next_of(it), f);
	must_end(it);
	/* The same, done already. */
	it = open_all(list, 2, 0);
	ck_assert_ptr_eq(next_of(it), f);
	must_end(it);
	release(held);
	fut_future_unref(f);
	stop();
}
END_TEST

/* The reference that is handed out is the last one: with it goes the future, its place in
 * the slab is another job's, and the iterator, still open, has nothing to do with it. */
START_TEST(cf_ac_04_free_reference_yielded_future)
{
	enum { N = 3 };
	fut_future *f[N], *done, *again[N];

	start(_i, 1);
	for (int i = 0; i < N; i++) {
		f[i] = submit("echo", "a value of more bytes than a future has room for");
		must_be(f[i], "a value of more bytes than a future has room for");
	}
	fut_as_completed *it = open_all(f, N, PATIENCE_US);
	/* Behind the pong the library's own references are gone, too. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	unref_all(f, N); /* what the iterator holds now, nobody else does */
	for (size_t left = N; left > 0; left--) {
		ck_assert_uint_eq(fut_as_completed_unfinished(it), left);
		ck_assert_int_eq(fut_as_completed_next(it, &done), FUT_OK);
		must_be(done, "a value of more bytes than a future has room for");
		fut_future_unref(done);
		again[left - 1] = submit("echo", "another");
		/* Free for the next one at once. */
		ck_assert_ptr_eq(again[left - 1], done);
	}
	must_end(it);
	for (int i = 0; i < N; i++)
		must_be(again[i], "another");
	unref_all(again, N);
	stop();
}
END_TEST

/* "2 (of 4) futures unfinished" */
START_TEST(cf_ac_05_correct_timeout_numbers)
{
	fut_future *none;

	start(_i, 1);
	states_begin();
	fut_future *const list[] = {in_state[PENDING], in_state[SUCCEEDED], in_state[RUNNING],
				    in_state[CANCELLED]};
	fut_as_completed *it = open_all(list, 4, 0);
	next_of(it);
	next_of(it);
	ck_assert_int_eq(fut_as_completed_next(it, &none), FUT_TIMEOUT);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 2);
	ck_assert_uint_eq(fut_as_completed_total(it), 4);
	fut_as_completed_close(it);
	states_end();
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CF-AC");
	TCase *tc = trun_case(s, "as_completed");

	each_way(tc, cf_ac_01_no_timeout);
	tcase_add_loop_test(tc, cf_ac_02_future_times_out, 0, WAYS * (int)ARRAY_LEN(timeouts_us));
	each_way(tc, cf_ac_03_duplicate_futures);
	each_way(tc, cf_ac_04_free_reference_yielded_future);
	each_way(tc, cf_ac_05_correct_timeout_numbers);
	return s;
}
