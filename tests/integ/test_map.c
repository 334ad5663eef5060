/*
 * Maps, end to end: results in the order of the items, one error per item that failed, and
 * no more input taken than there is room for.
 */
#include "tests/integ/e2e_map.h"

#include <signal.h>

/* ---- order -------------------------------------------------------------- */

static const size_t chunksizes[] = {0, 1, 3, 7, 100000};
enum { SIZES = ARRAY_LEN(chunksizes) };

START_TEST(test_order)
{
	enum { N = 2000 };
	struct numbers in = {.n = N};
	fut_map_item item;

	start(_i % WAYS, 2);
	fut_map *m = open_map("square", next_number, &in,
			      (fut_map_options){.chunksize = chunksizes[_i / WAYS]});
	for (uint64_t i = 0; i < N; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		must(item.index == i && is_number(&item, i * i) && !item.error);
	}
	must_end(m);
	ck_assert_uint_eq(in.taken, N);
	stop();
}
END_TEST

START_TEST(test_unordered)
{
	enum { N = 2000 };
	struct numbers in = {.n = N};
	bool seen[N] = {false};
	fut_map_item item;

	start(_i % WAYS, 2);
	fut_map *m = open_map("square", next_number, &in,
			      (fut_map_options){.chunksize = chunksizes[_i / WAYS],
						.buffersize = 50,
						.unordered = true});
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		must(item.index < N && !seen[item.index]);
		must(is_number(&item, item.index * item.index));
		seen[item.index] = true;
	}
	must_end(m);
	stop();
}
END_TEST

/* What is ready comes first, and only without order. */
START_TEST(test_unordered_comes_as_it_is_done)
{
	const char *const items[] = {gate, gate2, NULL}, *const *at = items;
	fut_map_item item;

	start(_i, 2);
	fut_map *m = open_map("gate", next_text, &at, (fut_map_options){.unordered = true});
	ck_assert_int_eq(fut_map_next(m, 10 * MS, &item), FUT_TIMEOUT);
	tfile_touch(gate2);
	ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
	ck_assert_uint_eq(item.index, 1);
	tfile_touch(gate);
	ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
	ck_assert_uint_eq(item.index, 0);
	must_end(m);
	stop();
}
END_TEST

START_TEST(test_empty)
{
	const char *const none[] = {NULL}, *const *at = none;

	start(_i % WAYS, 1);
	for (int i = 0; i < 4; i++) {
		fut_map *m = open_map(
			"square", i / 2 ? next_text : NULL, &at,
			(fut_map_options){.chunksize = chunksizes[_i / WAYS], .unordered = i % 2});
		must_end(m);
	}
	stop();
}
END_TEST

/* ---- errors ------------------------------------------------------------- */

START_TEST(test_item_errors)
{
	enum { N = 300, ODD = 5 };
	struct numbers in = {.n = N, .odd_one = ODD, .odd = "wrong"};
	fut_map_item item;

	start(_i % WAYS, 2);
	fut_map *m = open_map("square", next_number, &in,
			      (fut_map_options){.chunksize = chunksizes[_i / WAYS]});
	for (uint64_t i = 0; i < N; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		must(item.index == i);
		if (i % ODD != ODD - 1) {
			must(is_number(&item, i * i));
			continue;
		}
		ck_assert_int_eq(item.status, FUT_TASK_FAILED);
		ck_assert_int_eq(fut_error_status(item.error), FUT_TASK_FAILED);
		ck_assert_str_eq(fut_error_type(item.error), "ValueError");
		ck_assert_str_eq(fut_error_message(item.error), "not a decimal integer");
		fut_bytes details = fut_error_details(item.error);
		ck_assert_uint_eq(details.len, 5);
		ck_assert_mem_eq(details.data, "wrong", 5);
		ck_assert_int_eq(fut_error_executed(item.error), FUT_EXECUTED_YES);
		/* Longer than the map's hold on it. */
		ck_assert_ptr_eq(fut_error_ref(item.error), item.error);
		fut_error_unref(item.error);
	}
	must_end(m);
	stop();
}
END_TEST

/* One that cannot even be sent is an item that failed, too. */
START_TEST(test_item_too_big)
{
	static char large[2000];
	const char *items[] = {"1", "2", large, "3", NULL};
	const char *const *at = items;
	fut_map_item item;

	memset(large, 'a', sizeof large - 1);
	start_with(_i % WAYS, 1, "max_payload = 1K\n", "");
	fut_map *m = open_map("echo", next_text, &at,
			      (fut_map_options){.chunksize = chunksizes[_i / WAYS]});
	for (uint64_t i = 0; i < 4; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert_uint_eq(item.index, i);
		ck_assert_int_eq(item.status, i == 2 ? FUT_PAYLOAD_TOO_BIG : FUT_OK);
		if (i != 2)
			ck_assert_mem_eq(item.value.data, items[i], 1);
	}
	must_end(m);
	stop();
}
END_TEST

/* The process dies in the middle of a chunk: its items are told, and no others. */
START_TEST(test_host_dies_in_a_chunk)
{
	enum { N = 81, CHUNK = 9, AT = 40, FIRST = AT / CHUNK * CHUNK };
	struct numbers in = {.n = N, .odd_one = AT + 1, .odd = "die"};
	fut_map_item item;

	start(_i, 1);
	fut_map *m = open_map("frail", next_number, &in, (fut_map_options){.chunksize = CHUNK});
	for (uint64_t i = 0; i < N; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert_uint_eq(item.index, i);
		if (i < FIRST || i >= FIRST + CHUNK) {
			must(is_number(&item, i));
			continue;
		}
		ck_assert_int_eq(item.status, FUT_HOST_DIED);
		ck_assert_int_eq(fut_error_executed(item.error), FUT_EXECUTED_MAYBE);
		const fut_death *death = fut_error_death(item.error);
		ck_assert_ptr_nonnull(death);
		ck_assert_int_eq(death->signal, SIGKILL);
	}
	must_end(m);
	stop();
}
END_TEST

/* ---- how much is on its way --------------------------------------------- */

START_TEST(test_buffersize)
{
	enum { BUFFER = 5, CHUNK = 3 };
	struct numbers in = {.n = 0};
	fut_map_item item;

	start(_i, 2);
	fut_map *m = open_map("square", next_number, &in, (fut_map_options){.buffersize = BUFFER});
	/* Exactly so many before the first result is taken, however long that takes. */
	ck_assert_uint_eq(in.taken, BUFFER);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	ck_assert_uint_eq(in.taken, BUFFER);
	for (uint64_t i = 0; i < 500; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		must(item.index == i && is_number(&item, i * i));
		must(in.taken == i + 1 + BUFFER);
	}
	fut_map_close(m);

	in.taken = 0;
	m = open_map(
		"square", next_number, &in,
		(fut_map_options){.buffersize = BUFFER, .chunksize = CHUNK, .unordered = _i % 2});
	ck_assert_uint_eq(in.taken, BUFFER * CHUNK);
	for (uint64_t i = 0; i < 500; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		must(is_number(&item, item.index * item.index));
		must(in.taken == (i / CHUNK + 1 + BUFFER) * CHUNK);
	}
	fut_map_close(m);
	stop();
}
END_TEST

/* Without a buffersize the session's window is the bound. */
START_TEST(test_input_without_end)
{
	enum { WINDOW = 64, N = 3000, CHUNK = 5 };
	bool unordered = _i / WAYS & 1, chunked = _i / WAYS & 2;
	size_t chunksize = chunked ? CHUNK : 1;
	struct numbers in = {.n = 0};
	fut_map_item item;

	start_with(_i % WAYS, 2, "max_inflight = 64\n", "");
	fut_map *m = open_map("square", next_number, &in,
			      (fut_map_options){.chunksize = chunksize, .unordered = unordered});
	ck_assert_uint_eq(in.taken, WINDOW * chunksize);
	for (uint64_t i = 0; i < N; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		must(unordered || item.index == i);
		must(is_number(&item, item.index * item.index));
		must(in.taken <= i + (2 + WINDOW) * chunksize);
	}
	fut_map_close(m);
	/* What it cancelled has left the window when the pong is here. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	fut_future *f = submit("echo", "after");
	must_be(f, "after");
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- ends --------------------------------------------------------------- */

static unsigned taken_marks;

static bool next_mark(void *arg, fut_bytes *ret)
{
	(void)arg;
	taken_marks++;
	*ret = (fut_bytes){mark, strlen(mark)};
	return taken_marks <= 50;
}

/* Also when nothing was ever taken from it. */
START_TEST(test_close_cancels)
{
	start(_i, 1);
	fut_future *f = submit("gate", gate);
	wait_running(f);
	for (int chunksize = 1; chunksize <= 4; chunksize += 3) {
		taken_marks = 0;
		fut_map *m = open_map("mark", next_mark, NULL,
				      (fut_map_options){.chunksize = (size_t)chunksize});
		fut_map_close(m);
	}
	/* Closing does not wait: behind this, the daemon has seen what it asked for. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	tfile_touch(gate);
	must_be(f, "open");
	fut_future_unref(f);
	f = submit("echo", "");
	must_be(f, "");
	fut_future_unref(f);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	stop();
}
END_TEST

START_TEST(test_timeout_then_on)
{
	const char *const items[] = {gate, gate, NULL}, *const *at = items;
	fut_map_item item;

	start(_i % WAYS, 1);
	fut_map *m = open_map("gate", next_text, &at,
			      (fut_map_options){.chunksize = chunksizes[_i / WAYS]});
	ck_assert_int_eq(fut_map_next(m, 0, &item), FUT_TIMEOUT);
	uint64_t since_us = td_now_us();
	ck_assert_int_eq(fut_map_next(m, 20 * MS, &item), FUT_TIMEOUT);
	ck_assert_uint_ge(td_now_us() - since_us, 20 * MS);
	tfile_touch(gate);
	for (uint64_t i = 0; i < 2; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert_uint_eq(item.index, i);
		ck_assert_int_eq(item.status, FUT_OK);
		ck_assert_uint_eq(item.value.len, 4);
	}
	must_end(m);
	stop();
}
END_TEST

/* The limits are the chunk's; what is over ends with all of its items. */
START_TEST(test_limits)
{
	const char *const items[] = {"0", "30", "0", "0", "0", NULL}, *const *at = items;
	fut_map_options options = {.chunksize = 2};
	fut_map_item item;
	fut_job *job;
	fut_map *m;

	start(_i, 1);
	ck_assert_int_eq(fut_job_new("sleep", &job), FUT_OK);
	fut_job_set_run_limit(job, 100 * MS);
	ck_assert_int_eq(fut_map_open(x, job, next_text, &at, &options, &m, NULL), FUT_OK);
	fut_job_free(job); /* the map has what it needs */
	for (uint64_t i = 0; i < 5; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert_int_eq(item.status, i < 2 ? FUT_RUN_LIMIT : FUT_OK);
	}
	must_end(m);
	stop();
}
END_TEST

/* The executor can take no more: told by the open, or behind what was submitted before. */
START_TEST(test_shut_down)
{
	enum { BUFFER = 10, CHUNK = 3 };
	bool chunked = _i / WAYS;
	uint64_t sent = chunked ? BUFFER * CHUNK : BUFFER;
	struct numbers in = {.n = 0};
	fut_map_item item;
	fut_error *e;
	fut_job *job;
	fut_map *m;

	start(_i % WAYS, 1);
	m = open_map("square", next_number, &in,
		     (fut_map_options){.buffersize = BUFFER, .chunksize = chunked ? CHUNK : 1});
	ck_assert_int_eq(fut_executor_shutdown(x, false, false, 0), FUT_OK);
	for (uint64_t i = 0; i < sent; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		must(item.index == i && is_number(&item, i * i));
	}
	ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
	ck_assert_int_eq(item.status, FUT_SHUTDOWN);
	ck_assert_uint_eq(item.index, sent);
	must_end(m);
	in.taken = 0;
	ck_assert_int_eq(fut_job_new("square", &job), FUT_OK);
	ck_assert_int_eq(fut_map_open(x, job, next_number, &in, NULL, &m, &e), FUT_SHUTDOWN);
	ck_assert_uint_le(in.taken, 1);
	fut_error_unref(e);
	fut_job_free(job);
	stop();
}
END_TEST

/* ---- the map's time ----------------------------------------------------- */

/* What was ready comes; then, once, that the time is over; then nothing. */
START_TEST(test_time)
{
	bool unordered = _i / WAYS;
	char open[96];
	const char *items[] = {open, open, gate, open, NULL};
	const char *const *at = items;
	fut_map_item item;
	fut_status status;
	uint64_t n = 0;

	start(_i % WAYS, 1);
	tdaemon_path(d, "open", open, sizeof open);
	tfile_touch(open);
	uint64_t since_us = td_now_us();
	fut_map *m = open_map("gate", next_text, &at,
			      (fut_map_options){.timeout_us = 200 * MS, .unordered = unordered});
	while ((status = fut_map_next(m, FUT_FOREVER, &item)) == FUT_OK) {
		ck_assert_uint_eq(item.index, n);
		ck_assert_int_eq(item.status, FUT_OK);
		n++;
	}
	ck_assert_int_eq(status, FUT_TIMEOUT);
	ck_assert_uint_le(n, 2); /* less only where all is very slow */
	ck_assert_uint_ge(td_now_us() - since_us, 200 * MS);
	must_end(m);
	tfile_touch(gate);
	stop();
}
END_TEST

/* The one that was waited for and those behind it never run. */
START_TEST(test_time_cancels)
{
	int shape = _i / WAYS;
	fut_map_item item;

	start(_i % WAYS, 1);
	fut_future *f = submit("gate", gate);
	wait_running(f);
	taken_marks = 0;
	fut_map *m = open_map("mark", next_mark, NULL,
			      (fut_map_options){.timeout_us = 30 * MS,
						.unordered = shape & 1,
						.chunksize = shape & 2 ? 4 : 1});
	ck_assert_int_eq(fut_map_next(m, FUT_FOREVER, &item), FUT_TIMEOUT);
	must_end(m);
	/* Behind this, the daemon has heard of it. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	tfile_touch(gate);
	must_be(f, "open");
	fut_future_unref(f);
	f = submit("echo", "");
	must_be(f, "");
	fut_future_unref(f);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	stop();
}
END_TEST

/* A task's own failure is an item's, whatever it is called. */
START_TEST(test_time_that_is_the_task_s)
{
	const char *const items[] = {"TimeoutError|it took too long|", "E|m|d", NULL};
	const char *const *at = items;
	fut_map_item item;

	start(_i, 1);
	fut_map *m = open_map("fail", next_text, &at,
			      (fut_map_options){.timeout_us = (uint64_t)PATIENCE_US});
	for (uint64_t i = 0; i < 2; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert_uint_eq(item.index, i);
		ck_assert_int_eq(item.status, FUT_TASK_FAILED);
		ck_assert_str_eq(fut_error_type(item.error), i == 0 ? "TimeoutError" : "E");
	}
	must_end(m);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("map");
	TCase *tc = trun_case(s, "order");

	tcase_add_loop_test(tc, test_order, 0, SIZES * WAYS);
	tcase_add_loop_test(tc, test_unordered, 0, SIZES * WAYS);
	tcase_add_loop_test(tc, test_unordered_comes_as_it_is_done, 0, WAYS);
	tcase_add_loop_test(tc, test_empty, 0, 2 * WAYS);
	tc = trun_case(s, "errors");
	tcase_add_loop_test(tc, test_item_errors, 0, SIZES * WAYS);
	tcase_add_loop_test(tc, test_item_too_big, 0, SIZES * WAYS);
	tcase_add_loop_test(tc, test_host_dies_in_a_chunk, 0, WAYS);
	tc = trun_case(s, "input");
	tcase_add_loop_test(tc, test_buffersize, 0, WAYS);
	tcase_add_loop_test(tc, test_input_without_end, 0, 4 * WAYS);
	tc = trun_case(s, "ends");
	tcase_add_loop_test(tc, test_close_cancels, 0, WAYS);
	tcase_add_loop_test(tc, test_timeout_then_on, 0, SIZES * WAYS);
	tcase_add_loop_test(tc, test_limits, 0, WAYS);
	tcase_add_loop_test(tc, test_shut_down, 0, 2 * WAYS);
	tc = trun_case(s, "time");
	tcase_add_loop_test(tc, test_time, 0, 2 * WAYS);
	tcase_add_loop_test(tc, test_time_cancels, 0, 4 * WAYS);
	tcase_add_loop_test(tc, test_time_that_is_the_task_s, 0, WAYS);
	return s;
}
