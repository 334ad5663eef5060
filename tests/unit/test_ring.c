/* A ring whose two ends are both honest, on one thread. */
#include "tests/lib/ring_pair.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <stdlib.h>
#include <string.h>

static size_t record_size(size_t len)
{
	return RING_HEADER_BYTES + ((len + 15) & ~(size_t)15);
}

START_TEST(empty)
{
	struct ring_pair t;
	size_t len = 99;

	ring_pair_init(&t, RING_PAIR_BYTES);
	ck_assert(!ring_has_next(&t.c));
	ck_assert_ptr_null(ring_next(&t.c, &len));
	ck_assert_uint_eq(len, 99);
	ck_assert(!ring_release(&t.c));
	ck_assert(!ring_publish(&t.p));
	ck_assert(!ring_has_unpublished(&t.p));
	ck_assert(!t.c.broken && !t.p.broken);
	ring_pair_done(&t);
}
END_TEST

START_TEST(invisible_until_published)
{
	struct ring_pair t;

	ring_pair_init(&t, RING_PAIR_BYTES);
	ck_assert(ring_pair_push(&t, 5, 'a'));
	ck_assert(ring_pair_push(&t, 0, 'b'));
	ck_assert(ring_pair_push(&t, 100, 'c'));
	ck_assert(ring_has_unpublished(&t.p));
	ck_assert(!ring_has_next(&t.c));
	ring_publish(&t.p);
	ck_assert(!ring_has_unpublished(&t.p));
	ck_assert(ring_has_next(&t.c));
	ring_pair_pull(&t, 5, 'a');
	ring_pair_pull(&t, 0, 'b');
	ring_pair_pull(&t, 100, 'c');
	ck_assert(!ring_has_next(&t.c));
	ck_assert_uint_eq(t.shared.head, 0); /* looked at, not released */
	ring_release(&t.c);
	ck_assert_uint_eq(t.shared.head, t.shared.tail);
	ring_pair_done(&t);
}
END_TEST

START_TEST(states)
{
	struct ring_pair t;
	size_t len;

	ring_pair_init(&t, RING_PAIR_BYTES);
	struct ring_record *mine = ring_reserve(&t.p, 8);
	ck_assert_uint_eq(mine->state, RECORD_READY);
	ring_publish(&t.p);
	struct ring_record *theirs = ring_next(&t.c, &len);
	ck_assert_ptr_eq(mine, theirs);
	ck_assert_uint_eq(len, 16);
	ring_pair_done(&t);
}
END_TEST

START_TEST(lengths_have_a_maximum)
{
	struct ring_pair t;

	for (uint64_t size = 64; size <= RING_PAIR_BYTES; size *= 2) {
		ring_pair_init(&t, size);
		ck_assert_uint_eq(ring_max_body(size), size / 2 - 16);
		ck_assert_ptr_null(ring_reserve(&t.p, ring_max_body(size) + 1));
		ck_assert_ptr_null(ring_reserve(&t.p, SIZE_MAX));
		ck_assert_ptr_null(ring_reserve(&t.p, SIZE_MAX - 15));
		ck_assert(!t.p.broken);
		ck_assert_ptr_nonnull(ring_reserve(&t.p, ring_max_body(size)));
		ck_assert_ptr_nonnull(ring_reserve(&t.p, ring_max_body(size)));
		ck_assert_ptr_null(ring_reserve(&t.p, 0));
		ring_pair_done(&t);
	}
}
END_TEST

/* Wherever the ring stands, when it is empty the largest record fits, padded or not. */
START_TEST(empty_ring_takes_the_largest)
{
	for (uint64_t start = 0; start < RING_PAIR_BYTES; start += RING_ALIGN) {
		struct ring_pair t;
		ring_pair_init(&t, RING_PAIR_BYTES);
		for (uint64_t left = start; left > 0;) {
			size_t size = left > 512 ? 512 : (size_t)left;
			must(ring_pair_push(&t, size - RING_HEADER_BYTES, 'x'));
			ring_publish(&t.p);
			ring_pair_pull(&t, size - RING_HEADER_BYTES, 'x');
			ring_release(&t.c);
			left -= size;
		}
		must(t.shared.head == start);
		must(ring_pair_push(&t, ring_max_body(RING_PAIR_BYTES), 'L'));
		ring_publish(&t.p);
		ring_pair_pull(&t, ring_max_body(RING_PAIR_BYTES), 'L');
		must(!ring_has_next(&t.c));
		ring_release(&t.c);
		must(t.shared.head == t.shared.tail && !t.c.broken);
		ring_pair_done(&t);
	}
}
END_TEST

START_TEST(full_then_room_again)
{
	struct ring_pair t;
	unsigned n = 0;

	ring_pair_init(&t, RING_PAIR_BYTES);
	while (ring_pair_push(&t, 48, (uint8_t)n))
		n++;
	ck_assert_uint_eq(n, RING_PAIR_BYTES / 64);
	ring_publish(&t.p);
	ck_assert_ptr_null(ring_reserve(&t.p, 0));
	ring_pair_pull(&t, 48, 0);
	ck_assert_ptr_null(ring_reserve(&t.p, 48)); /* looked at is not released */
	ring_release(&t.c);
	ck_assert(ring_pair_push(&t, 48, (uint8_t)n));
	ck_assert_ptr_null(ring_reserve(&t.p, 0));
	ring_publish(&t.p);
	for (unsigned i = 1; i <= n; i++)
		ring_pair_pull(&t, 48, (uint8_t)i);
	ck_assert(!ring_has_next(&t.c));
	ring_pair_done(&t);
}
END_TEST

/* What is reserved and not published counts as taken. */
START_TEST(unpublished_takes_room)
{
	struct ring_pair t;

	ring_pair_init(&t, 256);
	ck_assert(ring_pair_push(&t, 112, 'a'));
	ck_assert(ring_pair_push(&t, 112, 'b'));
	ck_assert_ptr_null(ring_reserve(&t.p, 0));
	ck_assert(!t.p.broken);
	ring_publish(&t.p);
	ring_pair_pull(&t, 112, 'a');
	ring_pair_pull(&t, 112, 'b');
	ring_pair_done(&t);
}
END_TEST

START_TEST(wrap_is_padded)
{
	struct ring_pair t;

	ring_pair_init(&t, 256);
	ck_assert(ring_pair_push(&t, 112, 'a')); /* 0..128 */
	ck_assert(ring_pair_push(&t, 64, 'b'));  /* 128..208 */
	ring_publish(&t.p);
	ring_pair_pull(&t, 112, 'a');
	ring_release(&t.c);
	ck_assert_ptr_null(ring_reserve(&t.p, 128)); /* over the maximum */
	ck_assert(ring_pair_push(&t, 100, 'c'));     /* 48 of padding, then 0..128 */
	ring_publish(&t.p);
	ck_assert_uint_eq(t.shared.tail, 256 + 128);
	ring_pair_pull(&t, 64, 'b');
	ring_pair_pull(&t, 100, 'c');
	ck_assert(!ring_has_next(&t.c));
	ring_release(&t.c);
	ck_assert_uint_eq(t.shared.head, 256 + 128);
	ring_pair_done(&t);
}
END_TEST

/* Indexes that began near the end of their range wrap as all others. */
START_TEST(indexes_may_wrap_too)
{
	struct ring_pair t;
	uint64_t start = UINT64_MAX - 4095 - 512; /* 512 before the wrap, at place 3584 */

	ring_pair_init(&t, RING_PAIR_BYTES);
	start -= start % RING_ALIGN;
	t.shared.head = t.shared.tail = start;
	t.p.tail = t.p.published = t.p.head_seen = start;
	t.c.next = t.c.head = t.c.tail_seen = start;
	for (unsigned i = 0; i < 1000; i++) {
		must(ring_pair_push(&t, i % 300, (uint8_t)i));
		ring_publish(&t.p);
		ring_pair_pull(&t, i % 300, (uint8_t)i);
		ring_release(&t.c);
	}
	ck_assert(!t.p.broken && !t.c.broken);
	ck_assert_uint_lt(t.shared.tail, start);
	ring_pair_done(&t);
}
END_TEST

START_TEST(random_against_queue)
{
	enum { N = 60000 };
	struct rng r = rng_of_run();
	uint16_t *lens = malloc(N * sizeof *lens);
	unsigned reserved = 0, published = 0, looked = 0;
	struct ring_pair t;

	ring_pair_init(&t, RING_PAIR_BYTES);
	while (looked < N) {
		switch (rng_below(&r, 5)) {
		case 0:
		case 1: {
			size_t len = rng_below(
				&r, rng_below(&r, 3) ? 100 : ring_max_body(RING_PAIR_BYTES) + 1);
			uint64_t used = t.p.tail - t.shared.head;
			if (reserved == N)
				break;
			if (ring_pair_push(&t, len, (uint8_t)reserved))
				lens[reserved++] = (uint16_t)len;
			else /* refused only when it is so, padding counted */
				must(used + RING_PAIR_BYTES / 2 + record_size(len) >
				     RING_PAIR_BYTES);
			break;
		}
		case 2:
			ring_publish(&t.p);
			published = reserved;
			break;
		case 3:
			if (looked < published) {
				must(ring_has_next(&t.c));
				ring_pair_pull(&t, lens[looked], (uint8_t)looked);
				looked++;
			} else {
				must(!ring_has_next(&t.c));
			}
			break;
		case 4:
			ring_release(&t.c);
			break;
		}
		must(!t.p.broken && !t.c.broken);
		must(t.shared.tail - t.shared.head <= RING_PAIR_BYTES);
	}
	free(lens);
	ring_pair_done(&t);
}
END_TEST

/* Fills the ring behind a record that the consumer has released but the producer holds. */
static size_t pushes_behind(struct ring_pair *t, const struct ring_record *held)
{
	size_t n = 0, got;

	ring_hold(&t->p, held);
	for (size_t tries = 0; tries < 4 * RING_PAIR_BYTES / 48; tries++) {
		bool fits = ring_pair_push(t, 32, 0x22);
		n += fits;
		(void)ring_publish(&t->p);
		while (ring_next(&t->c, &got))
			continue;
		(void)ring_release(&t->c);
		if (!fits)
			break;
	}
	return n;
}

START_TEST(held_memory_is_not_written)
{
	struct ring_pair t;
	size_t got;

	ring_pair_init(&t, RING_PAIR_BYTES);
	/* Wherever in the ring the held record lies. */
	for (int i = 0; i < 3 * RING_PAIR_BYTES / 64; i++) {
		struct ring_record *held = ring_reserve(&t.p, 48);
		must(held != NULL);
		memset(record_body(held), 0x11, 48);
		(void)ring_publish(&t.p);
		must(ring_next(&t.c, &got) == held);
		(void)ring_release(&t.c);

		size_t n = pushes_behind(&t, held);
		must(n >= (RING_PAIR_BYTES - 64) / 48 - 1 && n <= (RING_PAIR_BYTES - 64) / 48);
		for (int b = 0; b < 48; b++)
			must(((uint8_t *)record_body(held))[b] == 0x11);
		ring_hold(&t.p, NULL);
	}
	/* Nothing held: the ring goes round. */
	must(pushes_behind(&t, NULL) == 4 * RING_PAIR_BYTES / 48);
	ring_pair_done(&t);
}
END_TEST

START_TEST(waiters_are_told_once)
{
	struct ring_pair t;

	ring_pair_init(&t, 256);
	ring_announce_consumer(&t.c);
	ck_assert_uint_eq(t.shared.consumer_waits, 1);
	ck_assert(!ring_publish(&t.p)); /* nothing new: nobody to wake */
	ck_assert(ring_pair_push(&t, 112, 'a'));
	ck_assert(ring_publish(&t.p));
	ck_assert_uint_eq(t.shared.consumer_waits, 0);
	ck_assert(ring_pair_push(&t, 112, 'b'));
	ck_assert(!ring_publish(&t.p));

	ring_announce_producer(&t.p);
	ck_assert(!ring_release(&t.c)); /* nothing was looked at */
	ring_pair_pull(&t, 112, 'a');
	ck_assert(ring_release(&t.c));
	ck_assert_uint_eq(t.shared.producer_waits, 0);
	ring_pair_pull(&t, 112, 'b');
	ck_assert(!ring_release(&t.c));

	/* A word that only the other side could have spoiled wakes nobody, and is cleared. */
	t.shared.consumer_waits = 77;
	ck_assert(ring_pair_push(&t, 1, 'c'));
	ck_assert(!ring_publish(&t.p));
	ck_assert_uint_eq(t.shared.consumer_waits, 0);
	ring_pair_done(&t);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("ring");
	TCase *tc = trun_case(s, "honest");

	tcase_add_test(tc, empty);
	tcase_add_test(tc, invisible_until_published);
	tcase_add_test(tc, states);
	tcase_add_test(tc, lengths_have_a_maximum);
	tcase_add_test(tc, empty_ring_takes_the_largest);
	tcase_add_test(tc, full_then_room_again);
	tcase_add_test(tc, unpublished_takes_room);
	tcase_add_test(tc, wrap_is_padded);
	tcase_add_test(tc, indexes_may_wrap_too);
	tcase_add_test(tc, random_against_queue);
	tcase_add_test(tc, held_memory_is_not_written);
	tcase_add_test(tc, waiters_are_told_once);
	return s;
}
