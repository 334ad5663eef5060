/*
 * What a slot says of its times, truly or not: a Result's are in order, and inside what the
 * front saw. The test plays the host at the other end of a slot's rings.
 */
#include "daemon/account.h"
#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "proto/frame.h"
#include "proto/result.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CPUS = 4 };

static struct daemon d;
static struct pool pool;
static struct host host;
static struct session session;
static struct task task = {.name = "task"};
static struct slot slot;
static struct ring_consumer in;
static struct ring_producer out;

static void setup(void)
{
	int fd;

	d = (struct daemon){.phase = DAEMON_RUNNING, .cpus = CPUS, .now_us = 1000000};
	d.base = event_base_new();
	d.error_scratch = malloc(2 * (size_t)ERROR_ENCODED_MAX);
	d.arena = malloc(sizeof *d.arena);
	ck_assert(d.base && d.error_scratch && d.arena);
	ck_assert_int_eq(timers_init(&d.timers, d.base), 0);
	TAILQ_INIT(&d.dirty);
	job_store_init(&d.jobs);
	d.config = calloc(1, sizeof *d.config);
	ck_assert_ptr_nonnull(d.config);
	d.config->max_result_bytes = 1 << 20;
	d.config->max_output_bytes = 1 << 20;
	pool = (struct pool){.daemon = &d, .name = "p", .phase = POOL_READY};
	scheduler_init(&pool.scheduler, d.config);
	host = (struct host){
		.pool = &pool, .phase = HOST_UP, .nslots = 1, .jobs_left = HOST_ANY_JOBS};
	ck_assert_int_eq(region_create(1, 0, 1 << 20, &fd), 0);
	ck_assert_int_eq(region_map(fd, &host.shared), 0);
	close(fd);
	slot_init(&slot, &host, 0);
	ring_consumer_init(&in, &slot.view.shared->in, slot.view.in, REGION_RING_BYTES);
	ring_producer_init(&out, &slot.view.shared->out, slot.view.out, REGION_RING_BYTES);
	session = (struct session){.daemon = &d, .pool = &pool, .phase = SESSION_OPEN};
	TAILQ_INIT(&session.held);
	buf_init(&session.stream.out, 1 << 20);
	output_init(&session.output, &session.stream.out);
	session.account = account_join(&d.accounts, "unix:1000", NULL);
	ck_assert_ptr_nonnull(session.account);
	session.share = share_new(&pool.scheduler, session.account);
	ck_assert_ptr_nonnull(session.share);
}

static void teardown(void)
{
	region_unmap(host.shared, 1, 0);
	ck_assert_uint_eq(session.njobs, 0);
	job_store_done(&d.jobs);
	timers_done(&d.timers);
	event_base_free(d.base);
	free(d.error_scratch);
	free(d.arena);
	free(session.jobs);
	share_unref(session.share);
	account_leave(session.account);
	scheduler_done(&pool.scheduler);
	ck_assert_ptr_null(d.accounts);
	free(d.config);
	output_done(&session.output);
	buf_done(&session.stream.out);
}

/* A job that was accepted 100 us ago, given to the slot, and started there; its tag. */
static uint32_t start_job(void)
{
	struct job *j = job_new(&d.jobs, NULL, 0);
	size_t len;

	ck_assert_ptr_nonnull(j);
	j->task = &task;
	j->accepted_us = d.now_us;
	ck_assert_int_eq(session_add_job(&session, j), 0);
	share_enter(session.share, j, 0);
	scheduler_push(&pool.scheduler, j, d.now_us);
	ck_assert_ptr_eq(scheduler_pop(&pool.scheduler), j);
	d.now_us += 100;
	ck_assert(slot_assign(&slot, j));
	slot_publish(&slot);
	struct ring_record *r = ring_next(&in, &len);
	ck_assert_ptr_nonnull(r);
	atomic_store(&r->state, RECORD_RUNNING);
	(void)ring_release(&in);
	return ((const struct job_record *)record_body(r))->tag;
}

static void say(struct outcome_record o)
{
	struct ring_record *r = ring_reserve(&out, sizeof o);

	ck_assert_ptr_nonnull(r);
	memcpy(record_body(r), &o, sizeof o);
	(void)ring_publish(&out);
	ck_assert(slot_collect(&slot));
}

/* The job's Result, which is the last thing that the client gets. */
static struct result take_result(void)
{
	static const struct frame_limits limits = {1 << 16, 1 << 20};
	struct result res = {.attempt = 0};
	struct span message;
	struct frame f;
	uint32_t kind;
	size_t need;
	int64_t n;

	while ((n = frame_cut(buf_data(&session.stream.out), buf_len(&session.stream.out), &limits,
			      &f, &need)) > 0) {
		ck_assert_uint_eq(res.attempt, 0);
		ck_assert_int_eq(envelope_open(f.envelope, &kind, &message), 0);
		if (kind == MESSAGE_RESULT)
			ck_assert_int_eq(result_parse(message, &res), 0);
		buf_consume(&session.stream.out, (size_t)n);
	}
	ck_assert_uint_eq(res.attempt, 1);
	return res;
}

/* Ran from 200 to 300 us after its acceptance, with a chunk at 250; the front hears at 400. */
START_TEST(test_truth)
{
	uint32_t tag = start_job();
	uint64_t from_ns = (d.now_us + 100) * 1000;

	d.now_us += 300;
	say((struct outcome_record){
		.tag = tag, .kind = OUTCOME_CHUNK, .emitted_ns = from_ns + 50000});
	say((struct outcome_record){.tag = tag, .kind = OUTCOME_CHUNK});
	say((struct outcome_record){.tag = tag,
				    .kind = OUTCOME_DONE,
				    .started_ns = from_ns,
				    .finished_ns = from_ns + 100000,
				    .cpu_ns = 77999});
	struct result res = take_result();
	ck_assert_uint_eq(res.queued_us, 0);
	ck_assert_uint_eq(res.dispatched_us, 100);
	ck_assert_uint_eq(res.started_us, 200);
	ck_assert_uint_eq(res.first_chunk_us, 250);
	ck_assert_uint_eq(res.finished_us, 300);
	ck_assert_uint_eq(res.cpu_us, 77);
}
END_TEST

START_TEST(test_no_chunk)
{
	uint32_t tag = start_job();

	say((struct outcome_record){.tag = tag, .kind = OUTCOME_DONE});
	ck_assert_uint_eq(take_result().first_chunk_us, 0);
}
END_TEST

/* The very microsecond in which it was accepted is a time, and not none. */
START_TEST(test_no_time_passes)
{
	uint64_t now_us = d.now_us;
	uint32_t tag = start_job();

	d.now_us = now_us; /* as if it had taken none */
	TAILQ_FIRST(&slot.jobs)->dispatched_us = now_us;
	say((struct outcome_record){
		.tag = tag, .kind = OUTCOME_CHUNK, .emitted_ns = now_us * 1000});
	say((struct outcome_record){.tag = tag,
				    .kind = OUTCOME_DONE,
				    .started_ns = now_us * 1000,
				    .finished_ns = now_us * 1000});
	struct result res = take_result();
	ck_assert_uint_eq(res.dispatched_us, 1);
	ck_assert_uint_eq(res.started_us, 1);
	ck_assert_uint_eq(res.first_chunk_us, 1);
	ck_assert_uint_eq(res.finished_us, 1);
	ck_assert_uint_eq(res.cpu_us, 0);
}
END_TEST

static uint64_t wild(struct rng *r)
{
	uint64_t near_ns = d.now_us * 1000;

	switch (rng_below(r, 4)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - rng_below(r, 3);
	case 2:
		return near_ns - 1000000 + rng_below(r, 2000000);
	}
	return rng_wide(r);
}

START_TEST(test_lies)
{
	struct rng r = rng_of_run();

	for (int round = 0; round < 5000; round++) {
		uint32_t tag = start_job();
		d.now_us += rng_below(&r, 1000);
		uint64_t now_us = 100 + d.now_us - TAILQ_FIRST(&slot.jobs)->dispatched_us;
		if (rng_below(&r, 2))
			say((struct outcome_record){
				.tag = tag, .kind = OUTCOME_CHUNK, .emitted_ns = wild(&r)});
		say((struct outcome_record){.tag = tag,
					    .kind = OUTCOME_DONE,
					    .status = rng_below(&r, 2) ? FUT_TASK_FAILED : FUT_OK,
					    .started_ns = wild(&r),
					    .finished_ns = wild(&r),
					    .cpu_ns = wild(&r)});
		struct result res = take_result();
		must(res.dispatched_us == 100 && res.queued_us == 0);
		must(res.started_us >= res.dispatched_us && res.finished_us >= res.started_us);
		must(res.finished_us <= now_us);
		must(res.first_chunk_us == 0 || (res.first_chunk_us >= res.started_us &&
						 res.first_chunk_us <= res.finished_us));
		must(res.cpu_us <= CPUS * (res.finished_us - res.started_us));
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("slot_times");
	TCase *tc = trun_case(s, "times");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_truth);
	tcase_add_test(tc, test_no_chunk);
	tcase_add_test(tc, test_no_time_passes);
	tcase_add_test(tc, test_lies);
	return s;
}
