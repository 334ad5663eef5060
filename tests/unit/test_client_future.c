/* One future: states, results, errors, callbacks, verdicts. */
#include "tests/lib/fake_daemon.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

static struct fake *d;
static fut_executor *x;

static char said[64];    /* by callbacks, */
static atomic_int calls; /* and how often */

/* What answer_cancel() expects and says. */
static struct {
	uint64_t id;
	uint32_t mode;
	fut_verdict verdict;
	bool result_first;
} answer;

static void setup(void)
{
	said[0] = '\0';
	atomic_store(&calls, 0);
	memset(&answer, 0, sizeof answer);
	d = fake_new();
	x = fake_connect(d);
}

static void teardown(void)
{
	fake_goodbye(d, x);
	fake_free(d);
}

/* Submits, and takes the job on the daemon's side. */
static fut_future *job(uint64_t *ret_id)
{
	fut_future *f = must_submit(x, "p");

	*ret_id = fake_expect_submit(d).spec.id;
	return f;
}

/* Returns once the I/O thread has dealt with all that was sent before. */
static void settle(void)
{
	fake_send(d, &(struct message){.kind = MESSAGE_PING, .ping = {5}}, SPAN_EMPTY);
	fake_expect(d, MESSAGE_PONG);
}

static void check_state(const fut_future *f, bool done, bool running, bool cancelled)
{
	ck_assert_int_eq(fut_done(f), done);
	ck_assert_int_eq(fut_running(f), running);
	ck_assert_int_eq(fut_cancelled(f), cancelled);
}

START_TEST(states)
{
	uint64_t id;
	fut_bytes value;
	fut_error *e = NULL;
	fut_future *f = job(&id);

	check_state(f, false, false, false);
	ck_assert_int_eq(fut_result(f, 0, &value, &e), FUT_TIMEOUT);
	ck_assert_int_eq(fut_error_status(e), FUT_TIMEOUT);
	fut_error_unref(e);
	ck_assert_int_eq(fut_result(f, 1000, &value, NULL), FUT_TIMEOUT);
	ck_assert_int_eq(fut_exception(f, 0, &e), FUT_TIMEOUT);
	fake_started(d, id);
	settle();
	check_state(f, false, true, false);
	fake_text(d, id, "v");
	must_be_value(f, "v");
	check_state(f, true, false, false);
	fut_future_unref(f);

	f = job(&id);
	fake_error(d, id, FUT_TASK_FAILED, "no");
	must_fail(f, FUT_TASK_FAILED);
	check_state(f, true, false, false);
	fut_future_unref(f);

	f = job(&id);
	ck_assert_int_eq(fut_cancel(f, 0, NULL), FUT_OK);
	fake_verdict(d, fake_expect(d, MESSAGE_CANCEL).cancel.id, FUT_VERDICT_REMOVED);
	must_fail(f, FUT_CANCELLED);
	check_state(f, true, false, true);
	ck_assert_int_eq(fut_exception(f, 0, &e), FUT_CANCELLED);
	ck_assert_int_eq(fut_result(f, 0, &value, &e), FUT_CANCELLED);
	ck_assert_int_eq(fut_error_status(e), FUT_CANCELLED);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	fut_future_unref(f);
}
END_TEST

static const size_t value_sizes[] = {0, 1, 23, 24, 25, 4096, 60000, 1000000};

START_TEST(value_of_size)
{
	size_t n = value_sizes[_i];
	char *bytes = malloc(n + 1);
	uint64_t id;
	fut_bytes value, again;
	fut_error *e = (fut_error *)x;
	fut_future *f = job(&id);

	memset(bytes, 'x', n + 1);
	fake_value(d, id, bytes, n);
	ck_assert_int_eq(fut_result(f, patience_us, &value, NULL), FUT_OK);
	ck_assert_uint_eq(value.len, n);
	ck_assert_ptr_nonnull(value.data);
	ck_assert(memcmp(value.data, bytes, n) == 0);
	ck_assert_int_eq(fut_result(f, 0, &again, NULL), FUT_OK);
	ck_assert_ptr_eq(value.data, again.data);
	ck_assert_int_eq(fut_exception(f, 0, &e), FUT_OK);
	ck_assert_ptr_null(e);
	fut_future_unref(f);
	free(bytes);
}
END_TEST

START_TEST(error_in_full)
{
	uint64_t id;
	fut_error *e, *again;
	fut_bytes value;
	fut_future *f = job(&id);

	fake_error(d, id, FUT_HOST_DIED, "gone");
	ck_assert_int_eq(fut_result(f, patience_us, &value, &e), FUT_HOST_DIED);
	ck_assert_int_eq(fut_exception(f, 0, &again), FUT_OK);
	ck_assert_ptr_eq(e, again);
	fut_error_unref(again);
	fut_future_unref(f); /* the error outlives it */
	ck_assert_int_eq(fut_error_status(e), FUT_HOST_DIED);
	ck_assert_str_eq(fut_error_type(e), "Type");
	ck_assert_str_eq(fut_error_message(e), "gone");
	ck_assert_str_eq(fut_error_detail(e), "detail");
	ck_assert_str_eq(fut_error_hint(e), "hint");
	ck_assert_str_eq(fut_error_traceback(e), "trace");
	ck_assert_uint_eq(fut_error_details(e).len, 2);
	ck_assert_mem_eq(fut_error_details(e).data, "\0\1", 2);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_YES);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEW_JOB);
	ck_assert_uint_eq(fut_error_attempt(e), 1);
	const fut_death *death = fut_error_death(e);
	ck_assert_ptr_nonnull(death);
	ck_assert_int_eq(death->pid, 42);
	ck_assert_int_eq(death->signal, 11);
	ck_assert_int_eq(death->exit_code, -1);
	ck_assert_mem_eq(death->stderr_tail.data, "last words", 10);
	ck_assert_ptr_eq(fut_error_ref(e), e);
	fut_error_unref(e);
	fut_error_unref(e);
	fut_error_unref(NULL);
}
END_TEST

START_TEST(texts)
{
	ck_assert_str_eq(fut_status_text(FUT_OK), "success");
	ck_assert_str_eq(fut_status_name(FUT_TASK_FAILED), "TASK_FAILED");
	ck_assert_int_eq(fut_status_family(FUT_TIMEOUT), FUT_FAMILY_CALLER);
	ck_assert_str_eq(fut_verdict_name(FUT_VERDICT_KILLED), "KILLED");
	ck_assert_str_eq(fut_verdict_name((fut_verdict)99), "?");
}
END_TEST

START_TEST(what_is_submitted)
{
	fut_job *j;
	fut_future *f = NULL;

	ck_assert_int_eq(fut_job_new("no/slash", &j), FUT_INVALID);
	ck_assert_int_eq(fut_job_new(NULL, &j), FUT_INVALID);
	ck_assert_int_eq(fut_job_new("a.task", &j), FUT_OK);
	fut_job_set_queue_limit(j, 1);
	fut_job_set_run_limit(j, 2);
	fut_job_set_stall_limit(j, 3);
	fut_job_set_deadline(j, 4);
	ck_assert_int_eq(fut_submit_job(x, j, "pay", 3, &f, NULL), FUT_OK);
	fut_job_free(j);
	fut_job_free(NULL);
	struct fake_job got = fake_expect_submit(d);
	ck_assert(span_equal(got.spec.task, span_str("a.task")));
	ck_assert(span_equal(got.payload, span_str("pay")));
	ck_assert_uint_eq(got.spec.items, 0);
	ck_assert_uint_eq(got.spec.queue_limit_us, 1);
	ck_assert_uint_eq(got.spec.run_limit_us, 2);
	ck_assert_uint_eq(got.spec.stall_limit_us, 3);
	ck_assert_uint_eq(got.spec.deadline_us, 4);
	fake_text(d, got.spec.id, "");
	must_be_value(f, "");
	fut_future_unref(f);
}
END_TEST

START_TEST(what_is_not_submitted)
{
	fut_future *f = NULL;
	fut_error *e;
	char *big = calloc(1, d->max_payload + 1);

	ck_assert_int_eq(fut_submit(x, "", "", 0, &f, &e), FUT_INVALID);
	fut_error_unref(e);
	ck_assert_int_eq(fut_submit(x, NULL, "", 0, &f, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_submit(x, "t", NULL, 1, &f, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_submit(NULL, "t", NULL, 0, &f, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_submit(x, "t", big, d->max_payload + 1, &f, &e), FUT_PAYLOAD_TOO_BIG);
	fut_error_unref(e);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(fut_submit(x, "t", big, d->max_payload, &f, NULL), FUT_OK);
	fake_text(d, fake_expect_submit(d).spec.id, "");
	must_be_value(f, "");
	fut_future_unref(f);
	free(big);
}
END_TEST

/* ---- completing once ----------------------------------------------------- */

START_TEST(only_the_first_end_counts)
{
	uint64_t id, next;
	fut_future *f = job(&id);

	fake_text(d, id, "first");
	fake_text(d, id, "second");
	fake_error(d, id, FUT_TASK_FAILED, "third");
	fake_verdict(d, id, FUT_VERDICT_REMOVED);
	fake_started(d, id);
	fake_chunk(d, id, "late", 4);
	fake_part(d, id, "late", 4);
	settle();
	must_be_value(f, "first");
	fut_future_unref(f);

	/* Its place has a new owner, who is not meant by what comes for the old one. */
	f = job(&next);
	ck_assert_uint_eq((uint32_t)next, (uint32_t)id);
	ck_assert_uint_ne(next, id);
	fake_text(d, id, "old");
	settle();
	ck_assert(!fut_done(f));
	fake_text(d, next, "new");
	must_be_value(f, "new");
	fut_future_unref(f);
}
END_TEST

static void *wait_for_value(void *f)
{
	must_be_value(f, "a value that is longer than fits inline");
	return NULL;
}

START_TEST(many_wait_for_one)
{
	enum { N = 16 };
	pthread_t threads[N];
	uint64_t id;
	fut_future *f = job(&id);

	for (int i = 0; i < N; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for_value, f), 0);
	fake_started(d, id);
	fake_text(d, id, "a value that is longer than fits inline");
	for (int i = 0; i < N; i++)
		pthread_join(threads[i], NULL);
	fut_future_unref(f);
}
END_TEST

/* ---- callbacks ----------------------------------------------------------- */

/* An argument for say(), which takes it as any callback does. */
#define TEXT(s) ((void *)(uintptr_t)(s))

static void say(fut_future *f, void *arg)
{
	ck_assert(fut_done(f));
	strcat(said, arg);
	atomic_fetch_add(&calls, 1);
}

static void say_at_once(fut_future *f, void *arg)
{
	fut_bytes value;

	say(f, arg);
	ck_assert_int_eq(fut_result(f, FUT_FOREVER, &value, NULL), FUT_OK); /* no need to wait */
	ck_assert_int_eq(fut_add_done_callback(f, say, TEXT("added")), FUT_OK);
}

START_TEST(callbacks_in_order)
{
	uint64_t id;
	fut_future *f = job(&id);

	said[0] = '\0';
	ck_assert_int_eq(fut_add_done_callback(f, NULL, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_add_done_callback(f, say, TEXT("1")), FUT_OK);
	ck_assert_int_eq(fut_add_done_callback(f, say_at_once, TEXT("2")), FUT_OK);
	ck_assert_int_eq(fut_add_done_callback(f, say, TEXT("3")), FUT_OK);
	ck_assert_int_eq(atomic_load(&calls), 0);
	fake_text(d, id, "v");
	settle();
	ck_assert_int_eq(atomic_load(&calls), 4);
	ck_assert_str_eq(said, "123added");
	said[0] = '\0';
	ck_assert_int_eq(fut_add_done_callback(f, say, TEXT("now")), FUT_OK);
	ck_assert_str_eq(said, "now");
	fut_future_unref(f);
}
END_TEST

static void check_what_may_wait(fut_future *f, void *arg)
{
	fut_future *pending = arg;
	fut_bytes value;
	fut_future *both[] = {f, pending};
	fut_as_completed *it;
	fut_future *g;
	size_t done;

	ck_assert_int_eq(fut_result(pending, FUT_FOREVER, &value, NULL), FUT_WOULD_DEADLOCK);
	ck_assert_int_eq(fut_result(pending, 0, &value, NULL), FUT_TIMEOUT);
	ck_assert_int_eq(fut_next_chunk(pending, 1000, &value), FUT_WOULD_DEADLOCK);
	ck_assert_int_eq(fut_next_chunk(pending, 0, &value), FUT_TIMEOUT);
	ck_assert_int_eq(fut_cancel(pending, 1000, NULL), FUT_WOULD_DEADLOCK);
	ck_assert_int_eq(fut_wait(both, 2, FUT_ALL_COMPLETED, 1000, &done), FUT_WOULD_DEADLOCK);
	ck_assert_int_eq(fut_wait(both, 2, FUT_ALL_COMPLETED, 0, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 1);
	ck_assert_int_eq(fut_wait(both, 2, FUT_FIRST_COMPLETED, 1000, &done), FUT_OK);
	ck_assert_int_eq(fut_as_completed_open(both, 2, FUT_FOREVER, &it), FUT_OK);
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_OK);
	ck_assert_ptr_eq(g, f);
	fut_future_unref(g);
	ck_assert_int_eq(fut_as_completed_next(it, &g), FUT_WOULD_DEADLOCK);
	fut_as_completed_close(it);
	ck_assert_int_eq(fut_executor_ping(x, 1000, NULL), FUT_WOULD_DEADLOCK);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, 1000), FUT_WOULD_DEADLOCK);
	atomic_fetch_add(&calls, 1);
}

START_TEST(no_waiting_in_a_callback)
{
	uint64_t id, other;
	fut_future *f = job(&id), *pending = job(&other);

	ck_assert_int_eq(fut_add_done_callback(f, check_what_may_wait, pending), FUT_OK);
	fake_text(d, id, "v");
	settle();
	ck_assert_int_eq(atomic_load(&calls), 1);
	fake_text(d, other, "v");
	must_be_value(pending, "v");
	fut_future_unref(f);
	fut_future_unref(pending);
}
END_TEST

static void submit_more(fut_future *f, void *arg)
{
	(void)f;
	*(fut_future **)arg = must_submit(x, "from a callback");
}

START_TEST(callback_submits)
{
	uint64_t id;
	fut_future *f = job(&id), *g = NULL;

	ck_assert_int_eq(fut_add_done_callback(f, submit_more, &g), FUT_OK);
	fut_future_unref(f); /* nobody but the library knows it now */
	fake_text(d, id, "v");
	struct fake_job more = fake_expect_submit(d);
	ck_assert(span_equal(more.payload, span_str("from a callback")));
	fake_text(d, more.spec.id, "w");
	must_be_value(g, "w");
	fut_future_unref(g);
}
END_TEST

static void drop(fut_future *f, void *arg)
{
	(void)arg;
	atomic_fetch_add(&calls, 1);
	fut_future_unref(f);
}

START_TEST(callback_drops_the_last_reference)
{
	uint64_t id;
	fut_future *f = job(&id);

	ck_assert_int_eq(fut_add_done_callback(f, drop, NULL), FUT_OK);
	fake_text(d, id, "v");
	settle();
	ck_assert_int_eq(atomic_load(&calls), 1);
	f = job(&id);
	fake_text(d, id, "v");
	must_be_value(f, "v");
	ck_assert_int_eq(fut_add_done_callback(f, drop, NULL), FUT_OK);
	ck_assert_int_eq(atomic_load(&calls), 2);
}
END_TEST

START_TEST(callback_of_a_lost_future)
{
	uint64_t id;
	fut_future *f = job(&id);

	said[0] = '\0';
	ck_assert_int_eq(fut_add_done_callback(f, say, TEXT("lost")), FUT_OK);
	fake_hang_up(d);
	must_fail(f, FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
	ck_assert_str_eq(said, "lost");
	fut_future_unref(f);
}
END_TEST

/* ---- verdicts ------------------------------------------------------------ */

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
	settle();
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
	settle(); /* the next frame is the pong: no second Cancel */
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
	settle();
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
	TCase *tc = tcase_create("future");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, states);
	tcase_add_loop_test(tc, value_of_size, 0, 8);
	tcase_add_test(tc, error_in_full);
	tcase_add_test(tc, texts);
	tcase_add_test(tc, what_is_submitted);
	tcase_add_test(tc, what_is_not_submitted);
	tcase_add_test(tc, only_the_first_end_counts);
	tcase_add_test(tc, many_wait_for_one);
	tcase_add_test(tc, callbacks_in_order);
	tcase_add_test(tc, no_waiting_in_a_callback);
	tcase_add_test(tc, callback_submits);
	tcase_add_test(tc, callback_drops_the_last_reference);
	tcase_add_test(tc, callback_of_a_lost_future);
	tcase_add_test(tc, verdict_removed);
	tcase_add_test(tc, verdict_stop_requested);
	tcase_add_loop_test(tc, verdict_killed, 0, 2);
	tcase_add_test(tc, verdict_too_late);
	tcase_add_test(tc, verdict_unknown);
	tcase_add_test(tc, only_asking);
	tcase_add_test(tc, many_cancel_one);
	tcase_add_test(tc, cancel_ends_with_the_connection);
	return run_case(tc, "client_future");
}
