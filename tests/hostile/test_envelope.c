/* B18 to B29: protobuf that is broken, or means to cost more than it says. */
#include "proto/frame.h"
#include "proto/pack.h"
#include "tests/lib/hostile.h"

#include <stdlib.h>
#include <string.h>

struct body_case {
	const char *name;
	uint32_t kind;
	const char *body;
	size_t len;
	const char *payload;
	size_t payload_len;
};

#define NO_PAYLOAD "", 0

/* Each ends its session, which is told why. */
static void expect_protocol(int transport, const struct body_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tw *w = hostile_open(transport);
		tw_job(w, 1)->id = 1; /* an answer to the job of some cases may still come */
		tw_job(w, 1)->submitted = true;
		tw_put_frame(w, cases[i].kind, cases[i].body, cases[i].len, cases[i].payload,
			     cases[i].payload_len);
		hostile_expect_refusal(w, FUT_PROTOCOL, cases[i].name);
	}
}

/* The same as a Hello. */
static void expect_protocol_early(int transport, const char *const *bodies, const size_t *lens,
				  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tw *w = hostile_connect(transport);
		tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
		tw_put_frame(w, MESSAGE_HELLO, bodies[i], lens[i], NULL, 0);
		hostile_expect_refusal(w, FUT_PROTOCOL, "a broken hello");
	}
}

START_TEST(b18_varints)
{
	static const struct body_case cases[] = {
		{"an unterminated varint", MESSAGE_PING, BYTES_OF("\x08\xff\xff"), NO_PAYLOAD},
		{"a varint of 11 bytes", MESSAGE_PING,
		 BYTES_OF("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), NO_PAYLOAD},
		{"a tag of 5 bytes", MESSAGE_PING, BYTES_OF("\xff\xff\xff\xff\x7f"), NO_PAYLOAD},
		{"a tag without an end", MESSAGE_PING, BYTES_OF("\xff\xff\xff\xff\xff"),
		 NO_PAYLOAD},
		{"the same in a submit", MESSAGE_SUBMIT, BYTES_OF("\xff\xff\xff"), NO_PAYLOAD},
		{"and in a job", MESSAGE_SUBMIT, BYTES_OF("\x0a\3\x08\xff\xff"), NO_PAYLOAD},
	};
	static const char *const hellos[] = {"\xff\xff\xff\xff", "\x08\xff"};
	static const size_t lens[] = {4, 2};

	hostile_start("");
	expect_protocol(_i, cases, ARRAY_LEN(cases));
	expect_protocol_early(_i, hellos, lens, ARRAY_LEN(hellos));
	hostile_stop();
}
END_TEST

START_TEST(b19_wire_types)
{
	static const struct body_case cases[] = {
		{"tag 0", MESSAGE_PING, BYTES_OF("\x00\x01"), NO_PAYLOAD},
		{"type 3", MESSAGE_PING, BYTES_OF("\x0b\x0c"), NO_PAYLOAD},
		{"type 4", MESSAGE_PING, BYTES_OF("\x0c"), NO_PAYLOAD},
		{"type 6", MESSAGE_PING, BYTES_OF("\x0e\1"), NO_PAYLOAD},
		{"type 7", MESSAGE_PING, BYTES_OF("\x0f\1"), NO_PAYLOAD},
		{"a group in a job", MESSAGE_SUBMIT, BYTES_OF("\x0a\3\x08\1\x0b"), NO_PAYLOAD},
	};
	static const char *const hellos[] = {"\x0b\x0c", "\x0f\0"};
	static const size_t lens[] = {2, 2};

	hostile_start("");
	expect_protocol(_i, cases, ARRAY_LEN(cases));
	expect_protocol_early(_i, hellos, lens, ARRAY_LEN(hellos));
	hostile_stop();
}
END_TEST

/* Whatever the answer is, it comes soon and costs little. */
static void say_often(int transport, uint32_t kind, const char *pattern, size_t n, const char *name)
{
	enum { BODY = 65000, FRAMES = 20 };
	uint8_t *body = malloc(BODY);
	uint64_t rss = tdaemon_rss_bytes(hostile_daemon);
	struct tw *w = hostile_open(transport);

	ck_assert_ptr_nonnull(body);
	for (size_t i = 0; i < BODY; i++)
		body[i] = (uint8_t)pattern[i % n];
	for (int i = 0; i < FRAMES && !w->eof; i++) {
		tw_put_frame(w, kind, body, BODY - BODY % n, NULL, 0);
		if (tw_flush(w))
			(void)tw_pump(w, 0);
		hostile_check_served(name);
	}
	ck_assert_uint_lt(tdaemon_rss_bytes(hostile_daemon),
			  rss + (td_is_sanitized() ? 64u << 20 : 4u << 20));
	tw_close(w);
	free(body);
}

START_TEST(b20_unknown_fields)
{
	hostile_start("");
	say_often(_i, MESSAGE_PING, BYTES_OF("\x38\1"), "unknown fields");
	say_often(_i, MESSAGE_PING, BYTES_OF("\x3a\0"), "empty unknown bytes");
	say_often(_i, MESSAGE_ADMIN_REQUEST, BYTES_OF("\x3a\0"), "of a question");
	say_often(_i, MESSAGE_SUBMIT, BYTES_OF("\x3a\0"), "unknown members of a submit");
	say_often(_i, MESSAGE_BYE, BYTES_OF("\x0a\0"), "a bye full of things");
	hostile_stop();
}
END_TEST

START_TEST(b21_repeated)
{
	uint8_t body[65000] = {0x0a, 0xe4, 0xfb, 3}; /* one job, all zeros behind its tag */

	hostile_start("");
	/* 32,500 empty jobs: each is one with id 0 and no task, and place 0 is free again as
	 * soon as it is refused. */
	struct tw *w = hostile_open(_i);
	for (size_t i = 0; i < sizeof body; i += 2)
		memcpy(body + i, "\x0a\0", 2);
	tw_put_frame(w, MESSAGE_SUBMIT, body, sizeof body, NULL, 0);
	(void)tw_flush(w);
	hostile_check_served("empty jobs");
	close(w->fd);
	w->fd = -1;
	tw_close(w);
	w = hostile_open(_i);
	memset(body, 0, sizeof body);
	memcpy(body, "\x0a\xe4\xfb\3", 4);
	tw_put_frame(w, MESSAGE_SUBMIT, body, sizeof body, NULL, 0);
	hostile_expect_refusal(w, FUT_PROTOCOL, "a job of zeros");
	hostile_stop();
}
END_TEST

START_TEST(b22_the_same_again)
{
	static const char two_members[] = "FUTURED1\0\0\0\4\0\0\0\0\x5a\0\x5a\0";

	hostile_start("");
	say_often(_i, MESSAGE_PING, BYTES_OF("\x08\1"), "the same field again and again");
	say_often(_i, MESSAGE_CANCEL, BYTES_OF("\x08\1\x10\0"), "many cancels in one");
	say_often(_i, MESSAGE_ADMIN_REQUEST, BYTES_OF("\x0a\6status"), "status again and again");
	say_often(_i, MESSAGE_ADMIN_REQUEST, BYTES_OF("\x0a\0"), "empty bytes");
	struct tw *w = hostile_connect(_i);
	tw_put_raw(w, two_members, sizeof two_members - 1);
	hostile_expect_refusal(w, FUT_PROTOCOL, "two members in one frame");
	hostile_stop();
}
END_TEST

/* Each of them is answered, none runs, and nothing else is said about them. */
START_TEST(b23_missing_fields)
{
	enum { JOBS = 127, JOB_BYTES = 4 };
	uint8_t body[JOBS * JOB_BYTES];

	hostile_start("");
	struct tw *w = hostile_open(_i);
	for (unsigned id = 1; id <= JOBS; id++) {
		const uint8_t job[JOB_BYTES] = {0x0a, 2, 0x08, (uint8_t)id};
		memcpy(body + (size_t)(id - 1) * JOB_BYTES, job, sizeof job);
		tw_job(w, id)->id = id;
		tw_job(w, id)->submitted = true;
	}
	tw_put_frame(w, MESSAGE_SUBMIT, body, sizeof body, NULL, 0);
	tw_flush(w);
	for (unsigned id = 1; id <= JOBS; id++)
		hostile_expect_refused_job(w, id, FUT_UNKNOWN_TASK, "a job without a task");
	tw_put_frame(w, MESSAGE_SUBMIT, "", 0, NULL, 0);
	tw_put_frame(w, MESSAGE_CANCEL, "", 0, NULL, 0);
	tw_put_frame(w, MESSAGE_PING, "", 0, NULL, 0);
	tw_ping(w);
	ck_assert_uint_eq(w->nverdicts, 1);
	ck_assert_uint_eq(w->verdict, FUT_VERDICT_UNKNOWN);
	tw_close(w);
	w = hostile_connect(_i);
	tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
	tw_put_frame(w, MESSAGE_HELLO, "", 0, NULL, 0);
	hostile_expect_refusal(w, FUT_UNSUPPORTED, "an empty hello");
	hostile_stop();
}
END_TEST

START_TEST(b24_out_of_range)
{
	static const struct body_case cases[] = {
		{"cancel in mode 3", MESSAGE_CANCEL, BYTES_OF("\x08\1\x10\3"), NO_PAYLOAD},
		{"cancel in mode 2^32 - 1", MESSAGE_CANCEL,
		 BYTES_OF("\x08\1\x10\xff\xff\xff\xff\x0f"), NO_PAYLOAD},
	};
	static const struct job_spec specs[] = {
		{.priority = INT32_MAX},
		{.priority = INT32_MIN},
		{.deadline_us = 1ull << 63},
		{.queue_limit_us = UINT64_MAX},
		{.run_limit_us = UINT64_MAX, .stall_limit_us = UINT64_MAX},
		{.crash_retries = UINT32_MAX,
		 .error_retries = UINT32_MAX,
		 .retry_pause_us = UINT64_MAX},
	};

	hostile_start("");
	expect_protocol(_i, cases, ARRAY_LEN(cases));
	/* A number that is too large counts as the largest there is. */
	struct tw *w = hostile_open(_i);
	for (uint64_t i = 0; i < ARRAY_LEN(specs); i++) {
		struct job_spec s = specs[i];
		s.id = i;
		s.task = span_str("echo");
		tw_submit_spec(w, &s, "in range");
		tw_expect_value(w, i, "in range");
	}
	tw_close(w);
	hostile_stop();
}
END_TEST

static const struct {
	const char *name;
	size_t len;
} names[] = {
	{BYTES_OF("nope")},
	{BYTES_OF("echo2")},
	{BYTES_OF("ech")},
	{BYTES_OF("")},
	{BYTES_OF("echo\0")},
	{BYTES_OF("echo\0x")},
	{BYTES_OF("ec\nho")},
	{BYTES_OF("../echo")},
	{BYTES_OF("/bin/sh")},
	{BYTES_OF("%n%s%n")},
	{BYTES_OF("\xff\xfe")},
	{BYTES_OF("echo ")},
	{BYTES_OF("Echo")},
	{BYTES_OF("a b")},
	{BYTES_OF("\"; drop")},
	{BYTES_OF("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
};

START_TEST(b25_names)
{
	char long_name[300];

	hostile_start("");
	struct tw *w = hostile_open(_i);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct job_spec s = {.id = 1 + i, .task = span_of(names[i].name, names[i].len)};
		tw_put_job(w, &s, "payload", 7);
		tw_flush(w);
		hostile_expect_refused_job(w, 1 + i, FUT_UNKNOWN_TASK, "a task's name");
	}
	/* Its detail names the task and the pool, where it is a name. */
	const struct error_info *e = tw_error(w, tw_result(w, 1));
	ck_assert_str_eq(tw_text(e->detail), "task 'nope', pool 'p'");
	ck_assert_int_eq(e->retry, FUT_RETRY_NEVER);
	memset(long_name, 'n', sizeof long_name);
	struct job_spec s = {
		.id = 100, .task = span_str("echo"), .key = span_of(long_name, sizeof long_name)};
	tw_put_job(w, &s, NULL, 0);
	s = (struct job_spec){.id = 101, .task = span_str("echo"), .unique = span_str("a\nb")};
	tw_put_job(w, &s, NULL, 0);
	tw_flush(w);
	hostile_expect_refused_job(w, 100, FUT_INVALID, "a long key");
	hostile_expect_refused_job(w, 101, FUT_INVALID, "a unique name");
	tw_submit(w, 500, "echo", "goes on");
	tw_expect_value(w, 500, "goes on");
	tw_close(w);
	hostile_stop();
}
END_TEST

START_TEST(b25_names_of_pools)
{
	static const struct {
		const char *name;
		size_t len;
	} pools[] = {
		{BYTES_OF("q")},    {BYTES_OF("pp")},       {BYTES_OF("p\0q")},
		{BYTES_OF("../p")}, {BYTES_OF("%n%s\n\"")}, {BYTES_OF("\xff\xfe\x80")},
	};
	char longest[8000];

	hostile_start("");
	memset(longest, 'p', sizeof longest);
	for (size_t i = 0; i <= ARRAY_LEN(pools); i++) {
		const struct message m = {
			.kind = MESSAGE_HELLO,
			.hello = {.version_min = 1,
				  .version_max = 1,
				  .pool = i < ARRAY_LEN(pools)
						  ? span_of(pools[i].name, pools[i].len)
						  : span_of(longest, sizeof longest)}};
		struct tw *w = hostile_connect(_i);
		tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
		tw_put_message(w, &m, SPAN_EMPTY);
		hostile_expect_refusal(w, FUT_UNKNOWN_POOL, "a pool's name");
	}
	/* Garbage is no news for the log: nothing of it may come to lie in it as it is. */
	char *log = tdaemon_log(hostile_daemon);
	ck_assert_ptr_null(strchr(log, '\xff'));
	free(log);
	hostile_stop();
}
END_TEST

START_TEST(b26_lengths_inside)
{
	static const struct body_case cases[] = {
		{"a job longer than its submit", MESSAGE_SUBMIT, BYTES_OF("\x0a\x7f\x08\1"),
		 NO_PAYLOAD},
		{"a task longer than its job", MESSAGE_SUBMIT, BYTES_OF("\x0a\4\x08\1\x12\x7f"),
		 NO_PAYLOAD},
		{"a payload without a job", MESSAGE_SUBMIT, BYTES_OF(""), BYTES_OF("x")},
		{"less payload than the job says", MESSAGE_SUBMIT,
		 BYTES_OF("\x0a\x0a\x08\1\x12\4echo\x18\5"), BYTES_OF("four")},
		{"payload_len of 2^32 - 1", MESSAGE_SUBMIT,
		 BYTES_OF("\x0a\x0e\x08\1\x12\4echo\x18\xff\xff\xff\xff\x0f"), BYTES_OF("four")},
		{"more payload than the jobs say", MESSAGE_SUBMIT,
		 BYTES_OF("\x0a\x0a\x08\1\x12\4echo\x18\3"), BYTES_OF("four")},
		{"two jobs, one payload", MESSAGE_SUBMIT,
		 BYTES_OF("\x0a\x0a\x08\1\x12\4echo\x18\4\x0a\x0a\x08\2\x12\4echo\x18\4"),
		 BYTES_OF("four")},
	};
	static const char *const hellos[] = {"\x22\x7f"};
	static const size_t lens[] = {2};
	static const char *const frames[] = {"FUTURED1\0\0\0\3\0\0\0\0\x0a\4\x08",
					     "FUTURED1\0\0\0\4\0\0\0\0\x0a\1\0\0"};
	static const size_t frame_lens[] = {19, 20};

	hostile_start("");
	expect_protocol(_i, cases, ARRAY_LEN(cases));
	expect_protocol_early(_i, hellos, lens, ARRAY_LEN(hellos));
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct tw *w = hostile_connect(_i);
		tw_put_raw(w, frames[i], frame_lens[i]);
		hostile_expect_refusal(w, FUT_PROTOCOL, "a length that is not the envelope's");
	}
	hostile_stop();
}
END_TEST

START_TEST(b26_packs_that_are_none)
{
	uint8_t pack[32] = {0};

	hostile_start("");
	struct tw *w = hostile_open(_i);
	struct job_spec s = {.id = 1, .task = span_str("echo"), .items = 2};
	tw_put_job(w, &s, pack, 15); /* not even the headers */
	s.id = 2;
	s.items = UINT32_MAX;
	tw_put_job(w, &s, pack, sizeof pack);
	s.id = 3;
	s.items = PACK_ITEMS_MAX + 1;
	tw_put_job(w, &s, pack, sizeof pack);
	/* These the slot finds out. */
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
	hostile_stop();
}
END_TEST

START_TEST(b28_job_ids)
{
	static const struct body_case cases[] = {
		{"place 1000 of 1000", MESSAGE_SUBMIT, BYTES_OF("\x0a\x09\x08\xe8\7\x12\4echo"),
		 NO_PAYLOAD},
		{"id 2^64 - 1", MESSAGE_SUBMIT,
		 BYTES_OF("\x0a\x11\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\x12\4noop"),
		 NO_PAYLOAD},
	};

	hostile_start("");
	expect_protocol(_i, cases, ARRAY_LEN(cases));
	struct tw *w = hostile_open(_i);
	tw_submit(w, 0, "echo", "id 0 is one like any other");
	tw_expect_value(w, 0, "id 0 is one like any other");
	tw_close(w);
	hostile_stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("envelope");
	TCase *tc = trun_case(s, "broken");

	hostile_add(tc, b18_varints);
	hostile_add(tc, b19_wire_types);
	hostile_add(tc, b26_lengths_inside);
	hostile_add(tc, b26_packs_that_are_none);
	tc = trun_case(s, "costly");
	hostile_add(tc, b20_unknown_fields);
	hostile_add(tc, b21_repeated);
	hostile_add(tc, b22_the_same_again);
	tc = trun_case(s, "values");
	hostile_add(tc, b23_missing_fields);
	hostile_add(tc, b24_out_of_range);
	hostile_add(tc, b25_names);
	hostile_add(tc, b25_names_of_pools);
	hostile_add(tc, b28_job_ids);
	return s;
}
