/* The Result message, by hand: every job passes here. Byte-compatible with protobuf. */
#ifndef PROTO_RESULT_H
#define PROTO_RESULT_H

#include "common/buf.h"
#include "common/span.h"

#include <stdint.h>

struct result {
	uint64_t id;
	uint32_t status;
	uint32_t attempt;
	/* Of the last attempt, counted from when the job was accepted; 0 where it never came so
	 * far. */
	uint64_t dispatched_us, started_us, finished_us;
	struct span error; /* an encoded Error, when status is not 0 */
	uint64_t first_chunk_us, cpu_us, queued_us;
};

/* Appends a frame. 0, -EMSGSIZE, -ENOMEM. */
int result_put(struct buf *out, const struct result *res, struct span payload);

/* 0 and a result whose error points into the message, or -EPROTO. */
int result_parse(struct span message, struct result *ret);

#endif
