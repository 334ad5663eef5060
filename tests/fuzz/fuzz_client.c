/*
 * The client library against a hostile daemon, over a socket, with its own I/O thread.
 *
 * An input is an opening, and then steps: of the program, which never waits, and of the daemon,
 * which says whole messages about jobs that there are or not, odd ones, and noise. In the end
 * the daemon is gone; then every future is done, and everything ends.
 *
 * Two threads besides the library's: the fuzzer's plays both sides, one accepts connections and
 * says the opening, because fut_executor_open() waits for that.
 */
#include "tests/fuzz/fuzz.h"

#include "common/util.h"
#include "proto/message.h"
#include "proto/result.h"
#include "proto/sink.h"
#include "proto/submit.h"
#include "tests/fuzz/input.h"

#include <futured/futured.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { JOBS_MAX = 12, STEPS_MAX = 100, PATIENCE_S = 60 };

static const int64_t patience_us = PATIENCE_S * 1000000LL;

/* ---- the daemon's side --------------------------------------------------- */

static int listener = -1, served_fd = -1;
static char url[64];
static struct buf opening;
static bool ends_after_opening;
static sem_t may_accept, has_accepted;

static struct sink heard; /* what the library said */
static uint64_t ids[JOBS_MAX];
static unsigned nids;
static uint64_t ping_nonce;
static bool was_ponged;

static void *serve(void *arg)
{
	(void)arg;
	for (;;) {
		while (sem_wait(&may_accept) < 0)
			;
		served_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		fuzz_must(served_fd >= 0);
		(void)send(served_fd, buf_data(&opening), buf_len(&opening), MSG_NOSIGNAL);
		if (ends_after_opening)
			(void)shutdown(served_fd, SHUT_WR);
		sem_post(&has_accepted);
	}
	return NULL;
}

/* Once: in the abstract namespace, under a name that the kernel chooses. */
static void start_serving(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	socklen_t len = sizeof sa;
	pthread_t thread;

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fuzz_must(listener >= 0);
	fuzz_must(bind(listener, (struct sockaddr *)&sa, sizeof sa.sun_family) == 0);
	fuzz_must(listen(listener, 4) == 0);
	fuzz_must(getsockname(listener, (struct sockaddr *)&sa, &len) == 0);
	snprintf(url, sizeof url, "unix:@%.*s", (int)(len - sizeof sa.sun_family - 1),
		 sa.sun_path + 1);
	sem_init(&may_accept, 0, 0);
	sem_init(&has_accepted, 0, 0);
	fuzz_must(pthread_create(&thread, NULL, serve, NULL) == 0);
}

static void say(struct buf *b)
{
	(void)send(served_fd, buf_data(b), buf_len(b), MSG_NOSIGNAL);
	buf_done(b);
}

static void say_message(const struct message *m, struct span payload)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	(void)message_put(&b, m, payload);
	say(&b);
}

static int on_frame(void *arg, const struct frame *f)
{
	static struct arena arena;
	struct submit_cursor c;
	struct job_spec spec;
	struct span bytes;
	struct message m;
	uint32_t kind;

	(void)arg;
	fuzz_must(envelope_open(f->envelope, &kind, &bytes) == 0);
	if (kind == MESSAGE_SUBMIT) {
		c = submit_open(bytes);
		fuzz_must(submit_next(&c, &spec) == 1 && spec.payload_len == f->payload.len);
		if (nids < JOBS_MAX)
			ids[nids++] = spec.id;
		return 0;
	}
	arena_reset(&arena);
	fuzz_must(message_parse(kind, bytes, &arena, &m) == 0);
	if (kind == MESSAGE_PONG && m.pong.nonce == ping_nonce)
		was_ponged = true;
	return 0;
}

/* Waits until the library has dealt with everything, or hung up: it must do one of them. */
static void settle(void)
{
	struct message m = {.kind = MESSAGE_PING, .ping.nonce = ++ping_nonce};
	static uint8_t bytes[16 * 1024];

	was_ponged = false;
	say_message(&m, SPAN_EMPTY);
	while (!was_ponged) {
		struct pollfd p = {.fd = served_fd, .events = POLLIN};
		fuzz_must(poll(&p, 1, PATIENCE_S * 1000) == 1);
		ssize_t n = recv(served_fd, bytes, sizeof bytes, 0);
		if (n <= 0)
			return;
		fuzz_must(sink_feed(&heard, bytes, (size_t)n, on_frame, NULL) == 0);
	}
}

static uint64_t take_id(struct input *in)
{
	uint64_t b = take(in, 1);

	return b < 240 && nids > 0 ? ids[b % nids] : job_id_of((uint32_t)b % 32, (uint32_t)b / 128);
}

static void say_result(struct input *in)
{
	static uint8_t encoded[ERROR_ENCODED_MAX];
	struct result res = {.id = take_id(in), .attempt = (uint32_t)take(in, 1)};
	struct error_info e = {0};
	uint64_t flags = take(in, 1);
	struct buf b;

	if (flags & 1)
		res.status = (uint32_t)take(in, 1);
	if (flags & 2) {
		res.dispatched_us = take_wide(in);
		res.started_us = take_wide(in);
		res.finished_us = take_wide(in);
		res.queued_us = take_wide(in);
	}
	if (flags & 4) {
		e.type = take_bytes(in);
		e.message = e.detail = e.hint = e.details = e.traceback = take_bytes(in);
		e.has_death = flags & 8;
		e.death.stderr_tail = e.type;
		res.error = span_of(encoded, error_encode(&e, encoded));
	}
	if (flags & 16)
		res.error = take_bytes(in);
	buf_init(&b, SIZE_MAX);
	(void)result_put(&b, &res, take_bytes(in));
	say(&b);
}

static void say_of_job(uint64_t what, struct input *in)
{
	struct message m = {0};
	uint64_t started[2];

	switch (what % 6) {
	case 0:
		started[0] = take_id(in);
		started[1] = take_id(in);
		m.kind = MESSAGE_STARTED;
		m.started.ids = started;
		m.started.n = 1 + what / 6 % 2;
		break;
	case 1:
		m.kind = MESSAGE_CHUNK;
		m.chunk.id = take_id(in);
		break;
	case 2:
		m.kind = MESSAGE_PART;
		m.part.id = take_id(in);
		break;
	case 3:
		m.kind = MESSAGE_PROGRESS;
		m.progress.id = take_id(in);
		m.progress.done = take_wide(in);
		m.progress.total = take_wide(in);
		m.progress.text = take_bytes(in);
		break;
	case 4:
		m.kind = MESSAGE_VERDICT;
		m.verdict.id = take_id(in);
		m.verdict.verdict = (uint32_t)take(in, 1) % 7;
		break;
	default:
		m.kind = MESSAGE_RESTART;
		m.restart.id = take_id(in);
		m.restart.attempt = (uint32_t)take(in, 1);
		m.restart.status = (uint32_t)take(in, 1);
	}
	say_message(&m, m.kind == MESSAGE_CHUNK || m.kind == MESSAGE_PART ? take_bytes(in)
									  : SPAN_EMPTY);
}

static void say_of_session(uint64_t what, struct input *in)
{
	struct message m = {.kind = MESSAGE_BYE};
	struct span payload = SPAN_EMPTY;

	switch (what % 5) {
	case 0:
		m.kind = MESSAGE_GOAWAY;
		m.goaway.status = (uint32_t)take(in, 1);
		m.goaway.has_error = take(in, 1) & 1;
		m.goaway.error.message = take_bytes(in);
		break;
	case 1:
		m.kind = MESSAGE_ADMIN_REPLY;
		m.admin_reply.nonce = take(in, 1) % 8;
		m.admin_reply.status = (uint32_t)take(in, 1);
		payload = take_bytes(in);
		break;
	case 2:
		m.kind = MESSAGE_PONG;
		m.pong.nonce = take(in, 1) % 8;
		break;
	case 3:
		m.kind = MESSAGE_WELCOME;
		m.welcome.version = 1;
		break;
	default:
		break;
	}
	say_message(&m, payload);
}

static void say_odd(struct input *in)
{
	enum message_kind kind = (enum message_kind)(take(in, 1) % (MESSAGE_KIND_END + 2));
	struct span bytes = take_bytes(in);
	struct buf b;
	size_t size;

	buf_init(&b, SIZE_MAX);
	uint8_t *p = envelope_begin(&b, kind, bytes.len, 0, &size);
	fuzz_must(p != NULL);
	if (bytes.len > 0)
		memcpy(p, bytes.data, bytes.len);
	buf_commit(&b, size);
	say(&b);
}

/* ---- the program's side -------------------------------------------------- */

static fut_executor *executor;
static fut_future *futures[JOBS_MAX];
static unsigned nfutures;
static _Atomic unsigned called_back;

static void on_done(fut_future *f, void *arg)
{
	(void)arg;
	fuzz_must(fut_done(f));
	atomic_fetch_add(&called_back, 1);
}

static void submit(struct input *in)
{
	struct span payload = take_bytes(in);

	if (nfutures < JOBS_MAX && fut_submit(executor, "t", payload.data, payload.len,
					      &futures[nfutures], NULL) == FUT_OK)
		nfutures++;
}

static void look_at(fut_future *f)
{
	fut_progress_info progress;
	fut_error *e = NULL;
	fut_snapshot snapshot;
	fut_timeline timeline;
	fut_bytes bytes;
	char text[256];

	(void)fut_poll(f, &snapshot);
	(void)fut_describe(f, text, sizeof text);
	(void)fut_timeline_of(f, &timeline);
	(void)fut_progress(f, &progress);
	if (fut_result(f, 0, &bytes, NULL) == FUT_OK && bytes.len > 0)
		fuzz_must(memchr(bytes.data, 0, bytes.len) != (void *)1);
	if (fut_exception(f, 0, &e) == FUT_OK && e) {
		fuzz_must(*fut_error_message(e) && fut_error_detail(e) && fut_error_hint(e));
		(void)fut_error_death(e);
		fut_error_unref(e);
	}
}

static void program_step(uint64_t op, struct input *in)
{
	fut_future *f = nfutures > 0 ? futures[(op >> 4) % nfutures] : NULL;
	fut_bytes bytes;
	char *text;

	if ((op & 15) < 5 || !f) {
		submit(in);
		return;
	}
	switch (op & 15) {
	case 5:
		(void)fut_cancel(f, 0, NULL);
		break;
	case 6:
		(void)fut_stop(f, 0, NULL);
		break;
	case 7:
		(void)fut_kill(f, 0, NULL);
		break;
	case 8:
	case 9:
		(void)fut_next_chunk(f, 0, &bytes);
		break;
	case 10:
		(void)fut_add_done_callback(f, on_done, NULL);
		break;
	case 11:
		if (fut_executor_status(executor, 0, &text) == FUT_OK)
			free(text);
		break;
	case 12:
		(void)fut_executor_ping(executor, 0, NULL);
		break;
	case 13:
		(void)fut_wait(futures, nfutures, FUT_FIRST_COMPLETED, 0, NULL);
		break;
	default:
		look_at(f);
	}
}

/* ---- both ---------------------------------------------------------------- */

static void put_welcome(struct input *in)
{
	const struct message m = {
		.kind = MESSAGE_WELCOME,
		.welcome =
			{
				.version = 1,
				.pool = span_str("p"),
				.pool_kind = span_str("threads"),
				.slots = (uint32_t)take(in, 1),
				.max_payload_bytes = 1024 * (uint32_t)take(in, 1),
				.max_result_bytes = 64 * (uint32_t)take(in, 1),
				.max_inflight = 2 * JOBS_MAX,
			},
	};

	fuzz_must(message_put(&opening, &m, SPAN_EMPTY) == 0);
}

static void open_session(struct input *in)
{
	uint64_t how = take(in, 1);
	fut_error *e = NULL;

	if (listener < 0)
		start_serving();
	buf_init(&opening, SIZE_MAX);
	ends_after_opening = how >= 192;
	if (ends_after_opening) {
		if (how & 1)
			put_welcome(in);
		struct span bytes = take_bytes(in);
		fuzz_must(buf_add(&opening, bytes.data, bytes.len) == 0);
	} else {
		put_welcome(in);
	}
	executor = NULL;
	sem_post(&may_accept);
	fut_status status = fut_executor_open(url, &executor, &e);
	while (sem_wait(&has_accepted) < 0)
		;
	fuzz_must((status == FUT_OK) == (executor != NULL) && (status == FUT_OK) == (e == NULL));
	fuzz_must(status == FUT_OK || ends_after_opening);
	fut_error_unref(e);
	buf_done(&opening);
}

static void step(uint64_t op, struct input *in, bool *is_clean)
{
	struct span bytes;

	switch (op & 7) {
	case 0:
	case 1:
	case 2:
		program_step(take(in, 1), in);
		break;
	case 3:
		say_result(in);
		break;
	case 4:
	case 5:
		say_of_job(op >> 3, in);
		break;
	case 6:
		say_of_session(op >> 3, in);
		break;
	default:
		if (op & 8) {
			say_odd(in);
		} else {
			bytes = take_bytes(in);
			(void)send(served_fd, bytes.data, bytes.len, MSG_NOSIGNAL);
			*is_clean = false; /* what follows may be a part of that */
		}
	}
}

static void close_session(void)
{
	served_fd = close_fd(served_fd);
	for (unsigned i = 0; i < nfutures; i++) {
		fuzz_must(fut_result(futures[i], patience_us, NULL, NULL) != FUT_TIMEOUT);
		look_at(futures[i]);
		fut_future_unref(futures[i]);
	}
	if (executor) {
		fuzz_must(fut_executor_shutdown(executor, true, false, patience_us) == FUT_OK);
		fut_executor_unref(executor);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1 << 20};
	struct input in = input_of(data, size);

	nids = nfutures = 0;
	ping_nonce = 1000;
	sink_init(&heard, true, limits);
	open_session(&in);
	bool is_clean = !ends_after_opening;
	for (unsigned i = 0; executor && i < STEPS_MAX && !input_is_over(&in); i++) {
		uint64_t op = take(&in, 1);
		step(op, &in, &is_clean);
		if (is_clean && op & 0x80)
			settle();
	}
	close_session();
	sink_done(&heard);
	return 0;
}
