/* What message.c and error.c share of protobuf-c. Private to them. */
#ifndef PROTO_CODEC_H
#define PROTO_CODEC_H

#include "common/span.h"
#include "proto/arena.h"
#include "proto/error.h"

#include <protobuf-c/protobuf-c.h>

#include "proto/futured.pb-c.h"

static inline void *codec_alloc(void *arena, size_t n)
{
	return arena_take(arena, n);
}
static inline void codec_free(void *arena, void *p)
{
	(void)arena, (void)p;
}

static inline ProtobufCAllocator codec_allocator(struct arena *arena)
{
	return (ProtobufCAllocator){codec_alloc, codec_free, arena};
}

static inline struct span span_from_pb(ProtobufCBinaryData b)
{
	return span_of(b.data, b.len);
}

static inline ProtobufCBinaryData span_to_pb(struct span s)
{
	return (ProtobufCBinaryData){s.len, (uint8_t *)(uintptr_t)s.data};
}

/* *death is the place for pb->death when there is one. */
void error_to_pb(const struct error_info *e, Futwire__Error *pb, Futwire__Death *death);
void error_from_pb(const Futwire__Error *pb, struct error_info *ret);

#endif
