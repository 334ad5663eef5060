/* Many jobs, many threads, slow daemons: nothing is lost, leaked or done twice. */
#include "tests/lib/fake_daemon.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

/* Every third value is too long to be inline. */
static const char long_tail[] = " with a longer tail behind it";

static atomic_int submitted, called;

static struct fake *d;
static fut_executor *x;

static void setup(void)
{
	d = fake_new();
	atomic_store(&called, 0);
	atomic_store(&submitted, 0);
}

static void teardown(void)
{
	fake_free(d);
}

static void end_echo(void)
{
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
	fut_executor_unref(x);
	fake_join(d);
}

/* Submits, and waits for older ones when the window is full. */
static fut_future *submit_number(unsigned n)
{
	fut_future *f;
	char text[64];

	int len = snprintf(text, sizeof text, "%u%s", n, n % 3 ? "" : long_tail);
	ck_assert_int_eq(fut_submit(x, "echo", text, (size_t)len, &f, NULL), FUT_OK);
	return f;
}

static void check_number(fut_future *f, unsigned n)
{
	char text[64];

	snprintf(text, sizeof text, "%u%s", n, n % 3 ? "" : long_tail);
	must_be_value(f, text);
	fut_future_unref(f);
}

/* Echo that does not write a frame at a time. */
static void echo_in_bursts(struct fake *fake)
{
	struct span message, payload;
	struct job_spec spec;
	struct buf out;
	uint32_t kind;

	buf_init(&out, 64 << 20);
	while ((kind = fake_next(fake, &message, &payload)) != 0) {
		if (kind == MESSAGE_SUBMIT) {
			struct submit_cursor c = submit_open(message);
			ck_assert_int_eq(submit_next(&c, &spec), 1);
			result_put(&out, &(struct result){.id = spec.id, .attempt = 1}, payload);
		}
		if (buf_len(&out) > 60000 || buf_len(&fake->in) == fake->consumed) {
			fake_send_raw(fake, buf_data(&out), buf_len(&out));
			buf_consume(&out, buf_len(&out));
		}
	}
	buf_done(&out);
}

START_TEST(pipelined)
{
	enum { TOTAL = 200000 };
	fut_future **f = malloc(TOTAL * sizeof *f);

	d->max_inflight = TOTAL;
	x = fake_connect(d);
	fake_run(d, echo_in_bursts);
	for (unsigned i = 0; i < TOTAL; i++)
		f[i] = submit_number(i);
	ck_assert_int_eq(fut_wait(f, TOTAL, FUT_ALL_COMPLETED, patience_us, NULL), FUT_OK);
	for (unsigned i = 0; i < TOTAL; i++)
		check_number(f[i], i);
	free(f);
	end_echo();
}
END_TEST

enum { THREADS = 4, PER_THREAD = 5000, AT_ONCE = 50 };

static void *work(void *arg)
{
	unsigned base = *(unsigned *)arg;
	fut_future *f[AT_ONCE];

	for (unsigned i = 0; i < PER_THREAD; i += AT_ONCE) {
		for (unsigned k = 0; k < AT_ONCE; k++)
			f[k] = submit_number(base + i + k);
		for (unsigned k = 0; k < AT_ONCE; k++)
			check_number(f[k], base + i + k);
	}
	return NULL;
}

START_TEST(from_many_threads)
{
	pthread_t threads[THREADS];
	unsigned base[THREADS];

	x = fake_connect(d);
	fake_run(d, fake_echo);
	for (unsigned i = 0; i < THREADS; i++) {
		base[i] = i * PER_THREAD;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &base[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	end_echo();
}
END_TEST

START_TEST(one_by_one)
{
	x = fake_connect(d);
	fake_run(d, fake_echo);
	for (unsigned i = 0; i < 3000; i++)
		check_number(submit_number(i), i);
	end_echo();
}
END_TEST

START_TEST(window_is_full)
{
	fut_future *f[4], *more = NULL;
	uint64_t id[4];
	fut_error *e;

	d->max_inflight = 4;
	x = fake_connect(d);
	for (int i = 0; i < 4; i++) {
		f[i] = must_submit(x, "p");
		id[i] = fake_expect_submit(d).spec.id;
		ck_assert_uint_lt((uint32_t)id[i], 4);
	}
	ck_assert_int_eq(fut_submit(x, "task", "", 0, &more, &e), FUT_BUSY);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "4"));
	fut_error_unref(e);
	/* A future that is done does not count, though its user holds it. */
	fake_text(d, id[2], "v");
	must_be_value(f[2], "v");
	ck_assert_int_eq(fut_submit(x, "task", "", 0, &more, &e), FUT_OK);
	uint64_t next = fake_expect_submit(d).spec.id;
	ck_assert_uint_eq((uint32_t)next, (uint32_t)id[2]);
	for (int i = 0; i < 4; i++) {
		fake_text(d, i == 2 ? next : id[i], "v");
		fut_future_unref(f[i]);
	}
	must_be_value(more, "v");
	fut_future_unref(more);
	fake_goodbye(d, x);
}
END_TEST

enum { BIG = 1000 * 1000, N_BIG = 150 };

static void *submit_big(void *arg)
{
	char *big = calloc(1, BIG);

	(void)arg;
	for (int i = 0; i < N_BIG; i++) {
		fut_future *f;
		ck_assert_int_eq(fut_submit(x, "task", big, BIG, &f, NULL), FUT_OK);
		fut_future_unref(f);
		atomic_fetch_add(&submitted, 1);
	}
	free(big);
	return NULL;
}

START_TEST(slow_daemon_holds_callers_back)
{
	pthread_t thread;

	x = fake_connect(d);
	ck_assert_int_eq(pthread_create(&thread, NULL, submit_big, NULL), 0);
	for (int i = 0; i < N_BIG; i++) {
		struct fake_job job = fake_expect_submit(d);
		ck_assert_uint_eq(job.payload.len, BIG);
		/* Two outboxes full, one being written and one being filled, and no more. */
		ck_assert_int_le(atomic_load(&submitted), i + 140);
		fake_text(d, job.spec.id, "");
	}
	pthread_join(thread, NULL);
	fake_goodbye(d, x);
}
END_TEST

static void *submit_until_refused(void *arg)
{
	char *big = calloc(1, BIG);
	fut_status status;
	fut_future *f;

	while ((status = fut_submit(x, "task", big, BIG, &f, NULL)) == FUT_OK)
		fut_future_unref(f);
	ck_assert_int_eq(status, *(fut_status *)arg);
	free(big);
	return NULL;
}

/* Who waits for room is let go when there will be none. */
START_TEST(waiting_for_room_ends)
{
	fut_status expected = _i ? FUT_SHUTDOWN : FUT_CONNECTION_LOST;
	pthread_t threads[2];

	x = fake_connect(d);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_until_refused, &expected),
				 0);
	fake_expect_submit(d);
	if (_i)
		ck_assert_int_eq(fut_executor_shutdown(x, false, false, 0), FUT_OK);
	else
		fake_hang_up(d);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	fake_hang_up(d);
	fake_goodbye(d, x);
}
END_TEST

/* ---- ends from all sides -------------------------------------------------- */

static void count(fut_future *f, void *arg)
{
	(void)arg;
	ck_assert(fut_done(f));
	atomic_fetch_add(&called, 1);
}

static void answer_or_remove(struct fake *fake)
{
	struct span message, payload;
	struct job_spec spec;
	struct message m;
	unsigned n = 0;
	uint32_t kind;

	while ((kind = fake_next(fake, &message, &payload)) != 0 && n < 3000) {
		if (kind == MESSAGE_SUBMIT) {
			struct submit_cursor c = submit_open(message);
			ck_assert_int_eq(submit_next(&c, &spec), 1);
			if (n++ % 2)
				fake_value(fake, spec.id, payload.data, payload.len);
		} else if (kind == MESSAGE_CANCEL) {
			arena_reset(&fake->arena);
			ck_assert_int_eq(message_parse(kind, message, &fake->arena, &m), 0);
			fake_verdict(fake, m.cancel.id, FUT_VERDICT_REMOVED);
		}
	}
	fake_hang_up(fake);
}

static void *submit_and_cancel(void *arg)
{
	fut_status status = FUT_OK;
	int *ret_submitted = arg;

	for (int i = 0; i < 4000 && status == FUT_OK; i++) {
		fut_future *f;
		status = fut_submit(x, "task", "payload", 7, &f, NULL);
		if (status != FUT_OK)
			break;
		(*ret_submitted)++;
		ck_assert_int_eq(fut_add_done_callback(f, count, NULL), FUT_OK);
		fut_status asked = fut_cancel(f, i % 8 ? 0 : 200, NULL);
		ck_assert(asked == FUT_OK || asked == FUT_TIMEOUT);
		ck_assert_int_eq(fut_add_done_callback(f, count, NULL), FUT_OK);
		fut_future_unref(f);
	}
	return NULL;
}

START_TEST(results_verdicts_and_a_lost_connection)
{
	pthread_t threads[2];
	int n[2] = {0};

	x = fake_connect(d);
	fake_run(d, answer_or_remove);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_and_cancel, &n[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	fake_join(d);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, patience_us), FUT_OK);
	ck_assert_int_eq(atomic_load(&called), 2 * (n[0] + n[1]));
	fut_executor_unref(x);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("load");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pipelined);
	tcase_add_test(tc, from_many_threads);
	tcase_add_test(tc, one_by_one);
	tcase_add_test(tc, window_is_full);
	tcase_add_test(tc, slow_daemon_holds_callers_back);
	tcase_add_loop_test(tc, waiting_for_room_ends, 0, 2);
	tcase_add_test(tc, results_verdicts_and_a_lost_connection);
	return run_case(tc, "client_load");
}
