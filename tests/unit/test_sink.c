#include "proto/sink.h"
#include "tests/lib/conversation.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What came out: how many frames, and a hash of all their bytes and boundaries. */
struct seen {
	unsigned frames;
	uint64_t hash;
};

static uint64_t hash_bytes(uint64_t h, struct span s)
{
	const uint8_t *p = s.data;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return (h ^ s.len) * 0x9e3779b97f4a7c15u;
}

static int on_frame(void *arg, const struct frame *f)
{
	struct seen *seen = arg;

	seen->frames++;
	seen->hash = hash_bytes(hash_bytes(seen->hash, f->envelope), f->payload);
	return 0;
}

struct recording {
	struct buf bytes;
	bool preface;
	struct seen expected;
};

/* The frames of a recording, cut without any sink. */
static struct seen cut_plainly(const struct recording *rec)
{
	const uint8_t *p = buf_data(&rec->bytes);
	size_t n = buf_len(&rec->bytes);
	size_t at = rec->preface ? FRAME_PREFACE_BYTES : 0;
	struct seen seen = {0};

	while (at < n) {
		size_t envelope = (size_t)p[at + 2] << 8 | p[at + 3];
		size_t payload = (size_t)p[at + 5] << 16 | (size_t)p[at + 6] << 8 | p[at + 7];
		struct frame f = {span_of(p + at + 8, envelope),
				  span_of(p + at + 8 + envelope, payload)};
		on_frame(&seen, &f);
		at += 8 + envelope + payload;
	}
	must(at == n);
	return seen;
}

static struct recording record(bool client, bool large)
{
	struct recording rec = {.preface = client};

	buf_init(&rec.bytes, SIZE_MAX);
	if (client)
		conversation_client(&rec.bytes, large);
	else
		conversation_daemon(&rec.bytes, large);
	rec.expected = cut_plainly(&rec);
	must(rec.expected.frames >= 8);
	return rec;
}

/* Feeds a piece from memory of its exact size, so that a sanitizer sees reads behind it. */
static int feed_piece(struct sink *s, const uint8_t *p, size_t n, sink_frame_fn fn, void *arg)
{
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, p, n);
	int r = sink_feed(s, copy, n, fn, arg);
	free(copy);
	return r;
}

static void must_be_idle(const struct sink *s)
{
	must(!sink_is_mid_frame(s));
	must(s->stash.mem == NULL && s->stash.cap == 0);
}

static void must_match(const struct seen *seen, const struct recording *rec)
{
	must(seen->frames == rec->expected.frames);
	must(seen->hash == rec->expected.hash);
}

START_TEST(whole)
{
	struct recording rec = record(_i & 1, _i & 2);
	struct seen seen = {0};
	struct sink s;

	sink_init(&s, rec.preface, conversation_limits);
	must_be_idle(&s);
	ck_assert_int_eq(feed_piece(&s, buf_data(&rec.bytes), buf_len(&rec.bytes), on_frame, &seen),
			 0);
	must_match(&seen, &rec);
	must_be_idle(&s);
	sink_done(&s);
	buf_done(&rec.bytes);
}
END_TEST

START_TEST(split_at_every_byte)
{
	struct recording rec = record(_i & 1, false);
	const uint8_t *p = buf_data(&rec.bytes);
	size_t n = buf_len(&rec.bytes);

	for (size_t at = 0; at <= n; at++) {
		struct seen seen = {0};
		struct sink s;
		sink_init(&s, rec.preface, conversation_limits);
		must(feed_piece(&s, p, at, on_frame, &seen) == 0);
		must(feed_piece(&s, p + at, n - at, on_frame, &seen) == 0);
		must_match(&seen, &rec);
		must_be_idle(&s);
		sink_done(&s);
	}
	buf_done(&rec.bytes);
}
END_TEST

/* The recording with the large payload has 300,000 places to split at: those near the ends
 * of frames are all tried, the rest in steps. */
START_TEST(split_large)
{
	struct recording rec = record(_i & 1, true);
	const uint8_t *p = buf_data(&rec.bytes);
	size_t n = buf_len(&rec.bytes);

	for (size_t at = 0; at <= n; at += at < 700 || n - at < 700 ? 1 : 1297) {
		struct seen seen = {0};
		struct sink s;
		sink_init(&s, rec.preface, conversation_limits);
		must(sink_feed(&s, p, at, on_frame, &seen) == 0);
		must(sink_feed(&s, p + at, n - at, on_frame, &seen) == 0);
		must_match(&seen, &rec);
		must_be_idle(&s);
		sink_done(&s);
	}
	buf_done(&rec.bytes);
}
END_TEST

START_TEST(one_byte_at_a_time)
{
	struct recording rec = record(_i & 1, _i & 2);
	const uint8_t *p = buf_data(&rec.bytes);
	struct seen seen = {0};
	struct sink s;

	sink_init(&s, rec.preface, conversation_limits);
	for (size_t i = 0; i < buf_len(&rec.bytes); i++)
		must(feed_piece(&s, p + i, 1, on_frame, &seen) == 0);
	must_match(&seen, &rec);
	must_be_idle(&s);
	sink_done(&s);
	buf_done(&rec.bytes);
}
END_TEST

START_TEST(random_cuts)
{
	struct rng r = rng_of_run();
	struct recording rec = record(_i & 1, _i & 2);
	const uint8_t *p = buf_data(&rec.bytes);
	size_t n = buf_len(&rec.bytes);

	for (int round = 0; round < 300; round++) {
		size_t most = 1 + rng_below(&r, rng_below(&r, 2) ? 60 : n / 3);
		struct seen seen = {0};
		struct sink s;
		if (_i & 2 && most < 500)
			most += 500;
		sink_init(&s, rec.preface, conversation_limits);
		for (size_t at = 0, run; at < n; at += run) {
			run = rng_below(&r, most + 1);
			run = run < n - at ? run : n - at;
			must(feed_piece(&s, p + at, run, on_frame, &seen) == 0);
		}
		must_match(&seen, &rec);
		must_be_idle(&s);
		sink_done(&s);
	}
	buf_done(&rec.bytes);
}
END_TEST

START_TEST(wrong_preface_is_refused_at_the_wrong_byte)
{
	static const uint8_t garbage[32] = {0};

	for (size_t wrong = 0; wrong < FRAME_PREFACE_BYTES; wrong++) {
		for (size_t first = 0; first <= wrong; first++) {
			char bytes[FRAME_PREFACE_BYTES + 1] = FRAME_PREFACE;
			struct seen seen = {0};
			struct sink s;
			bytes[wrong] ^= 0x20;
			sink_init(&s, true, conversation_limits);
			const uint8_t *p = (const uint8_t *)bytes;
			must(feed_piece(&s, p, first, on_frame, &seen) == 0);
			must(feed_piece(&s, p + first, wrong - first, on_frame, &seen) == 0);
			must(feed_piece(&s, p + wrong, 1, on_frame, &seen) == -EPROTO);
			must(seen.frames == 0);
			sink_done(&s);
		}
	}
	struct sink s;
	sink_init(&s, true, conversation_limits);
	ck_assert_int_eq(sink_feed(&s, garbage, sizeof garbage, on_frame, NULL), -EPROTO);
	sink_done(&s);
	sink_init(&s, true, conversation_limits);
	ck_assert_int_eq(sink_feed(&s, (const uint8_t *)"GET / HTTP/1.1\r\n", 16, on_frame, NULL),
			 -EPROTO);
	sink_done(&s);
}
END_TEST

START_TEST(preface_alone_leaves_nothing)
{
	struct sink s;

	sink_init(&s, true, conversation_limits);
	for (size_t i = 0; i < 8; i++) {
		ck_assert_int_eq(
			sink_feed(&s, (const uint8_t *)FRAME_PREFACE + i, 1, on_frame, NULL), 0);
		ck_assert_int_eq(sink_is_mid_frame(&s), i < 7);
	}
	must_be_idle(&s);
	sink_done(&s);
}
END_TEST

/* Refused at the header's last byte, before there is memory for the frame. */
static int feed_header(uint32_t envelope, uint32_t payload, bool split)
{
	static const struct frame_limits limits = {.envelope_bytes = 100, .payload_bytes = 200};
	uint8_t header[FRAME_HEADER_BYTES];
	struct sink s;
	int r;

	frame_put_header(header, envelope, payload);
	sink_init(&s, false, limits);
	if (split) {
		must(feed_piece(&s, header, 5, on_frame, NULL) == 0);
		r = feed_piece(&s, header + 5, 3, on_frame, NULL);
	} else {
		r = feed_piece(&s, header, 8, on_frame, NULL);
	}
	must(s.stash.cap <= 1024);
	sink_done(&s);
	return r;
}

START_TEST(lengths_over_their_limits)
{
	bool split = _i;

	ck_assert_int_eq(feed_header(100, 200, split), 0);
	ck_assert_int_eq(feed_header(101, 0, split), -EMSGSIZE);
	ck_assert_int_eq(feed_header(1, 201, split), -EMSGSIZE);
	ck_assert_int_eq(feed_header(UINT32_MAX, UINT32_MAX, split), -EMSGSIZE);
	ck_assert_int_eq(feed_header(0x80000000, 0, split), -EMSGSIZE);
	ck_assert_int_eq(feed_header(0, 0, split), -EPROTO);
	ck_assert_int_eq(feed_header(0, 200, split), -EPROTO);
}
END_TEST

/* The largest frame that the limits allow fits the stash, to the byte. */
START_TEST(largest_frame_byte_by_byte)
{
	static const struct frame_limits limits = {.envelope_bytes = 100, .payload_bytes = 200};
	uint8_t bytes[308];
	struct seen seen = {0};
	struct sink s;

	memset(bytes, 7, sizeof bytes);
	frame_put_header(bytes, 100, 200);
	sink_init(&s, false, limits);
	for (size_t i = 0; i < sizeof bytes; i++)
		ck_assert_int_eq(sink_feed(&s, bytes + i, 1, on_frame, &seen), 0);
	ck_assert_uint_eq(seen.frames, 1);
	must_be_idle(&s);
	sink_done(&s);
}
END_TEST

struct switcher {
	struct sink *sink;
	unsigned frames;
	struct frame_limits then; /* from the second frame on */
};

static int on_frame_switch(void *arg, const struct frame *f)
{
	struct switcher *sw = arg;

	(void)f;
	if (sw->frames++ == 0)
		sink_set_limits(sw->sink, sw->then);
	return 0;
}

static size_t put_frame(uint8_t *p, uint32_t envelope, uint32_t payload)
{
	frame_put_header(p, envelope, payload);
	memset(p + 8, 'e', envelope);
	memset(p + 8 + envelope, 'p', payload);
	return 8 + (size_t)envelope + payload;
}

/* A small frame, behind which other limits hold, and a large one; however they arrive. */
static void switch_limits(struct frame_limits before, struct frame_limits after, int expected)
{
	uint8_t bytes[1000];
	size_t n = put_frame(bytes, 10, 10);

	n += put_frame(bytes + n, 50, 300);
	for (size_t at = 0; at <= n; at++) {
		struct sink s;
		struct switcher sw = {.sink = &s, .then = after};
		sink_init(&s, false, before);
		int r = feed_piece(&s, bytes, at, on_frame_switch, &sw);
		if (r == 0)
			r = feed_piece(&s, bytes + at, n - at, on_frame_switch, &sw);
		must(r == expected);
		must(sw.frames == (expected == 0 ? 2 : 1));
		sink_done(&s);
	}
}

START_TEST(limits_change_between_frames)
{
	static const struct frame_limits small = {20, 20}, large = {100, 1000}, none = {20, 0};

	switch_limits(small, large, 0);
	switch_limits(large, large, 0);
	switch_limits(large, small, -EMSGSIZE);
	switch_limits(large, none, -EMSGSIZE);
}
END_TEST

/* Raised by the owner while a frame is on its way, as a client does after Welcome. */
START_TEST(limits_raised_mid_frame)
{
	static const struct frame_limits small = {20, 20}, large = {100, 1000};
	uint8_t bytes[1000];
	struct seen seen = {0};
	struct sink s;
	size_t n = put_frame(bytes, 20, 20);

	n += put_frame(bytes + n, 100, 500);
	sink_init(&s, false, small);
	ck_assert_int_eq(sink_feed(&s, bytes, 30, on_frame, &seen), 0);
	sink_set_limits(&s, large);
	ck_assert_int_eq(sink_feed(&s, bytes + 30, n - 30, on_frame, &seen), 0);
	ck_assert_uint_eq(seen.frames, 2);
	must_be_idle(&s);
	sink_done(&s);
}
END_TEST

static int on_frame_stop(void *arg, const struct frame *f)
{
	unsigned *left = arg;

	(void)f;
	return --*left == 0 ? -ECANCELED : 0;
}

START_TEST(callback_ends_the_feeding)
{
	struct recording rec = record(true, false);

	for (unsigned stop = 1; stop <= rec.expected.frames; stop++) {
		unsigned at_once = stop, bytewise = stop;
		struct sink s;

		sink_init(&s, true, conversation_limits);
		must(sink_feed(&s, buf_data(&rec.bytes), buf_len(&rec.bytes), on_frame_stop,
			       &at_once) == -ECANCELED);
		must(at_once == 0); /* and it was not called again */
		sink_done(&s);

		int r = 0;
		sink_init(&s, true, conversation_limits);
		for (size_t i = 0; r == 0 && i < buf_len(&rec.bytes); i++)
			r = sink_feed(&s, buf_data(&rec.bytes) + i, 1, on_frame_stop, &bytewise);
		must(r == -ECANCELED && bytewise == 0);
		sink_done(&s);
	}
	buf_done(&rec.bytes);
}
END_TEST

/* Between frames nothing is kept; inside one, no more than the frame needs. */
START_TEST(memory_while_feeding)
{
	struct recording rec = record(false, true);
	const uint8_t *p = buf_data(&rec.bytes);
	size_t n = buf_len(&rec.bytes), most = 0;
	struct seen seen = {0};
	struct sink s;

	sink_init(&s, false, conversation_limits);
	for (size_t i = 0; i < n; i++) {
		must(sink_feed(&s, p + i, 1, on_frame, &seen) == 0);
		if (!sink_is_mid_frame(&s))
			must(s.stash.mem == NULL);
		most = s.stash.cap > most ? s.stash.cap : most;
	}
	ck_assert_uint_le(most, 2 * CONVERSATION_LARGE_BYTES);
	sink_done(&s);
	buf_done(&rec.bytes);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("sink");
	TCase *tc = trun_case(s, "sink");

	tcase_add_loop_test(tc, whole, 0, 4);
	tcase_add_loop_test(tc, split_at_every_byte, 0, 2);
	tcase_add_loop_test(tc, split_large, 0, 2);
	tcase_add_loop_test(tc, one_byte_at_a_time, 0, 4);
	tcase_add_loop_test(tc, random_cuts, 0, 4);
	tcase_add_test(tc, wrong_preface_is_refused_at_the_wrong_byte);
	tcase_add_test(tc, preface_alone_leaves_nothing);
	tcase_add_loop_test(tc, lengths_over_their_limits, 0, 2);
	tcase_add_test(tc, largest_frame_byte_by_byte);
	tcase_add_test(tc, limits_change_between_frames);
	tcase_add_test(tc, limits_raised_mid_frame);
	tcase_add_test(tc, callback_ends_the_feeding);
	tcase_add_test(tc, memory_while_feeding);
	return s;
}
