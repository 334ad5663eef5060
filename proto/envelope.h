/* The envelope: which message a frame carries, and where its bytes are. */
#ifndef PROTO_ENVELOPE_H
#define PROTO_ENVELOPE_H

#include "common/buf.h"
#include "common/span.h"

/* The numbers of Frame's members in futured.proto. */
enum message_kind {
	MESSAGE_HELLO = 1,
	MESSAGE_WELCOME = 2,
	MESSAGE_SUBMIT = 3,
	MESSAGE_STARTED = 4,
	MESSAGE_CHUNK = 5,
	MESSAGE_PROGRESS = 6,
	MESSAGE_PART = 7,
	MESSAGE_RESULT = 8,
	MESSAGE_CANCEL = 9,
	MESSAGE_VERDICT = 10,
	MESSAGE_PING = 11,
	MESSAGE_PONG = 12,
	MESSAGE_GOAWAY = 13,
	MESSAGE_BYE = 14,
	MESSAGE_ADMIN_REQUEST = 17,
	MESSAGE_ADMIN_REPLY = 18,
	MESSAGE_RESTART = 20,
	MESSAGE_KIND_END = 21,
};

/* 0, or -EPROTO when the envelope is not exactly one length-delimited member. The kind may
 * be one that this version does not know. */
int envelope_open(struct span envelope, uint32_t *ret_kind, struct span *ret_message);

/*
 * Starts a frame at the end of `out`: header and envelope up to a message of `message_len`
 * bytes, with room for the message and the payload. Returns where the message goes; the
 * payload follows it directly. The caller fills both and then calls
 * buf_commit(out, *ret_size). NULL and errno as buf_reserve().
 */
uint8_t *envelope_begin(struct buf *out, enum message_kind kind, size_t message_len,
			size_t payload_len, size_t *ret_size);

#endif
