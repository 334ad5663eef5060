/* The Submit message, by hand: every job passes here. Byte-compatible with protobuf. */
#ifndef PROTO_SUBMIT_H
#define PROTO_SUBMIT_H

#include "common/buf.h"
#include "common/span.h"

#include <stdint.h>

enum { PRIORITY_MIN = -4, PRIORITY_MAX = 3, PRIORITY_LEVELS = 8 };
enum { RETRIES_MAX = 100 }; /* of each kind that count */

struct job_spec {
	uint64_t id;
	struct span task;
	uint32_t payload_len;
	uint32_t items; /* 0: one call; n: the payload packs n calls */
	uint64_t queue_limit_us, run_limit_us, stall_limit_us, deadline_us; /* 0: none */
	int32_t priority;   /* PRIORITY_MIN to PRIORITY_MAX, unchecked */
	struct span key;    /* unchecked; empty: the session's own */
	struct span unique; /* unchecked; empty: it is */
	uint32_t crash_retries, error_retries;
	uint64_t retry_pause_us;
};

static inline uint32_t job_id_place(uint64_t id)
{
	return (uint32_t)id;
}
static inline uint64_t job_id_of(uint32_t place, uint32_t generation)
{
	return (uint64_t)generation << 32 | place;
}

/* Appends a frame with one job. spec->payload_len is payload.len. 0, -EMSGSIZE, -ENOMEM. */
int submit_put(struct buf *out, const struct job_spec *spec, struct span payload);

/* Walks through the jobs of a Submit message. */
struct submit_cursor {
	const uint8_t *p, *end;
};

static inline struct submit_cursor submit_open(struct span message)
{
	const uint8_t *p = message.data;
	return (struct submit_cursor){p, p + message.len};
}

/* 1 and a job whose task points into the message; 0 at the end; -EPROTO. */
int submit_next(struct submit_cursor *c, struct job_spec *ret);

#endif
