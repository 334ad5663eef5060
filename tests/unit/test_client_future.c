/* One future: states, results, errors, callbacks. */
#include "common/util.h"
#include "tests/lib/one_fake.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

static char said[64];    /* by callbacks, */
static atomic_int calls; /* and how often */

static void setup(void)
{
	said[0] = '\0';
	atomic_store(&calls, 0);
	connect_fake();
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
	fake_settle(d);
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

/* An attempt was lost: what runs is pending again, and nothing that is done is not. */
START_TEST(restarted)
{
	uint64_t id;
	fut_future *f = job(&id);

	fake_restart(d, id, 1); /* nobody was told that it ran */
	fake_settle(d);
	check_state(f, false, false, false);
	for (uint32_t attempt = 2; attempt < 5; attempt++) {
		fake_started(d, id);
		fake_settle(d);
		check_state(f, false, true, false);
		fake_restart(d, id, attempt);
		fake_settle(d);
		check_state(f, false, false, false);
	}
	fake_text(d, id, "v");
	fake_restart(d, id, 5);
	fake_settle(d);
	must_be_value(f, "v");
	check_state(f, true, false, false);
	fut_future_unref(f);
}
END_TEST

static void *wait_for_v(void *f)
{
	must_be_value(f, "v");
	return NULL;
}

/* Who sleeps on it sleeps on, and misses nothing. */
START_TEST(restarted_while_waited_for)
{
	pthread_t thread;
	uint64_t id;
	fut_future *f = job(&id);

	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_v, f), 0);
	for (uint32_t attempt = 1; attempt < 200; attempt++) {
		fake_started(d, id);
		fake_restart(d, id, attempt);
	}
	fake_text(d, id, "v");
	pthread_join(thread, NULL);
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

/* A type and a message that a program in C would see nothing of. */
START_TEST(error_that_says_nothing)
{
	const struct error_info nothing[] = {
		{.type = SPAN_EMPTY},
		{.type = span_of("\0Type", 5), .message = span_of("\0", 1)},
	};
	uint8_t mem[ERROR_ENCODED_MAX];
	fut_error *e = NULL;
	uint64_t id;
	fut_future *f = job(&id);
	struct result r = {.id = id, .status = FUT_TASK_FAILED};

	r.error = span_of(mem, error_encode(&nothing[_i], mem));
	fake_result(d, &r, SPAN_EMPTY);
	ck_assert_int_eq(fut_exception(f, patience_us, &e), FUT_OK);
	ck_assert_str_eq(fut_error_type(e), "TASK_FAILED");
	ck_assert_str_eq(fut_error_message(e), fut_status_text(FUT_TASK_FAILED));
	fut_error_unref(e);
	fut_future_unref(f);
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
	fut_job_set_repeatable(j, 5, 6, 7);
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
	ck_assert_uint_eq(got.spec.crash_retries, 5);
	ck_assert_uint_eq(got.spec.error_retries, 6);
	ck_assert_uint_eq(got.spec.retry_pause_us, 7);
	fake_text(d, got.spec.id, "");
	must_be_value(f, "");
	fut_future_unref(f);
}
END_TEST

START_TEST(whose_turn_it_is)
{
	static const char *const bad[] = {"a b", "-a", ".a", "a/b", "\xff"};
	char longest[65];
	fut_job *j;
	fut_future *f;

	ck_assert_int_eq(fut_job_new("t", &j), FUT_OK);
	ck_assert_int_eq(fut_job_set_priority(j, FUT_PRIORITY_MAX + 1), FUT_INVALID);
	ck_assert_int_eq(fut_job_set_priority(j, FUT_PRIORITY_MIN - 1), FUT_INVALID);
	ck_assert_int_eq(fut_job_set_priority(NULL, 0), FUT_INVALID);
	ck_assert_int_eq(fut_job_set_key(NULL, "k"), FUT_INVALID);
	memset(longest, 'k', 64);
	longest[64] = '\0';
	ck_assert_int_eq(fut_job_set_key(j, longest), FUT_INVALID);
	ck_assert_int_eq(fut_job_set_key(j, longest + 1), FUT_OK);
	ck_assert_int_eq(fut_job_set_priority(j, FUT_PRIORITY_MIN), FUT_OK);
	/* What is refused changes nothing. */
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(fut_job_set_key(j, bad[i]), FUT_INVALID);
	ck_assert_int_eq(fut_job_set_priority(j, 99), FUT_INVALID);

	ck_assert_int_eq(fut_submit_job(x, j, "", 0, &f, NULL), FUT_OK);
	struct fake_job got = fake_expect_submit(d);
	ck_assert_int_eq(got.spec.priority, FUT_PRIORITY_MIN);
	ck_assert(span_equal(got.spec.key, span_str(longest + 1)));
	fake_text(d, got.spec.id, "");
	must_be_value(f, "");
	fut_future_unref(f);

	ck_assert_int_eq(fut_job_set_priority(j, FUT_PRIORITY_MAX), FUT_OK);
	ck_assert_int_eq(fut_job_set_key(j, _i ? "" : NULL), FUT_OK);
	ck_assert_int_eq(fut_submit_job(x, j, "", 0, &f, NULL), FUT_OK);
	got = fake_expect_submit(d);
	ck_assert_int_eq(got.spec.priority, FUT_PRIORITY_MAX);
	ck_assert_uint_eq(got.spec.key.len, 0);
	fake_text(d, got.spec.id, "");
	must_be_value(f, "");
	fut_future_unref(f);
	fut_job_free(j);
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
	fake_restart(d, id, 1);
	fake_settle(d);
	must_be_value(f, "first");
	fut_future_unref(f);

	/* Its place has a new owner, who is not meant by what comes for the old one. */
	f = job(&next);
	ck_assert_uint_eq((uint32_t)next, (uint32_t)id);
	ck_assert_uint_ne(next, id);
	fake_text(d, id, "old");
	fake_settle(d);
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
	fake_settle(d);
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
	fake_settle(d);
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
	fake_settle(d);
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

int main(void)
{
	TCase *tc = tcase_create("future");

	tcase_add_checked_fixture(tc, setup, disconnect_fake);
	tcase_add_test(tc, states);
	tcase_add_test(tc, restarted);
	tcase_add_test(tc, restarted_while_waited_for);
	tcase_add_loop_test(tc, value_of_size, 0, 8);
	tcase_add_test(tc, error_in_full);
	tcase_add_loop_test(tc, error_that_says_nothing, 0, 2);
	tcase_add_test(tc, texts);
	tcase_add_test(tc, what_is_submitted);
	tcase_add_loop_test(tc, whose_turn_it_is, 0, 2);
	tcase_add_test(tc, what_is_not_submitted);
	tcase_add_test(tc, only_the_first_end_counts);
	tcase_add_test(tc, many_wait_for_one);
	tcase_add_test(tc, callbacks_in_order);
	tcase_add_test(tc, no_waiting_in_a_callback);
	tcase_add_test(tc, callback_submits);
	tcase_add_test(tc, callback_drops_the_last_reference);
	tcase_add_test(tc, callback_of_a_lost_future);
	return run_case(tc, "client_future");
}
