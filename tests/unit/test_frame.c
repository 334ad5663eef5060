#include "proto/frame.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <string.h>

static const struct frame_limits limits = {.envelope_bytes = 100, .payload_bytes = 200};

static int64_t cut_header(uint32_t envelope, uint32_t payload, const struct frame_limits *l,
			  size_t *ret_need)
{
	uint8_t header[FRAME_HEADER_BYTES];
	struct frame f;

	frame_put_header(header, envelope, payload);
	*ret_need = 0;
	return frame_cut(header, sizeof header, l, &f, ret_need);
}

START_TEST(header_is_big_endian)
{
	uint8_t header[8];

	frame_put_header(header, 0x01020304, 0xfffefdfc);
	ck_assert_mem_eq(header, "\x01\x02\x03\x04\xff\xfe\xfd\xfc", 8);
}
END_TEST

START_TEST(whole_frame)
{
	const uint8_t bytes[] = "\0\0\0\3\0\0\0\4envpaylNEXT";
	struct frame f;
	size_t need;

	ck_assert_int_eq(frame_cut(bytes, 19, &limits, &f, &need), 15);
	ck_assert_uint_eq(f.envelope.len, 3);
	ck_assert_ptr_eq(f.envelope.data, bytes + 8);
	ck_assert_uint_eq(f.payload.len, 4);
	ck_assert_ptr_eq(f.payload.data, bytes + 11);
}
END_TEST

START_TEST(every_short_length_says_what_it_needs)
{
	const uint8_t bytes[] = "\0\0\0\3\0\0\0\4envpayl";
	struct frame f;
	size_t need;

	for (size_t n = 0; n < 15; n++) {
		ck_assert_int_eq(frame_cut(bytes, n, &limits, &f, &need), 0);
		ck_assert_uint_eq(need, n < 8 ? 8 : 15);
	}
	ck_assert_int_eq(frame_cut(bytes, 15, &limits, &f, &need), 15);
}
END_TEST

START_TEST(limits_are_exact)
{
	size_t need;

	ck_assert_int_eq(cut_header(100, 200, &limits, &need), 0);
	ck_assert_uint_eq(need, 308);
	ck_assert_int_eq(cut_header(101, 0, &limits, &need), -EMSGSIZE);
	ck_assert_int_eq(cut_header(1, 201, &limits, &need), -EMSGSIZE);
	ck_assert_int_eq(cut_header(UINT32_MAX, UINT32_MAX, &limits, &need), -EMSGSIZE);
	ck_assert_int_eq(cut_header(0, 201, &limits, &need), -EMSGSIZE);
	ck_assert_int_eq(cut_header(0, 0, &limits, &need), -EPROTO);
	ck_assert_int_eq(cut_header(0, 5, &limits, &need), -EPROTO);
}
END_TEST

/* The lengths add up in 64 bits. */
START_TEST(largest_lengths_do_not_wrap)
{
	static const struct frame_limits all = {UINT32_MAX, UINT32_MAX};
	size_t need;

	ck_assert_int_eq(cut_header(UINT32_MAX, UINT32_MAX, &all, &need), 0);
	ck_assert_uint_eq(need, 8 + 2 * (uint64_t)UINT32_MAX);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("frame");
	TCase *tc = trun_case(s, "frame");

	tcase_add_test(tc, header_is_big_endian);
	tcase_add_test(tc, whole_frame);
	tcase_add_test(tc, every_short_length_says_what_it_needs);
	tcase_add_test(tc, limits_are_exact);
	tcase_add_test(tc, largest_lengths_do_not_wrap);
	return s;
}
