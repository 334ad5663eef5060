#include "daemon/session.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/account.h"
#include "daemon/answer.h"
#include "daemon/cancel.h"
#include "daemon/daemon.h"
#include "daemon/requests.h"
#include "daemon/unique.h"
#include "proto/submit.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>

#define SESSION_MAGIC 0x5e551011u

enum {
	/* Above the high mark a session's jobs are held, below a part of it they go on. */
	OUTPUT_HIGH_BYTES = 1024 * 1024, /* or such a part of max_output: */
	OUTPUT_HIGH_PART = 4,
	OUTPUT_LOW_PART = 4,
	JOBS_MIN_CAP = 64,
	LINGER_US = 5 * 1000 * 1000, /* for a client to take its last bytes */
};

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void on_phase_overdue(struct timer *t);
static void on_output_overdue(struct timer *t);

static struct frame_limits early_limits(void)
{
	return (struct frame_limits){.envelope_bytes = FRAME_ENVELOPE_MAX_EARLY};
}

void session_open(struct daemon *d, const struct listener *l, int fd)
{
	struct session *s = calloc(1, sizeof *s);

	if (!s) {
		log_event(LOG_ERROR, "session.refused", LOG_STR("reason", "out of memory"));
		close_fd(fd);
		return;
	}
	s->magic = SESSION_MAGIC;
	s->daemon = d;
	s->number = ++d->sessions_ever;
	s->is_only = !l;
	TAILQ_INIT(&s->held);
	timer_init(&s->phase_timer, on_phase_overdue);
	timer_init(&s->output_timer, on_output_overdue);
	peer_of(fd, &s->peer);
	const char *why_not = s->is_only ? NULL : guard_let_in(s);
	if (why_not) {
		if (guard_may_log(d))
			log_event(LOG_WARNING, "session.refused", LOG_STR("reason", why_not),
				  LOG_STR("peer", s->peer.text),
				  LOG_UINT("sessions", d->nsessions));
		close_fd(fd);
		free(s);
		return;
	}
	intake_init(s);
	s->ledger.parent = &d->memory.total;
	stream_init(&s->stream, fd, true, early_limits(), d->config->max_output_bytes);
	output_init(&s->output, &s->stream.out);
	LIST_INSERT_HEAD(&d->sessions, s, node);
	d->nsessions++;
	s->on_read = event_new(d->base, fd, EV_READ | EV_PERSIST, on_readable, s);
	s->on_write = event_new(d->base, fd, EV_WRITE, on_writable, s);
	if (!s->on_read || !s->on_write || event_add(s->on_read, NULL) < 0 ||
	    timer_set(&d->timers, &s->phase_timer,
		      clock_now_us() + d->config->handshake_timeout_us) < 0) {
		session_close(s, "out of memory");
		return;
	}
	if (l && l->is_tls && secure_begin(s) < 0) {
		session_close(s, "TLS cannot begin");
		return;
	}
	if (d->memory.is_tight)
		intake_pause(s, INTAKE_MEMORY);
	log_event(LOG_DEBUG, "session.open", LOG_UINT("session", s->number),
		  LOG_STR("peer", s->peer.text));
	audit_connect(s);
}

/* First, so that no run is handed over to a job of the same session. */
static void drop_followers(struct session *s)
{
	for (uint32_t i = 0; i < s->jobs_cap && s->njobs > 0; i++) {
		struct job *j = s->jobs[i];
		if (!j || j->place != JOB_FOLLOWING)
			continue;
		unique_leave(j);
		answer_nothing(j);
		job_drop(s->daemon, j);
	}
}

/* Jobs that have not started go, running ones lose their client. */
static void drop_jobs(struct session *s)
{
	drop_followers(s);
	for (uint32_t i = 0; i < s->jobs_cap && s->njobs > 0; i++) {
		struct job *j = s->jobs[i];
		if (!j || unique_hand_over(j))
			continue;
		bool withdrawn = job_withdraw(j);
		answer_nothing(j);
		if (withdrawn)
			job_drop(s->daemon, j);
		else
			slot_ask_to_stop(j->slot, j);
	}
	assert(s->njobs == 0 && TAILQ_EMPTY(&s->held));
}

int session_join_account(struct session *s, const char *identity)
{
	struct daemon *d = s->daemon;

	s->account = account_join(&d->accounts, identity, &d->memory.total);
	if (!s->account)
		return -ENOMEM;
	ledger_adopt(&s->ledger, &s->account->ledger);
	return 0;
}

void session_leave_account(struct session *s)
{
	if (!s->account)
		return;
	ledger_adopt(&s->ledger, s->account->ledger.parent);
	account_leave(TAKE_PTR(s->account));
}

/* Strangers make no more lines than there is room for. */
static void report_close(const struct session *s, const char *why, bool was_heard, uint32_t njobs)
{
	enum log_level level = s->pool ? LOG_INFO : was_heard ? LOG_WARNING : LOG_DEBUG;

	if (level == LOG_WARNING && !guard_may_log(s->daemon))
		return;
	log_event(level, "session.close", LOG_UINT("session", s->number),
		  LOG_STR("peer", s->peer.text), LOG_STR("reason", why),
		  LOG_UINT("jobs_dropped", njobs));
}

void session_close(struct session *s, const char *why)
{
	struct daemon *d = s->daemon;

	if (s->phase == SESSION_DEAD)
		return;
	uint32_t njobs = s->njobs;
	bool was_heard = stream_is_ready(&s->stream); /* else secure_end() says it */
	s->phase = SESSION_DEAD;
	secure_end(s, why);
	drop_jobs(s);
	share_unref(TAKE_PTR(s->share));
	session_leave_account(s);
	guard_leave(s);
	intake_done(s);
	timer_cancel(&d->timers, &s->phase_timer);
	timer_cancel(&d->timers, &s->output_timer);
	if (s->dirty)
		TAILQ_REMOVE(&d->dirty, s, dirty_node);
	s->dirty = false;
	if (s->on_read)
		event_free(s->on_read);
	if (s->on_write)
		event_free(s->on_write);
	s->on_read = s->on_write = NULL;
	/* `why` may be the stream's own. */
	report_close(s, why, was_heard, njobs);
	stream_done(&s->stream);
	output_done(&s->output);
	free(TAKE_PTR(s->jobs));
	s->jobs_cap = 0;
	memory_release_session(s);
	d->nsessions--;
	LIST_REMOVE(s, node);
	LIST_INSERT_HEAD(&d->dead_sessions, s, node);
}

void session_free(struct session *s)
{
	assert(s->phase == SESSION_DEAD && s->njobs == 0);
	s->magic = 0;
	free(s);
}

void session_refuse(struct session *s, fut_status status, const struct error_info *error)
{
	struct message m = {.kind = MESSAGE_GOAWAY, .goaway = {.status = status}};

	if (s->phase >= SESSION_CLOSING)
		return;
	if (!stream_is_ready(&s->stream)) {
		session_close(s, "refused before TLS was ready");
		return;
	}
	if (error) {
		m.goaway.has_error = true;
		m.goaway.error = *error;
	}
	session_send(s, &m, SPAN_EMPTY);
	if (s->phase == SESSION_DEAD)
		return;
	drop_jobs(s);
	session_finish(s);
}

void session_finish(struct session *s)
{
	if (s->phase >= SESSION_CLOSING)
		return;
	intake_reopen(s);
	if (s->phase == SESSION_DEAD)
		return;
	s->phase = SESSION_CLOSING;
	(void)timer_set(&s->daemon->timers, &s->phase_timer, clock_now_us() + LINGER_US);
	session_mark_dirty(s);
}

void session_mark_dirty(struct session *s)
{
	if (s->dirty || s->phase == SESSION_DEAD)
		return;
	s->dirty = true;
	TAILQ_INSERT_TAIL(&s->daemon->dirty, s, dirty_node);
}

void session_send(struct session *s, const struct message *m, struct span payload)
{
	if (s->phase >= SESSION_CLOSING)
		return;
	int r = output_put(&s->output, m, payload);
	if (r < 0) {
		session_close(s, r == -ENOMEM ? "out of memory" : "reads too slowly");
		return;
	}
	session_mark_dirty(s);
}

/* One that does not take what it has asked for. */
static bool is_far_behind(const struct session *s)
{
	return output_len(&s->output) > s->daemon->config->max_output_bytes / 2;
}

bool session_is_full(const struct session *s)
{
	return buf_len(&s->stream.out) > s->daemon->config->max_output_bytes / 2;
}

/*
 * A slot never waits with a value. When a session falls behind, its jobs are held; those that
 * slots have started by then go on, and what comes of them is taken: so the output can pass
 * max_output by as much as all slots of the pool together may return. An honest client is not
 * closed for that, however slow it reads; and what this adds up to is bounded by the budget of
 * memory.h.
 */
void session_set_output_limit(struct session *s)
{
	const struct config *c = s->daemon->config;
	uint64_t limit =
		c->max_output_bytes + (uint64_t)s->pool->config->slots * c->max_result_bytes;

	output_set_limit(&s->output, limit);
}

static void set_output_timer(struct session *s)
{
	struct daemon *d = s->daemon;

	s->written_before = s->stream.sent;
	(void)timer_set(&d->timers, &s->output_timer,
			clock_now_us() + d->config->output_timeout_us);
}

/* Streams wait for a session that is full: not for ever. */
static void update_output_timer(struct session *s)
{
	if (!is_far_behind(s))
		timer_cancel(&s->daemon->timers, &s->output_timer);
	else if (!timer_is_set(&s->output_timer))
		set_output_timer(s);
}

static void on_output_overdue(struct timer *t)
{
	struct session *s = container_of(t, struct session, output_timer);

	uint64_t least = s->daemon->config->output_timeout_us * INTAKE_RATE_MIN / 1000000;

	if (s->stream.sent == s->written_before)
		session_close(s, "does not read");
	else if (s->stream.sent - s->written_before < least)
		session_close(s, "reads too slowly");
	else
		set_output_timer(s);
}

/* Holds the session's jobs back while it is behind, and lets them go when it is not. */
static void update_congestion(struct session *s)
{
	uint64_t high =
		min_u64(OUTPUT_HIGH_BYTES, s->daemon->config->max_output_bytes / OUTPUT_HIGH_PART);
	size_t waiting = output_crowd(&s->output);

	memory_charge_session(s);
	update_output_timer(s);
	if (!s->congested) {
		s->congested = waiting > high;
		return;
	}
	if (waiting > high / OUTPUT_LOW_PART)
		return;
	s->congested = false;
	intake_resume(s, INTAKE_BEHIND);
	if (s->phase != SESSION_DEAD && !TAILQ_EMPTY(&s->held))
		scheduler_release(&s->pool->scheduler, s);
}

void session_flush(struct session *s)
{
	int error;

	secure_flush(s);
	if (s->phase == SESSION_DEAD)
		return;
	if (s->write_blocked) {
		update_congestion(s); /* more waits than when it was blocked */
		return;
	}
	if (!output_flush(&s->output, &s->stream, &error)) {
		if (error < 0) {
			session_close(s, stream_fault(&s->stream, error));
			return;
		}
		if (event_add(s->on_write, NULL) < 0) {
			session_close(s, "out of memory");
			return;
		}
		s->write_blocked = true;
	} else if (s->phase == SESSION_CLOSING && !s->said_all) {
		/* Closing now could take back what the client has not read yet. */
		s->said_all = true;
		stream_shutdown(&s->stream);
	}
	update_congestion(s);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd, (void)what;
	assert(s->magic == SESSION_MAGIC);
	s->write_blocked = false;
	session_mark_dirty(s);
}

void session_trim(struct session *s)
{
	buf_trim(&s->stream.out, 0);
	buf_trim(&s->output.behind, 0);
	if (s->njobs > 0 || !s->jobs)
		return;
	free(TAKE_PTR(s->jobs));
	s->jobs_cap = 0;
}

static int on_frame(void *arg, const struct frame *f)
{
	struct session *s = arg;

	s->intake.frames++;
	return request_handle(s, f);
}

static void discard_input(struct session *s)
{
	ssize_t n = recv(s->stream.fd, s->daemon->scratch, STREAM_SCRATCH_BYTES, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		session_close(s, "all said");
}

/* Of one that is behind, no more jobs are read than may wait of its results: they would wait here
 * instead of there. */
static void update_intake(struct session *s)
{
	if (s->congested && s->ledger.bytes - s->held_bytes > s->daemon->config->max_output_bytes)
		intake_pause(s, INTAKE_BEHIND);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd, (void)what;
	assert(s->magic == SESSION_MAGIC);
	session_read(s);
}

void session_read(struct session *s)
{
	if (s->phase == SESSION_CLOSING) {
		discard_input(s);
		return;
	}
	if (!secure_may_read(s))
		return;
	s->daemon->now_us = clock_now_us(); /* what comes now was not there in the last turn */
	intake_before_read(s);
	int64_t n = stream_read(&s->stream, s->daemon->scratch, on_frame, s);
	if (s->phase >= SESSION_CLOSING)
		return;
	if (stream_waits(&s->stream))
		session_mark_dirty(s); /* TLS answers by itself */
	if (n >= 0) {
		intake_after_read(s, (uint64_t)n);
		memory_charge_session(s);
		update_intake(s);
		return;
	}
	if (n == -EPROTO || n == -EMSGSIZE)
		guard_blame(s, GUARD_FAULT_PROTOCOL);
	if (n == -ENODATA)
		session_close(s, sink_is_mid_frame(&s->stream.in) ? "closed in mid-frame"
								  : "closed by the client");
	else if (n == -EPROTO)
		session_close(s, "not the protocol");
	else if (n == -EMSGSIZE)
		session_close(s, "frame over its limit");
	else if (!secure_see_off(s, (int)n))
		session_close(s, stream_fault(&s->stream, (int)n));
}

static void on_phase_overdue(struct timer *t)
{
	struct session *s = container_of(t, struct session, phase_timer);

	if (s->phase == SESSION_OPENING)
		guard_blame(s, GUARD_FAULT_SILENCE);
	if (s->phase == SESSION_CLOSING)
		session_close(s, "did not close its side");
	else
		session_close(s, stream_is_ready(&s->stream) ? "no hello in time"
							     : "no handshake in time");
}

struct job *session_find_job(const struct session *s, uint64_t id)
{
	uint32_t place = job_id_place(id);

	return place < s->jobs_cap && s->jobs[place] && s->jobs[place]->id == id ? s->jobs[place]
										 : NULL;
}

/* The table grows with the places that are used; clients take low ones first. */
static int grow_jobs(struct session *s, uint32_t place)
{
	uint32_t cap = s->jobs_cap ? s->jobs_cap : JOBS_MIN_CAP;

	while (cap <= place)
		cap *= 2;
	struct job **jobs = realloc(s->jobs, cap * sizeof(struct job *));
	if (!jobs)
		return -ENOMEM;
	memset(jobs + s->jobs_cap, 0, (cap - s->jobs_cap) * sizeof(struct job *));
	s->jobs = jobs;
	s->jobs_cap = cap;
	return 0;
}

int session_add_job(struct session *s, struct job *j)
{
	uint32_t place = job_id_place(j->id);

	if (place >= s->jobs_cap && grow_jobs(s, place) < 0)
		return -ENOMEM;
	assert(!s->jobs[place]);
	s->jobs[place] = j;
	s->njobs++;
	s->account->inflight++;
	s->intake.spare_cancels += INTAKE_CANCELS_PER_JOB;
	j->session = s;
	memory_charge_job(j, s);
	return 0;
}

void session_remove_job(struct session *s, struct job *j)
{
	uint32_t place = job_id_place(j->id);

	assert(s->jobs[place] == j);
	s->jobs[place] = NULL;
	s->njobs--;
	s->account->inflight--;
	j->session = NULL;
	memory_hand_up_job(j);
}

void session_note_started(struct session *s, uint64_t id)
{
	if (s->nstarted == SESSION_STARTED_MAX)
		session_flush_started(s);
	s->started[s->nstarted++] = id;
}

void session_flush_started(struct session *s)
{
	struct message m = {.kind = MESSAGE_STARTED, .started = {s->started, s->nstarted}};

	if (s->nstarted == 0)
		return;
	s->nstarted = 0;
	session_send(s, &m, SPAN_EMPTY);
}
