/*
 * A recorded session, both sides of it: what tests feed to decoders.
 *
 * The messages are chosen for what can go wrong with them: empty payloads, one of 300 KiB,
 * ids and times of every length, several frames in a row.
 */
#ifndef TESTS_CONVERSATION_H
#define TESTS_CONVERSATION_H

#include "common/buf.h"
#include "proto/frame.h"

#include <stddef.h>
#include <stdint.h>

enum { CONVERSATION_LARGE_BYTES = 300 * 1024 };

static const struct frame_limits conversation_limits = {
	.envelope_bytes = FRAME_ENVELOPE_MAX,
	.payload_bytes = 1024 * 1024,
};

/* What a client says: preface, Hello, Submit single and batch, Cancel, Ping, AdminRequest,
 * Bye. `large` adds a payload of 300 KiB. */
void conversation_client(struct buf *out, bool large);

/* What a daemon says: Welcome, Started, Progress, Chunk, Part, Result with and without
 * an error, Verdict, Pong, AdminReply, Goaway, Bye. */
void conversation_daemon(struct buf *out, bool large);

/* A Submit frame of several jobs, which the library itself never sends. */
void conversation_put_batch(struct buf *out);

/* An error with every member set, and with a death. Its spans are constants. */
struct error_info;
struct error_info conversation_error(void);

#endif
