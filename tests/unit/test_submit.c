#include "proto/submit.h"

#include "proto/envelope.h"
#include "proto/frame.h"
#include "tests/lib/codec_cases.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/futured.pb-c.h"

/* Differences are looked for in memory of the exact size, for a sanitizer's sake. */
static enum codec_verdict diff(const uint8_t *p, size_t n)
{
	return codec_compare(codec_diff_submit, p, n);
}

static struct job_spec random_spec(struct rng *r, const char *task, size_t task_max)
{
	return (struct job_spec){
		.id = rng_wide(r),
		.task = span_of(task, rng_below(r, task_max)),
		.items = (uint32_t)rng_wide(r),
		.queue_limit_us = rng_wide(r),
		.run_limit_us = rng_wide(r),
		.stall_limit_us = rng_wide(r),
		.deadline_us = rng_wide(r),
		.priority = (int32_t)rng_wide(r),
		.key = span_of(task, rng_below(r, task_max)),
		.unique = span_of(task, rng_below(r, task_max)),
		.crash_retries = (uint32_t)rng_wide(r),
		.error_retries = (uint32_t)rng_wide(r),
		.retry_pause_us = rng_wide(r),
	};
}

static bool same_as_pb(const struct job_spec *s, const Futwire__Submit__Job *pb)
{
	return s->id == pb->id && span_equal(s->task, span_of(pb->task.data, pb->task.len)) &&
	       s->payload_len == pb->payload_len && s->items == pb->items &&
	       s->queue_limit_us == pb->queue_limit_us && s->run_limit_us == pb->run_limit_us &&
	       s->stall_limit_us == pb->stall_limit_us && s->deadline_us == pb->deadline_us &&
	       s->priority == pb->priority &&
	       span_equal(s->key, span_of(pb->key.data, pb->key.len)) &&
	       span_equal(s->unique, span_of(pb->unique.data, pb->unique.len)) &&
	       s->crash_retries == pb->crash_retries && s->error_retries == pb->error_retries &&
	       s->retry_pause_us == pb->retry_pause_us;
}

START_TEST(encode_is_read_by_protobuf)
{
	static const struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1 << 20};
	struct rng r = rng_of_run();
	char task[300], payload[500];
	struct frame f;
	size_t need;
	struct buf out;

	rng_fill(&r, task, sizeof task);
	rng_fill(&r, payload, sizeof payload);
	buf_init(&out, SIZE_MAX);
	for (int i = 0; i < 3000; i++) {
		struct job_spec spec = random_spec(&r, task, sizeof task);
		struct span data = span_of(payload, rng_below(&r, sizeof payload));
		spec.payload_len = (uint32_t)data.len;

		must(submit_put(&out, &spec, data) == 0);
		must(frame_cut(buf_data(&out), buf_len(&out), &limits, &f, &need) ==
		     (int64_t)buf_len(&out));
		must(span_equal(f.payload, data));
		Futwire__Frame *pb = futwire__frame__unpack(NULL, f.envelope.len, f.envelope.data);
		must(pb && pb->kind_case == FUTWIRE__FRAME__KIND_SUBMIT);
		must(pb->submit->n_jobs == 1);
		must(same_as_pb(&spec, pb->submit->jobs[0]));
		/* And as short as protobuf itself would have it. */
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
	struct job_spec got;
	struct span message;
	uint32_t kind;
	struct buf out;

	buf_init(&out, SIZE_MAX);
	for (int i = 0; i < 3000; i++) {
		struct job_spec spec = random_spec(&r, "a-task-of-some-length", 20);
		must(submit_put(&out, &spec, SPAN_EMPTY) == 0);
		struct span envelope = span_of(buf_data(&out) + 8, buf_len(&out) - 8);
		must(envelope_open(envelope, &kind, &message) == 0 && kind == MESSAGE_SUBMIT);
		struct submit_cursor c = submit_open(message);
		must(submit_next(&c, &got) == 1);
		must(got.id == spec.id && got.items == spec.items && got.payload_len == 0);
		must(span_equal(got.task, spec.task));
		must(got.deadline_us == spec.deadline_us);
		must(got.priority == spec.priority && span_equal(got.key, spec.key));
		must(span_equal(got.unique, spec.unique));
		must(got.crash_retries == spec.crash_retries);
		must(got.error_retries == spec.error_retries);
		must(got.retry_pause_us == spec.retry_pause_us);
		must(submit_next(&c, &got) == 0);
		must(submit_next(&c, &got) == 0);
		buf_consume(&out, buf_len(&out));
	}
	buf_done(&out);
}
END_TEST

START_TEST(encode_fails_whole)
{
	static char task[FRAME_ENVELOPE_MAX];
	struct job_spec spec = {.id = 1, .task = span_of(task, sizeof task)};
	struct buf out;

	buf_init(&out, 100);
	ck_assert_int_eq(submit_put(&out, &spec, SPAN_EMPTY), -EMSGSIZE);
	spec.task.len = 10;
	spec.payload_len = 100;
	ck_assert_int_eq(submit_put(&out, &spec, span_of(task, 100)), -EMSGSIZE);
	ck_assert_uint_eq(buf_len(&out), 0);
	buf_done(&out);
}
END_TEST

START_TEST(ids)
{
	ck_assert_uint_eq(job_id_of(0xfffffffe, 0x80000001), 0x80000001fffffffeu);
	ck_assert_uint_eq(job_id_place(0x80000001fffffffeu), 0xfffffffe);
	ck_assert_uint_eq(job_id_place(job_id_of(7, UINT32_MAX)), 7);
}
END_TEST

START_TEST(nothing_is_no_jobs)
{
	struct submit_cursor c = submit_open(SPAN_EMPTY);
	struct job_spec spec;

	ck_assert_int_eq(submit_next(&c, &spec), 0);
	ck_assert_int_eq(diff((const uint8_t *)"", 0), CODEC_BOTH_ACCEPT);
	/* One empty job is a job. */
	c = submit_open(span_of("\x0a\x00", 2));
	ck_assert_int_eq(submit_next(&c, &spec), 1);
	ck_assert_uint_eq(spec.id, 0);
	ck_assert_int_eq(submit_next(&c, &spec), 0);
}
END_TEST

START_TEST(a_failure_leaves_the_job_untouched)
{
	struct submit_cursor c = submit_open(span_of("\x0a\x03\x08\x05\x10", 5));
	struct job_spec spec = {.id = 99};

	ck_assert_int_eq(submit_next(&c, &spec), -EPROTO);
	ck_assert_uint_eq(spec.id, 99);
}
END_TEST

/* What protobuf-c packs, with unknown fields. */
START_TEST(packed_by_protobuf)
{
	struct rng r = rng_of_run();
	static uint8_t bytes[64 * 1024];
	char task[100];

	rng_fill(&r, task, sizeof task);
	for (int i = 0; i < 3000; i++) {
		Futwire__Submit submit = FUTWIRE__SUBMIT__INIT;
		Futwire__Submit__Job jobs[8], *list[8];
		uint8_t junk[] = {0x96, 0x01};
		ProtobufCMessageUnknownField unknown = {
			.tag = 16 + (uint32_t)rng_below(&r, 1000),
			.wire_type = PROTOBUF_C_WIRE_TYPE_VARINT,
			.len = sizeof junk,
			.data = junk,
		};

		submit.jobs = list;
		submit.n_jobs = rng_below(&r, 9);
		for (size_t k = 0; k < submit.n_jobs; k++) {
			list[k] = &jobs[k];
			futwire__submit__job__init(&jobs[k]);
			jobs[k].id = rng_wide(&r);
			jobs[k].task = (ProtobufCBinaryData){rng_below(&r, 100), (uint8_t *)task};
			jobs[k].payload_len = (uint32_t)rng_wide(&r);
			jobs[k].items = (uint32_t)rng_wide(&r);
			jobs[k].queue_limit_us = rng_wide(&r);
			jobs[k].run_limit_us = rng_wide(&r);
			jobs[k].stall_limit_us = rng_wide(&r);
			jobs[k].deadline_us = rng_wide(&r);
			jobs[k].priority = (int32_t)rng_wide(&r);
			jobs[k].key = (ProtobufCBinaryData){rng_below(&r, 100), (uint8_t *)task};
			jobs[k].unique = (ProtobufCBinaryData){rng_below(&r, 100), (uint8_t *)task};
			jobs[k].crash_retries = (uint32_t)rng_wide(&r);
			jobs[k].error_retries = (uint32_t)rng_wide(&r);
			jobs[k].retry_pause_us = rng_wide(&r);
			if (rng_below(&r, 3) == 0) {
				jobs[k].base.n_unknown_fields = 1;
				jobs[k].base.unknown_fields = &unknown;
			}
		}
		must(diff(bytes, futwire__submit__pack(&submit, bytes)) == CODEC_BOTH_ACCEPT);
	}
}
END_TEST

/* Fields in any order, several times (the last one holds), unknown ones between. */
START_TEST(any_order_and_number_of_fields)
{
	struct rng r = rng_of_run();
	static struct wiregen g;

	for (int i = 0; i < 5000; i++) {
		wiregen_reset(&g);
		wiregen_submit(&g, &r);
		must(diff(g.bytes, g.len) == CODEC_BOTH_ACCEPT);
	}
}
END_TEST

START_TEST(last_one_holds)
{
	static struct wiregen job, g;
	struct job_spec spec;

	wiregen_varint(&job, 1, 5);
	wiregen_bytes(&job, 2, "old", 3);
	wiregen_varint(&job, 3, UINT64_C(0x700000001)); /* cut to 32 bits */
	wiregen_bytes(&job, 2, "new", 3);
	wiregen_varint(&job, 1, 6);
	wiregen_bytes(&g, 1, job.bytes, job.len);
	struct submit_cursor c = submit_open(span_of(g.bytes, g.len));
	ck_assert_int_eq(submit_next(&c, &spec), 1);
	ck_assert_uint_eq(spec.id, 6);
	ck_assert(span_equal(spec.task, span_str("new")));
	ck_assert_uint_eq(spec.payload_len, 1);
}
END_TEST

START_TEST(wrong_wire_types)
{
	static struct wiregen job, g;

	for (uint32_t number = 0; number <= 18; number++) {
		for (unsigned type = 0; type < 8; type++) {
			wiregen_reset(&job);
			bool right = codec_put_typed(&job, number, type, 0xcbfa,
						     1 << 2 | 1 << 10 | 1 << 12);
			wiregen_reset(&g);
			wiregen_bytes(&g, 1, job.bytes, job.len);
			enum codec_verdict v = diff(g.bytes, g.len);
			ck_assert_msg(v == (right ? CODEC_BOTH_ACCEPT : CODEC_BOTH_REFUSE),
				      "field %u type %u", number, type);
		}
	}
	/* The list of jobs itself. */
	ck_assert_int_eq(diff((const uint8_t *)"\x08\x01", 2), CODEC_BOTH_REFUSE);
	ck_assert_int_eq(diff((const uint8_t *)"\x0d\0\0\0\0", 5), CODEC_BOTH_REFUSE);
}
END_TEST

START_TEST(cut_at_every_byte)
{
	codec_cut_everywhere(codec_diff_submit, wiregen_submit, 100);
}
END_TEST

START_TEST(mutations)
{
	codec_mutate(codec_diff_submit, wiregen_submit);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("submit");
	TCase *tc = trun_case(s, "submit");

	tcase_add_test(tc, encode_is_read_by_protobuf);
	tcase_add_test(tc, encode_then_decode);
	tcase_add_test(tc, encode_fails_whole);
	tcase_add_test(tc, ids);
	tcase_add_test(tc, nothing_is_no_jobs);
	tcase_add_test(tc, a_failure_leaves_the_job_untouched);
	tcase_add_test(tc, packed_by_protobuf);
	tcase_add_test(tc, any_order_and_number_of_fields);
	tcase_add_test(tc, last_one_holds);
	tcase_add_test(tc, wrong_wire_types);
	tcase_add_test(tc, cut_at_every_byte);
	tcase_add_test(tc, mutations);
	return s;
}
