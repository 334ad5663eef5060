/* Bytes that are no frames, from clients and from a daemon (CFX-15). */
#include "tests/lib/fake_daemon.h"

#include "tests/contract/contract.h"
#include "tests/lib/twire.h"

#include <sys/socket.h>

/* ---- CFX-15: bytes that are no frames ----------------------------------- */

enum { FUZZED_MAX = 2048 };

/* What a client might say, before anything is changed in it. */
static size_t good_bytes(struct rng *rng, uint8_t *to)
{
	struct buf b;
	struct message hello = {.kind = MESSAGE_HELLO,
				.hello = {.version_min = 1, .version_max = 1}};
	struct message cancel = {.kind = MESSAGE_CANCEL, .cancel = {1, rng_below(rng, 5)}};
	struct job_spec job = {.id = 1, .task = span_str("echo"), .payload_len = 4};

	buf_init(&b, FUZZED_MAX);
	must(buf_add(&b, FRAME_PREFACE, FRAME_PREFACE_BYTES) == 0);
	must(message_put(&b, &hello, SPAN_EMPTY) == 0);
	for (uint64_t i = rng_below(rng, 4); i > 0; i--) {
		must(submit_put(&b, &job, span_str("four")) == 0);
		job.id++;
	}
	must(message_put(&b, &cancel, SPAN_EMPTY) == 0);
	size_t n = buf_len(&b);
	memcpy(to, buf_data(&b), n);
	buf_done(&b);
	return n;
}

/* One thing is wrong with them, or several. */
static size_t spoil(struct rng *rng, uint8_t *p, size_t n)
{
	static const uint8_t lengths[][4] = {
		{0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff}, {0, 1, 0, 0}};
	size_t at = rng_below(rng, n);

	switch (rng_below(rng, 5)) {
	case 0: /* a length of nothing, or a huge one; in the first header, or anywhere */
		at = rng_below(rng, 2) ? FRAME_PREFACE_BYTES : rng_below(rng, n - 4);
		memcpy(p + at, lengths[rng_below(rng, ARRAY_LEN(lengths))], 4);
		return n;
	case 1: /* cut off */
		return at;
	case 2: /* other kinds, other fields */
		p[at] = (uint8_t)rng_below(rng, 256);
		return n;
	case 3:
		for (int i = 0; i < 8; i++)
			p[rng_below(rng, n)] ^= (uint8_t)(1u << rng_below(rng, 8));
		return n;
	default: /* noise behind a good beginning */
		rng_fill(rng, p + at, n - at);
		return n;
	}
}

static unsigned sessions(struct tw *asking)
{
	const char *at = strstr(tw_status(asking), "\"sessions\":");
	unsigned n = 0;

	must(at && sscanf(at, "\"sessions\":%u", &n) == 1);
	return n;
}

/* Each says its piece and goes, or stays without another word; the witness is served. */
START_TEST(cfx_15_fuzzed_frames_to_the_daemon)
{
	enum { ROUNDS = 400, OPEN = 16 };
	struct tw *open[OPEN] = {NULL};
	struct rng rng = rng_of_run();
	uint8_t bytes[FUZZED_MAX];

	start_with(_i, 2,
		   "handshake_timeout = 500ms\n"
		   "penalty_protocol = 0s\npenalty_silence = 0s\npenalty_flood = 0s\n",
		   "");
	struct tw *asking = tw_open(d->unix_url, "");
	unsigned sessions_before = sessions(asking);
	for (int i = 0; i < ROUNDS; i++) {
		struct tw **w = &open[i % OPEN];
		if (*w)
			tw_close(*w);
		*w = tw_connect(url_of(_i));
		size_t n = spoil(&rng, bytes, good_bytes(&rng, bytes));
		if (rng_below(&rng, 3) == 0)
			n = spoil(&rng, bytes, n < 8 ? 8 : n);
		tw_put_raw(*w, bytes, n);
		(void)tw_flush(*w);
		if (i % 8 == 0)
			pass_through();
	}
	pass_through();
	ck_assert(tdaemon_is_alive(d));
	for (int i = 0; i < OPEN; i++)
		tw_close(open[i]);
	/* None is left but ours. */
	twait_until(d, sessions(asking) == sessions_before);
	tw_close(asking);
	stop();
}
END_TEST

/* What a daemon might say, with the same things wrong. */
static size_t good_answers(uint64_t id, uint8_t *to)
{
	struct buf b;
	struct message started = {.kind = MESSAGE_STARTED, .started = {&id, 1}};
	struct message chunk = {.kind = MESSAGE_CHUNK, .chunk = {id}};
	struct message ping = {.kind = MESSAGE_PING, .ping = {3}};

	buf_init(&b, FUZZED_MAX);
	must(message_put(&b, &started, SPAN_EMPTY) == 0);
	must(message_put(&b, &chunk, span_str("chunk")) == 0);
	must(message_put(&b, &ping, SPAN_EMPTY) == 0);
	must(result_put(&b, &(struct result){.id = id, .attempt = 1}, span_str("value")) == 0);
	size_t n = buf_len(&b);
	memcpy(to, buf_data(&b), n);
	buf_done(&b);
	return n;
}

/* The library neither crashes nor hangs: the job gets an end, and that one is defined. */
START_TEST(cfx_15_fuzzed_frames_to_the_client)
{
	enum { ROUNDS = 300 };
	struct rng rng = rng_of_run();
	uint8_t bytes[FUZZED_MAX];
	unsigned ends[3] = {0};

	struct fake *fake = fake_new();
	for (int i = 0; i < ROUNDS; i++) {
		fut_bytes value;
		x = fake_connect(fake);
		fut_future *f = must_submit(x, "p");
		uint64_t id = fake_expect_submit(fake).spec.id;
		size_t n = spoil(&rng, bytes, good_answers(id, bytes));
		fake_send_raw(fake, bytes, n);
		shutdown(fake->fd, SHUT_WR);
		fut_status status = fut_result(f, PATIENCE_US, &value, NULL);
		ends[0] += status == FUT_CONNECTION_LOST;
		ends[1] += status == FUT_PROTOCOL;
		ends[2] += status == FUT_OK;
		ck_assert_msg(status != FUT_TIMEOUT, "round %d", i);
		fut_future_unref(f);
		ck_assert_int_eq(fut_executor_shutdown(x, true, true, PATIENCE_US), FUT_OK);
		fut_executor_unref(x);
		fake_hang_up(fake);
		buf_consume(&fake->in, buf_len(&fake->in));
		fake->consumed = 0;
	}
	/* Each of them is met. */
	ck_assert(ends[0] > 0 && ends[1] > 0 && ends[2] > 0);
	fake_free(fake);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CFX, fuzz");
	TCase *tc = trun_case(s, "fuzz");

	each_way(tc, cfx_15_fuzzed_frames_to_the_daemon);
	tcase_add_test(tc, cfx_15_fuzzed_frames_to_the_client);
	return s;
}
