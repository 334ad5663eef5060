/* The store of jobs: copies of payloads, memory that comes and goes in chunks. */
#include "daemon/job.h"

#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { N = 2000 };

static struct job_store store;
static uint8_t bytes[4096];

static void setup(void)
{
	struct rng r = rng_of_run();

	rng_fill(&r, bytes, sizeof bytes);
	job_store_init(&store);
}

static void teardown(void)
{
	job_store_done(&store);
}

START_TEST(test_payload_is_copied)
{
	static const uint32_t lens[] = {
		0, 1, JOB_INLINE_MAX - 1, JOB_INLINE_MAX, JOB_INLINE_MAX + 1, 4096};

	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		uint8_t copy[4096];
		memcpy(copy, bytes, sizeof copy);
		struct job *j = job_new(&store, lens[i] ? copy : NULL, lens[i]);
		ck_assert_ptr_nonnull(j);
		memset(copy, 0, sizeof copy);
		ck_assert_uint_eq(j->payload_len, lens[i]);
		ck_assert_int_eq(memcmp(j->payload, bytes, lens[i]), 0);
		ck_assert((j->payload == j->inline_payload) == (lens[i] <= JOB_INLINE_MAX));
		job_free(&store, j);
	}
}
END_TEST

static void expect_new(const struct job *j)
{
	must(j->place == JOB_NOWHERE && !j->session && !j->slot && !j->record && !j->limits && !j->retry);
	must(!j->task && j->id == 0 && j->attempt == 0 && !j->announced && j->items == 0);
	must(j->accepted_us == 0 && j->dispatched_us == 0 && j->started_us == 0);
	must(j->result_bytes == 0 && j->first_chunk_us == 0);
}

/* What an earlier job left in its memory does not show. */
START_TEST(test_starts_empty)
{
	for (int i = 0; i < 3; i++) {
		struct job *j = job_new(&store, bytes, 50);
		ck_assert_ptr_nonnull(j);
		expect_new(j);
		j->id = UINT64_MAX;
		j->attempt = 7;
		j->announced = true;
		j->items = 3;
		j->accepted_us = j->dispatched_us = j->started_us = j->result_bytes = 1;
		job_free(&store, j);
	}
}
END_TEST

START_TEST(test_many)
{
	static struct job *jobs[N];
	struct rng r = rng_of_run();
	uint64_t live = 0;

	for (unsigned step = 0; step < 20 * N; step++) {
		unsigned i = (unsigned)rng_below(&r, N);
		if (jobs[i]) {
			must(memcmp(jobs[i]->payload, bytes + i % 64, jobs[i]->payload_len) == 0);
			must(jobs[i]->id == i);
			job_free(&store, jobs[i]);
			jobs[i] = NULL;
			live--;
		} else {
			uint32_t len = (uint32_t)rng_below(&r, 3 * JOB_INLINE_MAX);
			jobs[i] = job_new(&store, bytes + i % 64, len);
			must(jobs[i]);
			expect_new(jobs[i]);
			jobs[i]->id = i;
			live++;
		}
		must(store.live == live);
	}
	for (unsigned i = 0; i < N; i++) {
		if (jobs[i])
			job_free(&store, jobs[i]);
	}
	ck_assert_uint_eq(store.live, 0);
}
END_TEST

/* The last one gives a spike's memory back, and the store goes on from nothing. */
START_TEST(test_spike)
{
	static struct job *jobs[N];

	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < N; i++)
			must((jobs[i] = job_new(&store, bytes, i % 200)));
		ck_assert_ptr_nonnull(store.chunks);
		for (unsigned i = 0; i < N; i++)
			job_free(&store, jobs[(i * 7) % N]); /* 7 and N share no factor */
		ck_assert_ptr_null(store.chunks);
		ck_assert(TAILQ_EMPTY(&store.free));
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("job");
	TCase *tc = trun_case(s, "job");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_payload_is_copied);
	tcase_add_test(tc, test_starts_empty);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_spike);
	return s;
}
