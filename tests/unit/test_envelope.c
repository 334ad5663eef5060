#include "proto/envelope.h"
#include "proto/frame.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <string.h>

#include "proto/futured.pb-c.h"

/* A payload-less frame built by hand, its envelope opened again. */
static void round_trip(uint32_t kind, size_t message_len, size_t payload_len)
{
	static uint8_t message[FRAME_ENVELOPE_MAX];
	static const struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1000};
	struct span opened;
	struct frame f;
	uint32_t got;
	size_t size, need;
	struct buf out;

	memset(message, 'm', sizeof message);
	buf_init(&out, SIZE_MAX);
	uint8_t *p = envelope_begin(&out, (enum message_kind)kind, message_len, payload_len, &size);
	ck_assert_ptr_nonnull(p);
	memcpy(p, message, message_len);
	memset(p + message_len, 'p', payload_len);
	buf_commit(&out, size);

	ck_assert_int_eq(frame_cut(buf_data(&out), buf_len(&out), &limits, &f, &need),
			 (int64_t)size);
	ck_assert_uint_eq(buf_len(&out), size);
	ck_assert_uint_eq(f.payload.len, payload_len);
	ck_assert_int_eq(envelope_open(f.envelope, &got, &opened), 0);
	ck_assert_uint_eq(got, kind);
	ck_assert(span_equal(opened, span_of(message, message_len)));
	buf_done(&out);
}

START_TEST(begin_then_open)
{
	static const size_t lengths[] = {0, 1, 127, 128, 16383, 16384, FRAME_ENVELOPE_MAX - 5};

	for (uint32_t kind = 1; kind < MESSAGE_KIND_END; kind++) {
		for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
			round_trip(kind, lengths[i], i * 7);
	}
}
END_TEST

START_TEST(begin_refuses_what_no_peer_takes)
{
	struct buf out;
	size_t size;

	buf_init(&out, 200000);
	/* tag 1 or 2 bytes, length 3 */
	ck_assert_ptr_nonnull(
		envelope_begin(&out, MESSAGE_RESULT, FRAME_ENVELOPE_MAX - 4, 0, &size));
	errno = 0;
	ck_assert_ptr_null(envelope_begin(&out, MESSAGE_RESULT, FRAME_ENVELOPE_MAX - 3, 0, &size));
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_ptr_null(envelope_begin(&out, MESSAGE_RESULT, 10, (size_t)UINT32_MAX + 1, &size));
	ck_assert_int_eq(errno, EMSGSIZE);
	errno = 0; /* and what the buffer does not take */
	ck_assert_ptr_null(envelope_begin(&out, MESSAGE_RESULT, 10, 200000, &size));
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_uint_eq(buf_len(&out), 0);
	buf_done(&out);
}
END_TEST

#define OPEN(bytes) envelope_open(span_of(bytes, sizeof bytes - 1), &kind, &message)

START_TEST(open_refuses_all_but_one_member)
{
	struct span message;
	uint32_t kind;

	ck_assert_int_eq(envelope_open(SPAN_EMPTY, &kind, &message), -EPROTO);
	ck_assert_int_eq(OPEN("\x5a\x00"), 0); /* an empty Ping */
	ck_assert_uint_eq(kind, MESSAGE_PING);
	ck_assert_uint_eq(message.len, 0);
	ck_assert_int_eq(OPEN("\x5a\x00\x5a\x00"), -EPROTO); /* two members */
	ck_assert_int_eq(OPEN("\x5a\x00\x00"), -EPROTO);     /* a byte behind it */
	ck_assert_int_eq(OPEN("\x5a\x01"), -EPROTO);         /* cut off */
	ck_assert_int_eq(OPEN("\x5a"), -EPROTO);
	ck_assert_int_eq(OPEN("\x58\x01"), -EPROTO);     /* a varint */
	ck_assert_int_eq(OPEN("\x5d\0\0\0\0"), -EPROTO); /* fixed 32 */
	ck_assert_int_eq(OPEN("\x59\0\0\0\0\0\0\0\0"), -EPROTO);
	ck_assert_int_eq(OPEN("\x5b\x5c"), -EPROTO);     /* a group */
	ck_assert_int_eq(OPEN("\x02\x00"), -EPROTO);     /* field 0 */
	ck_assert_int_eq(OPEN("\x82\x00\x00"), -EPROTO); /* field 0 in two bytes */
	ck_assert_int_eq(OPEN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EPROTO);
	ck_assert_int_eq(OPEN("\x5a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EPROTO);
	ck_assert_int_eq(OPEN("\x5a\xff\xff\xff\xff\x0f"), -EPROTO);
}
END_TEST

START_TEST(open_passes_unknown_kinds_on)
{
	struct span message;
	uint32_t kind;

	ck_assert_int_eq(OPEN("\x7a\x01x"), 0); /* 15: reserved */
	ck_assert_uint_eq(kind, 15);
	ck_assert_int_eq(OPEN("\xfa\xff\xff\xff\x0f\x00"), 0); /* the largest there is */
	ck_assert_uint_eq(kind, 0x1fffffff);
}
END_TEST

/* The numbers in envelope.h are those of futured.proto, and no other is defined there. */
START_TEST(kinds_are_the_protos_numbers)
{
	static const struct {
		const char *name;
		enum message_kind kind;
	} rows[] = {
		{"hello", MESSAGE_HELLO},
		{"welcome", MESSAGE_WELCOME},
		{"submit", MESSAGE_SUBMIT},
		{"started", MESSAGE_STARTED},
		{"chunk", MESSAGE_CHUNK},
		{"progress", MESSAGE_PROGRESS},
		{"part", MESSAGE_PART},
		{"result", MESSAGE_RESULT},
		{"cancel", MESSAGE_CANCEL},
		{"verdict", MESSAGE_VERDICT},
		{"ping", MESSAGE_PING},
		{"pong", MESSAGE_PONG},
		{"goaway", MESSAGE_GOAWAY},
		{"bye", MESSAGE_BYE},
		{"admin_request", MESSAGE_ADMIN_REQUEST},
		{"admin_reply", MESSAGE_ADMIN_REPLY},
		{"restart", MESSAGE_RESTART},
	};
	const ProtobufCMessageDescriptor *d = &futwire__frame__descriptor;

	ck_assert_uint_eq(d->n_fields, sizeof rows / sizeof rows[0]);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field_by_name(d, rows[i].name);
		ck_assert_msg(f != NULL, "%s", rows[i].name);
		ck_assert_uint_eq(f->id, rows[i].kind);
		ck_assert_uint_lt(f->id, MESSAGE_KIND_END);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("envelope");
	TCase *tc = trun_case(s, "envelope");

	tcase_add_test(tc, begin_then_open);
	tcase_add_test(tc, begin_refuses_what_no_peer_takes);
	tcase_add_test(tc, open_refuses_all_but_one_member);
	tcase_add_test(tc, open_passes_unknown_kinds_on);
	tcase_add_test(tc, kinds_are_the_protos_numbers);
	return s;
}
