#include "daemon/secure.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/config_tls.h"
#include "daemon/daemon.h"
#include "net/tls.h"
#include "net/tls_key.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum {
	STEPS_PER_TURN = 4, /* of handshakes: some milliseconds in which nobody else is served */
	LINGER_US = 1000 * 1000,    /* for a client to take the alert */
	LOOK_US = 60 * 1000 * 1000, /* the time of day may be set, or the machine have slept */
	SPREAD_US = 1000,           /* between two looks after a reload */
};

static void on_look_due(struct timer *t);

/* ---- the context ------------------------------------------------------------ */

static int make_context(const struct config *c, struct tls_context **ret, char *reterr)
{
	const struct tls_settings settings = config_tls_settings(&c->tls);
	int r = tls_context_new(&settings, ret, reterr);

	if (r == -ENOMEM)
		(void)strcpy(reterr, "out of memory");
	return r;
}

int secure_init(struct daemon *d)
{
	char why[TLS_TEXT_MAX];

	TAILQ_INIT(&d->secure.waiting);
	if (!d->config->tls.certificate)
		return 0;
	tls_protect_keys();
	int r = make_context(d->config, &d->secure.context, why);
	if (r < 0)
		log_event(LOG_ERROR, "tls.failed", LOG_STR("reason", why));
	return r;
}

void secure_done(struct daemon *d)
{
	d->secure.context = tls_context_unref(d->secure.context);
}

bool secure_check(const struct config *c, void (*say)(void *arg, const char *message), void *arg)
{
	struct tls_context *context;
	char why[TLS_TEXT_MAX];

	if (!c->tls.certificate)
		return true;
	tls_protect_keys();
	if (make_context(c, &context, why) < 0) {
		say(arg, why);
		return false;
	}
	(void)tls_context_unref(context);
	return true;
}

/* One after the other, so that thousands do not hold up everybody else. */
static void look_at_all(struct daemon *d)
{
	uint64_t at_us = clock_now_us();
	struct session *s;

	LIST_FOREACH(s, &d->sessions, node) {
		if (!s->stream.tls || !timer_is_set(&s->secure.timer) || s->secure.is_leaving)
			continue;
		(void)timer_set(&d->timers, &s->secure.timer, at_us);
		at_us += SPREAD_US;
	}
}

int secure_reload(struct daemon *d, const struct config *c)
{
	struct tls_context *context = NULL;
	char why[TLS_TEXT_MAX] = "the section tls is gone, and there are listeners that need it";
	int r = -EINVAL;

	if (!c->tls.certificate && !d->secure.context)
		return 0;
	if (c->tls.certificate) {
		if (!d->secure.context)
			tls_protect_keys();
		r = make_context(c, &context, why);
	}
	if (r < 0) {
		log_event(LOG_ERROR, "tls.failed", LOG_STR("reason", why));
		return r;
	}
	(void)tls_context_unref(d->secure.context);
	d->secure.context = context;
	d->secure.generation++;
	look_at_all(d);
	return 0;
}

/* ---- whose turn it is --------------------------------------------------------- */

static void take_place(struct session *s)
{
	s->secure.is_shaking_hands = true;
	s->daemon->secure.shaking_hands++;
}

static void admit_next(struct daemon *d)
{
	struct session *s;

	while (d->secure.shaking_hands < d->config->tls.max_handshakes &&
	       (s = TAILQ_FIRST(&d->secure.waiting))) {
		TAILQ_REMOVE(&d->secure.waiting, s, secure.node);
		s->secure.is_waiting = false;
		take_place(s);
		intake_resume(s, INTAKE_TURN);
	}
}

static void leave_place(struct session *s)
{
	struct daemon *d = s->daemon;

	if (s->secure.is_waiting)
		TAILQ_REMOVE(&d->secure.waiting, s, secure.node);
	if (s->secure.is_shaking_hands)
		d->secure.shaking_hands--;
	s->secure.is_waiting = s->secure.is_shaking_hands = false;
	admit_next(d);
}

bool secure_may_read(struct session *s)
{
	if (s->secure.is_waiting)
		return false;
	return !s->secure.is_shaking_hands || s->daemon->secure.steps++ < STEPS_PER_TURN;
}

/* ---- what is written about those who do not get in ------------------------------ */

/* The peer is told nothing but an alert; here is the rest. */
static void report(struct session *s, const char *why)
{
	if (s->secure.is_reported)
		return;
	s->secure.is_reported = true;
	if (guard_may_log(s->daemon))
		log_event(LOG_WARNING, "tls.refused", LOG_UINT("session", s->number),
			  LOG_STR("peer", s->peer.text), LOG_STR("reason", why));
}

/* ---- a session ------------------------------------------------------------------ */

static void look_again(struct session *s, uint64_t now_us, int64_t left_s)
{
	uint64_t wait_us = LOOK_US;

	if (left_s < LOOK_US / 1000000)
		wait_us = (uint64_t)left_s * 1000000;
	(void)timer_set(&s->daemon->timers, &s->secure.timer,
			min_u64(now_us + wait_us, s->secure.age_end_us));
}

/* From here on everything that was decrypted comes from whom the certificate names. */
static int on_handshake_done(void *arg)
{
	struct session *s = arg;
	struct daemon *d = s->daemon;
	uint64_t now_us = clock_now_us();

	if (tls_client(s->stream.tls, &s->certificate, &s->secure.not_after_s) < 0) {
		report(s, "the certificate has no name");
		guard_blame(s, GUARD_FAULT_AUTH);
		session_close(s, "the certificate has no name");
		return -EPROTO;
	}
	leave_place(s);
	s->secure.age_end_us = now_us + d->config->tls.max_session_age_us;
	(void)timer_set(&d->timers, &s->phase_timer, now_us + d->config->tls.hello_timeout_us);
	(void)timer_set(&d->timers, &s->secure.timer, now_us);
	log_event(LOG_DEBUG, "tls.ready", LOG_UINT("session", s->number),
		  LOG_STR("peer", s->peer.text), LOG_STR("certificate", s->certificate.bytes));
	return 0;
}

int secure_begin(struct session *s)
{
	struct daemon *d = s->daemon;
	struct tls *tls;

	timer_init(&s->secure.timer, on_look_due);
	if (!d->secure.context)
		return -EINVAL;
	int r = tls_new(d->secure.context, NULL, &tls);
	if (r == 0)
		r = stream_secure(&s->stream, tls, on_handshake_done);
	if (r < 0)
		return r;
	s->secure.generation = d->secure.generation;
	if (d->secure.shaking_hands < d->config->tls.max_handshakes) {
		take_place(s);
		return 0;
	}
	s->secure.is_waiting = true;
	TAILQ_INSERT_TAIL(&d->secure.waiting, s, secure.node);
	intake_pause(s, INTAKE_TURN);
	return 0;
}

bool secure_see_off(struct session *s, int error)
{
	if (stream_is_ready(&s->stream) || error != -EBADMSG)
		return false;
	report(s, stream_fault(&s->stream, error));
	guard_blame(s, GUARD_FAULT_AUTH);
	leave_place(s);
	session_finish(s);
	(void)timer_set(&s->daemon->timers, &s->phase_timer, clock_now_us() + LINGER_US);
	return true;
}

void secure_end(struct session *s, const char *why)
{
	if (!s->stream.tls)
		return;
	if (!stream_is_ready(&s->stream))
		report(s, why);
	leave_place(s);
	timer_cancel(&s->daemon->timers, &s->secure.timer);
}

/* ---- the end of what a certificate proved ----------------------------------------- */

static const char *why_over(struct session *s, uint64_t now_us, int64_t *ret_left_s)
{
	struct secure *all = &s->daemon->secure;
	struct timespec now;

	if (now_us >= s->secure.age_end_us)
		return "the session has reached max_session_age";
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret_left_s = s->secure.not_after_s - now.tv_sec + 1;
	if (*ret_left_s <= 0)
		return "the client's certificate has expired";
	if (s->secure.generation == all->generation)
		return NULL;
	s->secure.generation = all->generation;
	return tls_client_fault(s->stream.tls, all->context);
}

static struct error_info farewell(const char *why)
{
	return (struct error_info){
		.message = span_str("the daemon ends the session"),
		.detail = span_str(why),
		.hint = span_str("connect again, with a certificate that is valid"),
	};
}

static void leave(struct session *s, const char *why)
{
	struct message m = {
		.kind = MESSAGE_GOAWAY,
		.goaway = {.status = FUT_DRAINING, .has_error = true, .error = farewell(why)},
	};

	log_event(LOG_INFO, "session.leave", LOG_UINT("session", s->number),
		  LOG_STR("peer", s->peer.text), LOG_STR("reason", why),
		  LOG_UINT("jobs", s->njobs));
	if (s->phase != SESSION_OPEN) {
		session_close(s, why);
		return;
	}
	s->secure.is_leaving = true;
	(void)timer_set(&s->daemon->timers, &s->secure.timer,
			clock_now_us() + s->daemon->config->drain_timeout_us);
	session_send(s, &m, SPAN_EMPTY);
}

static void on_look_due(struct timer *t)
{
	struct session *s = container_of(t, struct session, secure.timer);
	uint64_t now_us = clock_now_us();
	int64_t left_s;

	if (s->phase > SESSION_OPEN)
		return;
	if (s->secure.is_leaving) {
		const struct error_info e = farewell("its jobs took longer than drain_timeout");
		session_refuse(s, FUT_DRAINING, &e);
		return;
	}
	const char *why = why_over(s, now_us, &left_s);
	if (why)
		leave(s, why);
	else
		look_again(s, now_us, left_s);
}

void secure_flush(struct session *s)
{
	const struct message bye = {.kind = MESSAGE_BYE};

	if (!s->secure.is_leaving || s->phase != SESSION_OPEN || s->njobs > 0)
		return;
	session_send(s, &bye, SPAN_EMPTY);
	session_finish(s);
}
