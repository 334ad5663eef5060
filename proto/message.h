/*
 * Every message but the two hot ones (submit.h, result.h), as plain data.
 *
 * The codec is protobuf-c; nothing of it shows here. Spans of a parsed message lie in the
 * arena it was parsed with.
 */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include "common/buf.h"
#include "common/span.h"
#include "proto/arena.h"
#include "proto/envelope.h"
#include "proto/error.h"

#include <stdint.h>

enum { PROTOCOL_VERSION = 1, INCARNATION_BYTES = 16, SESSION_TOKEN_BYTES = 16 };
enum { PROGRESS_TEXT_MAX = 200, CLIENT_NAME_MAX = 63 };

enum cancel_mode { CANCEL_QUEUED = 0, CANCEL_STOP = 1, CANCEL_KILL = 2 };

struct message {
	enum message_kind kind;
	union {
		struct {
			uint32_t version_min, version_max;
			uint64_t features;
			struct span pool, client;
		} hello;
		struct {
			uint32_t version;
			uint64_t features;
			struct span incarnation, session, identity, pool, pool_kind;
			uint32_t slots, max_payload_bytes, max_result_bytes, max_inflight;
		} welcome;
		struct {
			const uint64_t *ids;
			size_t n;
		} started;
		struct {
			uint64_t id;
		} chunk, part;
		struct {
			uint64_t id, done, total;
			struct span text;
		} progress;
		struct {
			uint64_t id;
			uint32_t attempt, status;
		} restart;
		struct {
			uint64_t id;
			uint32_t mode; /* enum cancel_mode, unchecked */
		} cancel;
		struct {
			uint64_t id;
			uint32_t verdict; /* fut_verdict, unchecked */
		} verdict;
		struct {
			uint64_t nonce;
		} ping, pong;
		struct {
			uint32_t status;
			bool has_error;
			struct error_info error;
		} goaway;
		struct {
			struct span what, argument;
			uint64_t nonce;
		} admin_request;
		struct {
			uint32_t status;
			uint64_t nonce;
		} admin_reply;
	};
};

/* Appends a frame. 0, -EMSGSIZE, -ENOMEM. */
int message_put(struct buf *out, const struct message *m, struct span payload);

/* 0; -EPROTO for bytes that are no such message or need more than the arena; -ENOTSUP for
 * a kind that this version does not know, or that has its own codec. */
int message_parse(uint32_t kind, struct span bytes, struct arena *arena, struct message *ret);

#endif
