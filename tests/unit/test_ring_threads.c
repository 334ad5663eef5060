/* A ring between two threads. */
#include "common/futex.h"
#include "tests/lib/ring_pair.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

/* ---- two threads -------------------------------------------------------- */

enum { RECORDS = 200000, STRESS_SIZE = 8192 };

static size_t stress_len(struct rng *r)
{
	return rng_below(r, rng_below(r, 8) ? 120 : ring_max_body(STRESS_SIZE) - 8) + 8;
}

static uint8_t stress_byte(uint64_t i, size_t at)
{
	return (uint8_t)(i * 31 + at);
}

static void *produce(void *arg)
{
	struct ring_pair *t = arg;
	struct rng sizes = rng_of(42), when = rng_of_run();

	for (uint64_t i = 0; i < RECORDS; i++) {
		size_t len = stress_len(&sizes);
		struct ring_record *r;
		while (!(r = ring_reserve(&t->p, len))) {
			must(!t->p.broken);
			if (ring_publish(&t->p))
				futex_wake(&t->shared.consumer_waits, 1, FUTEX_SHARED);
			ring_announce_producer(&t->p);
			r = ring_reserve(&t->p, len);
			if (r)
				break;
			futex_wait(&t->shared.producer_waits, 1, FUTEX_SHARED, UINT64_MAX);
		}
		uint8_t *body = record_body(r);
		memcpy(body, &i, 8);
		for (size_t at = 8; at < len; at++)
			body[at] = stress_byte(i, at);
		if ((rng_below(&when, 4) == 0 || i == RECORDS - 1) && ring_publish(&t->p))
			futex_wake(&t->shared.consumer_waits, 1, FUTEX_SHARED);
	}
	return NULL;
}

static struct ring_record *next_or_sleep(struct ring_pair *t, size_t *ret_len)
{
	for (;;) {
		struct ring_record *r = ring_next(&t->c, ret_len);
		if (r)
			return r;
		must(!t->c.broken);
		if (ring_release(&t->c))
			futex_wake(&t->shared.producer_waits, 1, FUTEX_SHARED);
		ring_announce_consumer(&t->c);
		if (!ring_has_next(&t->c))
			futex_wait(&t->shared.consumer_waits, 1, FUTEX_SHARED, UINT64_MAX);
	}
}

/* Every record arrives, in order and whole, and nobody sleeps for ever. */
START_TEST(two_threads)
{
	struct rng sizes = rng_of(42), when = rng_of(seed_get() + 1);
	pthread_t thread;
	struct ring_pair t;

	ring_pair_init(&t, STRESS_SIZE);
	ck_assert_int_eq(pthread_create(&thread, NULL, produce, &t), 0);
	for (uint64_t i = 0; i < RECORDS; i++) {
		size_t expected = stress_len(&sizes), len;
		struct ring_record *r = next_or_sleep(&t, &len);
		const uint8_t *body = record_body(r);
		uint64_t got;
		must(len == ((expected + 15) & ~(size_t)15));
		memcpy(&got, body, 8);
		must(got == i);
		for (size_t at = 8; at < expected; at++)
			must(body[at] == stress_byte(i, at));
		if (rng_below(&when, 3) == 0 && ring_release(&t.c))
			futex_wake(&t.shared.producer_waits, 1, FUTEX_SHARED);
	}
	pthread_join(thread, NULL);
	ck_assert(!ring_has_next(&t.c));
	ck_assert(!t.c.broken && !t.p.broken);
	ring_pair_done(&t);
}
END_TEST

/* ---- revoke against run -------------------------------------------------- */

enum { RACES = 100000 };

struct race {
	struct ring_pair t;
	_Atomic uint64_t front_at, slot_at; /* at which record each side is, from 1 */
	uint64_t ran;                       /* how many the slot won */
	uint64_t lost;
};

static bool try_state(struct ring_record *r, uint32_t to)
{
	uint32_t ready = RECORD_READY;

	return atomic_compare_exchange_strong(&r->state, &ready, to);
}

/* Both sides leave here at the same moment: as near to it as two threads can, and then a
 * few nanoseconds sooner or later, because the last to come is always the first to see it. */
static void meet(_Atomic uint64_t *mine, _Atomic uint64_t *theirs, uint64_t at, struct rng *r)
{
	atomic_store(mine, at);
	for (unsigned spins = 0; atomic_load(theirs) < at; spins++) {
		if (spins % 1000 == 999)
			sched_yield();
	}
	for (uint64_t pause = rng_below(r, 64); pause > 0; pause--)
		atomic_signal_fence(memory_order_seq_cst);
}

/* The slot: runs what is ready, drops what was taken back. */
static void *run_all(void *arg)
{
	struct race *race = arg;
	struct rng r = rng_of(seed_get() + 1);
	size_t len;

	for (uint64_t i = 0; i < RACES; i++) {
		struct ring_record *rec = ring_next(&race->t.c, &len);
		uint64_t body;
		must(rec != NULL);
		memcpy(&body, record_body(rec), 8);
		must(body == i);
		meet(&race->slot_at, &race->front_at, i + 1, &r);
		if (try_state(rec, RECORD_RUNNING)) {
			race->ran++;
		} else {
			must(atomic_load(&rec->state) == RECORD_REVOKED);
			race->lost++;
		}
	}
	return NULL;
}

START_TEST(revoke_or_run)
{
	static struct ring_record *records[RACES];
	static struct race race;
	struct rng r = rng_of_run();
	pthread_t thread;
	uint64_t revoked = 0;

	ring_pair_init(&race.t, 4u << 20);
	for (uint64_t i = 0; i < RACES; i++) {
		records[i] = ring_reserve(&race.t.p, 8);
		must(records[i] != NULL);
		memcpy(record_body(records[i]), &i, 8);
	}
	ring_publish(&race.t.p);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_all, &race), 0);
	for (uint64_t i = 0; i < RACES; i++) {
		if (i % 8 == 0) /* taken back in any case */
			revoked += try_state(records[i], RECORD_REVOKED);
		meet(&race.front_at, &race.slot_at, i + 1, &r);
		if (i % 8 > 1) /* 1: left alone; the others: both at once */
			revoked += try_state(records[i], RECORD_REVOKED);
	}
	pthread_join(thread, NULL);
	ck_assert_uint_eq(race.ran + revoked, RACES);
	ck_assert_uint_eq(race.lost, revoked);
	ck_assert_uint_ge(revoked, RACES / 8);
	ck_assert_uint_ge(race.ran, RACES / 8);
	ring_pair_done(&race.t);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("ring_threads");
	TCase *tc = trun_case(s, "threads");

	tcase_add_test(tc, two_threads);
	tcase_add_test(tc, revoke_or_run);
	return s;
}
