#include "common/heap.h"
#include "common/util.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

START_TEST(empty)
{
	struct heap h;
	struct heap_entry e;

	heap_init(&h);
	heap_entry_init(&e);
	ck_assert_ptr_null(heap_top(&h));
	ck_assert(!heap_holds(&e));
	heap_remove(&h, &e); /* in none: fine */
	ck_assert_ptr_null(heap_top(&h));
	heap_done(&h);
}
END_TEST

START_TEST(least_on_top)
{
	struct heap h;
	struct heap_entry e[5];
	static const uint64_t keys[5] = {7, 3, UINT64_MAX, 0, 3};
	static const uint64_t sorted[5] = {0, 3, 3, 7, UINT64_MAX};

	heap_init(&h);
	for (unsigned i = 0; i < 5; i++) {
		heap_entry_init(&e[i]);
		ck_assert_int_eq(heap_set(&h, &e[i], keys[i]), 0);
		ck_assert(heap_holds(&e[i]));
	}
	for (unsigned i = 0; i < 5; i++) {
		struct heap_entry *top = heap_top(&h);
		ck_assert_uint_eq(top->key, sorted[i]);
		heap_remove(&h, top);
		ck_assert(!heap_holds(top));
	}
	ck_assert_ptr_null(heap_top(&h));
	heap_done(&h);
}
END_TEST

START_TEST(set_moves_one_that_is_in)
{
	struct heap h;
	struct heap_entry a, b;

	heap_init(&h);
	heap_entry_init(&a);
	heap_entry_init(&b);
	heap_set(&h, &a, 1);
	heap_set(&h, &b, 2);
	heap_set(&h, &a, 3); /* later */
	ck_assert_ptr_eq(heap_top(&h), &b);
	heap_set(&h, &a, 1); /* and earlier again */
	ck_assert_ptr_eq(heap_top(&h), &a);
	ck_assert_uint_eq(h.len, 2);
	heap_done(&h);
}
END_TEST

static void check_shape(const struct heap *h)
{
	for (uint32_t i = 0; i < h->len; i++) {
		must(h->entries[i]->place == i);
		if (i > 0)
			must(h->entries[(i - 1) / 2]->key <= h->entries[i]->key);
	}
}

/* The model is the flat list of who is in, searched for its least key. */
START_TEST(random_against_model)
{
	enum { N = 300 };
	struct rng r = rng_of_run();
	struct heap_entry e[N];
	bool in[N] = {false};
	uint64_t keys[N];
	uint32_t len = 0;
	struct heap h;

	heap_init(&h);
	for (unsigned i = 0; i < N; i++)
		heap_entry_init(&e[i]);
	for (int op = 0; op < 20000; op++) {
		unsigned i = (unsigned)rng_below(&r, N);
		if (rng_below(&r, 5) < 3) {
			keys[i] = rng_below(&r, 3) ? rng_below(&r, 50) : rng_wide(&r);
			ck_assert_int_eq(heap_set(&h, &e[i], keys[i]), 0);
			len += !in[i];
			in[i] = true;
		} else {
			heap_remove(&h, &e[i]);
			len -= in[i];
			in[i] = false;
		}
		uint64_t least = UINT64_MAX;
		for (unsigned k = 0; k < N; k++) {
			must(heap_holds(&e[k]) == in[k]);
			if (in[k])
				least = min_u64(least, keys[k]);
		}
		ck_assert_uint_eq(h.len, len);
		ck_assert_int_eq(heap_top(&h) == NULL, len == 0);
		if (len > 0)
			ck_assert_uint_eq(heap_top(&h)->key, least);
		if (op % 16 == 0)
			check_shape(&h);
	}
	heap_done(&h);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("heap");
	TCase *tc = trun_case(s, "heap");

	tcase_add_test(tc, empty);
	tcase_add_test(tc, least_on_top);
	tcase_add_test(tc, set_moves_one_that_is_in);
	tcase_add_test(tc, random_against_model);
	return s;
}
