/* Futures, end to end: what is cancelled or killed, and who is called when one is done. */
#include "tests/integ/e2e.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- cancels ------------------------------------------------------------ */

START_TEST(test_cancel)
{
	fut_verdict v;
	fut_error *e;

	start(_i, 1);
	fut_future *runs = submit("gate", gate), *waits = submit("mark", mark);
	wait_running(runs);
	must_cancel(runs, FUT_VERDICT_TOO_LATE);
	ck_assert(!fut_done(runs));
	must_cancel(waits, FUT_VERDICT_REMOVED);
	must_cancel(waits, FUT_VERDICT_REMOVED);
	ck_assert(fut_cancelled(waits));
	must_fail_(waits, FUT_CANCELLED);
	ck_assert_int_eq(fut_exception(waits, 0, &e), FUT_CANCELLED);

	/* To ask and to hear are two things. */
	fut_future *asked = submit("mark", mark);
	ck_assert_int_eq(fut_cancel(asked, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_PENDING);
	must_fail_(asked, FUT_CANCELLED);
	ck_assert_int_eq(fut_cancel(asked, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_REMOVED);

	tfile_touch(gate);
	must_be(runs, "open");
	must_cancel(runs, FUT_VERDICT_TOO_LATE);
	must_be(runs, "open");
	fut_future *last = submit("echo", "");
	must_be(last, "");
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all((fut_future *[]){runs, waits, asked, last}, 4);
	stop();
}
END_TEST

/* Jobs that lie ready in a slot, behind one that runs, are taken back, each one. */
START_TEST(test_cancel_prefetched)
{
	enum { N = 200 };
	fut_future *f[N];

	start(_i, 1);
	warm();
	fut_future *m = submit("mark", mark);
	must_be(m, "");
	fut_future_unref(m);
	fut_future *runs = submit("gate", gate);
	for (int i = 0; i < N; i++)
		f[i] = submit("mark", mark);
	for (int i = N - 1; i > 0; i -= 2)
		must_cancel(f[i], FUT_VERDICT_REMOVED);
	tfile_touch(gate);
	must_be(runs, "open");
	for (int i = 0; i < N; i++) {
		if (i % 2)
			must_fail_(f[i], FUT_CANCELLED);
		else
			must_be(f[i], "");
	}
	ck_assert_uint_eq(tfile_lines(mark), 1 + N / 2);
	unref_all(f, N);
	fut_future_unref(runs);
	stop();
}
END_TEST

START_TEST(test_stop_and_kill)
{
	bool alone = _i & PROCESSES;
	fut_verdict v;

	/* In a thread pool another job runs in the same process. */
	start(_i, alone ? 1 : 2);
	fut_future *neighbour = alone ? NULL : submit("gate", gate2);
	fut_future *f = submit("gate", gate);
	wait_running(f);
	ck_assert_int_eq(fut_stop(f, PATIENCE_US, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_STOP_REQUESTED);
	fut_error *e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "Stopped");
	fut_error_unref(e);
	fut_future_unref(f);

	/* To kill is to stop where others run in the same process. */
	long pid = ask_number("pid");
	f = submit("gate", gate);
	fut_future *behind = submit("mark", mark);
	wait_running(f);
	ck_assert_int_eq(fut_kill(f, PATIENCE_US, &v), FUT_OK);
	ck_assert_int_eq(v, alone ? FUT_VERDICT_KILLED : FUT_VERDICT_STOP_REQUESTED);
	e = must_fail(f, alone ? FUT_KILLED : FUT_TASK_FAILED);
	ck_assert_int_ne(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	must_be(behind, "");
	ck_assert_uint_eq(tfile_lines(mark), 1);
	ck_assert_int_eq(ask_number("pid") == pid, !alone);
	unref_all((fut_future *[]){f, behind}, 2);

	/* What has not started is removed by either. */
	f = submit("gate", gate);
	fut_future *a = submit("mark", mark), *b = submit("mark", mark);
	ck_assert_int_eq(fut_stop(a, PATIENCE_US, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_REMOVED);
	ck_assert_int_eq(fut_kill(b, PATIENCE_US, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_REMOVED);
	tfile_touch(gate);
	must_be(f, "open");
	tfile_touch(gate2);
	if (neighbour)
		must_be(neighbour, "open");
	unref_all((fut_future *[]){f, a, b, neighbour}, 4);
	stop();
}
END_TEST

struct canceller {
	fut_future *f[20];
	fut_status with_wait, asked;
	fut_verdict verdict;
};

static void cancel_the_others(fut_future *f, void *arg)
{
	struct canceller *c = arg;

	(void)f;
	c->with_wait = fut_cancel(c->f[0], SECOND, NULL);
	for (size_t i = 0; i < ARRAY_LEN(c->f); i++)
		c->asked |= fut_cancel(c->f[i], 0, &c->verdict);
}

START_TEST(test_cancel_in_callback)
{
	struct canceller c = {.asked = FUT_OK};

	start(_i, 1);
	fut_future *first = submit("gate", gate), *second = submit("gate", gate2);
	for (size_t i = 0; i < ARRAY_LEN(c.f); i++)
		c.f[i] = submit("mark", mark);
	ck_assert_int_eq(fut_add_done_callback(first, cancel_the_others, &c), FUT_OK);
	tfile_touch(gate);
	for (size_t i = 0; i < ARRAY_LEN(c.f); i++)
		must_fail_(c.f[i], FUT_CANCELLED);
	ck_assert_int_eq(c.asked, FUT_OK);
	ck_assert_int_eq(c.verdict, FUT_VERDICT_PENDING);
	ck_assert_int_eq(c.with_wait, FUT_WOULD_DEADLOCK);
	tfile_touch(gate2);
	must_be(second, "open");
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all(c.f, ARRAY_LEN(c.f));
	unref_all((fut_future *[]){first, second}, 2);
	stop();
}
END_TEST

/* ---- callbacks ---------------------------------------------------------- */

struct calls {
	char text[64];
	_Atomic size_t n;
	pthread_t thread;
};

static void note(struct calls *c, char what)
{
	c->text[c->n] = what;
	c->thread = pthread_self();
	atomic_fetch_add(&c->n, 1);
}

static void note_a(fut_future *f, void *arg)
{
	note(arg, fut_done(f) ? 'a' : '?');
}

static void note_b(fut_future *f, void *arg)
{
	note(arg, fut_done(f) ? 'b' : '?');
}

/* What is added meanwhile comes behind what was there. */
static void note_and_add(fut_future *f, void *arg)
{
	note(arg, '(');
	if (fut_add_done_callback(f, note_a, arg) != FUT_OK)
		note(arg, '!');
	note(arg, ')');
}

static void wait_in_callback(fut_future *f, void *arg)
{
	struct calls *c = arg;
	fut_future *other = submit("echo", "");
	fut_bytes value;
	fut_as_completed *it;
	fut_status statuses[] = {
		fut_result(other, SECOND, &value, NULL),
		fut_wait(&other, 1, FUT_ALL_COMPLETED, FUT_FOREVER, NULL),
		fut_next_chunk(other, FUT_FOREVER, &value),
		fut_executor_shutdown(x, true, false, FUT_FOREVER),
		fut_executor_ping(x, SECOND, NULL),
	};

	(void)f;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		note(c, statuses[i] == FUT_WOULD_DEADLOCK ? 'w' : '?');
	if (fut_as_completed_open(&other, 1, FUT_FOREVER, &it) == FUT_OK) {
		fut_future *done;
		note(c, fut_as_completed_next(it, &done) == FUT_WOULD_DEADLOCK ? 'w' : '?');
		fut_as_completed_close(it);
	}
	note(c, fut_result(other, 0, &value, NULL) == FUT_TIMEOUT ? 'l' : '?');
	fut_future_unref(other);
}

START_TEST(test_callbacks)
{
	struct calls c = {.n = 0};

	start(_i, 1);
	fut_future *f = submit("gate", gate);
	ck_assert_int_eq(fut_add_done_callback(f, note_a, &c), FUT_OK);
	ck_assert_int_eq(fut_add_done_callback(f, note_and_add, &c), FUT_OK);
	ck_assert_int_eq(fut_add_done_callback(f, note_b, &c), FUT_OK);
	ck_assert_int_eq(fut_add_done_callback(f, note_b, &c), FUT_OK);
	tfile_touch(gate);
	must_be(f, "open");
	twait_until(d, c.n == 6);
	ck_assert_str_eq(c.text, "a()bba");
	ck_assert(!pthread_equal(c.thread, pthread_self()));
	/* Done already: at once, here. */
	ck_assert_int_eq(fut_add_done_callback(f, note_b, &c), FUT_OK);
	ck_assert_str_eq(c.text, "a()bbab");
	ck_assert(pthread_equal(c.thread, pthread_self()));
	fut_future_unref(f);

	/* Also for what failed, and what was cancelled; and when nobody holds the future. */
	struct calls bad = {.n = 0};
	remove(gate);
	f = submit("gate", gate);
	fut_future *failed = submit("fail", "E"), *cancelled = submit("echo", "");
	ck_assert_int_eq(fut_add_done_callback(failed, note_a, &bad), FUT_OK);
	ck_assert_int_eq(fut_add_done_callback(cancelled, note_b, &bad), FUT_OK);
	must_cancel(cancelled, FUT_VERDICT_REMOVED);
	unref_all((fut_future *[]){failed, cancelled}, 2);
	tfile_touch(gate);
	twait_until(d, bad.n == 2);
	ck_assert_str_eq(bad.text, "ba");
	fut_future_unref(f);

	struct calls waits = {.n = 0};
	f = submit("echo", "");
	remove(gate);
	fut_future *g = submit("gate", gate);
	ck_assert_int_eq(fut_add_done_callback(g, wait_in_callback, &waits), FUT_OK);
	tfile_touch(gate);
	twait_until(d, waits.n == 7);
	ck_assert_str_eq(waits.text, "wwwwwwl");
	unref_all((fut_future *[]){f, g}, 2);
	stop();
}
END_TEST

struct chain {
	_Atomic unsigned left;
	_Atomic bool failed;
};

static void submit_next(fut_future *f, void *arg)
{
	struct chain *c = arg;
	fut_bytes value;
	fut_future *next;

	if (fut_result(f, 0, &value, NULL) != FUT_OK)
		c->failed = true;
	if (atomic_fetch_sub(&c->left, 1) <= 1)
		return;
	if (fut_submit(x, "mark", mark, strlen(mark), &next, NULL) != FUT_OK ||
	    fut_add_done_callback(next, submit_next, c) != FUT_OK)
		c->failed = true;
	fut_future_unref(next);
}

START_TEST(test_submit_in_callback)
{
	enum { N = 300 };
	struct chain c = {.left = N};

	start(_i, 1);
	fut_future *f = submit("mark", mark);
	ck_assert_int_eq(fut_add_done_callback(f, submit_next, &c), FUT_OK);
	fut_future_unref(f);
	twait_until(d, c.left == 0);
	ck_assert(!c.failed);
	ck_assert_uint_eq(tfile_lines(mark), N);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("cancel");
	TCase *tc = trun_case(s, "cancels");

	tcase_add_loop_test(tc, test_cancel, 0, WAYS);
	tcase_add_loop_test(tc, test_cancel_prefetched, 0, WAYS);
	tcase_add_loop_test(tc, test_stop_and_kill, 0, WAYS);
	tcase_add_loop_test(tc, test_cancel_in_callback, 0, WAYS);
	tc = trun_case(s, "callbacks");
	tcase_add_loop_test(tc, test_callbacks, 0, WAYS);
	tcase_add_loop_test(tc, test_submit_in_callback, 0, WAYS);
	return s;
}
