/* A ring whose other end writes what it likes. */
#include "tests/lib/ring_pair.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <string.h>

/* Three records of 64 bytes published, the first one looked at and released. */
static void start_hostile(struct ring_pair *t)
{
	ring_pair_init(t, RING_PAIR_BYTES);
	for (int i = 0; i < 3; i++)
		must(ring_pair_push(t, 48, 'h'));
	ring_publish(&t->p);
	ring_pair_pull(t, 48, 'h');
	ring_release(&t->c);
	must(t->shared.head == 64 && t->shared.tail == 192);
}

static void consumer_must_break(struct ring_pair *t)
{
	size_t len;

	while (ring_next(&t->c, &len))
		;
	ck_assert(t->c.broken);
	/* From then on nothing, whatever the memory says. */
	atomic_store(&t->shared.tail, 192);
	ck_assert(!ring_has_next(&t->c));
	ck_assert_ptr_null(ring_next(&t->c, &len));
}

START_TEST(consumer_sees_a_bad_tail)
{
	static const uint64_t tails[] = {
		64 + RING_PAIR_BYTES + 16, /* more than the ring holds */
		UINT64_MAX - 15,
		0,
		48,  /* before the head */
		128, /* backwards: 192 was seen */
		193,
		200,
		208 + 8, /* between places */
		UINT64_C(1) << 63,
	};

	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		struct ring_pair t;
		size_t len;
		start_hostile(&t);
		ck_assert_ptr_nonnull(ring_next(&t.c, &len));
		ck_assert_ptr_nonnull(ring_next(&t.c, &len)); /* 192 was seen */
		t.shared.tail = tails[i];
		ck_assert(!ring_has_next(&t.c));
		consumer_must_break(&t);
		ring_pair_done(&t);
	}
}
END_TEST

START_TEST(consumer_sees_a_bad_size)
{
	static const uint32_t sizes[] = {
		0,
		1,
		8,
		15,
		17,
		63,
		65,                        /* no header, no alignment */
		144,                       /* beyond the tail */
		RING_PAIR_BYTES - 64 + 16, /* beyond the end */
		RING_PAIR_BYTES,
		2 * RING_PAIR_BYTES,
		0x80000000,
		UINT32_MAX,
		UINT32_MAX - 15,
	};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct ring_pair t;
		start_hostile(&t);
		struct ring_record *r = (struct ring_record *)(void *)(t.data + 64);
		atomic_store(&r->size, sizes[i]);
		consumer_must_break(&t);
		ck_assert_uint_eq(t.c.next, 64);
		ring_pair_done(&t);
	}
}
END_TEST

/* One record that says it goes up to `size` bytes, under a tail that allows all of them. */
static struct ring_record *record_up_to(struct ring_pair *t, uint64_t size, size_t *ret_len)
{
	start_hostile(t);
	ring_pair_pull(t, 48, 'h');
	ring_pair_pull(t, 48, 'h');
	struct ring_record *r = (struct ring_record *)(void *)(t->data + 192);
	atomic_store(&r->size, (uint32_t)size);
	atomic_store(&r->state, RECORD_READY);
	t->shared.tail = 64 + RING_PAIR_BYTES;
	return ring_next(&t->c, ret_len);
}

START_TEST(consumer_sees_a_record_over_the_end)
{
	struct ring_pair t;
	size_t len;

	ck_assert_ptr_nonnull(record_up_to(&t, RING_PAIR_BYTES - 192, &len));
	ck_assert_uint_eq(len, RING_PAIR_BYTES - 192 - RING_HEADER_BYTES);
	ck_assert(!t.c.broken);
	ring_pair_done(&t);
	ck_assert_ptr_null(record_up_to(&t, RING_PAIR_BYTES - 192 + 16, &len));
	consumer_must_break(&t);
	ring_pair_done(&t);
}
END_TEST

/* Padding without end: the consumer comes back, and stops where the ring is full. */
START_TEST(nothing_but_padding)
{
	struct ring_pair t;
	size_t len;

	ring_pair_init(&t, RING_PAIR_BYTES);
	for (size_t at = 0; at < RING_PAIR_BYTES; at += 16) {
		struct ring_record *r = (struct ring_record *)(void *)(t.data + at);
		atomic_store(&r->size, 16);
		atomic_store(&r->state, RECORD_PAD);
	}
	t.shared.tail = RING_PAIR_BYTES;
	ck_assert_ptr_null(ring_next(&t.c, &len));
	ck_assert(!t.c.broken);
	ck_assert_uint_eq(t.c.next, RING_PAIR_BYTES);
	t.shared.tail = RING_PAIR_BYTES + 16; /* nothing was released: a full ring cannot grow */
	ck_assert_ptr_null(ring_next(&t.c, &len));
	ck_assert(t.c.broken);
	ring_pair_done(&t);
}
END_TEST

START_TEST(producer_sees_a_bad_head)
{
	static const uint64_t heads[] = {
		192 + 16, /* beyond the tail */
		0,
		48,
		UINT64_MAX - 15, /* backwards: 64 was seen */
		65,
		72, /* between places */
		UINT64_C(1) << 63,
	};

	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct ring_pair t;
		start_hostile(&t);
		while (ring_pair_push(&t, 48, 'x')) /* full: 64 was seen */
			;
		ck_assert(!t.p.broken);
		ck_assert_uint_eq(t.p.head_seen, 64);
		/* Reserved is not published: the head may not pass what was. */
		t.shared.head = heads[i];
		ck_assert_ptr_null(ring_reserve(&t.p, 48));
		ck_assert(t.p.broken);
		t.shared.head = 192;
		ck_assert_ptr_null(ring_reserve(&t.p, 0));
		ring_pair_done(&t);
	}
}
END_TEST

/* The producer never reads its own index or records back. */
START_TEST(producer_keeps_its_own_counsel)
{
	struct ring_pair t;

	start_hostile(&t);
	t.shared.tail = 12345;
	memset(t.data, 0xff, RING_PAIR_BYTES);
	ck_assert(ring_pair_push(&t, 48, 'x'));
	ring_publish(&t.p);
	ck_assert_uint_eq(t.shared.tail, 256);
	ck_assert(!t.p.broken);
	ring_pair_done(&t);

	start_hostile(&t);
	t.shared.head = 0; /* the consumer's own, spoiled by the other side */
	ring_pair_pull(&t, 48, 'h');
	ring_release(&t.c);
	ck_assert_uint_eq(t.shared.head, 128);
	ring_pair_done(&t);
}
END_TEST

/* Random memory, random indexes: what comes out lies in the ring. */
START_TEST(garbage)
{
	struct rng r = rng_of_run();

	for (int round = 0; round < 3000; round++) {
		struct ring_pair t;
		size_t len;
		ring_pair_init(&t, 1024);
		for (size_t at = 0; at < 1024; at += 16) {
			uint32_t words[4] = {(uint32_t)rng_below(&r, 20) * 16,
					     (uint32_t)rng_below(&r, 5)};
			if (rng_below(&r, 30) == 0)
				words[0] = (uint32_t)rng_next(&r);
			memcpy(t.data + at, words, 16);
		}
		for (int i = 0; i < 100 && !t.c.broken; i++) {
			if (rng_below(&r, 3) == 0)
				t.shared.tail = rng_below(&r, 20)
							? t.c.next + rng_below(&r, 60) * 16
							: rng_next(&r);
			struct ring_record *rec = ring_next(&t.c, &len);
			if (rec) {
				must((uint8_t *)rec >= t.data && (uintptr_t)rec % 16 == 0);
				must((uint8_t *)record_body(rec) + len <= t.data + 1024);
			}
			if (rng_below(&r, 2))
				ring_release(&t.c);
			must(t.c.next - t.c.head <= 1024);
		}
		ring_pair_done(&t);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("ring_hostile");
	TCase *tc = trun_case(s, "hostile");

	tcase_add_test(tc, consumer_sees_a_bad_tail);
	tcase_add_test(tc, consumer_sees_a_bad_size);
	tcase_add_test(tc, consumer_sees_a_record_over_the_end);
	tcase_add_test(tc, nothing_but_padding);
	tcase_add_test(tc, producer_sees_a_bad_head);
	tcase_add_test(tc, producer_keeps_its_own_counsel);
	tcase_add_test(tc, garbage);
	return s;
}
