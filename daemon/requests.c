#include "daemon/requests.h"

#include "common/log.h"
#include "common/name.h"
#include "daemon/admin.h"
#include "daemon/admission.h"
#include "daemon/cancel.h"
#include "daemon/daemon.h"
#include "proto/submit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A message that ends the session: told why, then closed. Always -EPROTO. */
static int refuse_protocol(struct session *s, const char *detail)
{
	struct error_info e = {
		.type = span_str("PROTOCOL"),
		.message = span_str("the message breaks the protocol"),
		.detail = span_str(detail),
	};

	log_event(LOG_WARNING, "session.protocol", LOG_UINT("session", s->number),
		  LOG_STR("peer", s->peer.text), LOG_STR("reason", detail));
	session_refuse(s, FUT_PROTOCOL, &e);
	return -EPROTO;
}

/* ---- hello ------------------------------------------------------------- */

static int refuse_version(struct session *s)
{
	struct error_info e = {
		.message = span_str("no protocol version in common"),
		.detail = span_str("this daemon speaks version 1"),
		.hint = span_str("use a client library of the daemon's version"),
	};

	session_refuse(s, FUT_UNSUPPORTED, &e);
	return -EPROTO;
}

static int refuse_pool(struct session *s, struct span name)
{
	char detail[128];

	/* A name that is no name is not repeated: it may hold anything. */
	if (name_is_valid(name))
		snprintf(detail, sizeof detail, "pool '%.*s'", (int)name.len,
			 (const char *)name.data);
	else
		snprintf(detail, sizeof detail, "the name is not one a pool can have");
	const struct error_info e = {
		.message = span_str("the daemon has no such pool"),
		.detail = span_str(detail),
		.hint = span_str("futurectl status lists the pools"),
	};
	session_refuse(s, FUT_UNKNOWN_POOL, &e);
	return -EPROTO;
}

static void send_welcome(struct session *s)
{
	const struct daemon *d = s->daemon;
	const struct pool *p = s->pool;
	uint8_t token[SESSION_TOKEN_BYTES] = {0};
	struct message m = {
		.kind = MESSAGE_WELCOME,
		.welcome =
			{
				.version = PROTOCOL_VERSION,
				.incarnation = span_of(d->incarnation, sizeof d->incarnation),
				.session = span_of(token, sizeof token),
				.identity = span_str(s->peer.text),
				.pool = span_str(p->name),
				.pool_kind = span_str(pool_kind_name(p->config->kind)),
				.slots = p->config->slots,
				.max_payload_bytes = d->config->max_payload_bytes,
				.max_result_bytes = d->config->max_result_bytes,
				.max_inflight = d->config->max_inflight,
			},
	};

	for (size_t i = 0; i < sizeof s->number; i++)
		token[i] = (uint8_t)(s->number >> (8 * i));
	session_send(s, &m, SPAN_EMPTY);
}

static int on_hello(struct session *s, const struct message *m, struct span payload)
{
	struct daemon *d = s->daemon;

	(void)payload;
	if (m->hello.version_min > PROTOCOL_VERSION || m->hello.version_max < PROTOCOL_VERSION)
		return refuse_version(s);
	if (d->phase != DAEMON_RUNNING) {
		session_refuse(s, FUT_DRAINING, NULL);
		return -EPROTO;
	}
	struct pool *p =
		m->hello.pool.len > 0 ? daemon_find_pool(d, m->hello.pool) : TAILQ_FIRST(&d->pools);
	if (!p)
		return refuse_pool(s, m->hello.pool);
	s->pool = p;
	s->phase = SESSION_OPEN;
	timer_cancel(&d->timers, &s->phase_timer);
	const struct frame_limits limits = {
		.envelope_bytes = FRAME_ENVELOPE_MAX,
		.payload_bytes = d->config->max_payload_bytes,
	};
	sink_set_limits(&s->stream.in, limits);
	struct span client = span_cut(m->hello.client, CLIENT_NAME_MAX);
	log_event(LOG_INFO, "session.hello", LOG_UINT("session", s->number),
		  LOG_STR("peer", s->peer.text), LOG_STR("pool", p->name),
		  LOG_BYTES("client", client.data, client.len));
	send_welcome(s);
	return 0;
}

/* ---- submit ------------------------------------------------------------ */

static int on_submit(struct session *s, struct span message, struct span payload)
{
	struct submit_cursor c = submit_open(message);
	const uint8_t *p = payload.data;
	size_t left = payload.len;
	struct job_spec spec;
	int r;

	while ((r = submit_next(&c, &spec)) == 1) {
		if (spec.payload_len > left)
			return refuse_protocol(s, "jobs claim more payload than the frame has");
		if (job_id_place(spec.id) >= s->daemon->config->max_inflight)
			return refuse_protocol(s, "a job id is outside the session's window");
		if (job_id_place(spec.id) < s->jobs_cap && s->jobs[job_id_place(spec.id)])
			return refuse_protocol(s, "a job id is in use");
		admission_submit(s, &spec, p);
		if (s->phase != SESSION_OPEN)
			return -ECANCELED;
		p += spec.payload_len;
		left -= spec.payload_len;
	}
	if (r < 0)
		return refuse_protocol(s, "Submit cannot be decoded");
	if (left > 0)
		return refuse_protocol(s, "the frame has more payload than its jobs");
	return 0;
}

/* ---- the rest ---------------------------------------------------------- */

static int on_cancel(struct session *s, const struct message *m, struct span payload)
{
	struct job *j = session_find_job(s, m->cancel.id);
	struct message reply = {.kind = MESSAGE_VERDICT,
				.verdict = {m->cancel.id, FUT_VERDICT_UNKNOWN}};

	(void)payload;
	if (m->cancel.mode > CANCEL_KILL)
		return refuse_protocol(s, "a Cancel has an unknown mode");
	if (j)
		reply.verdict.verdict = job_cancel(j, (enum cancel_mode)m->cancel.mode);
	session_send(s, &reply, SPAN_EMPTY);
	return 0;
}

static int on_ping(struct session *s, const struct message *m, struct span payload)
{
	struct message reply = {.kind = MESSAGE_PONG, .pong = {m->ping.nonce}};

	(void)payload;
	session_send(s, &reply, SPAN_EMPTY);
	return 0;
}

/* It is no answer to anything, but does no harm: the daemon never pings. */
static int on_pong(struct session *s, const struct message *m, struct span payload)
{
	(void)s, (void)m, (void)payload;
	return 0;
}

static int on_bye(struct session *s, const struct message *m, struct span payload)
{
	(void)m, (void)payload;
	session_close(s, "bye");
	return -ECANCELED;
}

static int on_admin_request(struct session *s, const struct message *m, struct span payload)
{
	struct message reply = {.kind = MESSAGE_ADMIN_REPLY,
				.admin_reply = {.nonce = m->admin_request.nonce}};

	char *text;

	(void)payload;
	reply.admin_reply.status =
		admin_answer(s->daemon, m->admin_request.what, m->admin_request.argument, &text);
	session_send(s, &reply, span_str(text));
	free(text);
	return 0;
}

/* ---- dispatch ---------------------------------------------------------- */

/* Who may say what, and when. A kind without a row is not for the daemon. */
static const struct row {
	int (*handle)(struct session *s, const struct message *m, struct span payload);
	enum session_phase phase;
} rows[MESSAGE_KIND_END] = {
	[MESSAGE_HELLO] = {on_hello, SESSION_OPENING},
	[MESSAGE_CANCEL] = {on_cancel, SESSION_OPEN},
	[MESSAGE_PING] = {on_ping, SESSION_OPEN},
	[MESSAGE_PONG] = {on_pong, SESSION_OPEN},
	[MESSAGE_BYE] = {on_bye, SESSION_OPEN},
	[MESSAGE_ADMIN_REQUEST] = {on_admin_request, SESSION_OPEN},
};

int request_handle(struct session *s, const struct frame *f)
{
	struct span bytes;
	uint32_t kind;

	if (envelope_open(f->envelope, &kind, &bytes) < 0)
		return refuse_protocol(s, "the envelope is not one message");
	if (kind == MESSAGE_SUBMIT && s->phase == SESSION_OPEN)
		return on_submit(s, bytes, f->payload);
	if (kind >= MESSAGE_KIND_END || !rows[kind].handle || rows[kind].phase != s->phase)
		return refuse_protocol(s, "a message that may not come now");
	if (f->payload.len > 0)
		return refuse_protocol(s, "a payload where none belongs");

	struct message m;
	arena_reset(s->daemon->arena);
	if (message_parse(kind, bytes, s->daemon->arena, &m) < 0)
		return refuse_protocol(s, "a message cannot be decoded");
	int r = rows[kind].handle(s, &m, f->payload);
	return r < 0 || s->phase >= SESSION_CLOSING ? -ECANCELED : 0;
}
