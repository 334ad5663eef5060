#include "proto/message.h"

#include "proto/frame.h"
#include "tests/lib/conversation.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/futured.pb-c.h"

static struct arena arena;

/* ---- one full message of each kind -------------------------------------- */

static const uint64_t ids[] = {0, 1, 127, 128, 0x100000000, UINT64_MAX};

static struct message sample(enum message_kind kind)
{
	struct message m = {.kind = kind};

	switch (kind) {
	case MESSAGE_HELLO:
		m.hello.version_min = 1;
		m.hello.version_max = UINT32_MAX;
		m.hello.features = UINT64_MAX;
		m.hello.pool = span_of("a\0b", 3);
		m.hello.client = span_str("me");
		break;
	case MESSAGE_WELCOME:
		m.welcome.version = 1;
		m.welcome.features = 2;
		m.welcome.incarnation = span_of("0123456789abcde\0", 16);
		m.welcome.session = span_of("\0"
					    "123456789abcdef",
					    16);
		m.welcome.identity = span_str("uid:0");
		m.welcome.pool = span_str("cpu");
		m.welcome.pool_kind = span_str("threads");
		m.welcome.slots = 3;
		m.welcome.max_payload_bytes = 4;
		m.welcome.max_result_bytes = UINT32_MAX;
		m.welcome.max_inflight = 5;
		break;
	case MESSAGE_STARTED:
		m.started.ids = ids;
		m.started.n = sizeof ids / sizeof ids[0];
		break;
	case MESSAGE_CHUNK:
		m.chunk.id = UINT64_MAX;
		break;
	case MESSAGE_PART:
		m.part.id = 1;
		break;
	case MESSAGE_PROGRESS:
		m.progress.id = 1;
		m.progress.done = 2;
		m.progress.total = UINT64_MAX;
		m.progress.text = span_str("text");
		break;
	case MESSAGE_RESTART:
		m.restart.id = UINT64_MAX;
		m.restart.attempt = 2;
		m.restart.status = FUT_HOST_DIED;
		break;
	case MESSAGE_CANCEL:
		m.cancel.id = 1;
		m.cancel.mode = CANCEL_KILL;
		break;
	case MESSAGE_VERDICT:
		m.verdict.id = 1;
		m.verdict.verdict = 5;
		break;
	case MESSAGE_PING:
		m.ping.nonce = UINT64_MAX;
		break;
	case MESSAGE_PONG:
		m.pong.nonce = 1;
		break;
	case MESSAGE_GOAWAY:
		m.goaway.status = FUT_DRAINING;
		m.goaway.has_error = true;
		m.goaway.error = conversation_error();
		break;
	case MESSAGE_ADMIN_REQUEST:
		m.admin_request.what = span_str("why");
		m.admin_request.nonce = 1;
		m.admin_request.argument = span_str("7-3-1");
		break;
	case MESSAGE_ADMIN_REPLY:
		m.admin_reply.status = FUT_UNSUPPORTED;
		m.admin_reply.nonce = 1;
		break;
	case MESSAGE_BYE:
	case MESSAGE_SUBMIT:
	case MESSAGE_RESULT:
	case MESSAGE_KIND_END:
		break;
	}
	return m;
}

static bool same_error(const struct error_info *a, const struct error_info *b)
{
	return span_equal(a->type, b->type) && span_equal(a->message, b->message) &&
	       span_equal(a->detail, b->detail) && span_equal(a->hint, b->hint) &&
	       span_equal(a->details, b->details) && span_equal(a->traceback, b->traceback) &&
	       a->executed == b->executed && a->retry == b->retry && a->has_death == b->has_death &&
	       a->death.pid == b->death.pid && a->death.signal == b->death.signal &&
	       a->death.exit_code == b->death.exit_code &&
	       a->death.core_dumped == b->death.core_dumped &&
	       a->death.out_of_memory == b->death.out_of_memory &&
	       a->death.cpu_us == b->death.cpu_us &&
	       a->death.max_rss_bytes == b->death.max_rss_bytes &&
	       span_equal(a->death.stderr_tail, b->death.stderr_tail);
}

static bool same_ids(const struct message *a, const struct message *b)
{
	return span_equal(span_of(a->started.ids, a->started.n * sizeof(uint64_t)),
			  span_of(b->started.ids, b->started.n * sizeof(uint64_t)));
}

static bool same_welcome(const struct message *a, const struct message *b)
{
	return a->welcome.version == b->welcome.version &&
	       a->welcome.features == b->welcome.features &&
	       span_equal(a->welcome.incarnation, b->welcome.incarnation) &&
	       span_equal(a->welcome.session, b->welcome.session) &&
	       span_equal(a->welcome.identity, b->welcome.identity) &&
	       span_equal(a->welcome.pool, b->welcome.pool) &&
	       span_equal(a->welcome.pool_kind, b->welcome.pool_kind) &&
	       a->welcome.slots == b->welcome.slots &&
	       a->welcome.max_payload_bytes == b->welcome.max_payload_bytes &&
	       a->welcome.max_result_bytes == b->welcome.max_result_bytes &&
	       a->welcome.max_inflight == b->welcome.max_inflight;
}

static bool same(const struct message *a, const struct message *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case MESSAGE_HELLO:
		return a->hello.version_min == b->hello.version_min &&
		       a->hello.version_max == b->hello.version_max &&
		       a->hello.features == b->hello.features &&
		       span_equal(a->hello.pool, b->hello.pool) &&
		       span_equal(a->hello.client, b->hello.client);
	case MESSAGE_WELCOME:
		return same_welcome(a, b);
	case MESSAGE_STARTED:
		return same_ids(a, b);
	case MESSAGE_CHUNK:
		return a->chunk.id == b->chunk.id;
	case MESSAGE_PART:
		return a->part.id == b->part.id;
	case MESSAGE_PROGRESS:
		return a->progress.id == b->progress.id && a->progress.done == b->progress.done &&
		       a->progress.total == b->progress.total &&
		       span_equal(a->progress.text, b->progress.text);
	case MESSAGE_RESTART:
		return a->restart.id == b->restart.id && a->restart.attempt == b->restart.attempt &&
		       a->restart.status == b->restart.status;
	case MESSAGE_CANCEL:
		return a->cancel.id == b->cancel.id && a->cancel.mode == b->cancel.mode;
	case MESSAGE_VERDICT:
		return a->verdict.id == b->verdict.id && a->verdict.verdict == b->verdict.verdict;
	case MESSAGE_PING:
		return a->ping.nonce == b->ping.nonce;
	case MESSAGE_PONG:
		return a->pong.nonce == b->pong.nonce;
	case MESSAGE_GOAWAY:
		return a->goaway.status == b->goaway.status &&
		       a->goaway.has_error == b->goaway.has_error &&
		       (!a->goaway.has_error || same_error(&a->goaway.error, &b->goaway.error));
	case MESSAGE_ADMIN_REQUEST:
		return a->admin_request.nonce == b->admin_request.nonce &&
		       span_equal(a->admin_request.what, b->admin_request.what) &&
		       span_equal(a->admin_request.argument, b->admin_request.argument);
	case MESSAGE_ADMIN_REPLY:
		return a->admin_reply.nonce == b->admin_reply.nonce &&
		       a->admin_reply.status == b->admin_reply.status;
	case MESSAGE_BYE:
		return true;
	case MESSAGE_SUBMIT:
	case MESSAGE_RESULT:
	case MESSAGE_KIND_END:
		break;
	}
	return false;
}

static bool has_codec(uint32_t kind)
{
	return kind != MESSAGE_SUBMIT && kind != MESSAGE_RESULT && kind != 0 && kind != 15 &&
	       kind != 16 && kind < 19;
}

/* The frame in `out`: its kind and message. */
static struct span open_frame(const struct buf *out, struct span payload, uint32_t *ret_kind)
{
	static const struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1 << 20};
	struct span message = SPAN_EMPTY;
	struct frame f;
	size_t need;

	must(frame_cut(buf_data(out), buf_len(out), &limits, &f, &need) == (int64_t)buf_len(out));
	must(span_equal(f.payload, payload));
	must(envelope_open(f.envelope, ret_kind, &message) == 0);
	return message;
}

static void round_trip(const struct message *m, struct span payload)
{
	struct message got;
	uint32_t kind;
	struct buf out;

	buf_init(&out, SIZE_MAX);
	must(message_put(&out, m, payload) == 0);
	struct span bytes = open_frame(&out, payload, &kind);
	must(kind == m->kind);
	arena_reset(&arena);
	must(message_parse(kind, bytes, &arena, &got) == 0);
	ck_assert_msg(same(m, &got), "kind %u", kind);
	buf_done(&out);
}

START_TEST(round_trip_full_and_empty)
{
	for (uint32_t kind = 0; kind < MESSAGE_KIND_END; kind++) {
		if (!has_codec(kind))
			continue;
		struct message full = sample((enum message_kind)kind);
		struct message empty = {.kind = (enum message_kind)kind};
		round_trip(&full, SPAN_EMPTY);
		round_trip(&full, span_of("pay\0load", 8));
		round_trip(&empty, SPAN_EMPTY);
	}
}
END_TEST

/* The frame is what protobuf-c makes of it, member by member. */
START_TEST(envelope_is_protobufs)
{
	for (uint32_t kind = 0; kind < MESSAGE_KIND_END; kind++) {
		if (!has_codec(kind))
			continue;
		struct message m = sample((enum message_kind)kind);
		static uint8_t again[FRAME_ENVELOPE_MAX];
		struct buf out;
		buf_init(&out, SIZE_MAX);
		ck_assert_int_eq(message_put(&out, &m, SPAN_EMPTY), 0);
		size_t n = buf_len(&out) - FRAME_HEADER_BYTES;
		const uint8_t *p = buf_data(&out) + FRAME_HEADER_BYTES;
		Futwire__Frame *pb = futwire__frame__unpack(NULL, n, p);
		ck_assert_ptr_nonnull(pb);
		ck_assert_uint_eq((unsigned)pb->kind_case, kind);
		ck_assert_uint_eq(pb->base.n_unknown_fields, 0);
		ck_assert_uint_eq(futwire__frame__pack(pb, again), n);
		ck_assert_mem_eq(again, p, n);
		futwire__frame__free_unpacked(pb, NULL);
		buf_done(&out);
	}
}
END_TEST

START_TEST(put_fails_whole)
{
	struct message m = sample(MESSAGE_GOAWAY);
	static uint64_t many[FRAME_ENVELOPE_MAX];
	struct buf out;

	buf_init(&out, 50);
	ck_assert_int_eq(message_put(&out, &m, SPAN_EMPTY), -EMSGSIZE);
	ck_assert_uint_eq(buf_len(&out), 0);
	buf_done(&out);

	buf_init(&out, SIZE_MAX);
	m = (struct message){.kind = MESSAGE_STARTED, .started = {many, FRAME_ENVELOPE_MAX}};
	ck_assert_int_eq(message_put(&out, &m, SPAN_EMPTY), -EMSGSIZE);
	ck_assert_uint_eq(buf_len(&out), 0);
	buf_done(&out);
}
END_TEST

static int parse(uint32_t kind, const void *p, size_t n, struct message *ret)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (n > 0)
		memcpy(copy, p, n);
	arena_reset(&arena);
	int r = message_parse(kind, span_of(copy, n), &arena, ret);
	free(copy);
	return r;
}

START_TEST(kinds_without_a_codec_here)
{
	static const uint32_t kinds[] = {0,  MESSAGE_SUBMIT, MESSAGE_RESULT, 15, 16, 19, 21,
					 22, 0x1fffffff,     UINT32_MAX};
	struct message m;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		ck_assert_int_eq(parse(kinds[i], "\x08\x01", 2, &m), -ENOTSUP);
}
END_TEST

/* Whatever is cut off: our parser says what protobuf-c says with all the memory it wants. */
static void check_like_protobuf(uint32_t kind, const uint8_t *p, size_t n)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field(&futwire__frame__descriptor, kind);
	ProtobufCMessage *pb = protobuf_c_message_unpack(f->descriptor, NULL, n, p);
	struct message m;

	must(parse(kind, p, n, &m) == (pb ? 0 : -EPROTO));
	if (pb)
		protobuf_c_message_free_unpacked(pb, NULL);
}

START_TEST(cut_at_every_byte)
{
	for (uint32_t kind = 0; kind < MESSAGE_KIND_END; kind++) {
		if (!has_codec(kind))
			continue;
		struct message m = sample((enum message_kind)kind);
		struct buf out;
		uint32_t got;
		buf_init(&out, SIZE_MAX);
		ck_assert_int_eq(message_put(&out, &m, SPAN_EMPTY), 0);
		struct span bytes = open_frame(&out, SPAN_EMPTY, &got);
		for (size_t n = 0; n <= bytes.len; n++)
			check_like_protobuf(kind, bytes.data, n);
		buf_done(&out);
	}
}
END_TEST

START_TEST(mutations)
{
	struct rng r = rng_of_run();
	uint8_t bytes[2048];
	struct buf out;

	buf_init(&out, SIZE_MAX);
	for (int i = 0; i < 20000; i++) {
		uint32_t kind, got;
		do {
			kind = (uint32_t)rng_below(&r, MESSAGE_KIND_END);
		} while (!has_codec(kind));
		struct message m = sample((enum message_kind)kind);
		must(message_put(&out, &m, SPAN_EMPTY) == 0);
		struct span message = open_frame(&out, SPAN_EMPTY, &got);
		if (message.len > 0)
			memcpy(bytes, message.data, message.len);
		size_t n = rng_mutate(&r, bytes, message.len, sizeof bytes);
		check_like_protobuf(kind, bytes, n);
		buf_consume(&out, buf_len(&out));
	}
	buf_done(&out);
}
END_TEST

START_TEST(a_failure_leaves_the_message_untouched)
{
	struct message m = {.kind = MESSAGE_BYE};

	ck_assert_int_eq(parse(MESSAGE_PING, "\x08", 1, &m), -EPROTO);
	ck_assert_int_eq(m.kind, MESSAGE_BYE);
}
END_TEST

/* ---- messages made to cost memory --------------------------------------- */

static size_t fill_with(uint8_t *p, size_t n, const char *unit, size_t unit_len)
{
	size_t at = 0;

	for (; at + unit_len <= n; at += unit_len)
		memcpy(p + at, unit, unit_len);
	return at;
}

/* 64 KiB of the smallest fields there are: an answer comes, and the arena was enough for
 * it or ended it. A canary behind the arena shows that nothing went past it. */
static void amplify(uint32_t kind, const uint8_t *p, size_t n, int expected)
{
	static struct {
		struct arena arena;
		uint8_t canary[64];
	} guarded;
	struct message m;

	memset(guarded.canary, 0x5c, sizeof guarded.canary);
	arena_reset(&guarded.arena);
	int r = message_parse(kind, span_of(p, n), &guarded.arena, &m);
	ck_assert_int_eq(r, expected);
	ck_assert_uint_le(guarded.arena.used, ARENA_BYTES);
	for (size_t i = 0; i < sizeof guarded.canary; i++)
		ck_assert_uint_eq(guarded.canary[i], 0x5c);
}

START_TEST(hostile_amplification)
{
	static uint8_t bytes[FRAME_ENVELOPE_MAX];

	for (uint32_t kind = 0; kind < MESSAGE_KIND_END; kind++) {
		if (!has_codec(kind))
			continue;
		/* unknown varints, unknown empty bytes */
		amplify(kind, bytes, fill_with(bytes, sizeof bytes, "\x78\x01", 2), -EPROTO);
		amplify(kind, bytes, fill_with(bytes, sizeof bytes, "\x7a\x00", 2), -EPROTO);
	}
	/* a known field again and again */
	amplify(MESSAGE_PING, bytes, fill_with(bytes, sizeof bytes, "\x08\x01", 2), -EPROTO);
	amplify(MESSAGE_HELLO, bytes, fill_with(bytes, sizeof bytes, "\x22\x00", 2), -EPROTO);
	amplify(MESSAGE_STARTED, bytes, fill_with(bytes, sizeof bytes, "\x08\x01", 2), -EPROTO);
	/* a submessage again and again, each one merged with the last */
	amplify(MESSAGE_GOAWAY, bytes, fill_with(bytes, sizeof bytes, "\x12\x00", 2), -EPROTO);
	amplify(MESSAGE_GOAWAY, bytes, fill_with(bytes, sizeof bytes, "\x12\x02\x4a\x00", 4),
		-EPROTO);
	amplify(MESSAGE_GOAWAY, bytes, fill_with(bytes, 4096, "\x12\x02\x4a\x00", 4), -EPROTO);
}
END_TEST

/* One packed list: 64 KiB of one-byte ids are 512 KiB of numbers. */
START_TEST(hostile_packed_list)
{
	static uint8_t bytes[FRAME_ENVELOPE_MAX];
	size_t n = FRAME_ENVELOPE_MAX - 8;

	memset(bytes, 0, sizeof bytes);
	memcpy(bytes, "\x0a\xf8\xff\x03", 4);
	amplify(MESSAGE_STARTED, bytes, 4 + n, -EPROTO);
}
END_TEST

/* The largest messages that a peer may well send do fit. */
START_TEST(largest_honest_messages_fit)
{
	static uint64_t many[4096];
	static char text[ERROR_DETAILS_MAX];
	struct message m = {.kind = MESSAGE_STARTED, .started = {many, 4096}};
	struct span max = span_of(text, sizeof text);

	for (unsigned i = 0; i < 4096; i++)
		many[i] = UINT64_MAX - i;
	round_trip(&m, SPAN_EMPTY);

	m = sample(MESSAGE_GOAWAY);
	m.goaway.error.type = span_cut(max, ERROR_TYPE_MAX);
	m.goaway.error.message = m.goaway.error.detail = m.goaway.error.hint =
		span_cut(max, ERROR_TEXT_MAX);
	m.goaway.error.details = max;
	m.goaway.error.traceback = span_cut(max, ERROR_TRACEBACK_MAX);
	m.goaway.error.death.stderr_tail = span_cut(max, ERROR_STDERR_MAX);
	round_trip(&m, SPAN_EMPTY);
}
END_TEST

/* However early the memory ends, decoding says so and writes nowhere else. */
START_TEST(arena_ends_anywhere)
{
	struct message m = sample(MESSAGE_GOAWAY), got;
	struct buf out;
	uint32_t kind;
	int last = 0;

	buf_init(&out, SIZE_MAX);
	ck_assert_int_eq(message_put(&out, &m, SPAN_EMPTY), 0);
	struct span bytes = open_frame(&out, SPAN_EMPTY, &kind);
	for (size_t used = 0; used <= ARENA_BYTES; used += used < ARENA_BYTES - 4096 ? 4096 : 16) {
		arena.used = used;
		int r = message_parse(kind, bytes, &arena, &got);
		must(r == 0 || r == -EPROTO);
		must(last == 0 || r == last); /* once too small, always too small */
		must(arena.used <= ARENA_BYTES);
		last = r;
	}
	ck_assert_int_eq(last, -EPROTO);
	buf_done(&out);
}
END_TEST

START_TEST(arena_arithmetic)
{
	arena_reset(&arena);
	ck_assert_ptr_null(arena_take(&arena, SIZE_MAX));
	ck_assert_ptr_null(arena_take(&arena, SIZE_MAX - 14));
	ck_assert_ptr_null(arena_take(&arena, ARENA_BYTES + 1));
	ck_assert_uint_eq(arena.used, 0);
	unsigned char *a = arena_take(&arena, 1);
	unsigned char *b = arena_take(&arena, 16);
	ck_assert_uint_eq((uintptr_t)a % 16, 0);
	ck_assert_ptr_eq(b, a + 16);
	ck_assert_ptr_nonnull(arena_take(&arena, ARENA_BYTES - 32));
	ck_assert_ptr_null(arena_take(&arena, 1));
	arena_reset(&arena);
	ck_assert_ptr_eq(arena_take(&arena, ARENA_BYTES), a);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("message");
	TCase *tc = trun_case(s, "message");

	tcase_add_test(tc, round_trip_full_and_empty);
	tcase_add_test(tc, envelope_is_protobufs);
	tcase_add_test(tc, put_fails_whole);
	tcase_add_test(tc, kinds_without_a_codec_here);
	tcase_add_test(tc, cut_at_every_byte);
	tcase_add_test(tc, mutations);
	tcase_add_test(tc, a_failure_leaves_the_message_untouched);
	tcase_add_test(tc, hostile_amplification);
	tcase_add_test(tc, hostile_packed_list);
	tcase_add_test(tc, largest_honest_messages_fit);
	tcase_add_test(tc, arena_ends_anywhere);
	tcase_add_test(tc, arena_arithmetic);
	return s;
}
