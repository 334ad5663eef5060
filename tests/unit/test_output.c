/* daemon/output.c: large results give way to the rest, and nothing of one job overtakes itself. */
#include "daemon/output.h"
#include "net/stream.h"
#include "proto/result.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT = 64 * 1024 * 1024, PART = 100 * 1000 };

static struct stream out;
static struct output o;
static int peer;
static struct buf in; /* what the client has read */

static void setup(void)
{
	const struct frame_limits limits = {.envelope_bytes = FRAME_ENVELOPE_MAX};
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	stream_init(&out, fds[0], false, limits, LIMIT);
	output_init(&o, &out.out);
	peer = fds[1];
	buf_init(&in, LIMIT);
}

static void teardown(void)
{
	output_done(&o);
	stream_done(&out);
	close(peer);
	buf_done(&in);
}

/* ---- saying -------------------------------------------------------------- */

/* Each frame carries a number as its payload's beginning. */
static struct span numbered(uint32_t number, size_t len)
{
	static char bytes[PART];

	memcpy(bytes, &number, sizeof number);
	return span_of(bytes, len);
}

static void say_part(uint64_t id, uint32_t number, size_t len)
{
	const struct message m = {.kind = MESSAGE_PART, .part = {id}};

	must(output_put(&o, &m, numbered(number, len)) == 0);
}

static void say_chunk(uint64_t id, uint32_t number)
{
	const struct message m = {.kind = MESSAGE_CHUNK, .chunk = {id}};

	must(output_put(&o, &m, numbered(number, sizeof number)) == 0);
}

static void say_result(uint64_t id, uint32_t number)
{
	const struct result r = {.id = id};

	must(result_put(output_lane(&o, id), &r, numbered(number, sizeof number)) == 0);
}

static void say(enum message_kind kind, uint64_t id)
{
	struct message m = {.kind = kind};

	if (kind == MESSAGE_STARTED)
		m.started.ids = &id, m.started.n = 1;
	else if (kind == MESSAGE_PONG)
		m.pong.nonce = id;
	else if (kind == MESSAGE_CHUNK)
		m.chunk.id = id;
	else if (kind == MESSAGE_VERDICT)
		m.verdict.id = id;
	else if (kind == MESSAGE_RESTART)
		m.restart.id = id;
	else if (kind == MESSAGE_PROGRESS)
		m.progress.id = id;
	must(output_put(&o, &m, SPAN_EMPTY) == 0);
}

/* ---- hearing ------------------------------------------------------------- */

/* Reads at most so much. */
static void hear(size_t max)
{
	uint8_t *to = buf_reserve(&in, max);

	must(to);
	ssize_t n = recv(peer, to, max, 0);
	if (n > 0)
		buf_commit(&in, (size_t)n);
}

static void flush_and_hear_all(void)
{
	int error;

	while (!output_flush(&o, &out, &error)) {
		must(error == 0);
		hear(1 << 20);
	}
	for (size_t before = SIZE_MAX; before != buf_len(&in);) {
		before = buf_len(&in);
		hear(1 << 20);
	}
}

/* The next frame: its kind, and its number. 0 when there is none. */
static uint32_t next_frame(uint64_t *ret_id, uint32_t *ret_number)
{
	const struct frame_limits any = {UINT32_MAX, UINT32_MAX};
	struct arena arena;
	struct message m;
	struct result r;
	struct span body;
	struct frame f;
	uint32_t kind;
	size_t need;
	int64_t size = frame_cut(buf_data(&in), buf_len(&in), &any, &f, &need);

	if (size == 0)
		return 0;
	must(size > 0 && envelope_open(f.envelope, &kind, &body) == 0);
	*ret_number = 0;
	if (f.payload.len > 0)
		memcpy(ret_number, f.payload.data, sizeof *ret_number);
	arena_reset(&arena);
	if (kind == MESSAGE_RESULT) {
		must(result_parse(body, &r) == 0);
		*ret_id = r.id;
	} else {
		must(message_parse(kind, body, &arena, &m) == 0);
		*ret_id = kind == MESSAGE_PONG      ? m.pong.nonce
			  : kind == MESSAGE_STARTED ? m.started.ids[0]
			  : kind == MESSAGE_PART    ? m.part.id
						    : m.chunk.id;
	}
	buf_consume(&in, (size_t)size);
	return kind;
}

static void must_hear(enum message_kind kind, uint64_t id)
{
	uint64_t got;
	uint32_t number;

	ck_assert_int_eq(next_frame(&got, &number), kind);
	if (kind != MESSAGE_BYE)
		ck_assert_uint_eq(got, id);
}

/* ---- tests --------------------------------------------------------------- */

START_TEST(small_before_large)
{
	say_part(1, 0, PART);
	say_part(1, 1, PART);
	say(MESSAGE_PONG, 7);
	say(MESSAGE_VERDICT, 2);
	say_result(2, 0);
	flush_and_hear_all();
	must_hear(MESSAGE_PONG, 7);
	must_hear(MESSAGE_VERDICT, 2);
	must_hear(MESSAGE_RESULT, 2);
	must_hear(MESSAGE_PART, 1);
	must_hear(MESSAGE_PART, 1);
	/* Its last piece came when nothing was behind any more. */
	say_result(1, 0);
	flush_and_hear_all();
	must_hear(MESSAGE_RESULT, 1);
	ck_assert_uint_eq(output_len(&o), 0);
}
END_TEST

static const enum message_kind of_a_job[] = {MESSAGE_STARTED, MESSAGE_CHUNK, MESSAGE_PROGRESS,
					     MESSAGE_VERDICT, MESSAGE_RESTART};

START_TEST(order_of_a_job)
{
	say_part(1, 0, PART);
	say(of_a_job[_i], 1);
	say_result(1, 0);
	say(MESSAGE_PONG, 7);
	flush_and_hear_all();
	must_hear(MESSAGE_PONG, 7);
	must_hear(MESSAGE_PART, 1);
	must_hear(of_a_job[_i], 1);
	must_hear(MESSAGE_RESULT, 1);
}
END_TEST

START_TEST(last_words)
{
	say_part(1, 0, PART);
	say_result(1, 0);
	say(MESSAGE_BYE, 0);
	flush_and_hear_all();
	must_hear(MESSAGE_PART, 1);
	must_hear(MESSAGE_RESULT, 1);
	must_hear(MESSAGE_BYE, 0);
}
END_TEST

/* What is first keeps crowding a session; one large result alone does not. */
START_TEST(crowd)
{
	say_part(1, 0, PART);
	say_part(1, 1, PART);
	ck_assert_uint_eq(output_crowd(&o), 0);
	say_part(2, 0, PART);
	ck_assert_uint_gt(output_crowd(&o), 3 * PART);
	flush_and_hear_all();
	ck_assert_uint_eq(output_crowd(&o), 0);
	say_chunk(3, 0);
	ck_assert_uint_gt(output_crowd(&o), 0);
}
END_TEST

/* More large results at once than there are places for: nothing overtakes anything. */
START_TEST(too_many_large)
{
	for (uint64_t id = 0; id <= OUTPUT_LARGE_MAX; id++)
		say_part(id, 0, 10);
	say_result(1000, 0);
	say_result(OUTPUT_LARGE_MAX, 0);
	flush_and_hear_all();
	for (uint64_t id = 0; id <= OUTPUT_LARGE_MAX; id++)
		must_hear(MESSAGE_PART, id);
	must_hear(MESSAGE_RESULT, 1000);
	must_hear(MESSAGE_RESULT, OUTPUT_LARGE_MAX);
}
END_TEST

/* Whatever is said, and however little of it is read at a time: every frame comes whole, once,
 * and those of one job in the order in which they were said. */
START_TEST(random_order)
{
	enum { JOBS = 10, SAID = 3000 };
	struct rng rng = rng_of(seed_get() + (uint64_t)_i);
	uint32_t said[JOBS] = {0}, heard[JOBS] = {0};
	uint64_t id;
	uint32_t number;
	int error;

	for (int i = 0; i < SAID; i++) {
		id = rng_below(&rng, JOBS);
		if (rng_below(&rng, 4) == 0)
			say_part(id, said[id]++, 4 + rng_below(&rng, 20000));
		else if (rng_below(&rng, 2))
			say_chunk(id, said[id]++);
		else
			say_result(id, said[id]++);
		if (rng_below(&rng, 3) == 0) {
			(void)output_flush(&o, &out, &error);
			must(error == 0);
		}
		hear(1 + rng_below(&rng, 12000));
	}
	flush_and_hear_all();
	while (next_frame(&id, &number) != 0) {
		must(id < JOBS && number == heard[id]);
		heard[id]++;
	}
	ck_assert_mem_eq(heard, said, sizeof said);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("output");
	TCase *tc = trun_case(s, "lanes");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, small_before_large);
	trun_add_each(tc, order_of_a_job, of_a_job);
	tcase_add_test(tc, last_words);
	tcase_add_test(tc, crowd);
	tcase_add_test(tc, too_many_large);
	tcase_add_loop_test(tc, random_order, 0, 20);
	return s;
}
