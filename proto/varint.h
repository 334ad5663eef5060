/* Protobuf's variable-length integers, for the hand-written codecs. */
#ifndef PROTO_VARINT_H
#define PROTO_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static inline size_t varint_size(uint64_t v)
{
	return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

static inline uint8_t *varint_put(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/* Reads one and moves *pp behind it. False when it is cut off or longer than 10 bytes. */
static inline bool varint_get(const uint8_t **pp, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *p = *pp;
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70 && p < end; shift += 7) {
		uint8_t byte = *p++;
		v |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
		if (byte < 0x80) {
			*pp = p;
			*ret = v;
			return true;
		}
	}
	return false;
}

/* One field of a message: its number, and its value as an integer or as bytes. */
struct wire_field {
	uint32_t number;
	enum wire_type type;
	uint64_t value;       /* the integer, or the length of `bytes` */
	const uint8_t *bytes; /* WIRE_BYTES */
};

/* Reads the next field. 1, 0 at the end, -1 when the bytes are no field. */
static inline int wire_next(const uint8_t **pp, const uint8_t *end, struct wire_field *ret)
{
	uint64_t tag;

	if (*pp == end)
		return 0;
	if (!varint_get(pp, end, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return -1;
	ret->number = (uint32_t)(tag >> 3);
	ret->type = (enum wire_type)(tag & 7);
	ret->value = 0;
	ret->bytes = NULL;
	switch (ret->type) {
	case WIRE_VARINT:
		return varint_get(pp, end, &ret->value) ? 1 : -1;
	case WIRE_BYTES:
		if (!varint_get(pp, end, &ret->value) || ret->value > (uint64_t)(end - *pp))
			return -1;
		ret->bytes = *pp;
		*pp += ret->value;
		return 1;
	case WIRE_FIXED64:
	case WIRE_FIXED32: {
		size_t n = ret->type == WIRE_FIXED64 ? 8 : 4;
		if ((size_t)(end - *pp) < n)
			return -1;
		*pp += n;
		return 1;
	}
	}
	return -1; /* groups, and what protobuf never defined */
}

/* A field that is an integer and not zero: proto3 leaves zeros out. */
static inline size_t varint_field_size(uint64_t v)
{
	return v ? 1 + varint_size(v) : 0;
}

static inline uint8_t *varint_field_put(uint8_t *p, unsigned number, uint64_t v)
{
	if (v == 0)
		return p;
	*p++ = (uint8_t)(number << 3 | WIRE_VARINT);
	return varint_put(p, v);
}

/* sint32: small numbers of either sign are short. */
static inline uint32_t zigzag(int32_t v)
{
	return (uint32_t)v << 1 ^ (uint32_t)(v >> 31);
}

static inline int32_t unzigzag(uint32_t v)
{
	return (int32_t)(v >> 1 ^ -(v & 1));
}

#endif
