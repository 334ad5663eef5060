/* A slot with several jobs: in which order they run, and when the front is told. */
#include "tests/lib/worker_slot.h"

#include "tests/lib/trun.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- several jobs ---- */

START_TEST(a_job_taken_back_never_runs)
{
	uint32_t ready = RECORD_READY;

	uint32_t first = front_submit(&front, 0, job_of(GATE, 0), NULL);
	wait_for_gate();
	struct ring_record *r = front_put(&front, 0, job_of(ECHO, 5), "never");
	ck_assert_ptr_nonnull(front_put(&front, 0, job_of(ECHO, 4), "next"));
	front_publish(&front, 0);
	ck_assert(atomic_compare_exchange_strong(&r->state, &ready, RECORD_REVOKED));
	sem_post(&gate);
	struct answered a = front_answer(&front, 0);
	ck_assert_uint_eq(a.tag, first);
	free(a.bytes);
	a = front_answer(&front, 0);
	ck_assert_uint_eq(a.tag, front.last_tag);
	assert_bytes(a.bytes, a.len, "next");
	free(a.bytes);
	ck_assert_uint_eq(atomic_load(&r->state), RECORD_REVOKED);
}
END_TEST

START_TEST(what_runs_says_so_and_keeps_its_payload)
{
	struct ring_record *r = front_put(&front, 0, job_of(GATE, 4), "kept");
	struct ring_shared *in = &front.slots[0].view.shared->in;

	front_publish(&front, 0);
	wait_for_gate();
	ck_assert_uint_eq(atomic_load(&r->state), RECORD_RUNNING);
	ck_assert_uint_eq(atomic_load(&in->head), 0);
	sem_post(&gate);
	free(front_answer(&front, 0).bytes);
}
END_TEST

START_TEST(jobs_back_to_back_share_a_moment)
{
	struct job job = job_of(ECHO, 0);

	job.flags = JOB_FLAG_SHORT;
	(void)front_submit(&front, 0, job_of(GATE, 0), NULL);
	wait_for_gate();
	for (int i = 0; i < 3; i++)
		(void)front_submit(&front, 0, job, NULL);
	sem_post(&gate);
	struct answered last = front_answer(&front, 0);
	free(last.bytes);
	for (int i = 0; i < 3; i++) {
		struct answered a = front_answer(&front, 0);
		/* The CPU clock is read after one that took long, and that is no job's time. */
		if (last.finished_ns - last.started_ns < CPU_SHORT_NS)
			ck_assert_uint_eq(a.started_ns, last.finished_ns);
		else
			ck_assert_uint_gt(a.started_ns, last.finished_ns);
		free(a.bytes);
		last = a;
	}
}
END_TEST

/* A payload that only its tag decides. */
static size_t payload_of(uint32_t seed, uint32_t tag, uint8_t *to)
{
	uint32_t mix = (seed ^ tag) * 2654435761u;
	size_t len = (mix >> 8) % (mix % 16 == 0 ? RECORD_PAYLOAD_MAX + 1 : 600);

	if (to)
		fill_bytes(to, len, mix);
	return len;
}

START_TEST(ten_thousand_jobs_go_round)
{
	static uint8_t payload[RECORD_PAYLOAD_MAX];
	enum { JOBS = 10000 };
	uint32_t seed = (uint32_t)clock_real_ns();
	uint32_t heard = 0;

	if (getenv("SEED"))
		seed = (uint32_t)strtoul(getenv("SEED"), NULL, 0);
	fprintf(stderr, "# SEED=%u\n", seed);
	while (heard < JOBS) {
		while (front.last_tag < JOBS) {
			uint32_t tag = front.last_tag + 1;
			struct job job = job_of(ECHO, payload_of(seed, tag, payload));
			job.flags = (seed ^ tag) & 3 ? JOB_FLAG_SHORT : 0;
			if (!front_put(&front, 0, job, payload))
				break;
		}
		front_publish(&front, 0);
		do {
			struct answered a = front_answer(&front, 0);
			ck_assert_uint_eq(a.tag, ++heard);
			ck_assert_uint_eq(a.status, FUT_OK);
			ck_assert_uint_eq(a.len, payload_of(seed, a.tag, payload));
			ck_assert_mem_eq(a.bytes, payload, a.len);
			free(a.bytes);
		} while (heard < front.last_tag && heard % 7 != 0);
	}
}
END_TEST

START_TEST(a_full_out_ring_makes_the_slot_wait)
{
	struct ring_shared *out = &front.slots[0].view.shared->out;
	uint64_t end_us = clock_after_us(WAIT_MS * 1000);
	const uint32_t n = 60000;
	enum { JOBS = 20 };

	atomic_store(&front.page->sleeping, 1);
	for (int i = 0; i < JOBS; i++)
		ck_assert_ptr_nonnull(front_put(&front, 0, job_of(MANY, 4), &n));
	front_publish(&front, 0);
	while (!atomic_load(&out->producer_waits)) {
		ck_assert(clock_now_us() < end_us);
		sched_yield();
	}
	/* It has told the front before it went to sleep. */
	ck_assert_uint_eq(atomic_load(&front.host->notified), 1);
	for (uint32_t i = 1; i <= JOBS; i++) {
		struct answered a = front_answer(&front, 0);
		ck_assert_uint_eq(a.tag, i);
		ck_assert_uint_eq(a.len, n);
		free(a.bytes);
	}
}
END_TEST

START_TEST(jobs_are_finished_before_it_quits)
{
	(void)front_submit(&front, 0, job_of(GATE, 0), NULL);
	wait_for_gate();
	for (int i = 0; i < 5; i++)
		(void)front_submit(&front, 0, job_of(ECHO, 1), "x");
	front_quit(&front);
	sem_post(&gate);
	for (int i = 0; i < 6; i++)
		free(front_answer(&front, 0).bytes);
}
END_TEST

/* ---- when the front is told ---- */

static void wait_until_it_sleeps(void)
{
	uint64_t end_us = clock_real_ns() / 1000 + WAIT_MS * 1000;

	while (!atomic_load(&front.slots[0].view.shared->in.consumer_waits)) {
		ck_assert(clock_real_ns() / 1000 < end_us);
		sched_yield();
	}
}

/* Runs the jobs in one go behind a gate, with a clock that stands still. The front is asleep
 * all the while. */
static void run_untold(const struct job *jobs, size_t n)
{
	(void)front_submit(&front, 0, job_of(GATE, 0), NULL);
	wait_for_gate();
	atomic_store(&fake_now_ns, 1000 * 1000);
	clock_source_ns = fake_clock;
	for (size_t i = 0; i < n; i++)
		ck_assert_ptr_nonnull(front_put(&front, 0, jobs[i], NULL));
	front_publish(&front, 0);
	atomic_store(&front.page->sleeping, 1);
	sem_post(&gate);
	wait_until_it_sleeps(); /* everything has ended then */
	ck_assert_uint_eq(atomic_load(&front.host->notified), 1);
	free(front_answer(&front, 0).bytes);
}

static void expect_told(char told)
{
	struct answered a = front_answer(&front, 0);

	ck_assert_uint_eq(a.len, 1);
	ck_assert_int_eq((char)a.bytes[0], told);
	free(a.bytes);
}

START_TEST(short_jobs_are_told_of_together)
{
	struct job jobs[70];

	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i] = job_of(LOOK, 0);
		jobs[i].flags = JOB_FLAG_SHORT;
	}
	run_untold(jobs, ARRAY_LEN(jobs));
	/* The gate's own end is the first of the 64. */
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		expect_told(i + 1 < OUTBOX_UNTOLD_MAX ? '0' : '1');
}
END_TEST

START_TEST(the_front_is_told_before_a_job_that_may_take_long)
{
	struct job jobs[3] = {job_of(LOOK, 0), job_of(LOOK, 0), job_of(LOOK, 0)};

	jobs[0].flags = JOB_FLAG_SHORT;
	jobs[2].flags = JOB_FLAG_SHORT;
	run_untold(jobs, 3);
	expect_told('0');
	expect_told('1');
	expect_told('1');
}
END_TEST

START_TEST(the_front_is_told_after_a_while)
{
	struct job jobs[3] = {job_of(LOOK, 0), job_of(PASS_60US, 0), job_of(LOOK, 0)};

	for (int i = 0; i < 3; i++)
		jobs[i].flags = JOB_FLAG_SHORT;
	run_untold(jobs, 3);
	expect_told('0');
	expect_told('0');
	expect_told('1');
}
END_TEST

/* ---- CPU time ---- */

static _Atomic unsigned cpu_reads;

static uint64_t count_cpu_reads(void)
{
	cpu_reads++;
	atomic_fetch_add(&fake_now_ns, 50 * 1000);
	return 0;
}

/* With a clock that stands still all are short; what a reading takes is no job's time. */
START_TEST(the_cpu_clock_is_read_for_jobs_that_may_take_long)
{
	struct job jobs[60];

	wait_until_it_sleeps(); /* it has begun: that is a reading, too */
	cpu_reads = 0;
	clock_cpu_source_ns = count_cpu_reads;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i] = job_of(LOOK, 0);
		jobs[i].flags = (int)i < 20 * (3 - _i) ? JOB_FLAG_SHORT : 0;
	}
	run_untold(jobs, ARRAY_LEN(jobs));
	/* Before and after the gate; the reading after it is good for the one that follows. */
	ck_assert_uint_eq(cpu_reads, 2 + 20 * (unsigned)_i - (_i == 3));
	clock_cpu_source_ns = clock_real_cpu_ns;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		struct answered a = front_answer(&front, 0);
		ck_assert_uint_eq(a.cpu_ns, 0);
		ck_assert_uint_eq(a.started_ns, a.finished_ns);
		free(a.bytes);
	}
}
END_TEST

START_TEST(cpu_time_is_no_more_than_run_time)
{
	(void)front_submit(&front, 0, job_of(GATE, 0), NULL);
	wait_for_gate();
	for (int i = 0; i < 200; i++)
		(void)front_submit(&front, 0, job_of(ECHO, 0), NULL);
	sem_post(&gate);
	for (int i = 0; i < 201; i++) {
		struct answered a = front_answer(&front, 0);
		ck_assert_uint_le(a.cpu_ns, a.finished_ns - a.started_ns);
		if (a.finished_ns - a.started_ns < CPU_SHORT_NS)
			ck_assert_uint_eq(a.cpu_ns, a.finished_ns - a.started_ns);
		free(a.bytes);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_slot");
	TCase *tc = slot_case(s, "jobs");

	tcase_add_test(tc, a_job_taken_back_never_runs);
	tcase_add_test(tc, what_runs_says_so_and_keeps_its_payload);
	tcase_add_test(tc, jobs_back_to_back_share_a_moment);
	tcase_add_test(tc, ten_thousand_jobs_go_round);
	tcase_add_test(tc, a_full_out_ring_makes_the_slot_wait);
	tcase_add_test(tc, jobs_are_finished_before_it_quits);
	tc = slot_case(s, "telling");
	tcase_add_test(tc, short_jobs_are_told_of_together);
	tcase_add_test(tc, the_front_is_told_before_a_job_that_may_take_long);
	tcase_add_test(tc, the_front_is_told_after_a_while);
	tc = slot_case(s, "cpu time");
	tcase_add_loop_test(tc, the_cpu_clock_is_read_for_jobs_that_may_take_long, 0, 4);
	tcase_add_test(tc, cpu_time_is_no_more_than_run_time);
	return s;
}
