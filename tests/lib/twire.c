#include "tests/lib/twire.h"

#include "proto/envelope.h"
#include "proto/frame.h"
#include "proto/result.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024, OUT_MAX = 256 << 20, IN_MAX = 80 << 20, STORY_MAX = 1 << 20 };

#define must(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond))                                                                       \
			ck_abort_msg("must(%s)", #cond);                                           \
	} while (0)

struct bound {
	uint64_t end_us;
	const char *file;
	int line;
};

static struct bound bound_at(const char *file, int line)
{
	return (struct bound){td_now_us() + (uint64_t)td_patience_ms(TD_WAIT_MS) * 1000, file,
			      line};
}

static _Noreturn void fail_at(const char *file, int line, const char *what)
{
	tdaemon_fail(NULL, file, line, what);
}

/* ---- connecting --------------------------------------------------------- */

static int connect_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int connect_tcp(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct tw *tw_over(int fd)
{
	struct tw *w = calloc(1, sizeof *w);

	must(w);
	w->fd = fd;
	buf_init(&w->in, IN_MAX);
	buf_init(&w->out, OUT_MAX);
	w->arena = malloc(sizeof *w->arena);
	w->error_arena = malloc(sizeof *w->error_arena);
	must(w->arena && w->error_arena);
	return w;
}

struct tw *tw_connect_at(const char *url, const char *file, int line)
{
	unsigned port;
	int fd = -1;

	if (strncmp(url, "unix:", 5) == 0)
		fd = connect_unix(url + 5);
	else if (sscanf(url, "tcp://127.0.0.1:%u", &port) == 1)
		fd = connect_tcp(port);
	if (fd < 0)
		fail_at(file, line, "cannot connect");
	return tw_over(fd);
}

void tw_greet(struct tw *w, const char *pool)
{
	tw_put_raw(w, FRAME_PREFACE, FRAME_PREFACE_BYTES);
	tw_put_hello(w, 1, 1, pool);
	(void)tw_flush(w);
}

void tw_wait_welcome_at(struct tw *w, const char *file, int line)
{
	struct bound b = bound_at(file, line);

	while (!w->welcomed) {
		if (!tw_pump(w, 100) || td_now_us() > b.end_us)
			fail_at(file, line, "no welcome");
	}
}

struct tw *tw_open_at(const char *url, const char *pool, const char *file, int line)
{
	struct tw *w = tw_connect_at(url, file, line);

	tw_greet(w, pool);
	tw_wait_welcome_at(w, file, line);
	return w;
}

static void clear_job(struct tw_job *j)
{
	free(j->value);
	free(j->error);
	free(j->story);
	*j = (struct tw_job){0};
}

void tw_close(struct tw *w)
{
	if (w->fd >= 0)
		close(w->fd);
	for (uint32_t i = 0; i < w->njobs; i++)
		clear_job(&w->jobs[i]);
	free(w->jobs);
	free(w->admin_reply);
	free(w->arena);
	free(w->error_arena);
	buf_done(&w->in);
	buf_done(&w->out);
	free(w);
}

/* ---- saying ------------------------------------------------------------- */

void tw_put_raw(struct tw *w, const void *p, size_t n)
{
	must(buf_add(&w->out, p, n) == 0);
}

void tw_put_frame(struct tw *w, uint32_t kind, const void *body, size_t n, const void *payload,
		  size_t payload_len)
{
	size_t size;
	uint8_t *to = envelope_begin(&w->out, (enum message_kind)kind, n, payload_len, &size);

	must(to);
	if (n > 0)
		memcpy(to, body, n);
	if (payload_len > 0)
		memcpy(to + n, payload, payload_len);
	buf_commit(&w->out, size);
}

void tw_put_message(struct tw *w, const struct message *m, struct span payload)
{
	must(message_put(&w->out, m, payload) == 0);
}

void tw_put_hello(struct tw *w, uint32_t min, uint32_t max, const char *pool)
{
	const struct message m = {
		.kind = MESSAGE_HELLO,
		.hello = {.version_min = min,
			  .version_max = max,
			  .pool = span_str(pool),
			  .client = span_str("twire")},
	};

	tw_put_message(w, &m, SPAN_EMPTY);
}

struct tw_job *tw_job(struct tw *w, uint64_t id)
{
	uint32_t place = job_id_place(id);

	must(place < 1 << 22);
	if (place >= w->njobs) {
		uint32_t n = w->njobs ? w->njobs : 64;
		while (n <= place)
			n *= 2;
		w->jobs = realloc(w->jobs, n * sizeof *w->jobs);
		must(w->jobs);
		memset(w->jobs + w->njobs, 0, (n - w->njobs) * sizeof *w->jobs);
		w->njobs = n;
	}
	return &w->jobs[place];
}

void tw_put_job(struct tw *w, const struct job_spec *spec, const void *payload, size_t n)
{
	struct job_spec s = *spec;
	struct tw_job *j = tw_job(w, s.id);

	clear_job(j);
	j->id = s.id;
	j->submitted = true;
	s.payload_len = (uint32_t)n;
	must(submit_put(&w->out, &s, span_of(payload, n)) == 0);
}

void tw_put(struct tw *w, uint64_t id, const char *task, const char *payload)
{
	const struct job_spec spec = {.id = id, .task = span_str(task)};

	tw_put_job(w, &spec, payload, payload ? strlen(payload) : 0);
}

void tw_submit_spec(struct tw *w, const struct job_spec *spec, const char *payload)
{
	tw_put_job(w, spec, payload, payload ? strlen(payload) : 0);
	tw_flush(w);
}

void tw_submit(struct tw *w, uint64_t id, const char *task, const char *payload)
{
	tw_put(w, id, task, payload);
	tw_flush(w);
}

bool tw_flush_at(struct tw *w, const char *file, int line)
{
	struct bound b = bound_at(file, line);

	while (buf_len(&w->out) > 0) {
		struct pollfd p = {.fd = w->fd, .events = POLLOUT};
		ssize_t n = send(w->fd, buf_data(&w->out), buf_len(&w->out),
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			buf_consume(&w->out, (size_t)n);
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET) {
			buf_consume(&w->out, buf_len(&w->out));
			return false;
		}
		must(errno == EAGAIN || errno == EINTR);
		if (td_now_us() > b.end_us)
			fail_at(file, line, "the daemon does not read");
		(void)poll(&p, 1, 100);
	}
	buf_trim(&w->out, 0);
	return true;
}

/* ---- hearing ------------------------------------------------------------ */

static void tell(struct tw_job *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct tw_job *j, const char *fmt, ...)
{
	char text[96];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	must(n >= 0 && (size_t)n < sizeof text);
	if (j->story_len + (size_t)n + 1 > STORY_MAX)
		return;
	if (!j->story)
		j->story = malloc(STORY_MAX);
	must(j->story);
	memcpy(j->story + j->story_len, text, (size_t)n + 1);
	j->story_len += (size_t)n;
}

static struct tw_job *open_job(struct tw *w, uint64_t id)
{
	struct tw_job *j = tw_job(w, id);

	if (!j->submitted || j->id != id)
		ck_abort_msg("a message about job %" PRIu64 ", which nobody submitted", id);
	if (j->answered)
		ck_abort_msg("a message about job %" PRIu64 " after its answer", id);
	return j;
}

static void add_value(struct tw_job *j, struct span bytes)
{
	if (bytes.len == 0)
		return;
	if (j->len + bytes.len + 1 > j->cap) {
		j->cap = 2 * (j->len + bytes.len + 1);
		j->value = realloc(j->value, j->cap);
		must(j->value);
	}
	memcpy(j->value + j->len, bytes.data, bytes.len);
	j->len += bytes.len;
	j->value[j->len] = '\0';
}

static void on_result(struct tw *w, struct span body, struct span payload)
{
	struct result r;

	must(result_parse(body, &r) == 0);
	struct tw_job *j = open_job(w, r.id);
	j->answered = true;
	w->nanswered++;
	j->status = r.status;
	j->attempt = r.attempt;
	j->dispatched_us = r.dispatched_us;
	j->started_us = r.started_us;
	j->finished_us = r.finished_us;
	if (r.status == FUT_OK) {
		must(r.error.len == 0);
		add_value(j, payload);
		return;
	}
	w->nfailed++;
	must(payload.len == 0);
	j->error_len = r.error.len;
	j->error = malloc(r.error.len + 1);
	must(j->error);
	if (r.error.len > 0)
		memcpy(j->error, r.error.data, r.error.len);
}

static void copy_span(char *to, size_t size, struct span s)
{
	size_t n = s.len < size - 1 ? s.len : size - 1;

	if (n > 0)
		memcpy(to, s.data, n);
	to[n] = '\0';
}

static void on_welcome(struct tw *w, const struct message *m)
{
	const uint8_t *token = m->welcome.session.data;

	w->welcomed = true;
	for (size_t i = 0; i < 8 && i < m->welcome.session.len; i++)
		w->session |= (uint64_t)token[i] << (8 * i);
	w->version = m->welcome.version;
	w->slots = m->welcome.slots;
	w->max_payload = m->welcome.max_payload_bytes;
	w->max_result = m->welcome.max_result_bytes;
	w->max_inflight = m->welcome.max_inflight;
	copy_span(w->pool, sizeof w->pool, m->welcome.pool);
	copy_span(w->pool_kind, sizeof w->pool_kind, m->welcome.pool_kind);
}

static void on_goaway(struct tw *w, const struct message *m)
{
	w->goaway = true;
	w->goaway_status = m->goaway.status;
	if (!m->goaway.has_error)
		return;
	copy_span(w->goaway_message, sizeof w->goaway_message, m->goaway.error.message);
	copy_span(w->goaway_detail, sizeof w->goaway_detail, m->goaway.error.detail);
}

static void on_progress(struct tw *w, const struct message *m)
{
	struct tw_job *j = open_job(w, m->progress.id);

	j->nprogress++;
	tell(j, "p:%" PRIu64 "/%" PRIu64 " ", m->progress.done, m->progress.total);
}

static void on_chunk(struct tw *w, const struct message *m, struct span payload)
{
	struct tw_job *j = open_job(w, m->chunk.id);

	j->nchunks++;
	if (payload.len <= 32)
		tell(j, "c:%.*s ", (int)payload.len, (const char *)payload.data);
}

static void on_message(struct tw *w, const struct message *m, struct span payload)
{
	switch (m->kind) {
	case MESSAGE_WELCOME:
		on_welcome(w, m);
		return;
	case MESSAGE_GOAWAY:
		on_goaway(w, m);
		return;
	case MESSAGE_STARTED:
		/* A job that the daemon has answered since is not open any more. */
		for (size_t i = 0; i < m->started.n; i++)
			tw_job(w, m->started.ids[i])->nstarted++;
		return;
	case MESSAGE_CHUNK:
		on_chunk(w, m, payload);
		return;
	case MESSAGE_PROGRESS:
		on_progress(w, m);
		return;
	case MESSAGE_PART:
		add_value(open_job(w, m->part.id), payload);
		return;
	case MESSAGE_RESTART:
		open_job(w, m->restart.id)->nrestarts++;
		return;
	case MESSAGE_VERDICT:
		w->nverdicts++;
		w->verdict_id = m->verdict.id;
		w->verdict = m->verdict.verdict;
		return;
	case MESSAGE_BYE:
		w->bye = true;
		return;
	case MESSAGE_PONG:
		w->npongs++;
		w->pong_nonce = m->pong.nonce;
		return;
	case MESSAGE_ADMIN_REPLY:
		w->nadmin++;
		w->admin_status = m->admin_reply.status;
		free(w->admin_reply);
		w->admin_reply = strndup(payload.len ? payload.data : "", payload.len);
		return;
	case MESSAGE_HELLO:
	case MESSAGE_SUBMIT:
	case MESSAGE_RESULT:
	case MESSAGE_CANCEL:
	case MESSAGE_PING:
	case MESSAGE_ADMIN_REQUEST:
	case MESSAGE_KIND_END:
		break;
	}
	ck_abort_msg("a message of kind %d from the daemon", (int)m->kind);
}

static void on_frame(struct tw *w, const struct frame *f)
{
	struct message m;
	struct span body;
	uint32_t kind;

	must(!w->bye); /* nothing comes after it */
	must(envelope_open(f->envelope, &kind, &body) == 0);
	if (kind == MESSAGE_RESULT) {
		on_result(w, body, f->payload);
		return;
	}
	arena_reset(w->arena);
	must(message_parse(kind, body, w->arena, &m) == 0);
	on_message(w, &m, f->payload);
}

static bool cut_one(struct tw *w)
{
	static const struct frame_limits limits = {1 << 20, 64 << 20};
	struct frame f;
	size_t need;
	int64_t size = frame_cut(buf_data(&w->in), buf_len(&w->in), &limits, &f, &need);

	must(size >= 0);
	if (size == 0)
		return false;
	on_frame(w, &f);
	buf_consume(&w->in, (size_t)size);
	return true;
}

bool tw_pump(struct tw *w, int ms)
{
	struct pollfd p = {.fd = w->fd, .events = POLLIN};

	if (w->eof)
		return false;
	if (poll(&p, 1, ms) <= 0)
		return true;
	uint8_t *to = buf_reserve(&w->in, READ_BYTES);
	must(to);
	ssize_t n = recv(w->fd, to, READ_BYTES, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		must(n == 0 || errno == ECONNRESET);
		w->eof = true;
		return false;
	}
	buf_commit(&w->in, (size_t)n);
	while (buf_len(&w->in) > 0 && cut_one(w))
		;
	return true;
}

/* One step of a wait for something; fails where there will be nothing more. */
static void step(struct tw *w, const struct bound *b, const char *what)
{
	char text[200];

	if (w->eof && w->goaway) {
		snprintf(text, sizeof text, "the daemon went away (%u) while waiting for %s",
			 w->goaway_status, what);
		fail_at(b->file, b->line, text);
	}
	snprintf(text, sizeof text, "%s while waiting for %s",
		 w->eof ? "the daemon closed the connection" : "nothing came", what);
	if (w->eof || td_now_us() > b->end_us)
		fail_at(b->file, b->line, text);
	(void)tw_pump(w, 100);
}

struct tw_job *tw_result_at(struct tw *w, uint64_t id, const char *file, int line)
{
	struct bound b = bound_at(file, line);
	char what[64];

	snprintf(what, sizeof what, "the result of job %" PRIu64, id);
	while (!tw_job(w, id)->answered)
		step(w, &b, what);
	return tw_job(w, id);
}

struct tw_job *tw_expect_at(struct tw *w, uint64_t id, uint32_t status, const char *value,
			    const char *file, int line)
{
	struct tw_job *j = tw_result_at(w, id, file, line);
	char text[400];

	if (j->status != status) {
		const struct error_info *e = j->status ? tw_error(w, j) : NULL;
		snprintf(text, sizeof text, "job %" PRIu64 ": status %u instead of %u: %s (%s)", id,
			 j->status, status, e ? tw_text(e->message) : "",
			 e ? tw_text(e->detail) : "");
		fail_at(file, line, text);
	}
	if (value &&
	    (j->len != strlen(value) || (j->len && memcmp(j->value, value, j->len) != 0))) {
		snprintf(text, sizeof text,
			 "job %" PRIu64 ": \"%.100s\" (%" PRIu64 ") instead of \"%.100s\"", id,
			 j->value ? (char *)j->value : "", j->len, value);
		fail_at(file, line, text);
	}
	return j;
}

const struct error_info *tw_error(struct tw *w, const struct tw_job *j)
{
	must(j->answered && j->status != FUT_OK);
	arena_reset(w->error_arena);
	must(error_decode(span_of(j->error, j->error_len), w->error_arena, &w->error) == 0);
	return &w->error;
}

const char *tw_text(struct span s)
{
	static char texts[8][4200];
	static unsigned next;
	char *to = texts[next++ % 8];

	copy_span(to, sizeof texts[0], s);
	return to;
}

void tw_wait_started_at(struct tw *w, uint64_t id, const char *file, int line)
{
	struct bound b = bound_at(file, line);

	while (tw_job(w, id)->nstarted == 0)
		step(w, &b, "a job's start");
}

void tw_wait_answers_at(struct tw *w, unsigned n, const char *file, int line)
{
	struct bound b = bound_at(file, line);
	unsigned seen = w->nanswered;

	while (w->nanswered < n) {
		step(w, &b, "answers");
		if (w->nanswered != seen) /* as long as it goes on, it may take its time */
			b = bound_at(file, line);
		seen = w->nanswered;
	}
}

fut_verdict tw_cancel_at(struct tw *w, uint64_t id, uint32_t mode, const char *file, int line)
{
	const struct message m = {.kind = MESSAGE_CANCEL, .cancel = {id, mode}};
	struct bound b = bound_at(file, line);
	unsigned before = w->nverdicts;

	tw_put_message(w, &m, SPAN_EMPTY);
	tw_flush_at(w, file, line);
	while (w->nverdicts == before)
		step(w, &b, "a verdict");
	must(w->verdict_id == id);
	return (fut_verdict)w->verdict;
}

void tw_ping_at(struct tw *w, const char *file, int line)
{
	static uint64_t nonce = 1000;
	const struct message m = {.kind = MESSAGE_PING, .ping = {++nonce}};
	struct bound b = bound_at(file, line);

	tw_put_message(w, &m, SPAN_EMPTY);
	tw_flush_at(w, file, line);
	while (w->pong_nonce != nonce)
		step(w, &b, "a pong");
}

static void ask_once(struct tw *w, const struct message *m, const struct bound *b)
{
	unsigned before = w->nadmin;

	tw_put_message(w, m, SPAN_EMPTY);
	tw_flush_at(w, b->file, b->line);
	while (w->nadmin == before)
		step(w, b, "the answer");
}

/* A test that waits for something to show in the answer asks too often: then it waits longer. */
const char *tw_ask_at(struct tw *w, const char *what, const char *argument, const char *file,
		      int line)
{
	const struct message m = {
		.kind = MESSAGE_ADMIN_REQUEST,
		.admin_request = {span_str(what), span_str(argument), .nonce = 7},
	};
	struct bound b = bound_at(file, line);

	do {
		ask_once(w, &m, &b);
	} while (w->admin_status == FUT_BUSY && td_now_us() < b.end_us);
	return w->admin_reply;
}

const char *tw_status_at(struct tw *w, const char *file, int line)
{
	const char *text = tw_ask_at(w, "status", "", file, line);

	must(w->admin_status == FUT_OK);
	return text;
}

void tw_expect_goaway_at(struct tw *w, uint32_t status, const char *file, int line)
{
	struct bound b = bound_at(file, line);
	char text[600];

	while (!w->goaway)
		step(w, &b, "a goaway");
	if (w->goaway_status == status)
		return;
	snprintf(text, sizeof text, "goaway %u instead of %u: %s (%s)", w->goaway_status, status,
		 w->goaway_message, w->goaway_detail);
	fail_at(file, line, text);
}

void tw_expect_end_at(struct tw *w, const char *file, int line)
{
	struct bound b = bound_at(file, line);

	while (tw_pump(w, 100)) {
		if (td_now_us() > b.end_us)
			fail_at(file, line, "the daemon did not close the connection");
	}
}

long tw_number(const struct tw_job *j)
{
	must(j->answered && j->status == FUT_OK && j->len > 0);
	return strtol((const char *)j->value, NULL, 10);
}
