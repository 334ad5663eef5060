/*
 * wait(): what it waits for, and what it says is done (CF-WA). CPython hands out two sets;
 * here it is a number, and fut_done() tells which.
 */
#include "tests/contract/contract.h"

/* A wait that another thread is in. */
struct waiting {
	struct sleeper sleeper;
	fut_future *const *f;
	size_t n, done;
	fut_return_when when;
	fut_status status;
};

static void wait_for_them(void *arg)
{
	struct waiting *w = arg;

	w->status = fut_wait(w->f, w->n, w->when, PATIENCE_US, &w->done);
}

/* Returns when it sleeps. */
static void begin(struct waiting *w, fut_future *const *f, size_t n, fut_return_when when)
{
	*w = (struct waiting){.f = f, .n = n, .when = when};
	sleeper_start(&w->sleeper, wait_for_them, w);
	sleeper_wait_asleep(&w->sleeper);
	ck_assert(!w->sleeper.is_over);
}

static void end(struct waiting *w, size_t done)
{
	sleeper_join(&w->sleeper);
	ck_assert_int_eq(w->status, FUT_OK);
	ck_assert_uint_eq(w->done, done);
}

/* Whether it ends at once, without waiting, and with this outcome. */
static void must_be_now(fut_future *const *f, size_t n, fut_return_when when, fut_status want,
			size_t want_done)
{
	size_t done = 99;

	ck_assert_int_eq(fut_wait(f, n, when, 0, &done), want);
	ck_assert_uint_eq(done, want_done);
}

START_TEST(cf_wa_01_20369)
{
	struct waiting w;

	start(_i, 1);
	fut_future *f = hold();
	fut_future *const twice[] = {f, f};
	begin(&w, twice, 2, FUT_ALL_COMPLETED);
	tfile_touch(gate);
	end(&w, 2); /* both places of the list are done */
	must_be_now(twice, 2, FUT_ALL_COMPLETED, FUT_OK, 2);
	release(f);
	stop();
}
END_TEST

/* CPython goes on waiting beside a future that was cancelled a moment ago: deviation 1. */
START_TEST(cf_wa_02_first_completed)
{
	struct waiting w;
	size_t done;

	start(_i, 1);
	fut_future *first = hold(), *second = submit("gate", gate2);
	begin(&w, (fut_future *[]){second, first}, 2, FUT_FIRST_COMPLETED);
	tfile_touch(gate);
	end(&w, 1);
	ck_assert(fut_done(first) && !fut_done(second));

	fut_future *cancelled = submit("mark", mark);
	fut_future *const list[] = {cancelled, second};
	wait_running(second);
	/* It is done for who waits, in the very moment in which it is done. */
	begin(&w, list, 2, FUT_FIRST_COMPLETED);
	ck_assert_int_eq(fut_cancel(cancelled, 0, NULL), FUT_OK);
	end(&w, 1);
	ck_assert(fut_done(cancelled) && fut_cancelled(cancelled) && !fut_done(second));
	must_be_now(list, 2, FUT_FIRST_COMPLETED, FUT_OK, 1);
	ck_assert_int_eq(fut_wait(&cancelled, 1, FUT_ALL_COMPLETED, FUT_FOREVER, &done), FUT_OK);
	ck_assert_uint_eq(done, 1);
	tfile_touch(gate2);
	must_be(second, "open");
	release(first);
	unref_all((fut_future *[]){second, cancelled}, 2);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	stop();
}
END_TEST

START_TEST(cf_wa_03_first_completed_some_already_completed)
{
	start(_i, 1);
	states_begin();
	fut_future *const list[] = {in_state[CANCELLED], in_state[SUCCEEDED], in_state[RUNNING]};
	must_be_now(list, 3, FUT_FIRST_COMPLETED, FUT_OK, 2);
	ck_assert(!fut_done(in_state[RUNNING]));
	states_end();
	stop();
}
END_TEST

START_TEST(cf_wa_04_first_exception)
{
	struct waiting w;
	char gate3[96];

	start(_i, 1);
	tdaemon_path(d, "gate3", gate3, sizeof gate3);
	fut_future *good = hold(), *between = submit("gate", gate2);
	fut_future *bad = submit("fail", "OSError"), *last = submit("gate", gate3);
	begin(&w, (fut_future *[]){good, bad, last}, 3, FUT_FIRST_EXCEPTION);
	tfile_touch(gate);
	/* Behind the first one's end, it sleeps again. */
	must_be(good, "open");
	wait_running(between);
	sleeper_wait_asleep(&w.sleeper);
	ck_assert(!w.sleeper.is_over);
	tfile_touch(gate2);
	end(&w, 2);
	ck_assert(fut_done(good) && fut_done(bad) && !fut_done(last));
	tfile_touch(gate3);
	must_be(last, "open");
	release(good);
	unref_all((fut_future *[]){between, bad, last}, 3);
	stop();
}
END_TEST

/* Values and cancelled futures are no errors, however early they were there. */
START_TEST(cf_wa_05_first_exception_some_already_complete)
{
	struct waiting w;

	start(_i, 1);
	fut_future *value = submit("echo", "v");
	must_be(value, "v");
	fut_future *held = hold(), *bad = submit("fail", "ZeroDivisionError");
	fut_future *last = submit("gate", gate2), *cancelled = submit("mark", mark);
	must_cancel(cancelled, FUT_VERDICT_REMOVED);
	fut_future *const list[] = {value, cancelled, bad, last};
	must_be_now(list, 4, FUT_FIRST_EXCEPTION, FUT_TIMEOUT, 2);
	begin(&w, list, 4, FUT_FIRST_EXCEPTION);
	release(held);
	end(&w, 3);
	ck_assert(fut_done(bad) && !fut_done(last));
	tfile_touch(gate2);
	must_be(last, "open");
	/* Without any error it is all that must be done. */
	must_be_now((fut_future *[]){value, cancelled, last}, 3, FUT_FIRST_EXCEPTION, FUT_OK, 3);
	unref_all((fut_future *[]){value, cancelled, bad, last}, 4);
	stop();
}
END_TEST

START_TEST(cf_wa_06_first_exception_one_already_failed)
{
	start(_i, 1);
	states_begin();
	fut_future *const list[] = {in_state[RUNNING], in_state[FAILED]};
	must_be_now(list, 2, FUT_FIRST_EXCEPTION, FUT_OK, 1);
	ck_assert(!fut_done(in_state[RUNNING]));
	states_end();
	stop();
}
END_TEST

START_TEST(cf_wa_07_all_completed)
{
	struct waiting w;

	start(_i, 1);
	states_begin();
	fut_future *bad = submit("fail", "ZeroDivisionError"), *good = submit("square", "21");
	fut_future *const list[] = {in_state[SUCCEEDED], in_state[CANCELLED], in_state[FAILED], bad,
				    good};
	must_be_now(list, 3, FUT_ALL_COMPLETED, FUT_OK, 3);
	begin(&w, list, 5, FUT_ALL_COMPLETED);
	tfile_touch(gate);
	end(&w, 5);
	must_fail_(bad, FUT_TASK_FAILED);
	must_be(good, "441");
	must_be_now(list, 5, FUT_ALL_COMPLETED, FUT_OK, 5);
	unref_all((fut_future *[]){bad, good}, 2);
	states_end();
	stop();
}
END_TEST

/* Here a wait that did not come to its end has a status of its own, and the same count. */
START_TEST(cf_wa_08_timeout)
{
	size_t done;

	start(_i, 1);
	states_begin();
	uint64_t since_us = td_now_us();
	ck_assert_int_eq(fut_wait(in_state, STATES, FUT_ALL_COMPLETED, 50 * MS, &done),
			 FUT_TIMEOUT);
	ck_assert_uint_ge(td_now_us() - since_us, 50 * MS);
	ck_assert_uint_eq(done, 3);
	ck_assert(fut_running(in_state[RUNNING]) && !fut_done(in_state[PENDING]));
	ck_assert_int_eq(fut_status_family(FUT_TIMEOUT), FUT_FAMILY_CALLER);
	must_be_now(in_state, STATES, FUT_ALL_COMPLETED, FUT_TIMEOUT, 3);
	/* A condition that there is not is refused, also where nothing needs to be waited for. */
	ck_assert_int_eq(fut_wait(&in_state[SUCCEEDED], 1, (fut_return_when)77, 0, NULL),
			 FUT_INVALID);
	must_be_now(NULL, 0, FUT_ALL_COMPLETED, FUT_OK, 0);
	must_be_now(NULL, 0, FUT_FIRST_COMPLETED, FUT_OK, 0);
	states_end();
	stop();
}
END_TEST

/* A hundred get done while four threads begin to wait for them. */
START_TEST(cf_wa_09_pending_calls_race)
{
	enum { N = 100, THREADS = 4, ROUNDS = 5 };
	struct waiting w[THREADS];
	fut_future *f[N];

	start(_i, 2);
	for (int round = 0; round < ROUNDS; round++) {
		remove(gate);
		for (int i = 0; i < N; i++)
			f[i] = submit("gate", gate);
		for (int i = 0; i < THREADS; i++) {
			w[i] = (struct waiting){.f = f, .n = N, .when = FUT_ALL_COMPLETED};
			sleeper_start(&w[i].sleeper, wait_for_them, &w[i]);
			if (i == THREADS / 2)
				tfile_touch(gate);
		}
		for (int i = 0; i < THREADS; i++)
			end(&w[i], N);
		for (int i = 0; i < N; i++)
			must_be(f[i], "open");
		unref_all(f, N);
	}
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CF-WA");
	TCase *tc = trun_case(s, "wait");

	each_way(tc, cf_wa_01_20369);
	each_way(tc, cf_wa_02_first_completed);
	each_way(tc, cf_wa_03_first_completed_some_already_completed);
	each_way(tc, cf_wa_04_first_exception);
	each_way(tc, cf_wa_05_first_exception_some_already_complete);
	each_way(tc, cf_wa_06_first_exception_one_already_failed);
	each_way(tc, cf_wa_07_all_completed);
	each_way(tc, cf_wa_08_timeout);
	each_way(tc, cf_wa_09_pending_calls_race);
	return s;
}
