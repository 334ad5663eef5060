#include "daemon/requests.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/name.h"
#include "common/util.h"
#include "daemon/account.h"
#include "daemon/admin.h"
#include "daemon/admission.h"
#include "daemon/audit.h"
#include "daemon/cancel.h"
#include "daemon/daemon.h"
#include "daemon/policy.h"
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

	if (guard_may_log(s->daemon))
		log_event(LOG_WARNING, "session.protocol", LOG_UINT("session", s->number),
			  LOG_STR("peer", s->peer.text), LOG_STR("reason", detail));
	guard_blame(s, GUARD_FAULT_PROTOCOL);
	session_refuse(s, FUT_PROTOCOL, &e);
	return -EPROTO;
}

/* More of something than anybody needs. Always -EPROTO. */
static int refuse_flood(struct session *s, const char *detail)
{
	const struct error_info e = {
		.message = span_str("the client asks too much"),
		.detail = span_str(detail),
	};

	if (guard_may_log(s->daemon))
		log_event(LOG_WARNING, "session.flood", LOG_UINT("session", s->number),
			  LOG_STR("peer", s->peer.text), LOG_STR("reason", detail));
	guard_blame(s, GUARD_FAULT_FLOOD);
	session_refuse(s, FUT_BUSY, &e);
	return -EPROTO;
}

/* ---- hello ------------------------------------------------------------- */

/* One that was not let in is no connection of its identity's, however long it lingers. */
static int refuse_hello(struct session *s, fut_status status, const struct error_info *e)
{
	session_refuse(s, status, e);
	session_leave_account(s);
	s->rules = &policy_nothing;
	return -EPROTO;
}

static int refuse_version(struct session *s)
{
	struct error_info e = {
		.message = span_str("no protocol version in common"),
		.detail = span_str("this daemon speaks version 1"),
		.hint = span_str("use a client library of the daemon's version"),
	};

	return refuse_hello(s, FUT_UNSUPPORTED, &e);
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
	return refuse_hello(s, FUT_UNKNOWN_POOL, &e);
}

/* One answer, whatever it is that does not fit: who may not be here learns nothing of what is. */
static int refuse_identity(struct session *s, const char *what, struct span name)
{
	const struct error_info e = {
		.message = span_str("not permitted"),
		.hint = span_str("ask the operator of the daemon"),
	};

	if (!s->account)
		guard_blame(s, GUARD_FAULT_AUTH);
	audit_deny(s, what, name);
	return refuse_hello(s, FUT_PERMISSION_DENIED, &e);
}

static int refuse_connection(struct session *s)
{
	char detail[IDENTITY_NAME_SIZE + 80];

	snprintf(detail, sizeof detail, "max_connections of identity '%s': %u", s->account->name,
		 s->rules->max_connections);
	const struct error_info e = {
		.detail = span_str(detail),
		.hint = span_str("close one of its connections"),
	};
	audit_deny(s, "max_connections", SPAN_EMPTY);
	return refuse_hello(s, FUT_QUOTA, &e);
}

/* Finds out who it is, and what that may. 0, or -EPROTO after refusing. */
static int identify(struct session *s, const struct message *m)
{
	struct daemon *d = s->daemon;
	struct identity who;

	if (identity_of(s, &who) < 0)
		return refuse_identity(s, "identity",
				       span_of(s->certificate.bytes, s->certificate.len));
	s->rules = policy_find(d->config, s, &who);
	if (s->rules == &policy_nothing)
		return refuse_identity(s, "identity", span_str(who.name));
	if (session_join_account(s, s->rules ? who.name : IDENTITY_UNRESTRICTED) < 0)
		return refuse_hello(s, FUT_NO_MEMORY, NULL);
	if (s->rules && s->account->sessions > s->rules->max_connections)
		return refuse_connection(s);
	/* By its name, so that it is the same whether there is such a pool or not. */
	if (m->hello.pool.len > 0 && !policy_may_use(s->rules, m->hello.pool))
		return refuse_identity(s, "pool", m->hello.pool);
	return 0;
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
				.identity = span_str(s->account->name),
				.pool = span_str(p->name),
				.pool_kind = span_str(pool_kind_name(p->config->kind)),
				.slots = p->config->slots,
				.max_payload_bytes = policy_max_payload_bytes(d->config, s->rules),
				.max_result_bytes = d->config->max_result_bytes,
				.max_inflight = policy_max_inflight(d->config, s->rules),
			},
	};

	for (size_t i = 0; i < sizeof s->number; i++)
		token[i] = (uint8_t)(s->number >> (8 * i));
	session_send(s, &m, SPAN_EMPTY);
}

static int on_hello(struct session *s, const struct message *m)
{
	struct daemon *d = s->daemon;

	if (m->hello.version_min > PROTOCOL_VERSION || m->hello.version_max < PROTOCOL_VERSION)
		return refuse_version(s);
	if (identify(s, m) < 0)
		return -EPROTO;
	if (d->phase != DAEMON_RUNNING)
		return refuse_hello(s, FUT_DRAINING, NULL);
	struct pool *p = m->hello.pool.len > 0 ? daemon_find_pool(d, m->hello.pool)
					       : policy_default_pool(d, s->rules);
	if (!p && m->hello.pool.len == 0)
		return refuse_identity(s, "pool", SPAN_EMPTY);
	if (!p)
		return refuse_pool(s, m->hello.pool);
	s->pool = p;
	s->phase = SESSION_OPEN;
	guard_leave(s);
	session_set_output_limit(s);
	timer_cancel(&d->timers, &s->phase_timer);
	const struct frame_limits limits = {
		.envelope_bytes = FRAME_ENVELOPE_MAX,
		.payload_bytes = policy_max_payload_bytes(d->config, s->rules),
	};
	sink_set_limits(&s->stream.in, limits);
	struct span client = span_cut(m->hello.client, CLIENT_NAME_MAX);
	log_event(LOG_INFO, "session.hello", LOG_UINT("session", s->number),
		  LOG_STR("peer", s->peer.text), LOG_STR("identity", s->account->name),
		  LOG_STR("pool", p->name), LOG_BYTES("client", client.data, client.len));
	audit_identity(s);
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

static int on_cancel(struct session *s, const struct message *m)
{
	struct job *j = session_find_job(s, m->cancel.id);
	struct message reply = {.kind = MESSAGE_VERDICT,
				.verdict = {m->cancel.id, FUT_VERDICT_UNKNOWN}};

	if (m->cancel.mode > CANCEL_KILL)
		return refuse_protocol(s, "a Cancel has an unknown mode");
	if (!intake_takes_cancel(s))
		return refuse_flood(s, "too many cancels");
	if (j)
		reply.verdict.verdict = job_cancel(j, (enum cancel_mode)m->cancel.mode);
	session_send(s, &reply, SPAN_EMPTY);
	return 0;
}

static int on_ping(struct session *s, const struct message *m)
{
	struct message reply = {.kind = MESSAGE_PONG, .pong = {m->ping.nonce}};

	if (!intake_takes_ping(s))
		return refuse_flood(s, "too many pings");
	session_send(s, &reply, SPAN_EMPTY);
	return 0;
}

/* It is no answer to anything, but does no harm: the daemon never pings. */
static int on_pong(struct session *s, const struct message *m)
{
	(void)s, (void)m;
	return 0;
}

static int on_bye(struct session *s, const struct message *m)
{
	(void)m;
	session_close(s, "bye");
	return -ECANCELED;
}

static int on_admin_request(struct session *s, const struct message *m)
{
	struct message reply = {.kind = MESSAGE_ADMIN_REPLY,
				.admin_reply = {.nonce = m->admin_request.nonce}};

	if (!intake_takes_question(s)) {
		reply.admin_reply.status = FUT_BUSY;
		session_send(s, &reply, span_str("too many questions: ask again after a pause"));
		return 0;
	}
	uint64_t begun_us = clock_now_us();
	char *text;
	reply.admin_reply.status =
		admin_answer(s, m->admin_request.what, m->admin_request.argument, &text);
	session_send(s, &reply, span_str(text));
	free(text);
	intake_charge_question(s, clock_now_us() - begun_us);
	return 0;
}

/* ---- dispatch ---------------------------------------------------------- */

/* A kind that only the daemon says. */
#define NEVER                                                                                      \
	{                                                                                          \
		.phase = REQUEST_NEVER                                                             \
	}

static const struct request_row rows[MESSAGE_KIND_END] = {
	[MESSAGE_HELLO] = {REQUEST_FIRST, MAY_TRY, QUOTA_CONNECTIONS, .handle = on_hello},
	[MESSAGE_WELCOME] = NEVER,
	[MESSAGE_SUBMIT] = {REQUEST_OPEN, MAY_RUN_TASKS, QUOTA_JOBS, .handle_raw = on_submit},
	[MESSAGE_STARTED] = NEVER,
	[MESSAGE_CHUNK] = NEVER,
	[MESSAGE_PROGRESS] = NEVER,
	[MESSAGE_PART] = NEVER,
	[MESSAGE_RESULT] = NEVER,
	[MESSAGE_CANCEL] = {REQUEST_OPEN, MAY_OWN_JOBS, QUOTA_NONE, .handle = on_cancel},
	[MESSAGE_VERDICT] = NEVER,
	[MESSAGE_PING] = {REQUEST_OPEN, MAY_TALK, QUOTA_NONE, .handle = on_ping},
	[MESSAGE_PONG] = {REQUEST_OPEN, MAY_TALK, QUOTA_NONE, .handle = on_pong},
	[MESSAGE_GOAWAY] = NEVER,
	[MESSAGE_BYE] = {REQUEST_OPEN, MAY_TALK, QUOTA_NONE, .handle = on_bye},
	[MESSAGE_ADMIN_REQUEST] = {REQUEST_OPEN, MAY_ASK, QUOTA_NONE, .handle = on_admin_request},
	[MESSAGE_ADMIN_REPLY] = NEVER,
	[MESSAGE_RESTART] = NEVER,
};

const struct request_row *request_row(uint32_t kind)
{
	return kind < MESSAGE_KIND_END && rows[kind].phase != 0 ? &rows[kind] : NULL;
}

static bool may_come(const struct session *s, const struct request_row *row)
{
	if (!row)
		return false;
	switch (row->phase) {
	case REQUEST_FIRST:
		return s->phase == SESSION_OPENING;
	case REQUEST_OPEN:
		return s->phase == SESSION_OPEN;
	case REQUEST_NEVER:
		break;
	}
	return false;
}

int request_handle(struct session *s, const struct frame *f)
{
	struct span bytes;
	uint32_t kind;

	if (envelope_open(f->envelope, &kind, &bytes) < 0)
		return refuse_protocol(s, "the envelope is not one message");
	const struct request_row *row = request_row(kind);
	if (!may_come(s, row))
		return refuse_protocol(s, "a message that may not come now");
	if (row->handle_raw)
		return row->handle_raw(s, bytes, f->payload);
	if (f->payload.len > 0)
		return refuse_protocol(s, "a payload where none belongs");

	struct message m;
	arena_reset(s->daemon->arena);
	if (message_parse(kind, bytes, s->daemon->arena, &m) < 0)
		return refuse_protocol(s, "a message cannot be decoded");
	int r = row->handle(s, &m);
	return r < 0 || s->phase >= SESSION_CLOSING ? -ECANCELED : 0;
}
