/*
 * What a client must not say in a session: it ends the session, or is refused and the
 * session goes on.
 */
#include "proto/frame.h"
#include "proto/pack.h"
#include "tests/integ/witness.h"

#include <stdlib.h>
#include <sys/socket.h>

/* ---- in a session: what ends it ----------------------------------------- */

static void put_header(struct tw *w, uint32_t envelope, uint32_t payload)
{
	uint8_t header[FRAME_HEADER_BYTES];

	frame_put_header(header, envelope, payload);
	tw_put_raw(w, header, sizeof header);
}

static const struct frame_case {
	const char *name;
	uint32_t kind;
	const void *body;
	size_t len;
	const void *payload;
	size_t payload_len;
	uint32_t status;
} frame_cases[] = {
	{"hello twice", 1, TEXT("\x08\1\x10\1"), TEXT(""), FUT_PROTOCOL},
	{"welcome from a client", 2, TEXT("\x08\1"), TEXT(""), FUT_PROTOCOL},
	{"started from a client", 4, TEXT(""), TEXT(""), FUT_PROTOCOL},
	{"chunk from a client", 5, TEXT("\x08\1"), TEXT("x"), FUT_PROTOCOL},
	{"part from a client", 7, TEXT("\x08\1"), TEXT("x"), FUT_PROTOCOL},
	{"result from a client", 8, TEXT("\x08\1"), TEXT("x"), FUT_PROTOCOL},
	{"verdict from a client", 10, TEXT("\x08\1"), TEXT(""), FUT_PROTOCOL},
	{"goaway from a client", 13, TEXT(""), TEXT(""), FUT_PROTOCOL},
	{"kind 15", 15, TEXT(""), TEXT(""), FUT_PROTOCOL},
	{"kind 16", 16, TEXT(""), TEXT(""), FUT_PROTOCOL},
	{"admin reply from a client", 18, TEXT(""), TEXT(""), FUT_PROTOCOL},
	{"kind 19", 19, TEXT(""), TEXT(""), FUT_PROTOCOL},
	{"kind 20", 20, TEXT(""), TEXT(""), FUT_PROTOCOL},
	{"kind 5000", 5000, TEXT(""), TEXT(""), FUT_PROTOCOL},
	{"ping with a payload", 11, TEXT("\x08\1"), TEXT("x"), FUT_PROTOCOL},
	{"cancel with a payload", 9, TEXT("\x08\1"), TEXT("x"), FUT_PROTOCOL},
	{"bye with a payload", 14, TEXT(""), TEXT("x"), FUT_PROTOCOL},
	{"cancel in mode 3", 9, TEXT("\x08\1\x10\3"), TEXT(""), FUT_PROTOCOL},
	{"cancel in mode 2^32 - 1", 9, TEXT("\x08\1\x10\xff\xff\xff\xff\x0f"), TEXT(""),
	 FUT_PROTOCOL},
	{"garbage in ping", 11, TEXT("\xff\xff\xff\xff\xff"), TEXT(""), FUT_PROTOCOL},
	{"a varint of 11 bytes", 11, TEXT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	 TEXT(""), FUT_PROTOCOL},
	{"an unterminated varint", 11, TEXT("\x08\xff\xff"), TEXT(""), FUT_PROTOCOL},
	{"garbage in submit", 3, TEXT("\xff\xff\xff"), TEXT(""), FUT_PROTOCOL},
	{"a job longer than its submit", 3, TEXT("\x0a\x7f\x08\1"), TEXT(""), FUT_PROTOCOL},
	{"a task longer than its job", 3, TEXT("\x0a\4\x08\1\x12\x7f"), TEXT(""), FUT_PROTOCOL},
	{"a group in a job", 3, TEXT("\x0a\3\x08\1\x0b"), TEXT(""), FUT_PROTOCOL},
	{"a payload without a job", 3, TEXT(""), TEXT("x"), FUT_PROTOCOL},
	{"less payload than the job says", 3, TEXT("\x0a\x0a\x08\1\x12\4echo\x18\5"), TEXT("four"),
	 FUT_PROTOCOL},
	{"payload_len of 2^32 - 1", 3, TEXT("\x0a\x0e\x08\1\x12\4echo\x18\xff\xff\xff\xff\x0f"),
	 TEXT("four"), FUT_PROTOCOL},
	{"more payload than the jobs say", 3, TEXT("\x0a\x0a\x08\1\x12\4echo\x18\3"), TEXT("four"),
	 FUT_PROTOCOL},
	{"two jobs, one payload", 3,
	 TEXT("\x0a\x0a\x08\1\x12\4echo\x18\4\x0a\x0a\x08\2\x12\4echo\x18\4"), TEXT("four"),
	 FUT_PROTOCOL},
	{"job id 1000 of 1000", 3, TEXT("\x0a\x09\x08\xe8\7\x12\4echo"), TEXT(""), FUT_PROTOCOL},
	{"job id 2^64 - 1", 3, TEXT("\x0a\x11\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\x12\4noop"),
	 TEXT(""), FUT_PROTOCOL},
	{"bye", 14, TEXT(""), TEXT(""), 0},
};

START_TEST(test_frames_that_end_the_session)
{
	start(config);
	for (size_t i = 0; i < ARRAY_LEN(frame_cases); i++) {
		const struct frame_case *c = &frame_cases[i];
		struct tw *w = tw_open(d->unix_url, "p");
		tw_job(w, 1)->id = 1; /* an answer to the jobs of some cases may still come */
		tw_job(w, 1)->submitted = true;
		tw_put_frame(w, c->kind, c->body, c->len, c->payload, c->payload_len);
		expect_refusal(w, c->status, c->name);
	}
	stop();
}
END_TEST

START_TEST(test_lengths_over_the_limit)
{
	static const uint32_t lengths[][2] = {
		{64 * 1024 + 1, 0},
		{1, 64 * 1024 + 1},
		{UINT32_MAX, 0},
		{1, UINT32_MAX},
		{UINT32_MAX, UINT32_MAX},
		{0, 0},
		{0, 10},
	};

	start(config);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct tw *w = tw_open(d->tcp_url, "p");
		put_header(w, lengths[i][0], lengths[i][1]);
		expect_refusal(w, 0, "a length over the limit");
	}
	stop();
}
END_TEST

START_TEST(test_frame_cut_off)
{
	static const uint8_t frame[] = "\0\0\0\x0c\0\0\0\4\x1a\x0a\x0a\x08\x08\1\x12\4echofour";

	start(config);
	for (size_t n = 1; n + 1 < sizeof frame; n++) {
		struct tw *w = tw_open(d->unix_url, "p");
		tw_put_raw(w, frame, n);
		tw_flush(w);
		shutdown(w->fd, SHUT_WR);
		expect_refusal(w, 0, "a frame that is cut off");
	}
	ck_assert_uint_ge(tdaemon_log_count(d, "event=session.close mid-frame\""), 1);
	stop();
}
END_TEST

START_TEST(test_id_in_use)
{
	char gate[96];

	start(config);
	tdaemon_path(d, "gate", gate, sizeof gate);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 5, "gate", gate);
	tw_wait_started(w, 5);
	tw_put(w, job_id_of(5, 1), "echo", "another generation, the same place");
	expect_refusal(w, FUT_PROTOCOL, "an id in use");
	tfile_touch(gate);
	stop();
}
END_TEST

/* ---- hostile protobuf --------------------------------------------------- */

/* Whatever the answer is, it comes soon and costs little. */
static void say_hostile(uint32_t kind, const char *pattern, size_t n, const char *name)
{
	enum { BODY = 65000 };
	uint8_t *body = malloc(BODY);
	uint64_t rss = tdaemon_rss_bytes(d);
	uint64_t before_us = td_now_us();
	struct tw *w = tw_open(d->unix_url, "p");

	ck_assert_ptr_nonnull(body);
	for (size_t i = 0; i < BODY; i++)
		body[i] = (uint8_t)pattern[i % n];
	for (int i = 0; i < 20 && !w->eof; i++) {
		tw_put_frame(w, kind, body, BODY - BODY % n, NULL, 0);
		if (tw_flush(w))
			(void)tw_pump(w, 0);
	}
	still_served(name);
	ck_assert_uint_lt(td_now_us() - before_us, (uint64_t)td_patience_ms(1000) * 1000);
	ck_assert_uint_lt(tdaemon_rss_bytes(d), rss + (td_is_sanitized() ? 64u << 20 : 4u << 20));
	tw_close(w);
	free(body);
}

START_TEST(test_hostile_protobuf)
{
	start(config);
	say_hostile(MESSAGE_PING, TEXT("\x38\1"), "unknown fields");
	say_hostile(MESSAGE_PING, TEXT("\x08\1"), "the same field again and again");
	say_hostile(MESSAGE_PING, TEXT("\x3a\0"), "empty unknown bytes");
	say_hostile(MESSAGE_CANCEL, TEXT("\x08\1\x10\0"), "many cancels in one");
	say_hostile(MESSAGE_ADMIN_REQUEST, TEXT("\x0a\0"), "empty bytes");
	say_hostile(MESSAGE_ADMIN_REQUEST, TEXT("\x0a\6status"), "status again and again");
	say_hostile(MESSAGE_BYE, TEXT("\x0a\0"), "a bye full of things");
	say_hostile(MESSAGE_SUBMIT, TEXT("\x3a\0"), "unknown members of submit");
	stop();
}
END_TEST

/* A submit full of jobs without a task: each is answered, none runs, and nothing else is
 * said about them. */
START_TEST(test_submit_of_empty_jobs)
{
	enum { JOBS = 127, JOB_BYTES = 4 };
	uint8_t body[JOBS * JOB_BYTES];

	start(config);
	struct tw *w = tw_open(d->unix_url, "p");
	for (unsigned id = 1; id <= JOBS; id++) {
		const uint8_t job[JOB_BYTES] = {0x0a, 2, 0x08, (uint8_t)id};
		memcpy(body + (size_t)(id - 1) * JOB_BYTES, job, sizeof job);
		tw_job(w, id)->id = id;
		tw_job(w, id)->submitted = true;
	}
	tw_put_frame(w, MESSAGE_SUBMIT, body, sizeof body, NULL, 0);
	tw_flush(w);
	for (unsigned id = 1; id <= JOBS; id++)
		tw_expect_status(w, id, FUT_UNKNOWN_TASK);
	tw_close(w);
	stop();
}
END_TEST

/* ---- jobs that are refused, in a session that goes on ------------------- */

START_TEST(test_task_names)
{
	static const struct {
		const char *name;
		size_t len;
	} names[] = {
		{TEXT("nope")},
		{TEXT("echo2")},
		{TEXT("ech")},
		{TEXT("")},
		{TEXT("echo\0")},
		{TEXT("echo\0x")},
		{TEXT("ec\nho")},
		{TEXT("../echo")},
		{TEXT("/bin/sh")},
		{TEXT("%n%s%n")},
		{TEXT("\xff\xfe")},
		{TEXT("echo ")},
		{TEXT("Echo")},
		{TEXT("a b")},
		{TEXT("\"; drop")},
		{TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")}};

	start(config);
	struct tw *w = tw_open(d->unix_url, "p");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct job_spec s = {.id = 1 + i, .task = span_of(names[i].name, names[i].len)};
		tw_put_job(w, &s, "payload", 7);
		tw_flush(w);
		expect_refused(w, 1 + i, FUT_UNKNOWN_TASK, "a task's name");
	}
	/* Its detail names the task and the pool. */
	const struct error_info *e = tw_error(w, tw_result(w, 1));
	ck_assert_str_eq(tw_text(e->detail), "task 'nope', pool 'p'");
	ck_assert_int_eq(e->retry, FUT_RETRY_NEVER);
	tw_submit(w, 500, "echo", "goes on");
	tw_expect_value(w, 500, "goes on");
	tw_close(w);
	stop();
}
END_TEST

START_TEST(test_packs_that_are_none)
{
	uint8_t pack[32] = {0};

	start(config);
	struct tw *w = tw_open(d->unix_url, "p");
	struct job_spec s = {.id = 1, .task = span_str("echo"), .items = 2};
	tw_put_job(w, &s, pack, 15); /* not even the headers */
	s.id = 2;
	s.items = UINT32_MAX;
	tw_put_job(w, &s, pack, sizeof pack);
	s.id = 3;
	s.items = PACK_ITEMS_MAX + 1;
	tw_put_job(w, &s, pack, sizeof pack);
	/* These two the slot finds out. */
	s.id = 4;
	s.items = 2;
	pack_put_header(pack, 0, 9);
	pack_put_header(pack + 8, 0, 9);
	tw_put_job(w, &s, pack, sizeof pack); /* 18 bytes of items in 16 */
	s.id = 5;
	pack_put_header(pack, 0, UINT32_MAX);
	tw_put_job(w, &s, pack, sizeof pack);
	s.id = 6;
	pack_put_header(pack, 0, 3);
	pack_put_header(pack + 8, 0, 3);
	tw_put_job(w, &s, pack, sizeof pack); /* 6 bytes of items in 16 */
	tw_flush(w);
	for (uint64_t id = 1; id <= 6; id++) {
		tw_expect_status(w, id, FUT_PROTOCOL);
		ck_assert_int_eq(tw_error(w, tw_result(w, id))->retry, FUT_RETRY_NEVER);
	}
	tw_close(w);
	stop();
}
END_TEST

START_TEST(test_cancel_of_nothing)
{
	start(config);
	struct tw *w = tw_open(d->unix_url, "p");
	static const uint64_t ids[] = {0,        7,          999,        1000,
				       1u << 20, UINT32_MAX, UINT64_MAX, 1ull << 63};
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		for (uint32_t mode = CANCEL_QUEUED; mode <= CANCEL_KILL; mode++)
			ck_assert_int_eq(tw_cancel(w, ids[i], mode), FUT_VERDICT_UNKNOWN);
	}
	/* Nor one that is done, nor another's, nor an earlier generation of its place. */
	tw_submit(w, 3, "echo", "x");
	tw_expect_value(w, 3, "x");
	ck_assert_int_eq(tw_cancel(w, 3, CANCEL_KILL), FUT_VERDICT_UNKNOWN);
	char gate[96];
	tdaemon_path(d, "gate", gate, sizeof gate);
	tw_submit(w, job_id_of(4, 2), "gate", gate);
	tw_wait_started(w, job_id_of(4, 2));
	ck_assert_int_eq(tw_cancel(w, job_id_of(4, 1), CANCEL_KILL), FUT_VERDICT_UNKNOWN);
	ck_assert_int_eq(tw_cancel(witness, job_id_of(4, 2), CANCEL_KILL), FUT_VERDICT_UNKNOWN);
	tfile_touch(gate);
	tw_expect_value(w, job_id_of(4, 2), "open");
	tw_close(w);
	stop();
}
END_TEST

START_TEST(test_admin_of_something_else)
{
	static const struct message m = {.kind = MESSAGE_ADMIN_REQUEST,
					 .admin_request = {.what = {"shutdown", 8}, .nonce = 3}};

	start(config);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_put_message(w, &m, SPAN_EMPTY);
	tw_ping(w);
	ck_assert_uint_eq(w->nadmin, 1);
	ck_assert_uint_eq(w->admin_status, FUT_UNSUPPORTED);
	tw_close(w);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("bad_input");
	TCase *tc = trun_case(s, "session");

	tcase_add_test(tc, test_frames_that_end_the_session);
	tcase_add_test(tc, test_lengths_over_the_limit);
	tcase_add_test(tc, test_frame_cut_off);
	tcase_add_test(tc, test_id_in_use);
	tcase_add_test(tc, test_hostile_protobuf);
	tcase_add_test(tc, test_submit_of_empty_jobs);
	tc = trun_case(s, "jobs");
	tcase_add_test(tc, test_task_names);
	tcase_add_test(tc, test_packs_that_are_none);
	tcase_add_test(tc, test_cancel_of_nothing);
	tcase_add_test(tc, test_admin_of_something_else);
	return s;
}
