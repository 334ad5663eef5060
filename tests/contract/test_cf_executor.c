/*
 * The executor: submit, map in all its forms, and what is left of a job when it is over
 * (CF-EX).
 */
#include "tests/lib/fake_daemon.h"

#include "tests/contract/contract.h"
#include "tests/integ/e2e_map.h"

static const size_t chunksizes[] = {1, 2, 3, 100};
enum { SIZES = ARRAY_LEN(chunksizes) };

/* The next one must be there, with this value. */
static void must_give(fut_map *m, uint64_t index, const char *want)
{
	fut_map_item item;

	ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
	ck_assert_uint_eq(item.index, index);
	ck_assert_int_eq(item.status, FUT_OK);
	ck_assert_ptr_null(item.error);
	ck_assert_uint_eq(item.value.len, strlen(want));
	ck_assert_mem_eq(item.value.data, want, item.value.len);
}

/* The next one must be there and have failed in the task, with this type. */
static void must_give_error(fut_map *m, uint64_t index, const char *type)
{
	fut_map_item item;

	ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
	ck_assert_uint_eq(item.index, index);
	ck_assert_int_eq(item.status, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(item.error), type);
}

/* ---- submit ------------------------------------------------------------- */

START_TEST(cf_ex_01_submit)
{
	start(_i, 2);
	fut_future *f = submit("square", "16");
	must_be(f, "256");
	fut_future_unref(f);
	stop();
}
END_TEST

/* What keyword arguments pin down: any argument arrives as it was given, whatever it looks
 * like, beside everything that the call itself needs. */
START_TEST(cf_ex_02_submit_any_argument)
{
	static const char *const looks[] = {"self=1, fn=2", "", "echo", "?pool=q&x=%00",
					    "\xff\xfe"};
	char all[256];

	start(_i, 2);
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		fut_future *f = submit_limited("echo", looks[i], deadline, PATIENCE_US);
		must_be(f, looks[i]);
		fut_future_unref(f);
	}
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)i;
	fut_future *f = submit_on(x, "echo", all, sizeof all);
	must_be_at(f, all, sizeof all, __FILE__, __LINE__);
	fut_future_unref(f);
	stop();
}
END_TEST

/* Without a function there is no job, and the daemon hears nothing of it. */
START_TEST(cf_ex_02_submit_nothing)
{
	static const char *const names[] = {NULL, "", "no name", "a/b", "a\n"};
	struct fake *fake = fake_new();
	fut_future *f = NULL;
	fut_job *job = NULL;

	x = fake_connect(fake);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		fut_error *e;
		ck_assert_int_eq(fut_submit(x, names[i], "", 0, &f, &e), FUT_INVALID);
		ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
		fut_error_unref(e);
		ck_assert_int_eq(fut_job_new(names[i], &job), FUT_INVALID);
	}
	ck_assert_int_eq(fut_submit_job(x, NULL, "", 0, &f, NULL), FUT_INVALID);
	ck_assert_ptr_null(f);
	ck_assert_ptr_null(job);
	/* The first thing it hears. */
	f = must_submit(x, "good");
	struct fake_job got = fake_expect_submit(fake);
	ck_assert(span_equal(got.payload, span_str("good")));
	fake_text(fake, got.spec.id, "");
	must_be(f, "");
	fut_future_unref(f);
	fake_goodbye(fake, x);
	fake_free(fake);
}
END_TEST

/* ---- map ---------------------------------------------------------------- */

START_TEST(cf_ex_03_map)
{
	enum { N = 100 };
	struct numbers in = {.n = N};
	fut_map_item item;

	start(_i % WAYS, 3);
	fut_map *m = open_map("square", next_number, &in,
			      (fut_map_options){.chunksize = chunksizes[_i / WAYS]});
	ck_assert_uint_eq(in.taken, N); /* eager */
	for (uint64_t i = 0; i < N; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		must(item.index == i && is_number(&item, i * i));
	}
	must_end(m);
	stop();
}
END_TEST

/* It goes on behind the error, deviation 4; inside a chunk, too. */
START_TEST(cf_ex_04_map_exception)
{
	const char *const items[] = {"1", "2", "zero", "5", NULL}, *const *at = items;

	start(_i % WAYS, 2);
	fut_map *m = open_map("square", next_text, &at,
			      (fut_map_options){.chunksize = chunksizes[_i / WAYS]});
	must_give(m, 0, "1");
	must_give(m, 1, "4");
	must_give_error(m, 2, "ValueError");
	must_give(m, 3, "25");
	must_end(m); /* asks twice */
	stop();
}
END_TEST

/* A task's own timeout is an error like others: deviation 2. */
START_TEST(cf_ex_05_map_timeout_from_callable)
{
	const char *const items[] = {"TimeoutError|mine", "TIMEOUT|too", "CancelledError", NULL};
	const char *const *at = items;

	start(_i % WAYS, 1);
	fut_map *m = open_map("fail", next_text, &at,
			      (fut_map_options){.chunksize = chunksizes[_i / WAYS]});
	must_give_error(m, 0, "TimeoutError");
	must_give_error(m, 1, "TIMEOUT");
	must_give_error(m, 2, "CancelledError");
	must_end(m);
	stop();
}
END_TEST

static char passable[96]; /* a gate that is open */

/* What is there in time, then TIMEOUT once, then nothing more; in chunks, too. One of the two
 * slots stays at the gate, the other one does what comes before it and behind it. */
START_TEST(cf_ex_06_map_timeout)
{
	const char *const items[] = {passable, passable, gate, passable, NULL}, *const *at = items;
	uint64_t timeout_us = (uint64_t)td_patience_ms(150) * MS;
	fut_map_options options = {.chunksize = _i / WAYS ? 2 : 1, .timeout_us = timeout_us};
	fut_map_item item;

	start(_i % WAYS, 2);
	tdaemon_path(d, "open", passable, sizeof passable);
	tfile_touch(passable);
	uint64_t since_us = td_now_us();
	fut_map *m = open_map("gate", next_text, &at, options);
	pass_through();
	must_give(m, 0, "open");
	must_give(m, 1, "open");
	ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_TIMEOUT);
	ck_assert_uint_ge(td_now_us() - since_us, timeout_us);
	must_end(m);
	tfile_touch(gate);
	pass_through();
	stop();
}
END_TEST

/* What did not start never will, whether something was taken from it or not. */
START_TEST(cf_ex_07_map_close)
{
	bool take_one = _i / WAYS & 1;
	size_t chunksize = _i / WAYS & 2 ? 3 : 1;
	const char *const lines[] = {mark, mark, mark, mark, mark, mark, mark, NULL};
	const char *const *at = lines;
	fut_map_item item;

	start(_i % WAYS, 1);
	fut_map *m = open_map("mark", next_text, &at, (fut_map_options){.chunksize = chunksize});
	if (take_one)
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
	fut_map_close(m);
	pass_through();
	unsigned before = tfile_lines(mark);
	ck_assert_uint_ge(before, take_one);

	/* Nothing of this one can have started. */
	fut_future *held = hold();
	at = lines;
	m = open_map("mark", next_text, &at, (fut_map_options){.chunksize = chunksize});
	ck_assert_int_eq(fut_map_next(m, 0, &item), FUT_TIMEOUT);
	fut_map_close(m);
	/* Closing does not wait: behind the pong the daemon has heard of it. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	release(held);
	pass_through();
	ck_assert_uint_eq(tfile_lines(mark), before);
	stop();
}
END_TEST

/* ---- buffersize --------------------------------------------------------- */

/* 0 is no value that is wrong, but "as the session allows"; what is less cannot be said. */
START_TEST(cf_ex_09_map_buffersize_value_validation)
{
	static const size_t sizes[] = {0, 1, SIZE_MAX};

	start_with(_i, 1, "max_inflight = 8\n", "");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct numbers in = {.n = 20};
		fut_future *held = hold();
		fut_map_item item;
		fut_map *m = open_map("square", next_number, &in,
				      (fut_map_options){.buffersize = sizes[i]});
		/* The held one has one of the session's 8 places; one item waits for a place. */
		ck_assert_uint_eq(in.taken, sizes[i] == 1 ? 1 : 8);
		release(held);
		for (uint64_t n = 0; n < 20; n++) {
			ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
			must(item.index == n && is_number(&item, n * n));
		}
		must_end(m);
	}
	stop();
}
END_TEST

static const size_t buffersizes[] = {1, 2, 5, 10, 100, 1000};
enum { BUFFERS = ARRAY_LEN(buffersizes) };

START_TEST(cf_ex_10_map_buffersize)
{
	enum { N = 60 };
	size_t chunksize = _i / WAYS ? 4 : 1;

	start(_i % WAYS, 2);
	for (size_t n = 0; n < BUFFERS; n++) {
		size_t buffersize = buffersizes[n];
		struct numbers in = {.n = N};
		fut_map_item item;
		fut_map *m = open_map(
			"square", next_number, &in,
			(fut_map_options){.buffersize = buffersize, .chunksize = chunksize});
		for (uint64_t i = 0; i < N; i++) {
			must(in.taken <= i + (buffersize + 1) * chunksize);
			ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
			must(item.index == i && is_number(&item, i * i));
		}
		must_end(m);
		ck_assert_uint_eq(in.taken, N);
	}
	stop();
}
END_TEST

/* Two inputs as one: the caller's function zips them, and ends with the shorter. */
struct zipped {
	struct numbers a;
	const char *const *b; /* NULL: without end */
	char text[64];
};

static bool next_pair(void *arg, fut_bytes *ret)
{
	struct zipped *z = arg;
	fut_bytes number, text = {"x", 1};

	if (!next_number(&z->a, &number) || (z->b && !next_text(&z->b, &text)))
		return false;
	int len = snprintf(z->text, sizeof z->text, "%.*s:%.*s", (int)number.len,
			   (const char *)number.data, (int)text.len, (const char *)text.data);
	*ret = (fut_bytes){z->text, (size_t)len};
	return true;
}

START_TEST(cf_ex_11_map_buffersize_on_multiple_iterables)
{
	static const char *const letters[] = {"a", "b", "c", "d", NULL};

	start(_i, 2);
	for (size_t n = 0; n < BUFFERS; n++) {
		size_t buffersize = buffersizes[n];
		struct zipped z = {.a = {.n = 10}, .b = letters};
		fut_map *m = open_map("echo", next_pair, &z,
				      (fut_map_options){.buffersize = buffersize});
		must_give(m, 0, "0:a");
		must_give(m, 1, "1:b");
		must_give(m, 2, "2:c");
		must_give(m, 3, "3:d");
		must_end(m);
	}
	stop();
}
END_TEST

START_TEST(cf_ex_12_map_buffersize_on_infinite_iterable)
{
	start(_i, 2);
	for (size_t n = 0; n < BUFFERS; n++) {
		size_t buffersize = buffersizes[n];
		struct numbers in = {.n = 0};
		fut_map *m = open_map("square", next_number, &in,
				      (fut_map_options){.buffersize = buffersize});
		must_give(m, 0, "0");
		must_give(m, 1, "1");
		must_give(m, 2, "4");
		ck_assert_uint_eq(in.taken, 3 + buffersize);
		fut_map_close(m);
	}
	stop();
}
END_TEST

START_TEST(cf_ex_13_map_buffersize_on_multiple_infinite_iterables)
{
	start(_i, 2);
	for (size_t n = 0; n < BUFFERS; n++) {
		size_t buffersize = buffersizes[n];
		struct zipped z = {.a = {.n = 0}};
		fut_map *m = open_map("echo", next_pair, &z,
				      (fut_map_options){.buffersize = buffersize});
		must_give(m, 0, "0:x");
		must_give(m, 1, "1:x");
		must_give(m, 2, "2:x");
		ck_assert_uint_eq(z.a.taken, 3 + buffersize);
		fut_map_close(m);
	}
	stop();
}
END_TEST

START_TEST(cf_ex_14_map_buffersize_on_empty_iterable)
{
	const char *const none[] = {NULL}, *const *at = none;

	start(_i, 1);
	for (size_t n = 0; n < BUFFERS; n++)
		must_end(open_map("square", next_text, &at,
				  (fut_map_options){.buffersize = buffersizes[n]}));
	stop();
}
END_TEST

START_TEST(cf_ex_15_map_buffersize_without_iterable)
{
	start(_i, 1);
	for (size_t n = 0; n < BUFFERS; n++)
		must_end(open_map("square", NULL, NULL,
				  (fut_map_options){.buffersize = buffersizes[n]}));
	stop();
}
END_TEST

/* Exactly so many before the first result is taken, also when all of them are done. */
START_TEST(cf_ex_16_map_buffersize_when_buffer_is_full)
{
	start(_i, 1);
	for (size_t n = 0; n < BUFFERS; n++) {
		size_t buffersize = buffersizes[n];
		struct numbers in = {.n = 0};
		fut_future *held = hold();
		fut_map *m = open_map("square", next_number, &in,
				      (fut_map_options){.buffersize = buffersize});
		ck_assert_uint_eq(in.taken, buffersize);
		release(held);
		pass_through();
		ck_assert_uint_eq(in.taken, buffersize);
		must_give(m, 0, "0");
		ck_assert_uint_eq(in.taken, buffersize + 1);
		fut_map_close(m);
	}
	stop();
}
END_TEST

/* ---- the executor itself ------------------------------------------------ */

/* More jobs than slots, and a shutdown at once: it neither hangs nor loses any. */
START_TEST(cf_ex_17_shutdown_race_issue12456)
{
	enum { SLOTS = 2, ROUNDS = 25 };
	const char *const items[] = {"0.002", "0", "0.001", NULL};

	start(_i, SLOTS);
	for (int round = 0; round < ROUNDS; round++) {
		fut_executor *first = x;
		const char *const *at = items;
		x = open_url(url_of(_i), "p");
		fut_map *m = open_map("sleep", next_text, &at, (fut_map_options){0});
		close_executor(x);
		must_give(m, 0, "0.002");
		must_give(m, 1, "0");
		must_give(m, 2, "0.001");
		must_end(m);
		x = first;
	}
	stop();
}
END_TEST

/* 0 slots is how a configuration says "as many as is usual"; less is a mistake, and so is
 * more than there can be. */
START_TEST(cf_ex_19_max_workers_negative)
{
	static const char *const bad[] = {"-1", "-100", "257", "many"};
	char text[160];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof text,
			 "pool p {\n  kind = %s\n  slots = %s\n  modules = {basic}\n}\n",
			 kind_of(_i), bad[i]);
		d = tdaemon_spawn(&(struct tdaemon_options){.config = text});
		ck_assert_int_gt(tdaemon_wait_exit(d), 0);
		char *log = tdaemon_log(d);
		ck_assert_msg(strstr(log, ":3: slots = ") || strstr(log, "for option 'slots'"),
			      "%s", log);
		free(log);
		tdaemon_forget(d);
	}
	start(_i, 0);
	ck_assert_uint_ge(fut_executor_slots(x), 1);
	pass_through();
	stop();
}
END_TEST

/* ---- what is left of a job ---------------------------------------------- */

enum { BIG = 4 * MIB, SLACK = 12 * MIB };

/* Neither the program nor the daemon nor the host keeps the payload of a job that is over,
 * though its future is still held. */
START_TEST(cf_ex_18_no_stale_references)
{
	enum { N = 40 };
	char *payload = malloc(BIG);
	fut_future *f[N];
	pid_t host;
	uint64_t daemon_rss = 0, host_rss = 0;
	size_t here = 0;

	memset(payload, 'p', BIG);
	start(_i, 1);
	for (int i = 0; i < N; i++) {
		f[i] = submit_on(x, "noop", payload, BIG);
		must_be(f[i], "");
		if (i != N / 4)
			continue;
		/* By now each has the buffers that it works with. */
		ck_assert_uint_eq(tdaemon_hosts(d, "p", &host, 1), 1);
		here = allocated();
		daemon_rss = tdaemon_rss_bytes(d);
		host_rss = rss_of(host);
	}
	if (!td_is_sanitized()) {
		ck_assert_uint_lt(allocated(), here + MIB);
		ck_assert_uint_lt(tdaemon_rss_bytes(d), daemon_rss + SLACK);
		ck_assert_uint_lt(rss_of(host), host_rss + SLACK);
	}
	unref_all(f, N);
	free(payload);
	stop();
}
END_TEST

/* A map keeps what is on its way, not what it has handed out. */
START_TEST(cf_ex_20_free_reference)
{
	enum { N = 40, BUFFER = 2 };
	const char *items[N + 1];
	const char *const *at = items;
	fut_map_item item;
	size_t most = 0;

	for (int i = 0; i < N; i++)
		items[i] = "2097152";
	items[N] = NULL;
	start(_i % WAYS, 1);
	size_t before = allocated();
	fut_map *m = open_map("big", next_text, &at,
			      (fut_map_options){.buffersize = BUFFER, .unordered = _i / WAYS});
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert_uint_eq(item.value.len, 2 * MIB);
		if (allocated() - before > most)
			most = allocated() - before;
	}
	must_end(m);
	/* Those on their way, the one handed out, and one that is being read. */
	if (!td_is_sanitized())
		ck_assert_uint_lt(most, (BUFFER + 2) * 2 * MIB + SLACK);
	stop();
}
END_TEST

/* What it says may be nothing at all: an error is one by its status. */
START_TEST(cf_ex_21_swallows_falsey_exceptions)
{
	static const char *const falsey[] = {"", "|", "||", "0|0|0", "E", NULL};
	const char *const *at = falsey;

	start(_i % WAYS, 1);
	for (size_t i = 0; falsey[i]; i++) {
		fut_future *f = submit("fail", falsey[i]);
		fut_error *e = must_fail(f, FUT_TASK_FAILED), *same = NULL;
		ck_assert_int_eq(fut_exception(f, 0, &same), FUT_OK);
		ck_assert_ptr_eq(same, e);
		ck_assert_str_ne(fut_error_type(e), "");
		fut_error_unref(same);
		fut_error_unref(e);
		fut_future_unref(f);
	}
	fut_map *m = open_map("fail", next_text, &at,
			      (fut_map_options){.chunksize = chunksizes[_i / WAYS]});
	for (uint64_t i = 0; falsey[i]; i++)
		must_give_error(m, i, i < 3 ? "TaskError" : falsey[i][0] == '0' ? "0" : "E");
	must_end(m);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CF-EX");
	TCase *tc = trun_case(s, "submit");

	each_way(tc, cf_ex_01_submit);
	each_way(tc, cf_ex_02_submit_any_argument);
	tcase_add_test(tc, cf_ex_02_submit_nothing);
	tc = trun_case(s, "map");
	tcase_add_loop_test(tc, cf_ex_03_map, 0, WAYS * SIZES);
	tcase_add_loop_test(tc, cf_ex_04_map_exception, 0, WAYS * SIZES);
	tcase_add_loop_test(tc, cf_ex_05_map_timeout_from_callable, 0, WAYS * SIZES);
	tcase_add_loop_test(tc, cf_ex_06_map_timeout, 0, WAYS * 2);
	tcase_add_loop_test(tc, cf_ex_07_map_close, 0, WAYS * 4);
	tc = trun_case(s, "buffersize");
	each_way(tc, cf_ex_09_map_buffersize_value_validation);
	tcase_add_loop_test(tc, cf_ex_10_map_buffersize, 0, WAYS * 2);
	each_way(tc, cf_ex_11_map_buffersize_on_multiple_iterables);
	each_way(tc, cf_ex_12_map_buffersize_on_infinite_iterable);
	each_way(tc, cf_ex_13_map_buffersize_on_multiple_infinite_iterables);
	each_way(tc, cf_ex_14_map_buffersize_on_empty_iterable);
	each_way(tc, cf_ex_15_map_buffersize_without_iterable);
	each_way(tc, cf_ex_16_map_buffersize_when_buffer_is_full);
	tc = trun_case(s, "executor");
	each_way(tc, cf_ex_17_shutdown_race_issue12456);
	each_kind(tc, cf_ex_19_max_workers_negative);
	tc = trun_case(s, "leftovers");
	each_way(tc, cf_ex_18_no_stale_references);
	tcase_add_loop_test(tc, cf_ex_20_free_reference, 0, WAYS * 2);
	tcase_add_loop_test(tc, cf_ex_21_swallows_falsey_exceptions, 0, WAYS * SIZES);
	return s;
}
