#include "tests/lib/conversation.h"

#include "proto/message.h"
#include "proto/result.h"
#include "proto/submit.h"
#include "tests/lib/seed.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "proto/futured.pb-c.h"

static void want(int r)
{
	if (r != 0)
		abort();
}

static void say(struct buf *out, struct message m, struct span payload)
{
	want(message_put(out, &m, payload));
}

struct error_info conversation_error(void)
{
	return (struct error_info){
		.type = span_str("ValueError"),
		.message = span_str("the input is no number"),
		.detail = span_str("byte 3 is 'x'"),
		.hint = span_str("send digits"),
		.details = span_of("\0\1\2\xff", 4),
		.traceback = span_str("parse\nrun\n"),
		.executed = FUT_EXECUTED_YES,
		.retry = FUT_RETRY_NEW_JOB,
		.has_death = true,
		.death =
			{
				.pid = 4711,
				.exit_code = -1,
				.signal = SIGSEGV,
				.core_dumped = true,
				.out_of_memory = true,
				.cpu_us = 1234567,
				.max_rss_bytes = 1u << 30,
				.stderr_tail = span_str("assertion failed\n"),
			},
	};
}

static uint8_t *large_payload(void)
{
	uint8_t *p = malloc(CONVERSATION_LARGE_BYTES);
	struct rng r = rng_of(1);

	rng_fill(&r, p, CONVERSATION_LARGE_BYTES);
	return p;
}

void conversation_put_batch(struct buf *out)
{
	Futwire__Frame frame = FUTWIRE__FRAME__INIT;
	Futwire__Submit submit = FUTWIRE__SUBMIT__INIT;
	Futwire__Submit__Job jobs[3], *list[3];
	static char names[3][8] = {"first", "second", "third"};
	static const char payload[] = "abcdefghij";
	uint8_t header[FRAME_HEADER_BYTES], envelope[512];

	for (unsigned i = 0; i < 3; i++) {
		futwire__submit__job__init(&jobs[i]);
		jobs[i].id = job_id_of(10 + i, 2);
		jobs[i].task.data = (uint8_t *)names[i];
		jobs[i].task.len = strlen(names[i]);
		jobs[i].payload_len = i == 1 ? 0 : 5;
		jobs[i].run_limit_us = i * 1000000;
		list[i] = &jobs[i];
	}
	submit.jobs = list;
	submit.n_jobs = 3;
	frame.kind_case = FUTWIRE__FRAME__KIND_SUBMIT;
	frame.submit = &submit;
	size_t n = futwire__frame__pack(&frame, envelope);
	frame_put_header(header, (uint32_t)n, 10);
	want(buf_add(out, header, sizeof header));
	want(buf_add(out, envelope, n));
	want(buf_add(out, payload, 10));
}

static void submit(struct buf *out, uint64_t id, const char *task, struct span payload)
{
	want(submit_put(out,
			&(struct job_spec){
				.id = id,
				.task = span_str(task),
				.payload_len = (uint32_t)payload.len,
				.queue_limit_us = 5000000,
				.deadline_us = UINT64_MAX,
			},
			payload));
}

void conversation_client(struct buf *out, bool large)
{
	static const char pack[] = "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2xyz"; /* two items */

	want(buf_add(out, FRAME_PREFACE, FRAME_PREFACE_BYTES));
	say(out,
	    (struct message){.kind = MESSAGE_HELLO,
			     .hello = {.version_min = 1,
				       .version_max = PROTOCOL_VERSION,
				       .pool = span_str("cpu"),
				       .client = span_str("test 1.0")}},
	    SPAN_EMPTY);
	submit(out, job_id_of(0, 0), "noop", SPAN_EMPTY);
	submit(out, job_id_of(1, 1), "square", span_str("7"));
	if (large) {
		uint8_t *p = large_payload();
		submit(out, job_id_of(2, 1), "sum", span_of(p, CONVERSATION_LARGE_BYTES));
		free(p);
	}
	conversation_put_batch(out);
	want(submit_put(out,
			&(struct job_spec){.id = job_id_of(3, UINT32_MAX),
					   .task = span_str("map"),
					   .payload_len = sizeof pack - 1,
					   .items = 2,
					   .stall_limit_us = 1},
			span_of(pack, sizeof pack - 1)));
	say(out,
	    (struct message){.kind = MESSAGE_CANCEL,
			     .cancel = {.id = job_id_of(1, 1), .mode = CANCEL_KILL}},
	    SPAN_EMPTY);
	say(out, (struct message){.kind = MESSAGE_PING, .ping = {.nonce = UINT64_MAX}}, SPAN_EMPTY);
	say(out,
	    (struct message){.kind = MESSAGE_ADMIN_REQUEST,
			     .admin_request = {.what = span_str("status"), .nonce = 77}},
	    SPAN_EMPTY);
	say(out, (struct message){.kind = MESSAGE_BYE}, SPAN_EMPTY);
}

static void say_welcome(struct buf *out)
{
	say(out,
	    (struct message){.kind = MESSAGE_WELCOME,
			     .welcome = {.version = 1,
					 .incarnation = span_of("0123456789abcdef", 16),
					 .session = span_of("fedcba9876543210", 16),
					 .identity = span_str("uid:1000"),
					 .pool = span_str("cpu"),
					 .pool_kind = span_str("processes"),
					 .slots = 4,
					 .max_payload_bytes = 1024 * 1024,
					 .max_result_bytes = 16 * 1024 * 1024,
					 .max_inflight = 1024}},
	    SPAN_EMPTY);
}

void conversation_daemon(struct buf *out, bool large)
{
	static const uint64_t ids[3] = {0, 0x100000001, UINT64_MAX};
	static uint8_t encoded[ERROR_ENCODED_MAX];
	struct error_info error = conversation_error();

	say_welcome(out);
	say(out, (struct message){.kind = MESSAGE_STARTED, .started = {.ids = ids, .n = 3}},
	    SPAN_EMPTY);
	say(out,
	    (struct message){
		    .kind = MESSAGE_PROGRESS,
		    .progress = {.id = 5, .done = 1, .total = 300, .text = span_str("reading")}},
	    SPAN_EMPTY);
	say(out, (struct message){.kind = MESSAGE_CHUNK, .chunk = {.id = 5}}, span_str("a chunk"));
	say(out, (struct message){.kind = MESSAGE_CHUNK, .chunk = {.id = 5}}, SPAN_EMPTY);
	if (large) {
		uint8_t *p = large_payload();
		say(out, (struct message){.kind = MESSAGE_PART, .part = {.id = 5}},
		    span_of(p, CONVERSATION_LARGE_BYTES));
		free(p);
	}
	want(result_put(out,
			&(struct result){.id = 0x100000001,
					 .attempt = 1,
					 .dispatched_us = 10,
					 .started_us = 20,
					 .finished_us = 300},
			span_str("49")));
	want(result_put(out, &(struct result){.id = 0}, SPAN_EMPTY)); /* an empty message */
	want(result_put(out,
			&(struct result){.id = 9,
					 .status = FUT_HOST_DIED,
					 .attempt = 1,
					 .error = span_of(encoded, error_encode(&error, encoded))},
			SPAN_EMPTY));
	say(out,
	    (struct message){.kind = MESSAGE_VERDICT, .verdict = {.id = 0x100000001, .verdict = 4}},
	    SPAN_EMPTY);
	say(out, (struct message){.kind = MESSAGE_PONG, .pong = {.nonce = UINT64_MAX}}, SPAN_EMPTY);
	say(out, (struct message){.kind = MESSAGE_ADMIN_REPLY, .admin_reply = {.nonce = 77}},
	    span_str("{\"version\":\"0.1\"}"));
	say(out,
	    (struct message){.kind = MESSAGE_GOAWAY,
			     .goaway = {.status = FUT_DRAINING, .has_error = true, .error = error}},
	    SPAN_EMPTY);
	say(out, (struct message){.kind = MESSAGE_BYE}, SPAN_EMPTY);
}
