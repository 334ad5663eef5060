/*
 * Submit frames as this library writes them, from numbers it would never choose: what one side
 * says is what the other one, and protobuf-c, understands. The payload is read as a pack.
 */
#include "tests/fuzz/fuzz.h"

#include "proto/envelope.h"
#include "proto/pack.h"
#include "proto/sink.h"
#include "proto/submit.h"
#include "tests/fuzz/input.h"
#include "tests/lib/codec_diff.h"

#include <errno.h>

static struct job_spec take_spec(struct input *in)
{
	return (struct job_spec){
		.id = take_wide(in),
		.task = take_bytes(in),
		.items = (uint32_t)take_wide(in),
		.queue_limit_us = take_wide(in),
		.run_limit_us = take_wide(in),
		.stall_limit_us = take_wide(in),
		.deadline_us = take_wide(in),
		.priority = (int32_t)take_wide(in),
		.key = take_bytes(in),
		.unique = take_bytes(in),
		.crash_retries = (uint32_t)take_wide(in),
		.error_retries = (uint32_t)take_wide(in),
		.retry_pause_us = take_wide(in),
	};
}

static void must_be_same(const struct job_spec *a, const struct job_spec *b)
{
	fuzz_must(a->id == b->id && span_equal(a->task, b->task));
	fuzz_must(a->payload_len == b->payload_len && a->items == b->items);
	fuzz_must(a->queue_limit_us == b->queue_limit_us && a->run_limit_us == b->run_limit_us);
	fuzz_must(a->stall_limit_us == b->stall_limit_us && a->deadline_us == b->deadline_us);
	fuzz_must(a->priority == b->priority && span_equal(a->key, b->key));
	fuzz_must(span_equal(a->unique, b->unique));
	fuzz_must(a->crash_retries == b->crash_retries && a->error_retries == b->error_retries);
	fuzz_must(a->retry_pause_us == b->retry_pause_us);
}

/* The items lie one behind the other, inside the payload. */
static void read_pack(struct span payload, uint32_t items)
{
	const uint8_t *at = payload.data, *end = at + payload.len;
	struct pack_reader r;
	struct pack_item item;
	uint32_t n = 0;

	if (pack_open(payload, items, &r) < 0)
		return;
	while (pack_next(&r, &item) == 1) {
		const uint8_t *p = item.bytes.data;
		fuzz_must(p >= at && item.bytes.len <= (size_t)(end - p));
		at = p + item.bytes.len;
		fuzz_must(++n <= items);
	}
}

struct expected {
	struct job_spec spec;
	struct span payload;
};

static int on_frame(void *arg, const struct frame *f)
{
	const struct expected *want = arg;
	struct submit_cursor c;
	struct job_spec spec;
	struct span message;
	uint32_t kind;

	fuzz_must(envelope_open(f->envelope, &kind, &message) == 0 && kind == MESSAGE_SUBMIT);
	fuzz_must(span_equal(f->payload, want->payload));
	c = submit_open(message);
	fuzz_must(submit_next(&c, &spec) == 1);
	must_be_same(&spec, &want->spec);
	fuzz_must(submit_next(&c, &spec) == 0);
	fuzz_must(codec_diff_submit(message.data, message.len) == CODEC_BOTH_ACCEPT);
	return -ECANCELED; /* seen: the only one */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1 << 20};
	struct input in = input_of(data, size);
	struct expected want = {.spec = take_spec(&in)};
	struct sink sink;
	struct buf out;

	want.payload = take_rest(&in);
	want.spec.payload_len = (uint32_t)want.payload.len;
	read_pack(want.payload, want.spec.items);
	buf_init(&out, SIZE_MAX);
	fuzz_must(submit_put(&out, &want.spec, want.payload) == 0);
	sink_init(&sink, false, limits);
	fuzz_must(sink_feed(&sink, buf_data(&out), buf_len(&out), on_frame, &want) == -ECANCELED);
	sink_done(&sink);
	buf_done(&out);
	return 0;
}
