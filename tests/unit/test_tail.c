#include "common/tail.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <stdlib.h>
#include <string.h>

START_TEST(short_stream_is_kept_whole)
{
	struct tail t;
	uint8_t out[TAIL_MAX_BYTES];

	tail_reset(&t);
	ck_assert_uint_eq(tail_copy(&t, out), 0);
	tail_add(&t, "", 0);
	tail_add(&t, "one ", 4);
	tail_add(&t, "two", 3);
	ck_assert_uint_eq(tail_copy(&t, out), 7);
	ck_assert_mem_eq(out, "one two", 7);
	ck_assert_uint_eq(tail_copy(&t, out), 7); /* copying takes nothing away */
	tail_reset(&t);
	ck_assert_uint_eq(tail_copy(&t, out), 0);
}
END_TEST

static void feed_and_check(const uint8_t *stream, size_t n, struct rng *r, size_t most)
{
	struct tail t;
	uint8_t out[TAIL_MAX_BYTES];

	tail_reset(&t);
	for (size_t at = 0; at < n;) {
		size_t run = rng_below(r, most + 1);
		run = run < n - at ? run : n - at;
		tail_add(&t, stream + at, run);
		at += run;
		size_t expected = at < TAIL_MAX_BYTES ? at : TAIL_MAX_BYTES;
		ck_assert_uint_eq(t.total, at);
		ck_assert_uint_eq(tail_copy(&t, out), expected);
		ck_assert_mem_eq(out, stream + at - expected, expected);
	}
}

START_TEST(last_bytes_of_any_stream)
{
	struct rng r = rng_of_run();
	enum { N = 30000 };
	uint8_t *stream = malloc(N);

	rng_fill(&r, stream, N);
	feed_and_check(stream, N, &r, 10);
	feed_and_check(stream, N, &r, 1000);
	feed_and_check(stream, N, &r, TAIL_MAX_BYTES);
	feed_and_check(stream, N, &r, N);
	free(stream);
}
END_TEST

START_TEST(edges)
{
	uint8_t stream[TAIL_MAX_BYTES * 2 + 1], out[TAIL_MAX_BYTES];
	struct rng r = rng_of_run();

	rng_fill(&r, stream, sizeof stream);
	for (size_t first = 0; first <= TAIL_MAX_BYTES + 1; first += first < 3 ? 1 : 1021) {
		static const size_t seconds[] = {0, 1, TAIL_MAX_BYTES - 1, TAIL_MAX_BYTES};
		for (size_t i = 0; i < 4; i++) {
			struct tail t;
			size_t total = first + seconds[i];
			size_t expected = total < TAIL_MAX_BYTES ? total : TAIL_MAX_BYTES;
			tail_reset(&t);
			tail_add(&t, stream, first);
			tail_add(&t, stream + first, seconds[i]);
			ck_assert_uint_eq(tail_copy(&t, out), expected);
			ck_assert_mem_eq(out, stream + total - expected, expected);
		}
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("tail");
	TCase *tc = trun_case(s, "tail");

	tcase_add_test(tc, short_stream_is_kept_whole);
	tcase_add_test(tc, last_bytes_of_any_stream);
	tcase_add_test(tc, edges);
	return s;
}
