#include "proto/pack.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

START_TEST(none)
{
	struct pack_reader r;
	struct pack_item item;

	ck_assert_int_eq(pack_open(SPAN_EMPTY, 0, &r), 0);
	ck_assert_int_eq(pack_next(&r, &item), 0);
	ck_assert_int_eq(pack_open(span_str("x"), 0, &r), 0);
	ck_assert_int_eq(pack_next(&r, &item), -EPROTO); /* a byte that is nobody's */
}
END_TEST

START_TEST(two_items)
{
	static const char pack[] = "\0\0\0\0\0\0\0\1\x01\x02\x03\x04\0\0\0\2abc";
	struct pack_reader r;
	struct pack_item item;

	ck_assert_int_eq(pack_open(span_of(pack, 19), 2, &r), 0);
	ck_assert_int_eq(pack_next(&r, &item), 1);
	ck_assert_uint_eq(item.status, 0);
	ck_assert(span_equal(item.bytes, span_str("a")));
	ck_assert_ptr_eq(item.bytes.data, pack + 16);
	ck_assert_int_eq(pack_next(&r, &item), 1);
	ck_assert_uint_eq(item.status, 0x01020304);
	ck_assert(span_equal(item.bytes, span_str("bc")));
	ck_assert_int_eq(pack_next(&r, &item), 0);
	ck_assert_int_eq(pack_next(&r, &item), 0);
}
END_TEST

START_TEST(header)
{
	uint8_t p[8];

	pack_put_header(p, 0x01020304, 0xa0b0c0d0);
	ck_assert_mem_eq(p, "\x01\x02\x03\x04\xa0\xb0\xc0\xd0", 8);
}
END_TEST

START_TEST(too_many_items)
{
	static uint8_t bytes[80];
	struct pack_reader r;

	ck_assert_int_eq(pack_open(span_of(bytes, 80), 10, &r), 0);
	ck_assert_int_eq(pack_open(span_of(bytes, 79), 10, &r), -EPROTO);
	ck_assert_int_eq(pack_open(span_of(bytes, 80), 11, &r), -EPROTO);
	ck_assert_int_eq(pack_open(SPAN_EMPTY, 1, &r), -EPROTO);
	/* 8 times this is 8 in 32 bits */
	ck_assert_int_eq(pack_open(span_of(bytes, 80), 0x20000001, &r), -EPROTO);
	ck_assert_int_eq(pack_open(span_of(bytes, 80), UINT32_MAX, &r), -EPROTO);
	ck_assert_int_eq(pack_open(span_of(bytes, (size_t)1 << 40), PACK_ITEMS_MAX + 1, &r),
			 -EPROTO);
}
END_TEST

/* 1 and 0 as often as there are items, or -EPROTO at some point. */
static int walk(const uint8_t *p, size_t n, uint32_t items)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct pack_reader r;
	struct pack_item item;

	if (n > 0)
		memcpy(copy, p, n);
	int got = pack_open(span_of(copy, n), items, &r);
	if (got == 0) {
		while ((got = pack_next(&r, &item)) == 1) {
			const uint8_t *from = item.bytes.data;
			must(items-- > 0);
			must(from >= copy && item.bytes.len <= (size_t)(copy + n - from));
		}
	}
	free(copy);
	return got;
}

static size_t build(struct rng *r, uint8_t *p, uint32_t items)
{
	size_t at = (size_t)items * PACK_ITEM_HEADER_BYTES;

	for (uint32_t i = 0; i < items; i++) {
		uint32_t len = (uint32_t)rng_below(r, 30);
		pack_put_header(p + (size_t)i * PACK_ITEM_HEADER_BYTES, (uint32_t)rng_next(r), len);
		rng_fill(r, p + at, len);
		at += len;
	}
	return at;
}

START_TEST(random_packs)
{
	struct rng r = rng_of_run();
	static uint8_t bytes[4096];

	for (int i = 0; i < 500; i++) {
		uint32_t items = (uint32_t)rng_below(&r, 40);
		size_t n = build(&r, bytes, items);
		must(walk(bytes, n, items) == 0);
		for (size_t cut = 0; cut < n; cut++)
			must(walk(bytes, cut, items) == -EPROTO);
		must(walk(bytes, n + 1, items) == -EPROTO);
		if (items > 0)
			must(walk(bytes, n, items - 1) == -EPROTO);
	}
}
END_TEST

START_TEST(mutations)
{
	struct rng r = rng_of_run();
	static uint8_t bytes[4096];

	for (int i = 0; i < 20000; i++) {
		uint32_t items = (uint32_t)rng_below(&r, 20);
		size_t n = rng_mutate(&r, bytes, build(&r, bytes, items), sizeof bytes);
		int got = walk(bytes, n, items);
		must(got == 0 || got == -EPROTO);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("pack");
	TCase *tc = trun_case(s, "pack");

	tcase_add_test(tc, none);
	tcase_add_test(tc, two_items);
	tcase_add_test(tc, header);
	tcase_add_test(tc, too_many_items);
	tcase_add_test(tc, random_packs);
	tcase_add_test(tc, mutations);
	return s;
}
