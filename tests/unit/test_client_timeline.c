/* What a future says of the time its job took: short and long, with and without a Result. */
#include "tests/lib/one_fake.h"

#include "client/future.h"
#include "common/util.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define START_US (1ULL << 50)

static _Atomic uint64_t now_us; /* on the client's clock */

/* The library asks the program for the time before libc. Ours is ahead of the real one, so no
 * deadline has passed. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
	uint64_t us = now_us;

	if (clock != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, clock, ret);
	*ret = (struct timespec){(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
	return 0;
}

static void setup(void)
{
	now_us = START_US;
	connect_fake();
}

static fut_timeline timeline(fut_future *f)
{
	fut_timeline t;
	fut_bytes value;

	(void)fut_result(f, FUT_FOREVER, &value, NULL);
	ck_assert_int_eq(fut_timeline_of(f, &t), FUT_OK);
	return t;
}

/* As the daemon's five times, in their order. */
static void expect_times(const fut_timeline *t, uint64_t queued_us, uint64_t dispatched_us,
			 uint64_t started_us, uint64_t first_chunk_us, uint64_t finished_us)
{
	ck_assert_uint_eq(t->queued_us, queued_us);
	ck_assert_uint_eq(t->dispatched_us, dispatched_us);
	ck_assert_uint_eq(t->started_us, started_us);
	ck_assert_uint_eq(t->first_chunk_us, first_chunk_us);
	ck_assert_uint_eq(t->finished_us, finished_us);
}

START_TEST(not_done_yet)
{
	uint64_t id;
	fut_timeline t = {.attempt = 77};
	fut_future *f = job(&id);

	ck_assert_int_eq(fut_timeline_of(f, &t), FUT_TIMEOUT);
	fake_started(d, id);
	fake_settle(d);
	ck_assert_int_eq(fut_timeline_of(f, &t), FUT_TIMEOUT);
	ck_assert_int_eq(fut_timeline_of(NULL, &t), FUT_INVALID);
	ck_assert_int_eq(fut_timeline_of(f, NULL), FUT_INVALID);
	ck_assert_uint_eq(t.attempt, 77);
	fake_text(d, id, "v");
	(void)timeline(f);
	fut_future_unref(f);
}
END_TEST

START_TEST(an_ordinary_job)
{
	uint64_t id;
	fut_future *f = job(&id);
	uint64_t submitted_us = now_us;

	now_us += 1000;
	fake_result(d,
		    &(struct result){.id = id,
				     .attempt = 1,
				     .dispatched_us = 20,
				     .started_us = 40,
				     .finished_us = 800,
				     .cpu_us = 700},
		    span_str("value"));
	fut_timeline t = timeline(f);
	ck_assert_uint_eq(t.submitted_us, submitted_us);
	ck_assert_uint_eq(t.total_us, 1000);
	expect_times(&t, 0, 20, 40, FUT_NEVER, 800);
	ck_assert_uint_eq(t.transit_us, 200);
	ck_assert_uint_eq(t.cpu_us, 700);
	ck_assert_uint_eq(t.payload_bytes, strlen(JOB_PAYLOAD));
	ck_assert_uint_eq(t.result_bytes, 5);
	ck_assert_uint_eq(t.chunk_bytes, 0);
	ck_assert_uint_eq(t.attempt, 1);
	/* That much has room in the future. */
	ck_assert_ptr_null(f->extra);
	fut_future_unref(f);
}
END_TEST

/* None is cut, wherever it lies: each of them long, just fitting, and just not. */
static const uint64_t lengths[] = {1,          UINT32_MAX - 2ULL, UINT32_MAX - 1ULL,
				   UINT32_MAX, UINT32_MAX + 1ULL, 1ULL << 50};

START_TEST(long_ones_are_exact)
{
	uint64_t us = lengths[_i % (int)ARRAY_LEN(lengths)], id;
	int which = _i / (int)ARRAY_LEN(lengths);
	fut_future *f = job(&id);
	struct result res = {.id = id,
			     .attempt = 2,
			     .queued_us = which == 0 ? us : 0,
			     .dispatched_us = which <= 1 ? us : 1,
			     .started_us = which <= 2 ? us : 2,
			     .first_chunk_us = which == 3 ? us : 0,
			     .finished_us = which <= 4 ? us : 3,
			     .cpu_us = which == 5 ? us : 4};

	uint64_t total_us = which < 6 ? us + 5 : us;

	now_us += total_us;
	fake_result(d, &res, SPAN_EMPTY);
	fut_timeline t = timeline(f);
	ck_assert_uint_eq(t.total_us, total_us);
	expect_times(&t, res.queued_us, res.dispatched_us, res.started_us,
		     res.first_chunk_us ? res.first_chunk_us : FUT_NEVER, res.finished_us);
	ck_assert_uint_eq(t.transit_us, total_us < 3 ? 0 : total_us - res.finished_us);
	ck_assert_uint_eq(t.cpu_us, res.cpu_us);
	ck_assert_uint_eq(t.payload_bytes, strlen(JOB_PAYLOAD));
	ck_assert_uint_eq(t.attempt, 2);
	fut_future_unref(f);
	now_us = START_US; /* Check looks at it, too, and bears no large numbers */
}
END_TEST

/* What the daemon does not know of its end is not 0. */
START_TEST(failures)
{
	static const struct {
		fut_status status;
		bool has_cpu;
	} cases[] = {{FUT_TASK_FAILED, true},
		     {FUT_RESULT_TOO_BIG, true},
		     {FUT_HOST_DIED, false},
		     {FUT_RUN_LIMIT, false},
		     {FUT_KILLED, false}};
	uint64_t id;
	fut_future *f = job(&id);

	fake_result(d,
		    &(struct result){.id = id,
				     .status = (uint32_t)cases[_i].status,
				     .attempt = 1,
				     .dispatched_us = 5,
				     .finished_us = 6},
		    SPAN_EMPTY);
	fut_timeline t = timeline(f);
	expect_times(&t, 0, 5, FUT_NEVER, FUT_NEVER, 6);
	ck_assert_uint_eq(t.cpu_us, cases[_i].has_cpu ? 0 : FUT_NEVER);
	ck_assert_uint_eq(t.result_bytes, 0);
	fut_future_unref(f);
}
END_TEST

static void expect_nothing(fut_future *f, uint64_t total_us)
{
	fut_timeline t = timeline(f);

	expect_times(&t, FUT_NEVER, FUT_NEVER, FUT_NEVER, FUT_NEVER, FUT_NEVER);
	ck_assert_uint_eq(t.total_us, total_us);
	ck_assert_uint_eq(t.transit_us, total_us);
	ck_assert_uint_eq(t.cpu_us, FUT_NEVER);
	ck_assert_uint_eq(t.payload_bytes, strlen(JOB_PAYLOAD));
	ck_assert_uint_eq(t.attempt, 0);
}

START_TEST(without_a_run)
{
	uint64_t ran, refused, cancelled, lost;
	fut_future *e = job(&ran), *f = job(&refused), *g = job(&cancelled), *h = job(&lost);

	now_us += 10;
	fake_error(d, refused, FUT_BUSY, "full");
	fut_timeline t = timeline(f);
	ck_assert_uint_eq(t.total_us, 10);
	ck_assert_uint_eq(t.finished_us, FUT_NEVER);
	/* What this one's Result says is not said of those that end without one. */
	fake_result(d,
		    &(struct result){.id = ran, .dispatched_us = 3, .finished_us = 4, .cpu_us = 1},
		    SPAN_EMPTY);
	ck_assert_uint_eq(timeline(e).finished_us, 4);
	fut_future_unref(e);
	now_us += 10;
	ck_assert_int_eq(fut_cancel(g, 0, NULL), FUT_OK);
	fake_expect(d, MESSAGE_CANCEL);
	fake_verdict(d, cancelled, FUT_VERDICT_REMOVED);
	expect_nothing(g, 20);
	now_us += 1ULL << 40; /* longer than fits */
	fake_hang_up(d);
	expect_nothing(h, 20 + (1ULL << 40));
	fut_future_unref(f);
	fut_future_unref(g);
	fut_future_unref(h);
	now_us = START_US; /* Check looks at it, too, and bears no large numbers */
}
END_TEST

START_TEST(bytes)
{
	uint64_t id;
	fut_bytes chunk;
	fut_future *f = job(&id);

	fake_chunk(d, id, "lost", 4);
	fake_part(d, id, "lost", 4);
	fake_restart(d, id, 1);
	fake_chunk(d, id, "abc", 3);
	fake_chunk(d, id, "", 0);
	fake_chunk(d, id, "defgh", 5);
	fake_part(d, id, "twelve", 6);
	fake_result(d,
		    &(struct result){.id = id,
				     .attempt = 2,
				     .queued_us = 1,
				     .dispatched_us = 2,
				     .started_us = 3,
				     .first_chunk_us = 4,
				     .finished_us = 5},
		    span_str(" bytes"));
	now_us += 1;
	must_be_value(f, "twelve bytes");
	for (int i = 0; i < 2; i++) { /* read or not */
		fut_timeline t = timeline(f);
		expect_times(&t, 1, 2, 3, 4, 5);
		ck_assert_uint_eq(t.result_bytes, 12);
		ck_assert_uint_eq(t.chunk_bytes, 8);
		ck_assert_uint_eq(t.attempt, 2);
		/* The clocks are two: even so nothing is less than nothing. */
		ck_assert_uint_eq(t.transit_us, 0);
		while (fut_next_chunk(f, 0, &chunk) == FUT_OK)
			;
	}
	fut_future_unref(f);
}
END_TEST

/* A future that comes back from the slab has nothing of the one before. */
START_TEST(used_again)
{
	for (int i = 0; i < 10; i++) {
		uint64_t id;
		fut_future *f = job(&id);
		now_us += i % 2 ? 100 : 1ULL << 40;
		fake_result(d,
			    &(struct result){.id = id,
					     .attempt = 1,
					     .first_chunk_us = i % 3 ? 0 : 7,
					     .finished_us = 9},
			    SPAN_EMPTY);
		fut_timeline t = timeline(f);
		expect_times(&t, 0, FUT_NEVER, FUT_NEVER, i % 3 ? FUT_NEVER : 7, 9);
		ck_assert_uint_eq(t.total_us, i % 2 ? 100 : 1ULL << 40);
		fut_future_unref(f);
		fake_settle(d);
	}
	now_us = START_US; /* Check looks at it, too, and bears no large numbers */
}
END_TEST

/* Everything that came with one read has one time, and a later read another. */
START_TEST(later_reads_come_later)
{
	uint64_t first, second;
	fut_future *f = job(&first), *g = job(&second);

	now_us += 10;
	fake_text(d, first, "v");
	ck_assert_uint_eq(timeline(f).total_us, 10);
	now_us += 10;
	fake_text(d, second, "v");
	ck_assert_uint_eq(timeline(g).total_us, 20);
	fut_future_unref(f);
	fut_future_unref(g);
}
END_TEST

/* One that was given up while the daemon goes on with it keeps the end it had. */
START_TEST(given_up)
{
	enum { PIECE = 60 * 1000, LIMIT = 64 * 1024 * 1024 };
	static const char piece[PIECE];
	uint64_t id;
	fut_future *f = job(&id);

	now_us += 10;
	for (size_t sent = 0; sent <= LIMIT; sent += PIECE)
		fake_chunk(d, id, piece, PIECE);
	fake_expect(d, MESSAGE_CANCEL);
	must_fail(f, FUT_NO_MEMORY);
	fut_timeline before = timeline(f);
	ck_assert_uint_eq(before.total_us, 10);
	ck_assert_uint_gt(before.chunk_bytes, LIMIT - 2 * PIECE);
	now_us += 10;
	fake_result(d, &(struct result){.id = id, .attempt = 1, .finished_us = 7}, SPAN_EMPTY);
	fake_settle(d);
	fut_timeline after = timeline(f);
	expect_times(&after, FUT_NEVER, FUT_NEVER, FUT_NEVER, FUT_NEVER, FUT_NEVER);
	ck_assert_uint_eq(after.total_us, 10);
	ck_assert_uint_eq(after.chunk_bytes, before.chunk_bytes);
	ck_assert_uint_eq(after.attempt, 0);
	fut_future_unref(f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("timeline");

	tcase_add_checked_fixture(tc, setup, disconnect_fake);
	tcase_add_test(tc, not_done_yet);
	tcase_add_test(tc, an_ordinary_job);
	tcase_add_loop_test(tc, long_ones_are_exact, 0, 7 * (int)ARRAY_LEN(lengths));
	tcase_add_loop_test(tc, failures, 0, 5);
	tcase_add_test(tc, without_a_run);
	tcase_add_test(tc, bytes);
	tcase_add_test(tc, used_again);
	tcase_add_test(tc, later_reads_come_later);
	tcase_add_test(tc, given_up);
	return run_case(tc, "client_timeline");
}
