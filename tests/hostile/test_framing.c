/* B1 to B17: bytes that are no frames, frames that are none, too many, too slow. */
#include "proto/frame.h"
#include "tests/lib/hostile.h"
#include "tests/lib/seed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct bytes_case {
	const char *bytes;
	size_t len;
	uint32_t status; /* of the goaway; 0: it just closes */
};

/* Says it as a whole, and a byte per write: nothing may depend on how bytes come. */
static void expect_refusals(int transport, const struct bytes_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tw *w = hostile_connect(transport);
		tw_put_raw(w, cases[i].bytes, cases[i].len);
		hostile_expect_refusal(w, cases[i].status, cases[i].bytes);
		w = hostile_connect(transport);
		bool open = true;
		for (size_t k = 0; open && k < cases[i].len; k++) {
			tw_put_raw(w, cases[i].bytes + k, 1);
			open = tw_flush(w);
		}
		hostile_expect_refusal(w, cases[i].status, cases[i].bytes);
	}
}

static void put_header(struct tw *w, uint32_t envelope, uint32_t payload)
{
	uint8_t header[FRAME_HEADER_BYTES];

	frame_put_header(header, envelope, payload);
	tw_put_raw(w, header, sizeof header);
}

START_TEST(b01_wrong_magic)
{
	static const struct bytes_case cases[] = {
		{BYTES_OF("X"), 0},
		{BYTES_OF("FUTURED2"), 0},
		{BYTES_OF("futured1"), 0},
		{BYTES_OF("FUTURED\0"), 0},
		{BYTES_OF("RF01\0\0\0\0"), 0},
	};

	hostile_start("");
	expect_refusals(_i, cases, ARRAY_LEN(cases));
	hostile_stop();
}
END_TEST

/* The witness has a session already: a penalty keeps out who comes, not who is there. */
START_TEST(b01_wrong_magic_has_a_penalty)
{
	hostile_start_with("penalty_protocol = 1s\n"
			   "pool p {\n kind = threads\n slots = 1\n modules = {basic}\n}\n");
	struct tw *w = hostile_connect(_i);
	tw_put_raw(w, "nonsense", 8);
	hostile_expect_refusal(w, 0, "nonsense");
	w = hostile_connect(_i);
	hostile_expect_refusal(w, 0, "a source with a penalty");
	tdaemon_wait_log(hostile_daemon, "event=session.refused reason=penalty");
	/* It ends by itself. */
	struct twait wait = twait_for(hostile_daemon, "the end of the penalty");
	bool in = false;
	while (!in) {
		twait_step(&wait);
		w = hostile_connect(_i);
		tw_greet(w, "p");
		while (tw_pump(w, 10) && !w->welcomed)
			;
		in = w->welcomed;
		tw_close(w);
	}
	hostile_stop();
}
END_TEST

START_TEST(b02_http)
{
	static const struct bytes_case cases[] = {
		{BYTES_OF("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 0},
		{BYTES_OF("POST /FUTURED1 HTTP/1.1\r\n\r\n"), 0},
		{BYTES_OF("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0},
	};

	hostile_start("");
	expect_refusals(_i, cases, ARRAY_LEN(cases));
	hostile_stop();
}
END_TEST

START_TEST(b03_tls_on_a_plain_port)
{
	static const struct bytes_case cases[] = {
		{BYTES_OF("\x16\x03\x01\x00\x3a\x01\x00\x00\x36\x03\x03ZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"
			  "ZZZZ\x00\x00\x02\x13\x01\x01\x00\x00\x0b\x00\x0a\x00\x04\x00\x02\x00\x1d"
			  "\x00\x00"),
		 0},
	};

	hostile_start("");
	expect_refusals(_i, cases, ARRAY_LEN(cases));
	hostile_stop();
}
END_TEST

START_TEST(b04_other_banners_and_noise)
{
	static const struct bytes_case cases[] = {
		{BYTES_OF("SSH-2.0-OpenSSH_9.2\r\n"), 0},
		{BYTES_OF("\0\0\0\x85\xffSMBr\0\0\0\0"), 0},
		{BYTES_OF("*1\r\n$4\r\nPING\r\n"), 0},
		{BYTES_OF("EHLO example\r\n"), 0},
	};
	struct rng r = rng_of_run();
	uint8_t noise[4096];

	hostile_start("");
	expect_refusals(_i, cases, ARRAY_LEN(cases));
	for (int i = 0; i < 50; i++) {
		struct tw *w = hostile_connect(_i);
		rng_fill(&r, noise, sizeof noise);
		noise[0] |= 0x80;
		tw_put_raw(w, noise, sizeof noise);
		hostile_expect_refusal(w, 0, "noise");
	}
	hostile_stop();
}
END_TEST

START_TEST(b05_no_envelope)
{
	static const struct bytes_case cases[] = {
		{BYTES_OF("FUTURED1\0\0\0\0\0\0\0\0"), 0},
		{BYTES_OF("FUTURED1\0\0\0\0\0\0\0\1x"), 0},
	};

	hostile_start("");
	expect_refusals(_i, cases, ARRAY_LEN(cases));
	for (uint32_t payload = 0; payload < 20; payload += 10) {
		struct tw *w = hostile_open(_i);
		put_header(w, 0, payload);
		hostile_expect_refusal(w, 0, "no envelope in a session");
	}
	hostile_stop();
}
END_TEST

/* So many were closed for that, and not because the rest of the frame did not come. */
static void expect_cuts(unsigned n)
{
	tdaemon_wait_log_count(hostile_daemon, "reason=\"frame over its limit\"", n);
}

START_TEST(b06_envelope_over_its_limit)
{
	static const struct bytes_case cases[] = {
		{BYTES_OF("FUTURED1\0\0\x20\1\0\0\0\0"), 0},
	};

	hostile_start("");
	expect_refusals(_i, cases, ARRAY_LEN(cases));
	struct tw *w = hostile_open(_i);
	put_header(w, FRAME_ENVELOPE_MAX + 1, 0);
	hostile_expect_refusal(w, 0, "a large envelope in a session");
	expect_cuts(2);
	hostile_stop();
}
END_TEST

START_TEST(b07_payload_over_its_limit)
{
	hostile_start("");
	struct tw *w = hostile_open(_i);
	put_header(w, 1, 64 * 1024 + 1);
	hostile_expect_refusal(w, 0, "one byte too many");
	w = hostile_open(_i);
	put_header(w, 1, UINT32_MAX);
	hostile_expect_refusal(w, 0, "4 GiB too many");
	expect_cuts(2);
	hostile_stop();
}
END_TEST

START_TEST(b08_lengths_that_overflow)
{
	static const struct bytes_case cases[] = {
		{BYTES_OF("FUTURED1\xff\xff\xff\xff\xff\xff\xff\xff"), 0},
	};

	hostile_start("");
	expect_refusals(_i, cases, ARRAY_LEN(cases));
	static const uint32_t lengths[][2] = {
		{UINT32_MAX, UINT32_MAX},
		{UINT32_MAX, 0},
		{UINT32_MAX - 7, 8},
		{1, UINT32_MAX - 8},
	};
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct tw *w = hostile_open(_i);
		put_header(w, lengths[i][0], lengths[i][1]);
		hostile_expect_refusal(w, 0, "lengths that overflow");
	}
	expect_cuts(5);
	hostile_stop();
}
END_TEST

START_TEST(b09_payload_where_none_belongs)
{
	static const struct {
		uint32_t kind;
		const char *body;
		size_t len;
	} cases[] = {
		{MESSAGE_PING, BYTES_OF("\x08\1")},
		{MESSAGE_PONG, BYTES_OF("\x08\1")},
		{MESSAGE_CANCEL, BYTES_OF("\x08\1")},
		{MESSAGE_BYE, BYTES_OF("")},
		{MESSAGE_ADMIN_REQUEST, BYTES_OF("\x0a\6status")},
		{MESSAGE_SUBMIT, BYTES_OF("")},
	};
	static const struct bytes_case early[] = {
		{BYTES_OF("FUTURED1\0\0\0\6\0\0\0\1\x0a\4\x08\1\x10\1x"), 0},
	};

	hostile_start("");
	expect_refusals(_i, early, ARRAY_LEN(early));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tw *w = hostile_open(_i);
		tw_put_frame(w, cases[i].kind, cases[i].body, cases[i].len, "x", 1);
		hostile_expect_refusal(w, FUT_PROTOCOL, "a payload where none belongs");
	}
	hostile_stop();
}
END_TEST

START_TEST(b10_unknown_kind)
{
	static const struct bytes_case early[] = {
		{BYTES_OF("FUTURED1\0\0\0\3\0\0\0\0\xa2\6\0"), FUT_PROTOCOL},
		{BYTES_OF("FUTURED1\0\0\0\6\0\0\0\0\x82\x80\x80\x80\x08\0"), FUT_PROTOCOL},
		{BYTES_OF("FUTURED1\0\0\0\2\0\0\0\0\2\0"), FUT_PROTOCOL},
	};
	static const uint32_t kinds[] = {MESSAGE_KIND_END, 21, 100, 5000, 1 << 28};

	hostile_start("");
	expect_refusals(_i, early, ARRAY_LEN(early));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct tw *w = hostile_open(_i);
		tw_put_frame(w, kinds[i], "", 0, NULL, 0);
		hostile_expect_refusal(w, FUT_PROTOCOL, "an unknown kind");
	}
	hostile_stop();
}
END_TEST

START_TEST(b11_reserved)
{
	static const uint32_t kinds[] = {15, 16, 19};

	hostile_start("");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct tw *w = hostile_open(_i);
		tw_put_frame(w, kinds[i], "", 0, NULL, 0);
		hostile_expect_refusal(w, FUT_PROTOCOL, "a reserved kind");
	}
	/* Bits of features that nobody defined are no mistake. */
	const struct message m = {.kind = MESSAGE_HELLO,
				  .hello = {.version_min = 1,
					    .version_max = 1,
					    .features = UINT64_MAX,
					    .pool = span_str("p")}};
	struct tw *w = hostile_connect(_i);
	tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
	tw_put_message(w, &m, SPAN_EMPTY);
	tw_flush(w);
	tw_wait_welcome(w);
	tw_close(w);
	hostile_stop();
}
END_TEST

/* A Submit of one job, with 4 bytes of payload. */
static const char submit[] = "\0\0\0\x0c\0\0\0\4\x1a\x0a\x0a\x08\x08\1\x12\4echofour";

START_TEST(b12_cut_off)
{
	static const char *const starts[] = {"", "F", "FUTU", "FUTURED1", "FUTURED1\1"};

	hostile_start("");
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		struct tw *w = hostile_connect(_i);
		tw_put_raw(w, starts[i], strlen(starts[i]));
		tw_flush(w);
		shutdown(w->fd, SHUT_WR);
		hostile_expect_refusal(w, 0, "half a start, then the end");
	}
	for (size_t n = 1; n + 1 < sizeof submit; n++) {
		struct tw *w = hostile_open(_i);
		tw_put_raw(w, submit, n);
		tw_flush(w);
		shutdown(w->fd, SHUT_WR);
		hostile_expect_refusal(w, 0, "a frame that is cut off");
	}
	ck_assert_uint_ge(tdaemon_log_count(hostile_daemon, "event=session.close mid-frame\""), 1);
	hostile_stop();
}
END_TEST

START_TEST(b13_cut_off_then_silence)
{
	static const size_t lens[] = {1, 7, 8, 9, 20, sizeof submit - 2};

	hostile_start("");
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct tw *w = hostile_open(_i);
		tw_put_raw(w, submit, lens[i]);
		hostile_expect_refusal(w, 0, "half a frame, then nothing");
	}
	tdaemon_wait_log_count(hostile_daemon, "event=session.close slowly\"", ARRAY_LEN(lens));
	hostile_stop();
}
END_TEST

START_TEST(b13_no_hello)
{
	static const char *const starts[] = {"", "F", "FUTURED1", "FUTURED1\1"};

	hostile_start("handshake_timeout = 300ms\n");
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		struct tw *w = hostile_connect(_i);
		tw_put_raw(w, starts[i], strlen(starts[i]));
		hostile_expect_refusal(w, 0, "half a start, then nothing");
	}
	hostile_stop();
}
END_TEST

/* A byte now and then does not help: it is less than a frame needs. */
START_TEST(b13_a_byte_now_and_then)
{
	hostile_start("");
	struct tw *w = hostile_open(_i);
	put_header(w, 1000, 0);
	struct twait wait = twait_for(hostile_daemon, "the end of a slow frame");
	bool open = tw_flush(w);
	while (open) {
		twait_step(&wait);
		tw_put_raw(w, "x", 1);
		open = tw_flush(w) && tw_pump(w, 10);
	}
	tw_close(w);
	tdaemon_wait_log(hostile_daemon, "event=session.close slowly\"");
	hostile_stop();
}
END_TEST

START_TEST(b14_however_it_is_cut)
{
	enum { JOBS = 64 };
	struct buf stream;

	hostile_start("");
	struct tw *w = hostile_connect(_i);
	tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
	tw_put_hello(w, 1, 1, "p");
	for (uint64_t id = 0; id < JOBS; id++)
		tw_put(w, id, "echo", "whole");
	buf_init(&stream, 1 << 20);
	must(buf_add(&stream, buf_data(&w->out), buf_len(&w->out)) == 0);
	tw_flush(w); /* 64 frames in one segment, and the hello */
	tw_wait_answers(w, JOBS);
	tw_close(w);
	/* a byte per segment; then two frames and a half */
	for (size_t step = 1; step < 200; step = step * 5 + 60) {
		w = hostile_connect(_i);
		for (size_t n = 0; n < buf_len(&stream); n += step) {
			size_t len = min_u64(step, buf_len(&stream) - n);
			tw_put_raw(w, buf_data(&stream) + n, len);
			tw_flush(w);
		}
		for (uint64_t id = 0; id < JOBS; id++) {
			tw_job(w, id)->id = id;
			tw_job(w, id)->submitted = true;
		}
		for (uint64_t id = 0; id < JOBS; id++)
			tw_expect_value(w, id, "whole");
		tw_close(w);
	}
	buf_done(&stream);
	hostile_stop();
}
END_TEST

START_TEST(b15_ping_flood)
{
	const struct message m = {.kind = MESSAGE_PING, .ping = {UINT64_MAX}};

	hostile_start("");
	struct tw *w = hostile_open(_i);
	bool open = true;
	for (int burst = 0; open && !w->goaway && burst < 2000; burst++) {
		for (int i = 0; i < 500; i++)
			tw_put_message(w, &m, SPAN_EMPTY);
		open = tw_flush(w);
		if (burst % 8 == 0)
			hostile_check_served("a flood of pings");
		(void)tw_pump(w, 0);
	}
	tdaemon_wait_log(hostile_daemon, "event=session.flood pings\"");
	tw_close(w);
	hostile_stop();
}
END_TEST

/* They cost their share of the loop, and no more. */
START_TEST(b16_tiny_frames)
{
	enum { FRAMES = 100000, BURST = 5000 };
	const struct message m = {.kind = MESSAGE_PONG, .pong = {1}};

	hostile_start("");
	struct tw *w = hostile_open(_i);
	for (int n = 0; n < FRAMES; n += BURST) {
		for (int i = 0; i < BURST; i++)
			tw_put_message(w, &m, SPAN_EMPTY);
		ck_assert(tw_flush(w));
		hostile_check_served("tiny frames");
	}
	tw_ping(w); /* each of them was fine */
	tw_close(w);
	hostile_stop();
}
END_TEST

START_TEST(b17_what_a_daemon_says)
{
	static const struct {
		uint32_t kind;
		const char *body;
		size_t len;
		const char *payload;
		size_t payload_len;
	} cases[] = {
		{MESSAGE_WELCOME, BYTES_OF("\x08\1"), BYTES_OF("")},
		{MESSAGE_STARTED, BYTES_OF(""), BYTES_OF("")},
		{MESSAGE_CHUNK, BYTES_OF("\x08\1"), BYTES_OF("x")},
		{MESSAGE_PROGRESS, BYTES_OF("\x08\1"), BYTES_OF("")},
		{MESSAGE_PART, BYTES_OF("\x08\1"), BYTES_OF("x")},
		{MESSAGE_RESTART, BYTES_OF("\x08\1"), BYTES_OF("")},
		{MESSAGE_RESULT, BYTES_OF("\x08\1"), BYTES_OF("x")},
		{MESSAGE_VERDICT, BYTES_OF("\x08\1"), BYTES_OF("")},
		{MESSAGE_GOAWAY, BYTES_OF(""), BYTES_OF("")},
		{MESSAGE_ADMIN_REPLY, BYTES_OF(""), BYTES_OF("")},
	};

	hostile_start("");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tw *w = hostile_open(_i);
		tw_put_frame(w, cases[i].kind, cases[i].body, cases[i].len, cases[i].payload,
			     cases[i].payload_len);
		hostile_expect_refusal(w, FUT_PROTOCOL, "what only a daemon says");
	}
	/* A Pong to a Ping that never was does no harm. */
	struct tw *w = hostile_open(_i);
	tw_put_frame(w, MESSAGE_PONG, BYTES_OF("\x08\1"), NULL, 0);
	tw_ping(w);
	tw_close(w);
	hostile_stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("framing");
	TCase *tc = trun_case(s, "first bytes");

	hostile_add(tc, b01_wrong_magic);
	hostile_add(tc, b01_wrong_magic_has_a_penalty);
	hostile_add(tc, b02_http);
	hostile_add(tc, b03_tls_on_a_plain_port);
	hostile_add(tc, b04_other_banners_and_noise);
	tc = trun_case(s, "frames");
	hostile_add(tc, b05_no_envelope);
	hostile_add(tc, b06_envelope_over_its_limit);
	hostile_add(tc, b07_payload_over_its_limit);
	hostile_add(tc, b08_lengths_that_overflow);
	hostile_add(tc, b09_payload_where_none_belongs);
	hostile_add(tc, b10_unknown_kind);
	hostile_add(tc, b11_reserved);
	tc = trun_case(s, "time");
	hostile_add(tc, b12_cut_off);
	hostile_add(tc, b13_cut_off_then_silence);
	hostile_add(tc, b13_no_hello);
	hostile_add(tc, b13_a_byte_now_and_then);
	hostile_add(tc, b14_however_it_is_cut);
	tc = trun_case(s, "many");
	hostile_add(tc, b15_ping_flood);
	hostile_add(tc, b16_tiny_frames);
	hostile_add(tc, b17_what_a_daemon_says);
	return s;
}
