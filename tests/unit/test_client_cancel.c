/* Asking for a job back: cancel, stop, kill, and the verdicts. */
#include "tests/lib/one_fake.h"

#include <pthread.h>
#include <string.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

/* What answer_cancel() expects and says. */
static struct {
	uint64_t id;
	uint32_t mode;
	fut_verdict verdict;
	bool result_first;
} answer;

static void setup(void)
{
	memset(&answer, 0, sizeof answer);
	connect_fake();
}

static void answer_cancel(struct fake *fake)
{
	struct message m = fake_expect(fake, MESSAGE_CANCEL);

	ck_assert_uint_eq(m.cancel.id, answer.id);
	ck_assert_uint_eq(m.cancel.mode, answer.mode);
	if (answer.result_first)
		fake_error(fake, answer.id, FUT_KILLED, "killed");
	fake_verdict(fake, answer.id, answer.verdict);
}

START_TEST(verdict_removed)
{
	fut_future *f = job(&answer.id);
	fut_verdict v;

	answer.mode = CANCEL_QUEUED;
	answer.verdict = FUT_VERDICT_REMOVED;
	fake_run(d, answer_cancel);
	ck_assert_int_eq(fut_cancel(f, patience_us, &v), FUT_OK);
	fake_join(d);
	ck_assert_int_eq(v, FUT_VERDICT_REMOVED);
	must_fail(f, FUT_CANCELLED);
	ck_assert_int_eq(fut_cancel(f, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_REMOVED);
	ck_assert_int_eq(fut_kill(f, patience_us, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_REMOVED);
	fut_future_unref(f);
}
END_TEST

START_TEST(verdict_stop_requested)
{
	fut_future *f = job(&answer.id);
	fut_verdict v;

	fake_started(d, answer.id);
	answer.mode = CANCEL_STOP;
	answer.verdict = FUT_VERDICT_STOP_REQUESTED;
	fake_run(d, answer_cancel);
	ck_assert_int_eq(fut_stop(f, patience_us, &v), FUT_OK);
	fake_join(d);
	ck_assert_int_eq(v, FUT_VERDICT_STOP_REQUESTED);
	ck_assert(!fut_done(f));
	fake_text(d, answer.id, "stopped");
	must_be_value(f, "stopped");
	fut_future_unref(f);
}
END_TEST

/* With _i = 1 the Result overtakes the verdict. */
START_TEST(verdict_killed)
{
	fut_future *f = job(&answer.id);
	fut_verdict v;

	answer.mode = CANCEL_KILL;
	answer.verdict = FUT_VERDICT_KILLED;
	answer.result_first = _i;
	fake_run(d, answer_cancel);
	ck_assert_int_eq(fut_kill(f, patience_us, &v), FUT_OK);
	fake_join(d);
	ck_assert_int_eq(v, FUT_VERDICT_KILLED);
	if (!_i)
		fake_error(d, answer.id, FUT_KILLED, "killed");
	must_fail(f, FUT_KILLED);
	fake_settle(d);
	ck_assert_int_eq(fut_kill(f, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_KILLED);
	ck_assert_int_eq(fut_cancel(f, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_TOO_LATE);
	fut_future_unref(f);
}
END_TEST

START_TEST(verdict_too_late)
{
	fut_future *f = job(&answer.id);
	fut_verdict v;

	answer.mode = CANCEL_QUEUED;
	answer.verdict = FUT_VERDICT_TOO_LATE;
	fake_run(d, answer_cancel);
	ck_assert_int_eq(fut_cancel(f, patience_us, &v), FUT_OK);
	fake_join(d);
	ck_assert_int_eq(v, FUT_VERDICT_TOO_LATE);
	ck_assert(fut_running(f)); /* why else would it be too late */
	fake_text(d, answer.id, "ran");
	must_be_value(f, "ran");
	fut_future_unref(f);
}
END_TEST

START_TEST(verdict_unknown)
{
	fut_future *f = job(&answer.id);
	fut_verdict v;

	answer.mode = CANCEL_QUEUED;
	answer.verdict = FUT_VERDICT_UNKNOWN;
	fake_run(d, answer_cancel);
	ck_assert_int_eq(fut_cancel(f, patience_us, &v), FUT_OK);
	fake_join(d);
	ck_assert_int_eq(v, FUT_VERDICT_UNKNOWN);
	must_fail(f, FUT_INTERNAL); /* it would never end otherwise */
	fut_future_unref(f);
}
END_TEST

START_TEST(only_asking)
{
	uint64_t id;
	fut_future *f = job(&id);
	fut_verdict v = FUT_VERDICT_UNKNOWN;

	ck_assert_int_eq(fut_cancel(f, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_PENDING);
	ck_assert_int_eq(fut_cancel(f, 0, &v), FUT_OK); /* asked once */
	ck_assert_int_eq(fut_cancel(f, 1000, &v), FUT_TIMEOUT);
	ck_assert_int_eq(fut_stop(f, 0, &v), FUT_OK);
	ck_assert_uint_eq(fake_expect(d, MESSAGE_CANCEL).cancel.mode, CANCEL_QUEUED);
	ck_assert_uint_eq(fake_expect(d, MESSAGE_CANCEL).cancel.mode, CANCEL_STOP);
	fake_verdict(d, id, FUT_VERDICT_TOO_LATE);
	fake_settle(d); /* the next frame is the pong: no second Cancel */
	ck_assert_int_eq(fut_cancel(f, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_TOO_LATE);
	ck_assert_int_eq(fut_stop(f, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_PENDING);
	fake_text(d, id, "finished"); /* before its verdict */
	must_be_value(f, "finished");
	ck_assert_int_eq(fut_stop(f, patience_us, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_TOO_LATE);
	ck_assert_int_eq(fut_kill(f, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_TOO_LATE);
	fut_future_unref(f);
}
END_TEST

static void *cancel_and_wait(void *f)
{
	fut_verdict v;

	ck_assert_int_eq(fut_cancel(f, patience_us, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_REMOVED);
	return NULL;
}

START_TEST(many_cancel_one)
{
	enum { N = 8 };
	pthread_t threads[N];
	uint64_t id;
	fut_future *f = job(&id);

	for (int i = 0; i < N; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, cancel_and_wait, f), 0);
	ck_assert_uint_eq(fake_expect(d, MESSAGE_CANCEL).cancel.id, id);
	fake_verdict(d, id, FUT_VERDICT_REMOVED);
	for (int i = 0; i < N; i++)
		pthread_join(threads[i], NULL);
	fake_settle(d);
	fut_future_unref(f);
}
END_TEST

START_TEST(cancel_ends_with_the_connection)
{
	uint64_t id;
	fut_future *f = job(&id);
	fut_verdict v;

	ck_assert_int_eq(fut_cancel(f, 0, NULL), FUT_OK);
	fake_hang_up(d);
	ck_assert_int_eq(fut_cancel(f, FUT_FOREVER, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_TOO_LATE);
	must_fail(f, FUT_CONNECTION_LOST);
	fut_future_unref(f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cancel");

	tcase_add_checked_fixture(tc, setup, disconnect_fake);
	tcase_add_test(tc, verdict_removed);
	tcase_add_test(tc, verdict_stop_requested);
	tcase_add_loop_test(tc, verdict_killed, 0, 2);
	tcase_add_test(tc, verdict_too_late);
	tcase_add_test(tc, verdict_unknown);
	tcase_add_test(tc, only_asking);
	tcase_add_test(tc, many_cancel_one);
	tcase_add_test(tc, cancel_ends_with_the_connection);
	return run_case(tc, "client_cancel");
}
