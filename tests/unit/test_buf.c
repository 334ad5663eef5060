#include "common/buf.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

START_TEST(empty_owns_no_memory)
{
	struct buf b;

	buf_init(&b, 100);
	ck_assert_ptr_null(b.mem);
	ck_assert_uint_eq(buf_len(&b), 0);
	ck_assert_int_eq(buf_add(&b, "", 0), 0);
	ck_assert_ptr_null(b.mem);
	buf_trim(&b, 0);
	buf_done(&b);
}
END_TEST

START_TEST(limit_is_exact)
{
	struct buf b;

	buf_init(&b, 10);
	ck_assert_int_eq(buf_add(&b, "0123456789", 10), 0);
	ck_assert_int_eq(buf_add(&b, "x", 1), -EMSGSIZE);
	ck_assert_uint_eq(buf_len(&b), 10);
	ck_assert_mem_eq(buf_data(&b), "0123456789", 10);
	errno = 0;
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	ck_assert_int_eq(errno, EMSGSIZE);

	/* What was consumed no longer counts. */
	buf_consume(&b, 4);
	ck_assert_int_eq(buf_add(&b, "abcde", 5), -EMSGSIZE);
	ck_assert_int_eq(buf_add(&b, "abcd", 4), 0);
	ck_assert_mem_eq(buf_data(&b), "456789abcd", 10);
	buf_done(&b);
}
END_TEST

START_TEST(limit_zero_takes_nothing)
{
	struct buf b;

	buf_init(&b, 0);
	ck_assert_int_eq(buf_add(&b, "", 0), 0);
	ck_assert_int_eq(buf_add(&b, "x", 1), -EMSGSIZE);
	ck_assert_ptr_null(b.mem);
	buf_done(&b);
}
END_TEST

START_TEST(reserve_is_not_content)
{
	struct buf b;

	buf_init(&b, 1000);
	uint8_t *p = buf_reserve(&b, 100);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(buf_len(&b), 0);
	memcpy(p, "hello", 5);
	buf_commit(&b, 5);
	ck_assert_uint_eq(buf_len(&b), 5);
	ck_assert_mem_eq(buf_data(&b), "hello", 5);
	buf_done(&b);
	ck_assert_ptr_null(b.mem);
	ck_assert_uint_eq(b.limit, 1000);
}
END_TEST

START_TEST(trim_keeps_small_and_full)
{
	struct buf b;
	char text[3000] = {0};

	buf_init(&b, SIZE_MAX);
	ck_assert_int_eq(buf_add(&b, text, sizeof text), 0);
	buf_trim(&b, 0);
	ck_assert_uint_eq(buf_len(&b), sizeof text); /* there is content: nothing happens */
	buf_consume(&b, sizeof text);
	buf_trim(&b, 1 << 20);
	ck_assert_ptr_nonnull(b.mem);
	buf_trim(&b, 0);
	ck_assert_ptr_null(b.mem);
	ck_assert_uint_eq(b.cap, 0);
	buf_done(&b);
}
END_TEST

/* A buffer that is always drained does not grow for ever. */
START_TEST(memory_follows_content)
{
	struct buf b;
	char text[700] = {0};

	buf_init(&b, SIZE_MAX);
	ck_assert_int_eq(buf_add(&b, text, 300), 0);
	for (int i = 0; i < 10000; i++) {
		ck_assert_int_eq(buf_add(&b, text, sizeof text), 0);
		buf_consume(&b, sizeof text);
	}
	ck_assert_uint_eq(buf_len(&b), 300);
	ck_assert_uint_le(b.cap, 4096);
	buf_done(&b);
}
END_TEST

/* Any run of operations against a plain array that is written once and read once. */
START_TEST(random_against_model)
{
	struct rng r = rng_of_run();
	enum { MODEL = 1 << 20, LIMIT = 9000 };
	uint8_t *model = malloc(MODEL);
	size_t from = 0, to = 0;
	struct buf b;

	rng_fill(&r, model, MODEL);
	buf_init(&b, LIMIT);
	for (int i = 0; i < 20000; i++) {
		size_t n = rng_below(&r, rng_below(&r, 4) ? 200 : 5000);
		switch (rng_below(&r, 4)) {
		case 0:
			n = n < to - from ? n : to - from;
			buf_consume(&b, n);
			from += n;
			break;
		case 1:
			buf_trim(&b, rng_below(&r, 4096));
			break;
		default:
			if (n > MODEL - to)
				break;
			int expected = n > LIMIT - (to - from) ? -EMSGSIZE : 0;
			ck_assert_int_eq(buf_add(&b, model + to, n), expected);
			to += expected == 0 ? n : 0;
		}
		ck_assert_uint_eq(buf_len(&b), to - from);
		if (to > from)
			ck_assert_mem_eq(buf_data(&b), model + from, to - from);
	}
	buf_done(&b);
	free(model);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("buf");
	TCase *tc = trun_case(s, "buf");

	tcase_add_test(tc, empty_owns_no_memory);
	tcase_add_test(tc, limit_is_exact);
	tcase_add_test(tc, limit_zero_takes_nothing);
	tcase_add_test(tc, reserve_is_not_content);
	tcase_add_test(tc, trim_keeps_small_and_full);
	tcase_add_test(tc, memory_follows_content);
	tcase_add_test(tc, random_against_model);
	return s;
}
