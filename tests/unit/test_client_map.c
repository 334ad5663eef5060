/* Maps: order, chunks, errors of items, how much input is taken and when. */
#include "tests/lib/fake_daemon.h"

#include "proto/pack.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

static struct fake *d;
static fut_executor *x;
static fut_job *job;

/* "0", "1", ... up to n; some are bad. */
struct input {
	unsigned n, taken;
	unsigned bad_every; /* 0: none */
	char text[16];
};

static bool next_item(void *arg, fut_bytes *ret)
{
	struct input *in = arg;

	if (in->taken == in->n)
		return false;
	bool bad = in->bad_every && in->taken % in->bad_every == in->bad_every - 1;
	int len = snprintf(in->text, sizeof in->text, "%s%u", bad ? "!" : "", in->taken++);
	*ret = (fut_bytes){in->text, (size_t)len};
	return true;
}

static void setup(void)
{
	d = fake_new();
	ck_assert_int_eq(fut_job_new("task", &job), FUT_OK);
}

static void teardown(void)
{
	fut_job_free(job);
	fake_free(d);
}

static void connect_to_echo(void)
{
	x = fake_connect(d);
	fake_run(d, fake_echo);
}

static void end_echo(void)
{
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
	fut_executor_unref(x);
	fake_join(d);
}

static fut_map *open_map(struct input *in, fut_map_options options)
{
	fut_map *m = NULL;

	ck_assert_int_eq(fut_map_open(x, job, next_item, in, &options, &m, NULL), FUT_OK);
	return m;
}

static void check_item(const fut_map_item *item, const struct input *in)
{
	char expected[16];
	bool bad = in->bad_every && item->index % in->bad_every == in->bad_every - 1;

	if (bad) {
		ck_assert_int_eq(item->status, FUT_TASK_FAILED);
		ck_assert_str_eq(fut_error_message(item->error), "bad item");
		return;
	}
	ck_assert_int_eq(item->status, FUT_OK);
	ck_assert_ptr_null(item->error);
	int len = snprintf(expected, sizeof expected, "%u", (unsigned)item->index);
	ck_assert_uint_eq(item->value.len, (size_t)len);
	ck_assert_mem_eq(item->value.data, expected, item->value.len);
}

/* Everything comes out exactly once, and in order when that was asked for. */
static void drain(fut_map *m, const struct input *in, bool unordered)
{
	bool *seen = calloc(in->n + 1, sizeof *seen);
	fut_map_item item;
	unsigned n = 0;
	fut_status status;

	while ((status = fut_map_next(m, patience_us, &item)) == FUT_OK) {
		check_item(&item, in);
		ck_assert_uint_lt(item.index, in->n);
		ck_assert(!seen[item.index]);
		seen[item.index] = true;
		if (!unordered)
			ck_assert_uint_eq(item.index, n);
		n++;
	}
	ck_assert_int_eq(status, FUT_END);
	ck_assert_uint_eq(n, in->n);
	ck_assert_int_eq(fut_map_next(m, 0, &item), FUT_END);
	free(seen);
}

static const fut_map_options shapes[] = {
	{0},
	{.chunksize = 1, .buffersize = 1},
	{.chunksize = 3},
	{.chunksize = 3, .buffersize = 2},
	{.chunksize = 1000000},
	{.unordered = true},
	{.chunksize = 7, .buffersize = 3, .unordered = true},
	{.buffersize = 5, .unordered = true},
	{.buffersize = 5, .timeout_us = 3600 * UINT64_C(1000000)},
	{.chunksize = 2, .unordered = true, .timeout_us = UINT64_MAX},
};

static const unsigned lengths[] = {0, 1, 3, 100, 1000};

START_TEST(of_every_shape)
{
	connect_to_echo();
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		for (unsigned bad = 0; bad < 3; bad++) {
			struct input in = {.n = lengths[i], .bad_every = bad * 3};
			fut_map *m = open_map(&in, shapes[_i]);
			drain(m, &in, shapes[_i].unordered);
			fut_map_close(m);
		}
	}
	end_echo();
}
END_TEST

START_TEST(without_options)
{
	struct input in = {.n = 10};
	fut_map *m;

	connect_to_echo();
	ck_assert_int_eq(fut_map_open(x, job, next_item, &in, NULL, &m, NULL), FUT_OK);
	ck_assert_uint_eq(in.taken, 10); /* eager */
	drain(m, &in, false);
	fut_map_close(m);
	fut_map_close(NULL);
	ck_assert_int_eq(fut_map_open(x, NULL, next_item, &in, NULL, &m, NULL), FUT_INVALID);
	end_echo();
}
END_TEST

START_TEST(without_input)
{
	fut_map_item item;
	fut_map *m;

	connect_to_echo();
	ck_assert_int_eq(fut_map_open(x, job, NULL, NULL, &shapes[_i], &m, NULL), FUT_OK);
	ck_assert_int_eq(fut_map_next(m, FUT_FOREVER, &item), FUT_END);
	ck_assert_int_eq(fut_map_next(m, 0, &item), FUT_END);
	fut_map_close(m);
	end_echo();
}
END_TEST

START_TEST(buffersize_bounds_the_input)
{
	struct input in = {.n = 1000000};
	fut_map_item item;

	connect_to_echo();
	fut_map *m =
		open_map(&in, (fut_map_options){.chunksize = 2, .buffersize = 3, .unordered = _i});
	ck_assert_uint_eq(in.taken, 6);
	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
	ck_assert_uint_eq(in.taken, 8);
	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
	ck_assert_uint_eq(in.taken, 8); /* the second of the same chunk */
	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
	ck_assert_uint_eq(in.taken, 10);
	fut_map_close(m);
	end_echo();
}
END_TEST

START_TEST(window_bounds_the_input)
{
	struct input in = {.n = 100};

	d->max_inflight = 4;
	connect_to_echo();
	fut_map *m = open_map(&in, (fut_map_options){.chunksize = 2});
	ck_assert_uint_eq(in.taken, 8);
	drain(m, &in, false);
	fut_map_close(m);
	end_echo();
}
END_TEST

/* The window is shared: what does not fit now goes later. */
START_TEST(two_maps_share_the_window)
{
	struct input a = {.n = 50}, b = {.n = 50};
	fut_map_item item;

	d->max_inflight = 4;
	x = fake_connect(d);
	fut_map *first = open_map(&a, (fut_map_options){.buffersize = 3});
	fut_map *second = open_map(&b, (fut_map_options){.buffersize = 3, .chunksize = 2});
	ck_assert_int_eq(fut_map_next(first, 0, &item), FUT_TIMEOUT);
	fake_run(d, fake_echo);
	drain(first, &a, false);
	drain(second, &b, false);
	fut_map_close(first);
	fut_map_close(second);
	end_echo();
}
END_TEST

START_TEST(payload_bounds_a_chunk)
{
	struct input in = {.n = 100};

	d->max_payload = 64;
	connect_to_echo();
	fut_map *m = open_map(&in, (fut_map_options){.chunksize = 100});
	drain(m, &in, false);
	fut_map_close(m);
	end_echo();
}
END_TEST

static bool next_big(void *arg, fut_bytes *ret)
{
	static const char big[200];
	int *n = arg;

	*ret = (fut_bytes){big, *n == 1 ? sizeof big : 3};
	return (*n)++ < 3;
}

START_TEST(item_that_is_too_big)
{
	fut_map_options options = {.chunksize = _i ? 1 : 3, .buffersize = 8};
	fut_map_item item;
	fut_map *m;
	int n = 0;

	d->max_payload = 100;
	connect_to_echo();
	ck_assert_int_eq(fut_map_open(x, job, next_big, &n, &options, &m, NULL), FUT_OK);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
		ck_assert_uint_eq(item.index, i);
		ck_assert_int_eq(item.status, i == 1 ? FUT_PAYLOAD_TOO_BIG : FUT_OK);
	}
	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_END);
	fut_map_close(m);
	end_echo();
}
END_TEST

/* ---- the test plays the daemon ------------------------------------------- */

START_TEST(chunk_that_fails_as_a_whole)
{
	struct input in = {.n = 5};
	fut_map_item item;

	x = fake_connect(d);
	fut_map *m = open_map(&in, (fut_map_options){.chunksize = 3});
	uint64_t a = fake_expect_submit(d).spec.id, b = fake_expect_submit(d).spec.id;
	fake_error(d, a, FUT_HOST_DIED, "boom");
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
		ck_assert_uint_eq(item.index, i);
		ck_assert_int_eq(item.status, FUT_HOST_DIED);
		ck_assert_str_eq(fut_error_message(item.error), "boom");
	}
	ck_assert_int_eq(fut_map_next(m, 1000, &item), FUT_TIMEOUT);
	fake_value(d, b, "nonsense that is no pack", 24);
	for (unsigned i = 3; i < 5; i++) {
		ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
		ck_assert_uint_eq(item.index, i);
		ck_assert_int_eq(item.status, FUT_PROTOCOL);
	}
	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_END);
	fut_map_close(m);
	fake_goodbye(d, x);
}
END_TEST

START_TEST(unordered_comes_as_it_ends)
{
	struct input in = {.n = 3};
	fut_map_item item;
	uint64_t id[3];

	x = fake_connect(d);
	fut_map *m = open_map(&in, (fut_map_options){.unordered = true});
	for (int i = 0; i < 3; i++)
		id[i] = fake_expect_submit(d).spec.id;
	ck_assert_int_eq(fut_map_next(m, 0, &item), FUT_TIMEOUT);
	for (int i = 2; i >= 0; i--) {
		fake_text(d, id[i], "v");
		ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
		ck_assert_uint_eq(item.index, (uint64_t)i);
	}
	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_END);
	fut_map_close(m);
	fake_goodbye(d, x);
}
END_TEST

START_TEST(closing_cancels_the_rest)
{
	struct input in = {.n = 3};
	fut_map_item item;
	uint64_t id[3];

	x = fake_connect(d);
	fut_map *m = open_map(&in, (fut_map_options){.unordered = _i});
	for (int i = 0; i < 3; i++)
		id[i] = fake_expect_submit(d).spec.id;
	fake_text(d, id[0], "v");
	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
	fut_map_close(m);
	for (int i = 1; i < 3; i++) {
		struct message c = fake_expect(d, MESSAGE_CANCEL);
		ck_assert_uint_eq(c.cancel.id, id[i]);
		ck_assert_uint_eq(c.cancel.mode, CANCEL_QUEUED);
		fake_verdict(d, id[i], FUT_VERDICT_REMOVED);
	}
	fake_goodbye(d, x);
}
END_TEST

static void must_end(fut_map *m)
{
	fut_map_item item;

	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_END);
	ck_assert_int_eq(fut_map_next(m, 0, &item), FUT_END);
	fut_map_close(m);
}

/* ---- the executor takes no more ------------------------------------------ */

/* The bits of a way: */
enum { UNORDERED = 1, CHUNKED = 2, SHAPES = 4 };

static fut_map_options shape_of(int bits)
{
	return (fut_map_options){.buffersize = 2,
				 .chunksize = bits & CHUNKED ? 3 : 1,
				 .unordered = bits & UNORDERED};
}

/* One item stands for all that were not submitted. */
static void must_be_the_last(fut_map *m, const struct input *in, unsigned index, fut_status status)
{
	fut_map_item item;
	unsigned taken = in->taken;

	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
	ck_assert_int_eq(item.status, status);
	ck_assert_int_eq(fut_error_status(item.error), status);
	ck_assert_int_eq(fut_error_executed(item.error), FUT_EXECUTED_NO);
	ck_assert_uint_eq(item.index, index);
	must_end(m);
	ck_assert_uint_eq(in->taken, taken);
}

START_TEST(after_a_shutdown)
{
	struct input in = {.n = 1000};
	fut_map_options options = shape_of(_i);
	unsigned sent = 2 * (unsigned)options.chunksize;
	fut_map_item item;
	fut_map *m, *none = NULL;
	fut_error *e;

	connect_to_echo();
	m = open_map(&in, options);
	ck_assert_int_eq(fut_executor_shutdown(x, false, false, 0), FUT_OK);
	for (unsigned i = 0; i < sent; i++) {
		ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
		check_item(&item, &in);
	}
	must_be_the_last(m, &in, sent, FUT_SHUTDOWN);
	ck_assert_uint_le(in.taken, sent + options.chunksize);
	ck_assert_int_eq(fut_map_open(x, job, next_item, &(struct input){.n = 1}, NULL, &none, &e),
			 FUT_SHUTDOWN);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(fut_error_status(e), FUT_SHUTDOWN);
	fut_error_unref(e);
	/* Without items there is nothing to refuse. */
	ck_assert_int_eq(fut_map_open(x, job, NULL, NULL, NULL, &none, NULL), FUT_OK);
	must_end(none);
	end_echo();
}
END_TEST

START_TEST(when_the_daemon_drains)
{
	struct message goaway = {.kind = MESSAGE_GOAWAY, .goaway = {.status = FUT_DRAINING}};
	struct input in = {.n = 1000};
	fut_map_item item;

	x = fake_connect(d);
	fut_map *m = open_map(&in, (fut_map_options){.buffersize = 1, .unordered = _i});
	fake_send(d, &goaway, SPAN_EMPTY);
	fake_text(d, fake_expect_submit(d).spec.id, "0");
	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
	check_item(&item, &in);
	must_be_the_last(m, &in, 1, FUT_DRAINING);
	fake_goodbye(d, x);
}
END_TEST

START_TEST(connection_lost_in_the_middle)
{
	struct input in = {.n = 1000000};
	fut_map_options options = shape_of(_i);
	unsigned sent = 2 * (unsigned)options.chunksize;
	fut_map_item item;

	x = fake_connect(d);
	fut_map *m = open_map(&in, options);
	fake_hang_up(d);
	for (unsigned i = 0; i < sent; i++) {
		ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
		ck_assert_int_eq(item.status, FUT_CONNECTION_LOST);
		ck_assert_uint_lt(item.index, sent);
	}
	must_be_the_last(m, &in, sent, FUT_CONNECTION_LOST);
	fake_goodbye(d, x);
}
END_TEST

/* ---- the map's time ------------------------------------------------------ */

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The bits above the shape: how patient a call is. */
static const int64_t timeouts[] = {FUT_FOREVER, 3600 * INT64_C(1000000), 1000};

START_TEST(time_is_over)
{
	enum { TIME_US = 30000 };
	int64_t timeout_us = timeouts[_i / SHAPES];
	fut_map_options options = shape_of(_i % SHAPES);
	struct input in = {.n = 1000000};
	fut_map_item item;
	uint64_t id[2], since_us = now_us();
	unsigned calls = 0;

	x = fake_connect(d);
	options.timeout_us = TIME_US;
	fut_map *m = open_map(&in, options);
	for (int i = 0; i < 2; i++)
		id[i] = fake_expect_submit(d).spec.id;
	/* A call's own timeout is no end. */
	while (fut_map_next(m, timeout_us, &item) == FUT_TIMEOUT)
		ck_assert_uint_lt(calls++, 1000);
	ck_assert_uint_ge(now_us() - since_us, TIME_US);
	ck_assert(timeout_us == 1000 ? calls > 1 : calls == 1);
	for (int i = 0; i < 2; i++) {
		struct message c = fake_expect(d, MESSAGE_CANCEL);
		ck_assert_uint_eq(c.cancel.id, id[i]);
		ck_assert_uint_eq(c.cancel.mode, CANCEL_QUEUED);
		fake_verdict(d, id[i], FUT_VERDICT_REMOVED);
	}
	ck_assert_uint_eq(in.taken, 2 * options.chunksize);
	must_end(m);
	fake_goodbye(d, x);
}
END_TEST

enum { SHORT_US = 20000 };

/* A map with that time and n items, two in flight, of which `done` are done. */
static fut_map *open_short_map(struct input *in, bool unordered, unsigned done, uint64_t *ret_id)
{
	fut_map_options options = {.buffersize = 2, .unordered = unordered, .timeout_us = SHORT_US};

	x = fake_connect(d);
	fut_map *m = open_map(in, options);
	for (unsigned i = 0; i < 2; i++) {
		*ret_id = fake_expect_submit(d).spec.id;
		if (i < done)
			fake_text(d, *ret_id, i ? "1" : "0");
	}
	fake_send(d, &(struct message){.kind = MESSAGE_PING, .ping = {5}}, SPAN_EMPTY);
	fake_expect(d, MESSAGE_PONG);
	return m;
}

static void let_time_pass(void)
{
	uint64_t end_us = now_us() + SHORT_US;

	while (now_us() <= end_us)
		sched_yield();
}

/* What is here is handed out, however late; but nothing more is taken. */
START_TEST(late_but_done)
{
	struct input in = {.n = 1000000};
	fut_map_item item;
	uint64_t id;

	fut_map *m = open_short_map(&in, _i, 1, &id);
	let_time_pass();
	ck_assert_int_eq(fut_map_next(m, 0, &item), FUT_OK);
	check_item(&item, &in);
	ck_assert_uint_eq(in.taken, 2);
	ck_assert_int_eq(fut_map_next(m, FUT_FOREVER, &item), FUT_TIMEOUT);
	ck_assert_uint_eq(fake_expect(d, MESSAGE_CANCEL).cancel.id, id);
	fake_verdict(d, id, FUT_VERDICT_REMOVED);
	must_end(m);
	fake_goodbye(d, x);
}
END_TEST

/* Where nothing is left that time could be wanted for, it does not matter. */
START_TEST(late_but_over)
{
	struct input in = {.n = _i % 2 ? 3 : 2};
	fut_map_item item;
	uint64_t id;

	fut_map *m = open_short_map(&in, _i / 2, 2, &id);
	let_time_pass();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(fut_map_next(m, 0, &item), FUT_OK);
	if (in.n == 3)
		ck_assert_int_eq(fut_map_next(m, FUT_FOREVER, &item), FUT_TIMEOUT);
	must_end(m);
	fake_goodbye(d, x);
}
END_TEST

/* A task that says that something timed out has failed, and nothing more. */
START_TEST(time_that_is_the_task_s)
{
	static const fut_status failures[] = {FUT_TASK_FAILED, FUT_RUN_LIMIT, FUT_QUEUE_LIMIT,
					      FUT_DEADLINE};
	struct input in = {.n = 4};
	fut_map_options options = {.timeout_us = 3600 * UINT64_C(1000000), .unordered = _i};
	fut_map_item item;

	x = fake_connect(d);
	fut_map *m = open_map(&in, options);
	for (int i = 0; i < 4; i++)
		fake_error(d, fake_expect_submit(d).spec.id, failures[i], "TimeoutError");
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
		ck_assert_uint_eq(item.index, i);
		ck_assert_int_eq(item.status, failures[i]);
		ck_assert_str_eq(fut_error_message(item.error), "TimeoutError");
	}
	must_end(m);
	fake_goodbye(d, x);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("map");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, of_every_shape, 0, (int)(sizeof shapes / sizeof shapes[0]));
	tcase_add_test(tc, without_options);
	tcase_add_loop_test(tc, without_input, 0, (int)(sizeof shapes / sizeof shapes[0]));
	tcase_add_loop_test(tc, buffersize_bounds_the_input, 0, 2);
	tcase_add_test(tc, window_bounds_the_input);
	tcase_add_test(tc, two_maps_share_the_window);
	tcase_add_test(tc, payload_bounds_a_chunk);
	tcase_add_loop_test(tc, item_that_is_too_big, 0, 2);
	tcase_add_test(tc, chunk_that_fails_as_a_whole);
	tcase_add_test(tc, unordered_comes_as_it_ends);
	tcase_add_loop_test(tc, closing_cancels_the_rest, 0, 2);
	tcase_add_loop_test(tc, after_a_shutdown, 0, SHAPES);
	tcase_add_loop_test(tc, when_the_daemon_drains, 0, 2);
	tcase_add_loop_test(tc, connection_lost_in_the_middle, 0, SHAPES);
	tcase_add_loop_test(tc, time_is_over, 0,
			    SHAPES * (int)(sizeof timeouts / sizeof timeouts[0]));
	tcase_add_loop_test(tc, late_but_done, 0, 2);
	tcase_add_loop_test(tc, late_but_over, 0, 4);
	tcase_add_loop_test(tc, time_that_is_the_task_s, 0, 2);
	return run_case(tc, "client_map");
}
