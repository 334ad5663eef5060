#include "proto/result.h"

#include "proto/envelope.h"
#include "proto/error.h"
#include "proto/frame.h"
#include "tests/lib/codec_cases.h"
#include "tests/lib/conversation.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/futured.pb-c.h"

static enum codec_verdict diff(const uint8_t *p, size_t n)
{
	return codec_compare(codec_diff_result, p, n);
}

static struct result random_result(struct rng *r)
{
	return (struct result){
		.id = rng_wide(r),
		.status = (uint32_t)rng_wide(r),
		.attempt = (uint32_t)rng_wide(r),
		.dispatched_us = rng_wide(r),
		.started_us = rng_wide(r),
		.finished_us = rng_wide(r),
		.first_chunk_us = rng_wide(r),
		.cpu_us = rng_wide(r),
		.queued_us = rng_wide(r),
	};
}

START_TEST(encode_is_read_by_protobuf)
{
	static const struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1 << 20};
	static uint8_t encoded[ERROR_ENCODED_MAX];
	struct error_info error = conversation_error();
	size_t error_len = error_encode(&error, encoded);
	struct rng r = rng_of_run();
	char payload[500];
	struct frame f;
	size_t need;
	struct buf out;

	rng_fill(&r, payload, sizeof payload);
	buf_init(&out, SIZE_MAX);
	for (int i = 0; i < 3000; i++) {
		struct result res = random_result(&r);
		struct span data = span_of(payload, rng_below(&r, sizeof payload));
		if (i % 3 == 0)
			res.error = span_of(encoded, i % 2 ? error_len : 0);

		must(result_put(&out, &res, data) == 0);
		must(frame_cut(buf_data(&out), buf_len(&out), &limits, &f, &need) ==
		     (int64_t)buf_len(&out));
		must(span_equal(f.payload, data));
		Futwire__Frame *pb = futwire__frame__unpack(NULL, f.envelope.len, f.envelope.data);
		must(pb && pb->kind_case == FUTWIRE__FRAME__KIND_RESULT);
		const Futwire__Result *got = pb->result;
		must(got->id == res.id && got->status == res.status);
		must(got->attempt == res.attempt && got->dispatched_us == res.dispatched_us);
		must(got->started_us == res.started_us && got->finished_us == res.finished_us);
		must(got->first_chunk_us == res.first_chunk_us && got->cpu_us == res.cpu_us);
		must(got->queued_us == res.queued_us);
		must((got->error != NULL) == (i % 3 == 0));
		if (got->error && i % 2)
			must(span_equal(error.message, span_of(got->error->message.data,
							       got->error->message.len)));
		must(futwire__frame__get_packed_size(pb) == f.envelope.len);
		futwire__frame__free_unpacked(pb, NULL);
		buf_consume(&out, buf_len(&out));
	}
	buf_done(&out);
}
END_TEST

START_TEST(encode_then_decode)
{
	struct rng r = rng_of_run();
	struct result got;
	struct span message;
	uint32_t kind;
	struct buf out;

	buf_init(&out, SIZE_MAX);
	for (int i = 0; i < 3000; i++) {
		struct result res = random_result(&r);
		if (i % 2)
			res.error = span_str("any bytes: the parser does not look inside");
		must(result_put(&out, &res, SPAN_EMPTY) == 0);
		struct span envelope = span_of(buf_data(&out) + 8, buf_len(&out) - 8);
		must(envelope_open(envelope, &kind, &message) == 0 && kind == MESSAGE_RESULT);
		must(result_parse(message, &got) == 0);
		must(got.id == res.id && got.status == res.status && got.attempt == res.attempt);
		must(got.dispatched_us == res.dispatched_us && got.started_us == res.started_us);
		must(got.finished_us == res.finished_us);
		must(got.first_chunk_us == res.first_chunk_us && got.cpu_us == res.cpu_us);
		must(got.queued_us == res.queued_us);
		must((got.error.data != NULL) == (res.error.data != NULL));
		must(span_equal(got.error, res.error));
		buf_consume(&out, buf_len(&out));
	}
	buf_done(&out);
}
END_TEST

/* The largest error there can be fits a frame with the largest numbers. */
START_TEST(largest_fits)
{
	static char encoded[ERROR_ENCODED_MAX];
	struct result res = {UINT64_MAX,
			     UINT32_MAX,
			     UINT32_MAX,
			     UINT64_MAX,
			     UINT64_MAX,
			     UINT64_MAX,
			     span_of(encoded, sizeof encoded),
			     UINT64_MAX,
			     UINT64_MAX,
			     UINT64_MAX};
	struct buf out;

	buf_init(&out, SIZE_MAX);
	ck_assert_int_eq(result_put(&out, &res, SPAN_EMPTY), 0);
	buf_done(&out);

	buf_init(&out, 1000);
	ck_assert_int_eq(result_put(&out, &res, SPAN_EMPTY), -EMSGSIZE);
	ck_assert_uint_eq(buf_len(&out), 0);
	buf_done(&out);
}
END_TEST

START_TEST(empty_message_is_success_of_job_0)
{
	struct result res = {.id = 9, .status = 9, .error = span_str("x")};

	ck_assert_int_eq(result_parse(SPAN_EMPTY, &res), 0);
	ck_assert_uint_eq(res.id, 0);
	ck_assert_uint_eq(res.status, 0);
	ck_assert_ptr_null(res.error.data);
}
END_TEST

START_TEST(a_failure_leaves_the_result_untouched)
{
	struct result res = {.id = 99};

	ck_assert_int_eq(result_parse(span_of("\x08\x05\x10", 3), &res), -EPROTO);
	ck_assert_uint_eq(res.id, 99);
}
END_TEST

START_TEST(packed_by_protobuf)
{
	struct rng r = rng_of_run();
	static uint8_t bytes[64 * 1024];
	uint8_t text[50];

	rng_fill(&r, text, sizeof text);
	for (int i = 0; i < 3000; i++) {
		Futwire__Result res = FUTWIRE__RESULT__INIT;
		Futwire__Error error = FUTWIRE__ERROR__INIT;
		Futwire__Death death = FUTWIRE__DEATH__INIT;
		ProtobufCMessageUnknownField unknown = {
			.tag = 11 + (uint32_t)rng_below(&r, 1000),
			.wire_type = PROTOBUF_C_WIRE_TYPE_32BIT,
			.len = 4,
			.data = text,
		};

		res.id = rng_wide(&r);
		res.status = (uint32_t)rng_wide(&r);
		res.attempt = (uint32_t)rng_wide(&r);
		res.dispatched_us = rng_wide(&r);
		res.started_us = rng_wide(&r);
		res.finished_us = rng_wide(&r);
		res.first_chunk_us = rng_wide(&r);
		res.cpu_us = rng_wide(&r);
		res.queued_us = rng_wide(&r);
		if (rng_below(&r, 2))
			res.error = &error;
		error.type = (ProtobufCBinaryData){rng_below(&r, 50), text};
		error.traceback = (ProtobufCBinaryData){rng_below(&r, 50), text};
		error.executed = (uint32_t)rng_below(&r, 5);
		error.retry = (uint32_t)rng_below(&r, 6);
		if (rng_below(&r, 2))
			error.death = &death;
		death.pid = rng_wide(&r);
		death.signal = (uint32_t)rng_below(&r, 3);
		death.exit_code = (uint32_t)rng_below(&r, 300);
		death.core_dumped = rng_below(&r, 2);
		if (rng_below(&r, 3) == 0) {
			res.base.n_unknown_fields = 1;
			res.base.unknown_fields = &unknown;
		}
		must(diff(bytes, futwire__result__pack(&res, bytes)) == CODEC_BOTH_ACCEPT);
	}
}
END_TEST

START_TEST(any_order_and_number_of_fields)
{
	struct rng r = rng_of_run();
	static struct wiregen g;

	for (int i = 0; i < 5000; i++) {
		wiregen_reset(&g);
		wiregen_result(&g, &r);
		must(diff(g.bytes, g.len) == CODEC_BOTH_ACCEPT);
	}
}
END_TEST

/* Where we part from protobuf, which would merge the two: PROTOCOL.md allows one error. */
START_TEST(last_error_holds)
{
	static struct wiregen g;
	struct result res;

	wiregen_bytes(&g, 7,
		      "\x0a\x01"
		      "a",
		      3);
	wiregen_bytes(&g, 7,
		      "\x12\x01"
		      "b",
		      3);
	ck_assert_int_eq(result_parse(span_of(g.bytes, g.len), &res), 0);
	ck_assert(span_equal(res.error, span_of("\x12\x01"
						"b",
						3)));
}
END_TEST

START_TEST(wrong_wire_types)
{
	static struct wiregen g;

	for (uint32_t number = 0; number <= 14; number++) {
		for (unsigned type = 0; type < 8; type++) {
			wiregen_reset(&g);
			bool right = codec_put_typed(&g, number, type, 0x77e, 1 << 7);
			enum codec_verdict v = diff(g.bytes, g.len);
			ck_assert_msg(v == (right ? CODEC_BOTH_ACCEPT : CODEC_BOTH_REFUSE),
				      "field %u type %u", number, type);
		}
	}
}
END_TEST

START_TEST(cut_at_every_byte)
{
	codec_cut_everywhere(codec_diff_result, wiregen_result, 200);
}
END_TEST

START_TEST(mutations)
{
	codec_mutate(codec_diff_result, wiregen_result);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("result");
	TCase *tc = trun_case(s, "result");

	tcase_add_test(tc, encode_is_read_by_protobuf);
	tcase_add_test(tc, encode_then_decode);
	tcase_add_test(tc, largest_fits);
	tcase_add_test(tc, empty_message_is_success_of_job_0);
	tcase_add_test(tc, a_failure_leaves_the_result_untouched);
	tcase_add_test(tc, packed_by_protobuf);
	tcase_add_test(tc, any_order_and_number_of_fields);
	tcase_add_test(tc, last_error_holds);
	tcase_add_test(tc, wrong_wire_types);
	tcase_add_test(tc, cut_at_every_byte);
	tcase_add_test(tc, mutations);
	return s;
}
