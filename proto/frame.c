#include "proto/frame.h"

#include <errno.h>

int64_t frame_cut(const uint8_t *p, size_t n, const struct frame_limits *limits, struct frame *ret,
		  size_t *ret_need)
{
	if (n < FRAME_HEADER_BYTES) {
		*ret_need = FRAME_HEADER_BYTES;
		return 0;
	}
	uint32_t envelope_len = get_u32(p);
	uint32_t payload_len = get_u32(p + 4);

	if (envelope_len > limits->envelope_bytes || payload_len > limits->payload_bytes)
		return -EMSGSIZE;
	if (envelope_len == 0)
		return -EPROTO;
	size_t size = FRAME_HEADER_BYTES + (size_t)envelope_len + payload_len;
	if (n < size) {
		*ret_need = size;
		return 0;
	}
	ret->envelope = span_of(p + FRAME_HEADER_BYTES, envelope_len);
	ret->payload = span_of(p + FRAME_HEADER_BYTES + envelope_len, payload_len);
	return (int64_t)size;
}
