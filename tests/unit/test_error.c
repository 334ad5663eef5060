#include "proto/error.h"
#include "tests/lib/conversation.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static uint8_t encoded[ERROR_ENCODED_MAX];

static struct error_info recode(const struct error_info *e)
{
	struct error_info got;

	size_t n = error_encode(e, encoded);
	ck_assert_uint_le(n, ERROR_ENCODED_MAX);
	arena_reset(&arena);
	ck_assert_int_eq(error_decode(span_of(encoded, n), &arena, &got), 0);
	return got;
}

START_TEST(full)
{
	struct error_info e = conversation_error();
	struct error_info got = recode(&e);

	ck_assert(span_equal(got.type, e.type));
	ck_assert(span_equal(got.message, e.message));
	ck_assert(span_equal(got.detail, e.detail));
	ck_assert(span_equal(got.hint, e.hint));
	ck_assert(span_equal(got.details, e.details));
	ck_assert(span_equal(got.traceback, e.traceback));
	ck_assert_int_eq(got.executed, FUT_EXECUTED_YES);
	ck_assert_int_eq(got.retry, FUT_RETRY_NEW_JOB);
	ck_assert(got.has_death);
	ck_assert_int_eq(got.death.pid, 4711);
	ck_assert_int_eq(got.death.signal, SIGSEGV);
	ck_assert_int_eq(got.death.exit_code, -1);
	ck_assert(got.death.core_dumped);
	ck_assert(got.death.out_of_memory);
	ck_assert_uint_eq(got.death.cpu_us, 1234567);
	ck_assert_uint_eq(got.death.max_rss_bytes, 1u << 30);
	ck_assert(span_equal(got.death.stderr_tail, e.death.stderr_tail));
}
END_TEST

START_TEST(empty)
{
	struct error_info e = {.executed = FUT_EXECUTED_NO};

	ck_assert_uint_eq(error_encode(&e, encoded), 0);
	struct error_info got = recode(&e);
	ck_assert_uint_eq(got.message.len, 0);
	ck_assert(!got.has_death);
	ck_assert_int_eq(got.retry, FUT_RETRY_NEVER);
}
END_TEST

START_TEST(exit_codes)
{
	for (int code = 0; code < 256; code++) {
		struct error_info e = {.has_death = true, .death = {.pid = 1, .exit_code = code}};
		struct error_info got = recode(&e);
		ck_assert(got.has_death);
		ck_assert_int_eq(got.death.exit_code, code);
		ck_assert_int_eq(got.death.signal, 0);
	}
}
END_TEST

/* Every length is cut at its own maximum, and one byte less is not cut. */
static void check_lengths(size_t extra_type, size_t extra)
{
	static char text[2 * ERROR_DETAILS_MAX];
	size_t less = extra == 0 ? 1 : 0; /* by how much a short one is under its maximum */

	memset(text, 't', sizeof text);
	struct error_info e = {
		.type = span_of(text, ERROR_TYPE_MAX + extra_type - less),
		.message = span_of(text, ERROR_TEXT_MAX + extra - less),
		.detail = span_of(text, ERROR_TEXT_MAX + extra - less),
		.hint = span_of(text, ERROR_TEXT_MAX + extra - less),
		.details = span_of(text, ERROR_DETAILS_MAX + extra - less),
		.traceback = span_of(text, ERROR_TRACEBACK_MAX + extra - less),
		.executed = FUT_EXECUTED_YES,
		.retry = FUT_RETRY_NEW_JOB,
		.has_death = true,
		.death = {.pid = INT64_MAX,
			  .exit_code = -1,
			  .signal = 64,
			  .core_dumped = true,
			  .out_of_memory = true,
			  .cpu_us = UINT64_MAX,
			  .max_rss_bytes = UINT64_MAX,
			  .stderr_tail = span_of(text, ERROR_STDERR_MAX + extra - less)},
	};
	struct error_info got = recode(&e);
	ck_assert_uint_eq(got.type.len, ERROR_TYPE_MAX - less);
	ck_assert_uint_eq(got.message.len, ERROR_TEXT_MAX - less);
	ck_assert_uint_eq(got.detail.len, ERROR_TEXT_MAX - less);
	ck_assert_uint_eq(got.hint.len, ERROR_TEXT_MAX - less);
	ck_assert_uint_eq(got.details.len, ERROR_DETAILS_MAX - less);
	ck_assert_uint_eq(got.traceback.len, ERROR_TRACEBACK_MAX - less);
	ck_assert_uint_eq(got.death.stderr_tail.len, ERROR_STDERR_MAX - less);
	ck_assert_uint_eq(got.death.max_rss_bytes, UINT64_MAX);
}

START_TEST(cut_at_maxima)
{
	check_lengths(0, 0);
	check_lengths(1, 1);
	check_lengths(1000, 10000);
}
END_TEST

/* Even numbers that no honest caller has stay within ERROR_ENCODED_MAX. */
START_TEST(largest_is_within_its_bound)
{
	static char text[ERROR_DETAILS_MAX];
	struct span max = span_of(text, sizeof text);
	struct error_info e = {
		.type = max,
		.message = max,
		.detail = max,
		.hint = max,
		.details = max,
		.traceback = max,
		.executed = (fut_executed)-1,
		.retry = (fut_retry)-1,
		.has_death = true,
		.death = {.pid = -1,
			  .exit_code = -1,
			  .signal = 0,
			  .core_dumped = true,
			  .out_of_memory = true,
			  .cpu_us = UINT64_MAX,
			  .max_rss_bytes = UINT64_MAX,
			  .stderr_tail = max},
	};
	struct error_info got = recode(&e);
	/* Numbers this version does not know become the careful ones. */
	ck_assert_int_eq(got.executed, FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(got.retry, FUT_RETRY_NEVER);
	ck_assert_int_eq(got.death.pid, -1);
}
END_TEST

START_TEST(decode_refuses_garbage)
{
	struct error_info e = conversation_error();
	size_t n = error_encode(&e, encoded);
	struct error_info got = {.message = span_str("untouched")};
	unsigned refused = 0;

	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		memcpy(copy, encoded, cut);
		arena_reset(&arena);
		int r = error_decode(span_of(copy, cut), &arena, &got);
		must(r == 0 || r == -EPROTO);
		refused += r != 0;
		free(copy);
	}
	/* Ten members, so at most eleven cuts between them are errors of their own. */
	ck_assert_uint_ge(refused, n - 11);
	got.message = span_str("untouched");
	ck_assert_int_eq(error_decode(span_str("\xff"), &arena, &got), -EPROTO);
	ck_assert(span_equal(got.message, span_str("untouched")));
	ck_assert_int_eq(error_decode(span_of("\x4a\x01\x0f", 3), &arena, &got), -EPROTO);
}
END_TEST

START_TEST(decode_ends_with_the_arena)
{
	static uint8_t hostile[60000];
	struct error_info got;

	for (size_t i = 0; i < sizeof hostile; i += 2)
		memcpy(hostile + i, "\x0a\x00", 2);
	arena_reset(&arena);
	ck_assert_int_eq(error_decode(span_of(hostile, sizeof hostile), &arena, &got), -EPROTO);
	ck_assert_uint_le(arena.used, ARENA_BYTES);
}
END_TEST

/* The spans lie in the arena: the bytes that were decoded may go. */
START_TEST(decoded_spans_live_in_the_arena)
{
	struct error_info e = conversation_error();
	struct error_info got = recode(&e);

	memset(encoded, 0xee, sizeof encoded);
	ck_assert(span_equal(got.message, e.message));
	ck_assert(span_equal(got.death.stderr_tail, e.death.stderr_tail));
	const unsigned char *p = got.message.data;
	ck_assert(p >= arena.mem && p < arena.mem + ARENA_BYTES);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("error");
	TCase *tc = trun_case(s, "error");

	tcase_add_test(tc, full);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, exit_codes);
	tcase_add_test(tc, cut_at_maxima);
	tcase_add_test(tc, largest_is_within_its_bound);
	tcase_add_test(tc, decode_refuses_garbage);
	tcase_add_test(tc, decode_ends_with_the_arena);
	tcase_add_test(tc, decoded_spans_live_in_the_arena);
	return s;
}
