/* Shutting down: what is asked of the daemon, who waits for what, and what a second call adds. */
#include "tests/lib/fake_daemon.h"

#include <pthread.h>
#include <stdatomic.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

START_TEST(shutdown_lets_jobs_end)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a"), *other = NULL;
	fut_error *e = NULL;
	struct fake_job job = fake_expect_submit(d);

	ck_assert_int_eq(fut_executor_shutdown(x, true, false, 0), FUT_TIMEOUT);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, 1000), FUT_TIMEOUT);
	ck_assert_int_eq(fut_executor_shutdown(x, false, false, 0), FUT_OK);
	ck_assert_int_eq(fut_submit(x, "task", "b", 1, &other, &e), FUT_SHUTDOWN);
	ck_assert_ptr_null(other);
	fut_error_unref(e);
	ck_assert_int_eq(fut_executor_ping(x, 0, NULL), FUT_SHUTDOWN);
	fake_text(d, job.spec.id, "done");
	must_be_value(f, "done");
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, 0), FUT_OK);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, patience_us), FUT_OK);
	fake_expect(d, MESSAGE_BYE);
	fake_expect_end(d);
	fut_executor_unref(x);
	must_be_value(f, "done"); /* it outlives the executor */
	fut_future_unref(f);
	fake_free(d);
}
END_TEST

START_TEST(last_unref_is_a_shutdown)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");

	ck_assert_ptr_eq(fut_executor_ref(x), x);
	fut_executor_unref(x);
	fut_executor_unref(x);
	struct fake_job job = fake_expect_submit(d);
	fake_text(d, job.spec.id, "still");
	must_be_value(f, "still");
	fake_expect(d, MESSAGE_BYE);
	fake_expect_end(d);
	fut_future_unref(f);
	fut_executor_unref(NULL);
	fut_future_unref(NULL);
	fake_free(d);
}
END_TEST

START_TEST(nobody_keeps_anything)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);

	fut_future_unref(must_submit(x, "a"));
	fut_executor_unref(x);
	struct fake_job job = fake_expect_submit(d);
	fake_text(d, job.spec.id, "a result that nobody wants, too long to be inline");
	fake_expect(d, MESSAGE_BYE);
	fake_expect_end(d);
	fake_free(d);
}
END_TEST

static void remove_the_second(struct fake *d)
{
	struct fake_job a = fake_expect_submit(d), b = fake_expect_submit(d);
	struct message m = fake_expect(d, MESSAGE_CANCEL);

	ck_assert_uint_eq(m.cancel.id, a.spec.id);
	ck_assert_uint_eq(m.cancel.mode, CANCEL_QUEUED);
	m = fake_expect(d, MESSAGE_CANCEL);
	ck_assert_uint_eq(m.cancel.id, b.spec.id);
	fake_verdict(d, a.spec.id, FUT_VERDICT_TOO_LATE);
	fake_verdict(d, b.spec.id, FUT_VERDICT_REMOVED);
	fake_text(d, a.spec.id, "ran");
}

START_TEST(shutdown_cancels_what_has_not_started)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *a = must_submit(x, "a"), *b = must_submit(x, "b");

	fake_run(d, remove_the_second);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, patience_us), FUT_OK);
	fake_join(d);
	must_be_value(a, "ran");
	ck_assert(fut_cancelled(b));
	fut_future_unref(a);
	fut_future_unref(b);
	fut_executor_unref(x);
	fake_free(d);
}
END_TEST

START_TEST(draining)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a"), *g = NULL;
	struct fake_job job = fake_expect_submit(d);
	struct message m = {.kind = MESSAGE_GOAWAY, .goaway = {.status = FUT_DRAINING}};

	fake_send(d, &m, SPAN_EMPTY);
	fake_text(d, job.spec.id, "still");
	must_be_value(f, "still");
	ck_assert_int_eq(fut_submit(x, "task", "b", 1, &g, NULL), FUT_DRAINING);
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

/* ---- every way to ask ----------------------------------------------------- */

/* Returns once the I/O thread has dealt with all that was sent before. */
static void settle(struct fake *d)
{
	fake_send(d, &(struct message){.kind = MESSAGE_PING, .ping = {5}}, SPAN_EMPTY);
	fake_expect(d, MESSAGE_PONG);
}

static void must_ask(struct fake *d, uint64_t id, enum cancel_mode mode)
{
	struct message m = fake_expect(d, MESSAGE_CANCEL);

	ck_assert_uint_eq(m.cancel.id, id);
	ck_assert_uint_eq(m.cancel.mode, mode);
}

static const struct {
	bool wait, cancel;
	int64_t timeout_us;
	fut_status status;
} ways[] = {
	{false, false, 0, FUT_OK},           {false, false, 1000, FUT_OK},
	{false, false, FUT_FOREVER, FUT_OK}, {false, true, 0, FUT_OK},
	{false, true, FUT_FOREVER, FUT_OK},  {true, false, 0, FUT_TIMEOUT},
	{true, false, 1000, FUT_TIMEOUT},    {true, true, 0, FUT_TIMEOUT},
	{true, true, 1000, FUT_TIMEOUT},
};

START_TEST(every_way)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a"), *none = NULL;
	uint64_t id = fake_expect_submit(d).spec.id;

	ck_assert_int_eq(
		fut_executor_shutdown(x, ways[_i].wait, ways[_i].cancel, ways[_i].timeout_us),
		ways[_i].status);
	ck_assert_int_eq(fut_submit(x, "task", "", 0, &none, NULL), FUT_SHUTDOWN);
	ck_assert(!fut_done(f));
	if (ways[_i].cancel)
		must_ask(d, id, CANCEL_QUEUED);
	settle(d); /* and nothing else was asked */
	fake_text(d, id, "v");
	must_be_value(f, "v");
	ck_assert_int_eq(fut_executor_shutdown(x, true, ways[_i].cancel, 0), FUT_OK);
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

/* Each call adds to what was asked before; none takes anything back, or asks twice. */
START_TEST(later_calls_add)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");
	uint64_t id = fake_expect_submit(d).spec.id;

	ck_assert_int_eq(fut_executor_shutdown(x, false, false, 0), FUT_OK);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, 1000), FUT_TIMEOUT);
	settle(d);
	ck_assert_int_eq(fut_executor_shutdown(x, false, true, 0), FUT_OK);
	must_ask(d, id, CANCEL_QUEUED);
	fake_verdict(d, id, FUT_VERDICT_TOO_LATE);
	ck_assert_int_eq(fut_executor_shutdown(x, false, false, 0), FUT_OK);
	ck_assert_int_eq(fut_executor_shutdown(x, false, true, 0), FUT_OK);
	settle(d);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_STOP, 0), FUT_TIMEOUT);
	must_ask(d, id, CANCEL_STOP);
	fake_verdict(d, id, FUT_VERDICT_STOP_REQUESTED);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_KILL, 1000), FUT_TIMEOUT);
	must_ask(d, id, CANCEL_KILL);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_STOP, 0), FUT_TIMEOUT);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_KILL, 0), FUT_TIMEOUT);
	settle(d);
	fake_verdict(d, id, FUT_VERDICT_KILLED);
	fake_error(d, id, FUT_KILLED, "");
	must_fail(f, FUT_KILLED);
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

/* ---- by force ------------------------------------------------------------- */

static const fut_force forces[] = {FUT_FORCE_STOP, FUT_FORCE_KILL};
static uint64_t ids[3];

static void end_all_three(struct fake *d)
{
	bool kill = *(const fut_force *)d->arg == FUT_FORCE_KILL;
	enum cancel_mode mode = kill ? CANCEL_KILL : CANCEL_STOP;

	/* A slot that the first one left would find the others. */
	must_ask(d, ids[1], mode);
	must_ask(d, ids[2], mode);
	must_ask(d, ids[0], mode);
	fake_verdict(d, ids[1], FUT_VERDICT_REMOVED);
	fake_verdict(d, ids[2], FUT_VERDICT_REMOVED);
	fake_verdict(d, ids[0], kill ? FUT_VERDICT_KILLED : FUT_VERDICT_STOP_REQUESTED);
	fake_error(d, ids[0], kill ? FUT_KILLED : FUT_TASK_FAILED, "over");
}

START_TEST(force_ends_everything)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f[3], *none = NULL;

	for (int i = 0; i < 3; i++) {
		f[i] = must_submit(x, "a");
		ids[i] = fake_expect_submit(d).spec.id;
	}
	fake_started(d, ids[0]);
	settle(d);
	d->arg = (void *)(uintptr_t)&forces[_i];
	fake_run(d, end_all_three);
	ck_assert_int_eq(fut_executor_force_shutdown(x, forces[_i], FUT_FOREVER), FUT_OK);
	fake_join(d);
	must_fail(f[0], forces[_i] == FUT_FORCE_KILL ? FUT_KILLED : FUT_TASK_FAILED);
	for (int i = 1; i < 3; i++)
		ck_assert(fut_cancelled(f[i]));
	ck_assert_int_eq(fut_submit(x, "task", "", 0, &none, NULL), FUT_SHUTDOWN);
	for (int i = 0; i < 3; i++)
		fut_future_unref(f[i]);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

START_TEST(force_with_nothing_to_do)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);

	ck_assert_int_eq(fut_executor_force_shutdown(x, forces[_i], 0), FUT_OK);
	ck_assert_int_eq(fut_executor_force_shutdown(x, forces[_i], FUT_FOREVER), FUT_OK);
	ck_assert_int_eq(fut_executor_force_shutdown(x, forces[_i], FUT_FOREVER), FUT_OK);
	fake_goodbye(d, x);
	ck_assert_int_eq(fut_executor_force_shutdown(NULL, forces[_i], 0), FUT_INVALID);
	fake_free(d);
}
END_TEST

START_TEST(force_without_a_connection)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");

	fake_expect_submit(d);
	fake_hang_up(d);
	must_fail(f, FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_executor_force_shutdown(x, forces[_i], patience_us), FUT_OK);
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

START_TEST(no_such_force)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);

	ck_assert_int_eq(fut_executor_force_shutdown(x, (fut_force)2, 0), FUT_INVALID);
	ck_assert_int_eq(fut_executor_force_shutdown(x, (fut_force)-1, 0), FUT_INVALID);
	/* Nothing was done: it goes on. */
	fut_future *f = must_submit(x, "a");
	fake_text(d, fake_expect_submit(d).spec.id, "v");
	must_be_value(f, "v");
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

/* ---- from two sides ------------------------------------------------------- */

static atomic_int callbacks;

static void shut_down_in_a_callback(fut_future *f, void *arg)
{
	fut_executor *x = arg;
	fut_future *next = NULL;

	(void)f;
	/* It would wait for this very thread: refused, and nothing is done. */
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, 1), FUT_WOULD_DEADLOCK);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_KILL, FUT_FOREVER),
			 FUT_WOULD_DEADLOCK);
	ck_assert_int_eq(fut_submit(x, "task", "b", 1, &next, NULL), FUT_OK);
	fut_future_unref(next);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_KILL, 0), FUT_TIMEOUT);
	ck_assert_int_eq(fut_submit(x, "task", "c", 1, &next, NULL), FUT_SHUTDOWN);
	atomic_fetch_add(&callbacks, 1);
}

START_TEST(in_a_callback)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");

	ck_assert_int_eq(fut_add_done_callback(f, shut_down_in_a_callback, x), FUT_OK);
	fake_text(d, fake_expect_submit(d).spec.id, "v");
	uint64_t id = fake_expect_submit(d).spec.id;
	must_ask(d, id, CANCEL_KILL);
	fake_verdict(d, id, FUT_VERDICT_REMOVED);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
	ck_assert_int_eq(atomic_load(&callbacks), 1);
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

static void *shut_down_elsewhere(void *arg)
{
	ck_assert_int_eq(fut_executor_shutdown(arg, true, false, FUT_FOREVER), FUT_OK);
	return NULL;
}

static void remove_one(struct fake *d)
{
	must_ask(d, ids[0], CANCEL_KILL);
	fake_verdict(d, ids[0], FUT_VERDICT_REMOVED);
}

/* One that is patient and one that is not end together. */
START_TEST(two_at_once)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");
	pthread_t other;

	ids[0] = fake_expect_submit(d).spec.id;
	ck_assert_int_eq(pthread_create(&other, NULL, shut_down_elsewhere, x), 0);
	fake_run(d, remove_one);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_KILL, FUT_FOREVER), FUT_OK);
	fake_join(d);
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	ck_assert(fut_cancelled(f));
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("shutdown");

	tcase_add_test(tc, shutdown_lets_jobs_end);
	tcase_add_test(tc, last_unref_is_a_shutdown);
	tcase_add_test(tc, nobody_keeps_anything);
	tcase_add_test(tc, shutdown_cancels_what_has_not_started);
	tcase_add_test(tc, draining);
	tcase_add_loop_test(tc, every_way, 0, (int)(sizeof ways / sizeof ways[0]));
	tcase_add_test(tc, later_calls_add);
	tcase_add_loop_test(tc, force_ends_everything, 0, 2);
	tcase_add_loop_test(tc, force_with_nothing_to_do, 0, 2);
	tcase_add_loop_test(tc, force_without_a_connection, 0, 2);
	tcase_add_test(tc, no_such_force);
	tcase_add_test(tc, in_a_callback);
	tcase_add_test(tc, two_at_once);
	return run_case(tc, "client_shutdown");
}
