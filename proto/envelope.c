#include "proto/envelope.h"

#include "proto/frame.h"
#include "proto/varint.h"

#include <errno.h>

int envelope_open(struct span envelope, uint32_t *ret_kind, struct span *ret_message)
{
	const uint8_t *p = envelope.data;
	const uint8_t *end = p + envelope.len;
	struct wire_field f;

	if (wire_next(&p, end, &f) != 1 || f.type != WIRE_BYTES || p != end)
		return -EPROTO;
	*ret_kind = f.number;
	*ret_message = span_of(f.bytes, (size_t)f.value);
	return 0;
}

uint8_t *envelope_begin(struct buf *out, enum message_kind kind, size_t message_len,
			size_t payload_len, size_t *ret_size)
{
	uint64_t tag = (uint64_t)kind << 3 | WIRE_BYTES;
	size_t envelope_len = varint_size(tag) + varint_size(message_len) + message_len;
	size_t size = FRAME_HEADER_BYTES + envelope_len + payload_len;

	if (envelope_len > FRAME_ENVELOPE_MAX || payload_len > UINT32_MAX) {
		errno = EMSGSIZE;
		return NULL;
	}
	uint8_t *p = buf_reserve(out, size);
	if (!p)
		return NULL;
	frame_put_header(p, (uint32_t)envelope_len, (uint32_t)payload_len);
	p = varint_put(p + FRAME_HEADER_BYTES, tag);
	*ret_size = size;
	return varint_put(p, message_len);
}
