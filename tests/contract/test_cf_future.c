/*
 * A future by itself: its states, who is woken by its end, and one look at all of it (CF-FU-09
 * to 18 and 21).
 */
#include "tests/contract/contract.h"

/* ---- states ------------------------------------------------------------- */

static const struct truth {
	bool done, running, cancelled;
	fut_verdict cancel;
	fut_status result, exception;
} truths[STATES] = {
	[PENDING] = {false, false, false, FUT_VERDICT_REMOVED, FUT_TIMEOUT, FUT_TIMEOUT},
	[RUNNING] = {false, true, false, FUT_VERDICT_TOO_LATE, FUT_TIMEOUT, FUT_TIMEOUT},
	[CANCELLED] = {true, false, true, FUT_VERDICT_REMOVED, FUT_CANCELLED, FUT_CANCELLED},
	[FAILED] = {true, false, false, FUT_VERDICT_TOO_LATE, FUT_TASK_FAILED, FUT_OK},
	[SUCCEEDED] = {true, false, false, FUT_VERDICT_TOO_LATE, FUT_OK, FUT_OK},
};

/* The text for each state, whole and cut as snprintf() cuts it. */
START_TEST(cf_fu_09_repr)
{
	static const char *const texts[STATES] = {
		[PENDING] = "pending",
		[RUNNING] = "running",
		[CANCELLED] = "cancelled",
		[FAILED] = "failed: TASK_FAILED: it failed",
		[SUCCEEDED] = "finished with 2 bytes",
	};

	start(_i, 1);
	states_begin();
	for (int s = 0; s < STATES; s++) {
		char text[64], three[4] = "???";
		size_t len = strlen(texts[s]);

		ck_assert_uint_eq(fut_describe(in_state[s], text, sizeof text), len);
		ck_assert_str_eq(text, texts[s]);
		ck_assert_uint_eq(fut_describe(in_state[s], three, sizeof three), len);
		ck_assert_mem_eq(three, texts[s], 3);
		ck_assert_int_eq(three[3], '\0');
	}
	states_end();
	stop();
}
END_TEST

/* The verdict is true, and the state is what it was; but for the one that it ended. */
START_TEST(cf_fu_10_cancel)
{
	start(_i, 1);
	states_begin();
	for (int s = 0; s < STATES; s++) {
		/* states_end() needs the pending one: another takes its part. */
		fut_future *f = s == PENDING ? submit("mark", mark) : in_state[s];
		const struct truth *after = &truths[s == PENDING ? CANCELLED : s];

		must_cancel(f, truths[s].cancel);
		must_cancel(f, truths[s].cancel);
		ck_assert_int_eq(fut_done(f), after->done);
		ck_assert_int_eq(fut_running(f), after->running);
		ck_assert_int_eq(fut_cancelled(f), after->cancelled);
		if (s == PENDING)
			fut_future_unref(f);
	}
	states_end();
	stop();
}
END_TEST

START_TEST(cf_fu_11_cancelled)
{
	start(_i, 1);
	states_begin();
	for (int s = 0; s < STATES; s++)
		ck_assert_msg(fut_cancelled(in_state[s]) == truths[s].cancelled, "state %d", s);
	states_end();
	stop();
}
END_TEST

START_TEST(cf_fu_12_done)
{
	start(_i, 1);
	states_begin();
	for (int s = 0; s < STATES; s++)
		ck_assert_msg(fut_done(in_state[s]) == truths[s].done, "state %d", s);
	states_end();
	stop();
}
END_TEST

START_TEST(cf_fu_13_running)
{
	start(_i, 1);
	states_begin();
	for (int s = 0; s < STATES; s++)
		ck_assert_msg(fut_running(in_state[s]) == truths[s].running, "state %d", s);
	states_end();
	stop();
}
END_TEST

/* What lies ready in the slot, behind the one that runs, does not run: deviation 3. */
START_TEST(cf_fu_13_ready_is_not_running)
{
	enum { N = 20 };
	fut_future *f[N];

	start(_i, 1);
	warm(); /* so that the slot gets more than it can start */
	fut_future *runs = submit("gate", gate);
	for (int i = 0; i < N; i++)
		f[i] = submit("mark", mark);
	wait_running(runs);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	for (int i = 0; i < N; i++) {
		ck_assert(!fut_running(f[i]) && !fut_done(f[i]));
		must_cancel(f[i], FUT_VERDICT_REMOVED);
	}
	release(runs);
	pass_through();
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all(f, N);
	stop();
}
END_TEST

START_TEST(cf_fu_14_result_with_timeout)
{
	start(_i, 1);
	states_begin();
	for (int s = 0; s < STATES; s++) {
		fut_bytes value = {NULL, 7};
		fut_error *e = NULL;
		fut_status want = truths[s].result;

		ck_assert_int_eq(fut_result(in_state[s], 0, &value, &e), want);
		if (want == FUT_OK) {
			ck_assert_uint_eq(value.len, 2);
			ck_assert_mem_eq(value.data, "42", 2);
			ck_assert_ptr_null(e);
		} else {
			ck_assert_uint_eq(value.len, 7); /* untouched */
			ck_assert_int_eq(fut_error_status(e), want);
		}
		if (want == FUT_TASK_FAILED)
			ck_assert_str_eq(fut_error_type(e), "OSError");
		fut_error_unref(e);
	}
	states_end();
	stop();
}
END_TEST

START_TEST(cf_fu_17_exception_with_timeout)
{
	start(_i, 1);
	states_begin();
	for (int s = 0; s < STATES; s++) {
		fut_error *const untouched = (fut_error *)(uintptr_t)1;
		fut_error *e = untouched;

		ck_assert_int_eq(fut_exception(in_state[s], 0, &e), truths[s].exception);
		if (truths[s].exception != FUT_OK)
			ck_assert_ptr_eq(e, untouched);
		else if (s == SUCCEEDED)
			ck_assert_ptr_null(e);
		else
			ck_assert_str_eq(fut_error_message(e), "it failed");
		if (s == FAILED)
			fut_error_unref(e);
	}
	states_end();
	stop();
}
END_TEST

/* ---- all of it in one look ------------------------------------------------ */

/* Whether it is one state, and not halves of two. */
static bool is_whole(const fut_snapshot *s)
{
	if (!s->done)
		return !s->cancelled && s->status == FUT_TIMEOUT && !s->error;
	if (s->running || s->status == FUT_TIMEOUT || s->cancelled != (s->status == FUT_CANCELLED))
		return false;
	if (s->status == FUT_OK)
		return !s->error && s->value.data && s->attempt == 1;
	return s->cancelled ? !s->error : fut_error_status(s->error) == s->status;
}

START_TEST(cf_fu_21_get_snapshot)
{
	fut_snapshot s;

	start(_i, 1);
	states_begin();
	for (int i = 0; i < STATES; i++) {
		ck_assert_int_eq(fut_poll(in_state[i], &s), FUT_OK);
		ck_assert(is_whole(&s));
		ck_assert_int_eq(s.done, truths[i].done);
		ck_assert_int_eq(s.running, truths[i].running);
		ck_assert_int_eq(s.cancelled, truths[i].cancelled);
		ck_assert_int_eq(s.status, truths[i].result);
		if (i == SUCCEEDED) {
			ck_assert_uint_eq(s.value.len, 2);
			ck_assert_mem_eq(s.value.data, "42", 2);
		} else if (i == FAILED) {
			ck_assert_str_eq(fut_error_message(s.error), "it failed");
		}
	}
	states_end();
	stop();
}
END_TEST

/* A thread that looks a thousand times at least, and then until it is done. */
struct looker {
	pthread_t thread;
	fut_future *f;
	_Atomic bool looks;
	unsigned torn, backwards;
};

static void *look_often(void *arg)
{
	struct looker *l = arg;
	fut_snapshot s = {.done = false}, before = s;

	for (int i = 0; i < 1000 || !s.done; i++) {
		if (fut_poll(l->f, &s) != FUT_OK || !is_whole(&s))
			l->torn++;
		if (s.done && s.status == FUT_OK && memcmp(s.value.data, "0123456789", 10) != 0)
			l->torn++;
		l->backwards +=
			(before.done && !s.done) || (before.running && !s.running && !s.done);
		before = s;
		l->looks = true;
	}
	return NULL;
}

START_TEST(cf_fu_21_get_snapshot_from_threads)
{
	enum { THREADS = 4, ROUNDS = 5 };
	static const char value[] = "0123456789 and more than lies in the future itself";
	struct looker l[THREADS];

	start(_i, 1);
	for (int round = 0; round < ROUNDS; round++) {
		fut_future *held = hold(), *f = submit("echo", value);
		for (int i = 0; i < THREADS; i++) {
			l[i] = (struct looker){.f = f};
			ck_assert_int_eq(pthread_create(&l[i].thread, NULL, look_often, &l[i]), 0);
			twait_until(d, l[i].looks);
		}
		release(held);
		for (int i = 0; i < THREADS; i++) {
			pthread_join(l[i].thread, NULL);
			ck_assert_uint_eq(l[i].torn, 0);
			ck_assert_uint_eq(l[i].backwards, 0);
		}
		fut_future_unref(f);
	}
	stop();
}
END_TEST

/* ---- woken from another thread ------------------------------------------ */

/* What a thread that sleeps in fut_result() or fut_exception() wakes up with. */
struct waiting {
	struct sleeper sleeper;
	fut_future *f;
	bool for_exception;
	fut_status status;
	fut_bytes value;
	fut_error *e;
};

static void wait_for_it(void *arg)
{
	struct waiting *w = arg;

	w->status = w->for_exception ? fut_exception(w->f, PATIENCE_US, &w->e)
				     : fut_result(w->f, PATIENCE_US, &w->value, &w->e);
}

static void begin(struct waiting *w, fut_future *f, bool for_exception)
{
	*w = (struct waiting){.f = f, .for_exception = for_exception};
	sleeper_start(&w->sleeper, wait_for_it, w);
	sleeper_wait_asleep(&w->sleeper);
}

START_TEST(cf_fu_15_result_with_success)
{
	struct waiting w;

	start(_i, 1);
	fut_future *held = hold(), *f = submit("echo", "42");
	begin(&w, f, false);
	release(held);
	sleeper_join(&w.sleeper);
	ck_assert_int_eq(w.status, FUT_OK);
	ck_assert_uint_eq(w.value.len, 2);
	ck_assert_mem_eq(w.value.data, "42", 2);
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(cf_fu_16_result_with_cancel)
{
	struct waiting w;

	start(_i, 1);
	fut_future *held = hold(), *f = submit("mark", mark);
	begin(&w, f, false);
	ck_assert_int_eq(fut_cancel(f, 0, NULL), FUT_OK); /* does not wait itself */
	sleeper_join(&w.sleeper);
	ck_assert_int_eq(w.status, FUT_CANCELLED);
	ck_assert_int_eq(fut_error_executed(w.e), FUT_EXECUTED_NO);
	fut_error_unref(w.e);
	release(held);
	pass_through();
	ck_assert_uint_eq(tfile_lines(mark), 0);
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(cf_fu_18_exception_with_success)
{
	struct waiting good, bad;

	start(_i, 1);
	fut_future *held = hold();
	fut_future *f = submit("fail", "Exception|hello"), *g = submit("echo", "");
	begin(&bad, f, true);
	begin(&good, g, true);
	release(held);
	sleeper_join(&bad.sleeper);
	sleeper_join(&good.sleeper);
	ck_assert_int_eq(bad.status, FUT_OK);
	ck_assert_str_eq(fut_error_message(bad.e), "hello");
	ck_assert_int_eq(good.status, FUT_OK);
	ck_assert_ptr_null(good.e);
	fut_error_unref(bad.e);
	unref_all((fut_future *[]){f, g}, 2);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CF-FU");
	TCase *tc = trun_case(s, "states");

	each_way(tc, cf_fu_09_repr);
	each_way(tc, cf_fu_10_cancel);
	each_way(tc, cf_fu_11_cancelled);
	each_way(tc, cf_fu_12_done);
	each_way(tc, cf_fu_13_running);
	each_way(tc, cf_fu_13_ready_is_not_running);
	each_way(tc, cf_fu_14_result_with_timeout);
	each_way(tc, cf_fu_17_exception_with_timeout);
	each_way(tc, cf_fu_21_get_snapshot);
	each_way(tc, cf_fu_21_get_snapshot_from_threads);
	tc = trun_case(s, "waiters");
	each_way(tc, cf_fu_15_result_with_success);
	each_way(tc, cf_fu_16_result_with_cancel);
	each_way(tc, cf_fu_18_exception_with_success);
	return s;
}
