/*
 * A handler per message, in one table.
 *
 * Nothing the daemon says is trusted: an id is looked up, a length is checked against what
 * was agreed. What is merely late is counted and dropped; what cannot be is a violation,
 * which ends the connection.
 */
#include "client/dispatch.h"

#include "client/cancel.h"
#include "client/error.h"
#include "client/future.h"
#include "client/reply.h"
#include "client/streaming.h"
#include "common/util.h"
#include "proto/message.h"
#include "proto/result.h"
#include "proto/status.h"

#include <errno.h>
#include <string.h>

enum { PAYLOAD_LEAST_BYTES = 1024 * 1024, WELCOME_NAME_MAX = 255 };

static int violation(fut_executor *x, const char *what)
{
	x->violation = what;
	return -EPROTO;
}

/* 1 and a future; 0 when the job is over and the message too late; a violation. */
static int find(fut_executor *x, uint64_t id, fut_future **ret)
{
	int r = places_find(&x->places, id, ret);

	if (r == 0)
		return 1;
	if (r == -ENOENT)
		return violation(x, "an answer to a job that was never submitted");
	x->dropped++;
	return 0;
}

void dispatch_end(fut_executor *x, fut_future *f, uint32_t old_state)
{
	uint64_t released = atomic_load_explicit(&x->released, memory_order_relaxed) + 1;

	/* The place first: who is woken finds a quiet connection. */
	places_give(&x->places, f->id);
	atomic_store_explicit(&x->released, released, memory_order_release);
	future_announce(f, old_state);
	fut_future_unref(f);
}

/* ---- the session --------------------------------------------------------- */

static fut_error *unsupported_version(uint32_t version)
{
	return error_make(FUT_UNSUPPORTED, FUT_EXECUTED_NO, "no common protocol version",
			  "use a library and a daemon of the same release",
			  "the daemon speaks version %u, this library %u", version,
			  (unsigned)PROTOCOL_VERSION);
}

/* Its first half, little-endian, is the number by which the daemon speaks of it. */
static uint64_t session_number(struct span token)
{
	const uint8_t *bytes = token.data;
	uint64_t number = 0;

	for (size_t i = 0; i < sizeof number && i < token.len; i++)
		number |= (uint64_t)bytes[i] << (8 * i);
	return number;
}

static int on_welcome(fut_executor *x, const struct message *m, struct span payload)
{
	(void)payload;
	if (x->is_welcome)
		return violation(x, "a second Welcome");
	if (m->welcome.version != PROTOCOL_VERSION) {
		x->farewell = unsupported_version(m->welcome.version);
		return -ECONNABORTED;
	}
	if (m->welcome.max_inflight == 0 || m->welcome.pool.len > WELCOME_NAME_MAX ||
	    m->welcome.pool_kind.len > WELCOME_NAME_MAX)
		return violation(x, "a Welcome that makes no sense");
	x->pool = strndup(m->welcome.pool.len ? m->welcome.pool.data : "", m->welcome.pool.len);
	x->kind = strndup(m->welcome.pool_kind.len ? m->welcome.pool_kind.data : "",
			  m->welcome.pool_kind.len);
	if (!x->pool || !x->kind)
		return -ENOMEM;
	x->slots = m->welcome.slots;
	x->session = session_number(m->welcome.session);
	x->max_payload_bytes = m->welcome.max_payload_bytes;
	x->max_result_bytes = m->welcome.max_result_bytes;
	places_init(&x->places, m->welcome.max_inflight);
	const struct frame_limits limits = {
		.envelope_bytes = FRAME_ENVELOPE_MAX,
		.payload_bytes = (uint32_t)max_u64(PAYLOAD_LEAST_BYTES, x->max_result_bytes),
	};
	sink_set_limits(&x->stream.in, limits);
	x->is_welcome = true;
	return 0;
}

static int on_goaway(fut_executor *x, const struct message *m, struct span payload)
{
	fut_status status = m->goaway.status ? status_from_wire(m->goaway.status) : FUT_DRAINING;

	(void)payload;
	fut_error_unref(x->farewell);
	x->farewell = m->goaway.has_error ? error_from_wire(status, 0, &m->goaway.error)
					  : error_plain(status);
	if (!x->is_welcome)
		return -ECONNABORTED;
	pthread_mutex_lock(&x->lock);
	x->refusal = status == FUT_DRAINING ? FUT_DRAINING : FUT_CONNECTION_LOST;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
	return 0;
}

static int on_bye(fut_executor *x, const struct message *m, struct span payload)
{
	(void)m, (void)payload;
	x->said_bye = true;
	return 0;
}

static int on_ping(fut_executor *x, const struct message *m, struct span payload)
{
	struct message pong = {.kind = MESSAGE_PONG, .pong.nonce = m->ping.nonce};

	(void)payload;
	pthread_mutex_lock(&x->lock);
	size_t before = buf_len(&x->outbox);
	(void)message_put(&x->outbox, &pong, SPAN_EMPTY); /* full: then it was not read either */
	x->queued += buf_len(&x->outbox) - before;
	pthread_mutex_unlock(&x->lock);
	return 0;
}

static int on_pong(fut_executor *x, const struct message *m, struct span payload)
{
	reply_arrived(x, m->pong.nonce, true, FUT_OK, payload);
	return 0;
}

static int on_admin_reply(fut_executor *x, const struct message *m, struct span payload)
{
	reply_arrived(x, m->admin_reply.nonce, false, status_from_wire(m->admin_reply.status),
		      payload);
	return 0;
}

/* ---- a job on its way ---------------------------------------------------- */

static int on_started(fut_executor *x, const struct message *m, struct span payload)
{
	(void)payload;
	for (size_t i = 0; i < m->started.n; i++) {
		fut_future *f;
		int r = find(x, m->started.ids[i], &f);
		if (r < 0)
			return r;
		if (r > 0)
			future_set_running(f);
	}
	return 0;
}

/* Fails the future now and takes the job back, if that is still possible. Its place stays
 * taken until the daemon answers. */
static void give_up(fut_executor *x, fut_future *f, const char *detail)
{
	fut_error *e = error_make(FUT_NO_MEMORY, FUT_EXECUTED_YES, NULL,
				  "read them with fut_next_chunk()", "%s", detail);

	(void)cancel_ask(x, f, CANCEL_STOP); /* while it is not done: later nobody asks */
	future_announce(f, future_settle_error(f, e));
}

static int on_chunk(fut_executor *x, const struct message *m, struct span payload)
{
	fut_future *f;
	int r = find(x, m->chunk.id, &f);

	if (r <= 0)
		return r;
	future_set_running(f); /* the notice may be on its way still */
	if (future_is_done(f) || !future_is_watched(f))
		return 0;
	r = streaming_add_chunk(f, payload);
	if (r == 0)
		future_news(f);
	else
		give_up(x, f, r == -ENOBUFS ? "chunks were not read" : "no memory for a chunk");
	return 0;
}

static int on_progress(fut_executor *x, const struct message *m, struct span payload)
{
	fut_future *f;
	int r = find(x, m->progress.id, &f);

	(void)payload;
	if (r <= 0)
		return r;
	future_set_running(f);
	if (future_is_watched(f))
		streaming_set_progress(f, m->progress.done, m->progress.total, m->progress.text);
	return 0;
}

static int on_part(fut_executor *x, const struct message *m, struct span payload)
{
	fut_future *f;
	int r = find(x, m->part.id, &f);

	if (r <= 0)
		return r;
	if (future_is_done(f) || !future_is_watched(f))
		return 0;
	r = streaming_add_part(f, payload, x->max_result_bytes);
	if (r == -EMSGSIZE)
		return violation(x, "a result larger than was agreed");
	if (r < 0)
		future_announce(f, future_settle_error(f, error_plain(FUT_NO_MEMORY)));
	return 0;
}

static int on_restart(fut_executor *x, const struct message *m, struct span payload)
{
	fut_future *f;
	int r = find(x, m->restart.id, &f);

	(void)payload;
	if (r > 0)
		future_restart(f);
	return r < 0 ? r : 0;
}

static int on_verdict(fut_executor *x, const struct message *m, struct span payload)
{
	fut_future *f;
	uint32_t verdict = m->verdict.verdict;
	int r = find(x, m->verdict.id, &f);

	(void)payload;
	if (r <= 0)
		return r;
	if (verdict == FUT_VERDICT_PENDING || verdict > FUT_VERDICT_UNKNOWN)
		return violation(x, "a verdict that there is not");
	if (verdict != FUT_VERDICT_REMOVED && verdict != FUT_VERDICT_UNKNOWN)
		future_set_running(f); /* or its result is on its way */
	cancel_answered(x, f, (fut_verdict)verdict);
	if (verdict == FUT_VERDICT_REMOVED) {
		dispatch_end(x, f, future_settle_cancelled(f));
	} else if (verdict == FUT_VERDICT_UNKNOWN) {
		/* Answers keep their order, so no Result can be on its way: it would never end. */
		fut_error *e = error_make(FUT_INTERNAL, FUT_EXECUTED_MAYBE, NULL, NULL,
					  "the daemon does not know the job any more");
		dispatch_end(x, f, future_settle_error(f, e));
	} else {
		future_news(f);
	}
	return 0;
}

/* ---- its end ------------------------------------------------------------- */

/* 0 and what the future was before; a violation. */
static int settle_value(fut_executor *x, fut_future *f, struct span payload, uint32_t *ret_old)
{
	uint8_t *bytes;
	size_t len;

	if (!future_is_watched(f)) {
		*ret_old = future_settle_value(f, SPAN_EMPTY);
		return 0;
	}
	int r = streaming_take_parts(f, payload, x->max_result_bytes, &bytes, &len);
	if (r == -EMSGSIZE)
		return violation(x, "a result larger than was agreed");
	if (r < 0)
		*ret_old = future_settle_error(f, error_plain(FUT_NO_MEMORY));
	else if (r > 0)
		*ret_old = future_settle_bytes(f, bytes, len);
	else
		*ret_old = future_settle_value(f, payload);
	return 0;
}

/* Whose job it is can be read: nobody else is to suffer for it. */
static fut_error *unreadable(fut_status status)
{
	return error_make(FUT_PROTOCOL, FUT_EXECUTED_MAYBE, NULL, NULL,
			  "the job ended with %s, and the error that says more cannot be read",
			  status_name(status));
}

static uint32_t settle_failure(fut_executor *x, fut_future *f, const struct result *res)
{
	fut_status status = status_from_wire(res->status);
	struct error_info info;

	if (status == FUT_CANCELLED)
		return future_settle_cancelled(f);
	if (!res->error.data)
		return future_settle_error(f, error_plain(status));
	arena_reset(x->arena);
	if (error_decode(res->error, x->arena, &info) < 0)
		return future_settle_error(f, unreadable(status));
	return future_settle_error(f, error_from_wire(status, res->attempt, &info));
}

static int on_result(fut_executor *x, struct span message, struct span payload)
{
	struct result res;
	fut_future *f;
	uint32_t old;

	if (result_parse(message, &res) < 0)
		return violation(x, "a result that cannot be read");
	int r = find(x, res.id, &f);
	if (r <= 0)
		return r;
	if (res.status != FUT_OK)
		cancel_ended(f, status_from_wire(res.status));
	if (!future_is_done(f))
		f->attempt = res.attempt;
	x->result = &res;
	if (res.status != FUT_OK)
		old = settle_failure(x, f, &res);
	else
		r = settle_value(x, f, payload, &old);
	x->result = NULL;
	if (r < 0)
		return r;
	dispatch_end(x, f, old);
	return 0;
}

/* ---- the table ----------------------------------------------------------- */

static const struct {
	int (*fn)(fut_executor *x, const struct message *m, struct span payload);
	bool is_early; /* may come before the Welcome */
} handlers[MESSAGE_KIND_END] = {
	[MESSAGE_WELCOME] = {on_welcome, true},  [MESSAGE_STARTED] = {on_started, false},
	[MESSAGE_CHUNK] = {on_chunk, false},     [MESSAGE_PROGRESS] = {on_progress, false},
	[MESSAGE_PART] = {on_part, false},       [MESSAGE_RESTART] = {on_restart, false},
	[MESSAGE_VERDICT] = {on_verdict, false}, [MESSAGE_PING] = {on_ping, false},
	[MESSAGE_PONG] = {on_pong, false},       [MESSAGE_GOAWAY] = {on_goaway, true},
	[MESSAGE_BYE] = {on_bye, false},         [MESSAGE_ADMIN_REPLY] = {on_admin_reply, false},
};

int dispatch_frame(void *arg, const struct frame *frame)
{
	fut_executor *x = arg;
	struct span message;
	struct message m;
	uint32_t kind;

	if (envelope_open(frame->envelope, &kind, &message) < 0)
		return violation(x, "an envelope that cannot be read");
	if (kind == MESSAGE_RESULT && x->is_welcome)
		return on_result(x, message, frame->payload);
	arena_reset(x->arena);
	int r = message_parse(kind, message, x->arena, &m);
	if (r == -ENOTSUP && kind != MESSAGE_SUBMIT && x->is_welcome)
		return 0; /* of a later version, and not meant for us */
	if (r < 0)
		return violation(x, "a message that cannot be read");
	if (!handlers[kind].fn)
		return violation(x, "a message that is not for a client");
	if (!x->is_welcome && !handlers[kind].is_early)
		return violation(x, "a message before the Welcome");
	return handlers[kind].fn(x, &m, frame->payload);
}
