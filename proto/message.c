/*
 * One row per message: how it becomes protobuf-c's struct, and back.
 *
 * Packing needs no memory: the struct is on the stack and points into the message.
 */
#include "proto/message.h"

#include "proto/codec.h"

#include <errno.h>
#include <string.h>

/* protobuf-c's struct for any of them, and what an Error needs beside it. */
union pb {
	ProtobufCMessage base;
	Futwire__Hello hello;
	Futwire__Welcome welcome;
	Futwire__Started started;
	Futwire__Chunk chunk;
	Futwire__Progress progress;
	Futwire__Part part;
	Futwire__Restart restart;
	Futwire__Cancel cancel;
	Futwire__Verdict verdict;
	Futwire__Ping ping;
	Futwire__Pong pong;
	Futwire__Goaway goaway;
	Futwire__Bye bye;
	Futwire__AdminRequest admin_request;
	Futwire__AdminReply admin_reply;
};

struct pb_space {
	union pb m;
	Futwire__Error error;
	Futwire__Death death;
};

static void hello_to(const struct message *m, struct pb_space *s)
{
	s->m.hello.version_min = m->hello.version_min;
	s->m.hello.version_max = m->hello.version_max;
	s->m.hello.features = m->hello.features;
	s->m.hello.pool = span_to_pb(m->hello.pool);
	s->m.hello.client = span_to_pb(m->hello.client);
}

static void hello_from(const union pb *pb, struct message *m)
{
	m->hello.version_min = pb->hello.version_min;
	m->hello.version_max = pb->hello.version_max;
	m->hello.features = pb->hello.features;
	m->hello.pool = span_from_pb(pb->hello.pool);
	m->hello.client = span_from_pb(pb->hello.client);
}

static void welcome_to(const struct message *m, struct pb_space *s)
{
	Futwire__Welcome *w = &s->m.welcome;

	w->version = m->welcome.version;
	w->features = m->welcome.features;
	w->incarnation = span_to_pb(m->welcome.incarnation);
	w->session = span_to_pb(m->welcome.session);
	w->identity = span_to_pb(m->welcome.identity);
	w->pool = span_to_pb(m->welcome.pool);
	w->pool_kind = span_to_pb(m->welcome.pool_kind);
	w->slots = m->welcome.slots;
	w->max_payload = m->welcome.max_payload_bytes;
	w->max_result = m->welcome.max_result_bytes;
	w->max_inflight = m->welcome.max_inflight;
}

static void welcome_from(const union pb *pb, struct message *m)
{
	const Futwire__Welcome *w = &pb->welcome;

	m->welcome.version = w->version;
	m->welcome.features = w->features;
	m->welcome.incarnation = span_from_pb(w->incarnation);
	m->welcome.session = span_from_pb(w->session);
	m->welcome.identity = span_from_pb(w->identity);
	m->welcome.pool = span_from_pb(w->pool);
	m->welcome.pool_kind = span_from_pb(w->pool_kind);
	m->welcome.slots = w->slots;
	m->welcome.max_payload_bytes = w->max_payload;
	m->welcome.max_result_bytes = w->max_result;
	m->welcome.max_inflight = w->max_inflight;
}

static void started_to(const struct message *m, struct pb_space *s)
{
	s->m.started.n_ids = m->started.n;
	s->m.started.ids = (uint64_t *)(uintptr_t)m->started.ids;
}

static void started_from(const union pb *pb, struct message *m)
{
	m->started.n = pb->started.n_ids;
	m->started.ids = pb->started.ids;
}

static void chunk_to(const struct message *m, struct pb_space *s)
{
	s->m.chunk.id = m->chunk.id;
}

static void chunk_from(const union pb *pb, struct message *m)
{
	m->chunk.id = pb->chunk.id;
}

static void part_to(const struct message *m, struct pb_space *s)
{
	s->m.part.id = m->part.id;
}

static void part_from(const union pb *pb, struct message *m)
{
	m->part.id = pb->part.id;
}

static void progress_to(const struct message *m, struct pb_space *s)
{
	s->m.progress.id = m->progress.id;
	s->m.progress.done = m->progress.done;
	s->m.progress.total = m->progress.total;
	s->m.progress.text = span_to_pb(m->progress.text);
}

static void progress_from(const union pb *pb, struct message *m)
{
	m->progress.id = pb->progress.id;
	m->progress.done = pb->progress.done;
	m->progress.total = pb->progress.total;
	m->progress.text = span_from_pb(pb->progress.text);
}

static void restart_to(const struct message *m, struct pb_space *s)
{
	s->m.restart.id = m->restart.id;
	s->m.restart.attempt = m->restart.attempt;
	s->m.restart.status = m->restart.status;
}

static void restart_from(const union pb *pb, struct message *m)
{
	m->restart.id = pb->restart.id;
	m->restart.attempt = pb->restart.attempt;
	m->restart.status = pb->restart.status;
}

static void cancel_to(const struct message *m, struct pb_space *s)
{
	s->m.cancel.id = m->cancel.id;
	s->m.cancel.mode = m->cancel.mode;
}

static void cancel_from(const union pb *pb, struct message *m)
{
	m->cancel.id = pb->cancel.id;
	m->cancel.mode = pb->cancel.mode;
}

static void verdict_to(const struct message *m, struct pb_space *s)
{
	s->m.verdict.id = m->verdict.id;
	s->m.verdict.verdict = m->verdict.verdict;
}

static void verdict_from(const union pb *pb, struct message *m)
{
	m->verdict.id = pb->verdict.id;
	m->verdict.verdict = pb->verdict.verdict;
}

static void ping_to(const struct message *m, struct pb_space *s)
{
	s->m.ping.nonce = m->ping.nonce;
}

static void ping_from(const union pb *pb, struct message *m)
{
	m->ping.nonce = pb->ping.nonce;
}

static void pong_to(const struct message *m, struct pb_space *s)
{
	s->m.pong.nonce = m->pong.nonce;
}

static void pong_from(const union pb *pb, struct message *m)
{
	m->pong.nonce = pb->pong.nonce;
}

static void goaway_to(const struct message *m, struct pb_space *s)
{
	s->m.goaway.status = m->goaway.status;
	if (m->goaway.has_error) {
		error_to_pb(&m->goaway.error, &s->error, &s->death);
		s->m.goaway.error = &s->error;
	}
}

static void goaway_from(const union pb *pb, struct message *m)
{
	m->goaway.status = pb->goaway.status;
	m->goaway.has_error = pb->goaway.error != NULL;
	if (pb->goaway.error)
		error_from_pb(pb->goaway.error, &m->goaway.error);
}

static void bye_to(const struct message *m, struct pb_space *s)
{
	(void)m, (void)s;
}
static void bye_from(const union pb *pb, struct message *m)
{
	(void)pb, (void)m;
}

static void admin_request_to(const struct message *m, struct pb_space *s)
{
	s->m.admin_request.what = span_to_pb(m->admin_request.what);
	s->m.admin_request.nonce = m->admin_request.nonce;
	s->m.admin_request.argument = span_to_pb(m->admin_request.argument);
}

static void admin_request_from(const union pb *pb, struct message *m)
{
	m->admin_request.what = span_from_pb(pb->admin_request.what);
	m->admin_request.nonce = pb->admin_request.nonce;
	m->admin_request.argument = span_from_pb(pb->admin_request.argument);
}

static void admin_reply_to(const struct message *m, struct pb_space *s)
{
	s->m.admin_reply.status = m->admin_reply.status;
	s->m.admin_reply.nonce = m->admin_reply.nonce;
}

static void admin_reply_from(const union pb *pb, struct message *m)
{
	m->admin_reply.status = pb->admin_reply.status;
	m->admin_reply.nonce = pb->admin_reply.nonce;
}

static const struct row {
	const ProtobufCMessageDescriptor *descriptor;
	void (*to_pb)(const struct message *m, struct pb_space *s);
	void (*from_pb)(const union pb *pb, struct message *m);
} rows[MESSAGE_KIND_END] = {
#define ROW(kind, name) [MESSAGE_##kind] = {&futwire__##name##__descriptor, name##_to, name##_from}
	ROW(HELLO, hello),
	ROW(WELCOME, welcome),
	ROW(STARTED, started),
	ROW(CHUNK, chunk),
	ROW(PROGRESS, progress),
	ROW(PART, part),
	ROW(RESTART, restart),
	ROW(CANCEL, cancel),
	ROW(VERDICT, verdict),
	ROW(PING, ping),
	ROW(PONG, pong),
	ROW(GOAWAY, goaway),
	ROW(BYE, bye),
	[MESSAGE_ADMIN_REQUEST] = {&futwire__admin_request__descriptor, admin_request_to,
				   admin_request_from},
	[MESSAGE_ADMIN_REPLY] = {&futwire__admin_reply__descriptor, admin_reply_to,
				 admin_reply_from},
#undef ROW
};

int message_put(struct buf *out, const struct message *m, struct span payload)
{
	const struct row *row = &rows[m->kind];
	struct pb_space space;
	size_t frame_size;

	protobuf_c_message_init(row->descriptor, &space.m.base);
	row->to_pb(m, &space);
	size_t n = protobuf_c_message_get_packed_size(&space.m.base);
	uint8_t *p = envelope_begin(out, m->kind, n, payload.len, &frame_size);
	if (!p)
		return -errno;
	p += protobuf_c_message_pack(&space.m.base, p);
	if (payload.len > 0)
		memcpy(p, payload.data, payload.len);
	buf_commit(out, frame_size);
	return 0;
}

int message_parse(uint32_t kind, struct span bytes, struct arena *arena, struct message *ret)
{
	if (kind >= MESSAGE_KIND_END || !rows[kind].descriptor)
		return -ENOTSUP;
	const struct row *row = &rows[kind];
	ProtobufCAllocator allocator = codec_allocator(arena);
	ProtobufCMessage *pb =
		protobuf_c_message_unpack(row->descriptor, &allocator, bytes.len, bytes.data);

	if (!pb)
		return -EPROTO;
	*ret = (struct message){.kind = (enum message_kind)kind};
	row->from_pb((const union pb *)pb, ret);
	return 0;
}
