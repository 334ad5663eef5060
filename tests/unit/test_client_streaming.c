/* Chunks, progress, results in parts; and daemons that send what they may not. */
#include "tests/lib/fake_daemon.h"

#include "client/streaming.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

static struct fake *d;
static fut_executor *x;
static fut_future *f;
static uint64_t id;

static void setup(void)
{
	d = fake_new();
	d->max_result = 100000;
	x = fake_connect(d);
	f = must_submit(x, "p");
	id = fake_expect_submit(d).spec.id;
}

static void teardown(void)
{
	fut_future_unref(f);
	fake_goodbye(d, x);
	fake_free(d);
}

static void settle(void)
{
	fake_settle(d);
}

static void must_be_chunk(const char *expected)
{
	fut_bytes chunk;

	ck_assert_int_eq(fut_next_chunk(f, patience_us, &chunk), FUT_OK);
	ck_assert_uint_eq(chunk.len, strlen(expected));
	ck_assert_mem_eq(chunk.data, expected, chunk.len);
}

START_TEST(chunks_in_order)
{
	fut_bytes chunk;

	ck_assert_int_eq(fut_next_chunk(f, 0, &chunk), FUT_TIMEOUT);
	ck_assert_int_eq(fut_next_chunk(f, 1000, &chunk), FUT_TIMEOUT);
	ck_assert_int_eq(fut_next_chunk(f, 0, NULL), FUT_INVALID);
	ck_assert(!fut_running(f));
	fake_chunk(d, id, "one", 3);
	fake_chunk(d, id, "", 0);
	must_be_chunk("one");
	ck_assert(fut_running(f)); /* though nothing has said so */
	must_be_chunk("");
	ck_assert_int_eq(fut_next_chunk(f, 0, &chunk), FUT_TIMEOUT);
	fake_chunk(d, id, "two", 3);
	fake_chunk(d, id, "three", 5);
	fake_text(d, id, "result");
	must_be_value(f, "result"); /* chunks stay behind it */
	must_be_chunk("two");
	must_be_chunk("three");
	ck_assert_int_eq(fut_next_chunk(f, patience_us, &chunk), FUT_END);
	ck_assert_int_eq(fut_next_chunk(f, 0, &chunk), FUT_END);
}
END_TEST

static void send_chunks(struct fake *fake)
{
	char text[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "%d", i);
		fake_chunk(fake, id, text, strlen(text));
	}
	fake_error(fake, id, FUT_TASK_FAILED, "at the end");
}

START_TEST(reader_waits_for_chunks)
{
	fut_bytes chunk;
	char text[16];

	fake_run(d, send_chunks);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "%d", i);
		must_be_chunk(text);
	}
	ck_assert_int_eq(fut_next_chunk(f, patience_us, &chunk), FUT_END);
	fake_join(d);
	must_fail(f, FUT_TASK_FAILED);
}
END_TEST

START_TEST(unread_chunks_are_bounded)
{
	enum { PIECE = 60 * 1000 };
	static const char piece[PIECE];
	fut_bytes chunk;
	fut_error *e;
	size_t n = 0;

	for (size_t sent = 0; sent <= UNREAD_CHUNKS_BYTES; sent += PIECE)
		fake_chunk(d, id, piece, PIECE);
	struct message m = fake_expect(d, MESSAGE_CANCEL);
	ck_assert_uint_eq(m.cancel.id, id);
	ck_assert_uint_eq(m.cancel.mode, CANCEL_STOP);
	ck_assert_int_eq(fut_result(f, patience_us, &chunk, &e), FUT_NO_MEMORY);
	ck_assert_str_eq(fut_error_detail(e), "chunks were not read");
	fut_error_unref(e);
	fake_chunk(d, id, piece, PIECE); /* goes nowhere */
	fake_text(d, id, "too late");
	settle();
	must_fail(f, FUT_NO_MEMORY);
	while (fut_next_chunk(f, 0, &chunk) == FUT_OK)
		n += chunk.len;
	ck_assert_uint_gt(n, UNREAD_CHUNKS_BYTES - 2 * PIECE);
	ck_assert_uint_le(n, UNREAD_CHUNKS_BYTES);
}
END_TEST

START_TEST(nobody_reads_the_chunks)
{
	enum { PIECE = 60 * 1000 };
	static const char piece[PIECE];
	fut_future *g = must_submit(x, "q");
	uint64_t other = fake_expect_submit(d).spec.id;

	fut_future_unref(g);
	for (size_t sent = 0; sent <= UNREAD_CHUNKS_BYTES; sent += PIECE)
		fake_chunk(d, other, piece, PIECE);
	fake_part(d, other, piece, PIECE);
	fake_part(d, other, piece, PIECE);
	fake_text(d, other, "v");
	settle(); /* no Cancel before the pong */
	fake_text(d, id, "v");
}
END_TEST

START_TEST(progress)
{
	fut_progress_info p;
	char long_text[PROGRESS_TEXT_MAX];
	struct message m = {.kind = MESSAGE_PROGRESS, .progress = {id, 3, 10, span_str("third")}};

	ck_assert_int_eq(fut_progress(f, &p), FUT_OK);
	ck_assert_uint_eq(p.reports, 0);
	ck_assert_str_eq(p.text, "");
	fake_send(d, &m, SPAN_EMPTY);
	settle();
	ck_assert_int_eq(fut_progress(f, &p), FUT_OK);
	ck_assert_uint_eq(p.reports, 1);
	ck_assert_uint_eq(p.done, 3);
	ck_assert_uint_eq(p.total, 10);
	ck_assert_str_eq(p.text, "third");
	ck_assert(fut_running(f));
	memset(long_text, 'x', sizeof long_text);
	m.progress.text = span_of(long_text, sizeof long_text);
	fake_send(d, &m, SPAN_EMPTY);
	fake_text(d, id, "v");
	must_be_value(f, "v");
	ck_assert_int_eq(fut_progress(f, &p), FUT_OK);
	ck_assert_uint_eq(p.reports, 2);
	ck_assert_uint_eq(strlen(p.text), PROGRESS_TEXT_MAX);
}
END_TEST

START_TEST(result_in_parts)
{
	char *bytes = malloc(d->max_result);
	fut_bytes value;

	for (uint32_t i = 0; i < d->max_result; i++)
		bytes[i] = (char)(i * 7);
	fake_part(d, id, bytes, 60000);
	fake_part(d, id, "", 0);
	fake_part(d, id, bytes + 60000, 30000);
	ck_assert(!fut_done(f));
	fake_value(d, id, bytes + 90000, d->max_result - 90000);
	ck_assert_int_eq(fut_result(f, patience_us, &value, NULL), FUT_OK);
	ck_assert_uint_eq(value.len, d->max_result);
	ck_assert(memcmp(value.data, bytes, value.len) == 0);
	free(bytes);
}
END_TEST

START_TEST(small_result_in_parts)
{
	fake_part(d, id, "a", 1);
	fake_text(d, id, "b");
	must_be_value(f, "ab");
}
END_TEST

START_TEST(failure_after_parts)
{
	fake_part(d, id, "abcdefghijklmnopqrstuvwxyz", 26);
	fake_error(d, id, FUT_TASK_FAILED, "then it failed");
	must_fail(f, FUT_TASK_FAILED);
}
END_TEST

/* What was sent ahead in an attempt that failed is no part of the next one's. */
START_TEST(restart_drops_what_nobody_read)
{
	struct message m = {.kind = MESSAGE_PROGRESS, .progress = {id, 3, 10, span_str("third")}};
	fut_progress_info p;
	fut_bytes chunk;

	fake_chunk(d, id, "read", 4);
	fake_chunk(d, id, "unread", 6);
	fake_part(d, id, "lost ", 5);
	fake_send(d, &m, SPAN_EMPTY);
	must_be_chunk("read");
	fut_bytes held;
	ck_assert_int_eq(fut_next_chunk(f, patience_us, &held), FUT_OK);
	fake_chunk(d, id, "unread too", 10);
	fake_restart(d, id, 1);
	settle();
	ck_assert_mem_eq(held.data, "unread", 6); /* what is being read stays */
	ck_assert_int_eq(fut_next_chunk(f, 0, &chunk), FUT_TIMEOUT);
	ck_assert_int_eq(fut_progress(f, &p), FUT_OK);
	ck_assert_uint_eq(p.reports, 1);
	fake_restart(d, id, 2); /* with nothing to drop */
	fake_chunk(d, id, "again", 5);
	fake_part(d, id, "a ", 2);
	fake_text(d, id, "value");
	must_be_value(f, "a value");
	must_be_chunk("again");
	ck_assert_int_eq(fut_next_chunk(f, patience_us, &chunk), FUT_END);
}
END_TEST

/* The room for unread chunks is whole again. */
START_TEST(restart_frees_the_room)
{
	enum { PIECE = 60 * 1000 };
	static const char piece[PIECE];
	fut_bytes chunk;
	size_t n = 0;

	for (int attempt = 1; attempt <= 2; attempt++) {
		if (attempt > 1)
			fake_restart(d, id, 1);
		for (size_t sent = 0; sent < UNREAD_CHUNKS_BYTES * 3 / 4; sent += PIECE)
			fake_chunk(d, id, piece, PIECE);
	}
	fake_text(d, id, "v");
	must_be_value(f, "v");
	while (fut_next_chunk(f, 0, &chunk) == FUT_OK)
		n += chunk.len;
	ck_assert_uint_ge(n, UNREAD_CHUNKS_BYTES * 3 / 4);
	ck_assert_uint_lt(n, UNREAD_CHUNKS_BYTES);
}
END_TEST

/* Only the last attempt's bytes count against what was agreed. */
START_TEST(restart_frees_the_result)
{
	static const char piece[60000];
	fut_bytes value;

	for (uint32_t attempt = 1; attempt < 5; attempt++) {
		fake_part(d, id, piece, sizeof piece);
		fake_restart(d, id, attempt);
	}
	fake_part(d, id, piece, sizeof piece);
	fake_value(d, id, piece, 40000);
	ck_assert_int_eq(fut_result(f, patience_us, &value, NULL), FUT_OK);
	ck_assert_uint_eq(value.len, 100000);
}
END_TEST

/* ---- what a daemon may not do -------------------------------------------- */

static void garbage(void)
{
	fake_send_raw(d, "\xff\xff\xff\xff\xff\xff\xff\xff garbage", 16);
}

static void empty_envelope(void)
{
	fake_send_raw(d, "\0\0\0\0\0\0\0\0", 8);
}

static void bad_protobuf(void)
{
	fake_send_raw(d, "\0\0\0\4\0\0\0\0\x42\2\xff\xff", 12); /* a Result */
}

static void bad_envelope(void)
{
	fake_send_raw(d, "\0\0\0\4\0\0\0\0\xff\xff\xff\xff", 12);
}

static void unknown_place(void)
{
	fake_text(d, 0x1000000ffULL, "v");
}

static void place_outside(void)
{
	fake_text(d, 0x1fffffff0ULL, "v");
}

static void future_generation(void)
{
	fake_text(d, id + (1ULL << 32), "v");
}

static void too_much_at_once(void)
{
	char *bytes = calloc(1, 100001);

	fake_value(d, id, bytes, 100001);
	free(bytes);
}

static void too_many_parts(void)
{
	static const char piece[50000];

	fake_part(d, id, piece, sizeof piece);
	fake_part(d, id, piece, sizeof piece);
	fake_part(d, id, "1", 1);
}

static void too_much_in_the_end(void)
{
	static const char piece[50000];

	fake_part(d, id, piece, sizeof piece);
	fake_part(d, id, piece, sizeof piece);
	fake_text(d, id, "1");
}

static void second_welcome(void)
{
	fake_welcome(d);
}

static void message_of_a_client(void)
{
	fake_send(d, &(struct message){.kind = MESSAGE_CANCEL, .cancel = {id, 0}}, SPAN_EMPTY);
}

static void submit_to_a_client(void)
{
	struct job_spec spec = {.id = id};
	struct buf b;

	buf_init(&b, 4096);
	submit_put(&b, &spec, SPAN_EMPTY);
	fake_send_raw(d, buf_data(&b), buf_len(&b));
	buf_done(&b);
}

static void odd_verdict(void)
{
	fake_verdict(d, id, (fut_verdict)17);
}

static void started_nobody_knows(void)
{
	fake_started(d, id + 1000);
}

static void restart_nobody_knows(void)
{
	fake_restart(d, id + 1000, 1);
}

static void (*const offences[])(void) = {
	garbage,
	empty_envelope,
	bad_protobuf,
	bad_envelope,
	unknown_place,
	place_outside,
	future_generation,
	too_much_at_once,
	too_many_parts,
	too_much_in_the_end,
	second_welcome,
	message_of_a_client,
	submit_to_a_client,
	odd_verdict,
	started_nobody_knows,
	restart_nobody_knows,
};

START_TEST(offence_ends_the_connection)
{
	fut_future *g = NULL;

	offences[_i]();
	must_fail(f, FUT_PROTOCOL);
	fake_expect_end(d);
	ck_assert_int_eq(fut_submit(x, "task", "", 0, &g, NULL), FUT_CONNECTION_LOST);
}
END_TEST

START_TEST(what_is_unknown_is_skipped)
{
	fake_send_raw(d, "\0\0\0\3\0\0\0\0\x92\1\0", 11);  /* an AdminReply to no question */
	fake_send_raw(d, "\0\0\0\3\0\0\0\1\xfa\1\0p", 12); /* message 31, of a later version */
	fake_verdict(d, id, FUT_VERDICT_TOO_LATE);         /* that nobody asked for */
	fake_text(d, id, "v");
	must_be_value(f, "v");
}
END_TEST

/* Whatever the bytes are: no crash, and the end is an error or a result. */
START_TEST(random_bytes)
{
	unsigned seed = (unsigned)_i + 1;
	uint8_t bytes[512];
	fut_bytes value;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int round = 0; round < 20; round++)
		result_put(&b, &(struct result){.id = id + (uint64_t)(round << 20), .status = 10},
			   span_of(bytes, 100));
	/* Frames of the right shape, with wrong bits in them. */
	for (int flips = 0; flips < 10; flips++) {
		size_t at = (size_t)rand_r(&seed) % buf_len(&b);
		b.mem[b.start + at] ^= (uint8_t)(1 << (rand_r(&seed) % 8));
	}
	fake_send_raw(d, buf_data(&b), buf_len(&b));
	buf_done(&b);
	fake_hang_up(d);
	ck_assert_int_ne(fut_result(f, patience_us, &value, NULL), FUT_TIMEOUT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("streaming");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, chunks_in_order);
	tcase_add_test(tc, reader_waits_for_chunks);
	tcase_add_test(tc, unread_chunks_are_bounded);
	tcase_add_test(tc, nobody_reads_the_chunks);
	tcase_add_test(tc, progress);
	tcase_add_test(tc, result_in_parts);
	tcase_add_test(tc, small_result_in_parts);
	tcase_add_test(tc, failure_after_parts);
	tcase_add_test(tc, restart_drops_what_nobody_read);
	tcase_add_test(tc, restart_frees_the_room);
	tcase_add_test(tc, restart_frees_the_result);
	tcase_add_loop_test(tc, offence_ends_the_connection, 0,
			    (int)(sizeof offences / sizeof offences[0]));
	tcase_add_test(tc, what_is_unknown_is_skipped);
	tcase_add_loop_test(tc, random_bytes, 0, 40);
	return run_case(tc, "client_streaming");
}
