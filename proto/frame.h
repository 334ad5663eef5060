/*
 * How bytes are cut into frames:
 *
 *   u32 envelope length | u32 payload length | envelope | payload       (big endian)
 *
 * The client opens the conversation with an 8-byte preface, so that a stray HTTP or TLS
 * client is refused at its first bytes.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include "common/span.h"
#include "proto/bigendian.h"

#include <stdint.h>

#define FRAME_PREFACE "FUTURED1"

enum {
	FRAME_PREFACE_BYTES = 8,
	FRAME_HEADER_BYTES = 8,
	FRAME_ENVELOPE_MAX_EARLY = 8 * 1024, /* before the session exists */
	FRAME_ENVELOPE_MAX = 64 * 1024,
};

struct frame {
	struct span envelope;
	struct span payload;
};

struct frame_limits {
	uint32_t envelope_bytes;
	uint32_t payload_bytes;
};

static inline void frame_put_header(uint8_t *p, uint32_t envelope_len, uint32_t payload_len)
{
	put_u32(p, envelope_len);
	put_u32(p + 4, payload_len);
}

/*
 * Looks at the frame that starts at p. Returns its size when all of it is there, and *ret
 * points into p; 0 when more bytes are needed, and *ret_need is how many there must be
 * before it is worth looking again; -EMSGSIZE when a length is over its limit;
 * -EPROTO when there is no envelope.
 */
int64_t frame_cut(const uint8_t *p, size_t n, const struct frame_limits *limits, struct frame *ret,
		  size_t *ret_need);

#endif
