/*
 * What a client must not say before it has a session: each case ends in a clear error or a
 * closed connection.
 */
#include "proto/frame.h"
#include "tests/integ/witness.h"

#include <stdlib.h>
#include <sys/socket.h>

static const uint8_t client_hello[] = {
	0x16, 0x03, 0x01, 0x00, 0x3a, 0x01, 0x00, 0x00, 0x36, 0x03, 0x03, 0x5a, 0x5a, 0x5a, 0x5a,
	0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a,
	0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x00, 0x00, 0x02, 0x13,
	0x01, 0x01, 0x00, 0x00, 0x0b, 0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x1d, 0x00, 0x00};

#define BYTES(b) (b), sizeof(b)

static const struct raw_case {
	const char *name;
	const void *bytes;
	size_t len;
	uint32_t status; /* of the goaway; 0: it just closes */
} raw_cases[] = {
	{"HTTP", TEXT("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 0},
	{"HTTP/2", TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0},
	{"TLS", BYTES(client_hello), 0},
	{"SSH", TEXT("SSH-2.0-OpenSSH_9.2\r\n"), 0},
	{"first byte", TEXT("X"), 0},
	{"last byte of the preface", TEXT("FUTURED2"), 0},
	{"zero envelope", TEXT("FUTURED1\0\0\0\0\0\0\0\0"), 0},
	{"zero envelope, some payload", TEXT("FUTURED1\0\0\0\0\0\0\0\1x"), 0},
	{"8 KiB + 1 of envelope", TEXT("FUTURED1\0\0\x20\1\0\0\0\0"), 0},
	{"all ones", TEXT("FUTURED1\xff\xff\xff\xff\xff\xff\xff\xff"), 0},
	{"hello with a payload", TEXT("FUTURED1\0\0\0\6\0\0\0\1\x0a\4\x08\1\x10\1x"), 0},
	{"kind 19", TEXT("FUTURED1\0\0\0\3\0\0\0\0\x9a\1\0"), FUT_PROTOCOL},
	{"kind 100", TEXT("FUTURED1\0\0\0\3\0\0\0\0\xa2\6\0"), FUT_PROTOCOL},
	{"kind 2^28", TEXT("FUTURED1\0\0\0\6\0\0\0\0\x82\x80\x80\x80\x08\0"), FUT_PROTOCOL},
	{"kind 0", TEXT("FUTURED1\0\0\0\2\0\0\0\0\2\0"), FUT_PROTOCOL},
	{"a varint for an envelope", TEXT("FUTURED1\0\0\0\2\0\0\0\0\x08\1"), FUT_PROTOCOL},
	{"an unterminated tag", TEXT("FUTURED1\0\0\0\2\0\0\0\0\xff\xff"), FUT_PROTOCOL},
	{"two members", TEXT("FUTURED1\0\0\0\4\0\0\0\0\x5a\0\x5a\0"), FUT_PROTOCOL},
	{"a length past the envelope", TEXT("FUTURED1\0\0\0\3\0\0\0\0\x0a\4\x08"), FUT_PROTOCOL},
	{"a length before its end", TEXT("FUTURED1\0\0\0\4\0\0\0\0\x0a\1\0\0"), FUT_PROTOCOL},
	{"submit before hello", TEXT("FUTURED1\0\0\0\2\0\0\0\0\x1a\0"), FUT_PROTOCOL},
	{"ping before hello", TEXT("FUTURED1\0\0\0\2\0\0\0\0\x5a\0"), FUT_PROTOCOL},
	{"bye before hello", TEXT("FUTURED1\0\0\0\2\0\0\0\0\x72\0"), FUT_PROTOCOL},
	{"status before hello", TEXT("FUTURED1\0\0\0\3\0\0\0\0\x8a\1\0"), FUT_PROTOCOL},
	{"garbage in hello", TEXT("FUTURED1\0\0\0\6\0\0\0\0\x0a\4\xff\xff\xff\xff"), FUT_PROTOCOL},
	{"a group in hello", TEXT("FUTURED1\0\0\0\4\0\0\0\0\x0a\2\x0b\x0c"), FUT_PROTOCOL},
	{"wire type 7 in hello", TEXT("FUTURED1\0\0\0\4\0\0\0\0\x0a\2\x0f\0"), FUT_PROTOCOL},
	{"pool longer than hello", TEXT("FUTURED1\0\0\0\4\0\0\0\0\x0a\2\x22\x7f"), FUT_PROTOCOL},
	{"empty hello", TEXT("FUTURED1\0\0\0\2\0\0\0\0\x0a\0"), FUT_UNSUPPORTED},
};

START_TEST(test_first_bytes)
{
	start(config);
	for (size_t i = 0; i < ARRAY_LEN(raw_cases); i++) {
		for (int tcp = 0; tcp < 2; tcp++) {
			struct tw *w = tw_connect(tcp ? d->tcp_url : d->unix_url);
			tw_put_raw(w, raw_cases[i].bytes, raw_cases[i].len);
			expect_refusal(w, raw_cases[i].status, raw_cases[i].name);
		}
	}
	stop();
}
END_TEST

/* The same, a byte per write: nothing may depend on how bytes come. */
START_TEST(test_first_bytes_one_by_one)
{
	start(config);
	for (size_t i = 0; i < ARRAY_LEN(raw_cases); i++) {
		struct tw *w = tw_connect(d->unix_url);
		const char *p = raw_cases[i].bytes;
		bool open = true;
		for (size_t n = 0; open && n < raw_cases[i].len; n++) {
			tw_put_raw(w, p + n, 1);
			open = tw_flush(w);
		}
		expect_refusal(w, raw_cases[i].status, raw_cases[i].name);
	}
	stop();
}
END_TEST

START_TEST(test_silence)
{
	static const char *const starts[] = {"", "F", "FUTU", "FUTURED1", "FUTURED1\1"};

	start(config);
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		/* one that waits for ever, and one that goes */
		struct tw *silent = tw_connect(d->tcp_url);
		struct tw *gone = tw_connect(d->tcp_url);
		tw_put_raw(silent, starts[i], strlen(starts[i]));
		tw_put_raw(gone, starts[i], strlen(starts[i]));
		tw_flush(silent);
		tw_flush(gone);
		shutdown(gone->fd, SHUT_WR);
		expect_refusal(gone, 0, "half a start, then the end");
		uint64_t before_us = td_now_us();
		expect_refusal(silent, 0, "half a start, then nothing");
		ck_assert_uint_lt(td_now_us() - before_us, (uint64_t)td_patience_ms(3000) * 1000);
	}
	tdaemon_wait_log_count(d, "event=session.close reason=\"no", ARRAY_LEN(starts));
	stop();
}
END_TEST

static const struct hello_case {
	const char *name;
	uint32_t min, max;
	const char *pool;
	size_t pool_len; /* 0: of the text */
	uint32_t status;
} hello_cases[] = {
	{"versions 2 to 9", 2, 9, "p", 0, FUT_UNSUPPORTED},
	{"versions 0 to 0", 0, 0, "p", 0, FUT_UNSUPPORTED},
	{"versions 9 to 2", 9, 2, "p", 0, FUT_UNSUPPORTED},
	{"version 2^32 - 1", UINT32_MAX, UINT32_MAX, "p", 0, FUT_UNSUPPORTED},
	{"unknown pool", 1, 1, "q", 0, FUT_UNKNOWN_POOL},
	{"pool's name and more", 1, 1, "pp", 0, FUT_UNKNOWN_POOL},
	{"pool with a NUL", 1, 1, "p\0q", 3, FUT_UNKNOWN_POOL},
	{"pool with a path", 1, 1, "../p", 0, FUT_UNKNOWN_POOL},
	{"pool with a format", 1, 1, "%n%s\n\"", 0, FUT_UNKNOWN_POOL},
	{"pool that is no UTF-8", 1, 1, "\xff\xfe\x80", 0, FUT_UNKNOWN_POOL},
};

START_TEST(test_hello)
{
	char *longest = malloc(8000);

	start(config);
	for (size_t i = 0; i < ARRAY_LEN(hello_cases); i++) {
		const struct hello_case *c = &hello_cases[i];
		size_t n = c->pool_len ? c->pool_len : strlen(c->pool);
		const struct message m = {.kind = MESSAGE_HELLO,
					  .hello = {.version_min = c->min,
						    .version_max = c->max,
						    .pool = span_of(c->pool, n)}};
		struct tw *w = tw_connect(d->unix_url);
		tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
		tw_put_message(w, &m, SPAN_EMPTY);
		expect_refusal(w, c->status, c->name);
	}
	ck_assert_ptr_nonnull(longest);
	memset(longest, 'p', 8000);
	struct tw *w = tw_connect(d->unix_url);
	const struct message m = {
		.kind = MESSAGE_HELLO,
		.hello = {.version_min = 1, .version_max = 1, .pool = span_of(longest, 8000)}};
	tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
	tw_put_message(w, &m, SPAN_EMPTY);
	expect_refusal(w, FUT_UNKNOWN_POOL, "pool of 8000 bytes");
	free(longest);
	/* Garbage is no news for the log: nothing of it may come to lie in it as it is. */
	char *log = tdaemon_log(d);
	ck_assert_ptr_null(strchr(log, '\xff'));
	free(log);
	stop();
}
END_TEST

/* A range that has version 1 in it, a long client name, an empty pool. */
START_TEST(test_hello_that_is_fine)
{
	char name[4000];

	memset(name, 'n', sizeof name);
	start(config);
	const struct message m = {.kind = MESSAGE_HELLO,
				  .hello = {.version_min = 0,
					    .version_max = 100,
					    .features = UINT64_MAX,
					    .client = span_of(name, sizeof name)}};
	struct tw *w = tw_connect(d->unix_url);
	tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
	tw_put_message(w, &m, SPAN_EMPTY);
	tw_ping(w);
	ck_assert(w->welcomed);
	ck_assert_uint_eq(w->version, 1);
	ck_assert_str_eq(w->pool, "p");
	ck_assert_str_eq(w->pool_kind, "threads");
	ck_assert_uint_eq(w->slots, 2);
	ck_assert_uint_eq(w->max_payload, 64 * 1024);
	ck_assert_uint_eq(w->max_result, 64 * 1024);
	ck_assert_uint_eq(w->max_inflight, 1000);
	tw_close(w);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("bad_hello");
	TCase *tc = trun_case(s, "before hello");

	tcase_add_test(tc, test_first_bytes);
	tcase_add_test(tc, test_first_bytes_one_by_one);
	tcase_add_test(tc, test_silence);
	tcase_add_test(tc, test_hello);
	tcase_add_test(tc, test_hello_that_is_fine);
	return s;
}
