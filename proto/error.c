#include "proto/error.h"

#include "proto/codec.h"

#include <assert.h>
#include <errno.h>

static void death_to_pb(const struct death_info *d, Futwire__Death *pb)
{
	futwire__death__init(pb);
	pb->pid = (uint64_t)d->pid;
	pb->exit_code = d->signal ? 0 : (uint32_t)d->exit_code;
	pb->signal = (uint32_t)d->signal;
	pb->core_dumped = d->core_dumped;
	pb->out_of_memory = d->out_of_memory;
	pb->cpu_us = d->cpu_us;
	pb->max_rss_bytes = d->max_rss_bytes;
	pb->stderr_tail = span_to_pb(span_cut(d->stderr_tail, ERROR_STDERR_MAX));
}

void error_to_pb(const struct error_info *e, Futwire__Error *pb, Futwire__Death *death)
{
	futwire__error__init(pb);
	pb->type = span_to_pb(span_cut(e->type, ERROR_TYPE_MAX));
	pb->message = span_to_pb(span_cut(e->message, ERROR_TEXT_MAX));
	pb->detail = span_to_pb(span_cut(e->detail, ERROR_TEXT_MAX));
	pb->hint = span_to_pb(span_cut(e->hint, ERROR_TEXT_MAX));
	pb->details = span_to_pb(span_cut(e->details, ERROR_DETAILS_MAX));
	pb->traceback = span_to_pb(span_cut(e->traceback, ERROR_TRACEBACK_MAX));
	pb->executed = (uint32_t)e->executed;
	pb->retry = (uint32_t)e->retry;
	if (e->has_death) {
		death_to_pb(&e->death, death);
		pb->death = death;
	}
}

static void death_from_pb(const Futwire__Death *pb, struct death_info *ret)
{
	*ret = (struct death_info){
		.pid = (int64_t)pb->pid,
		.exit_code = pb->signal ? -1 : (int)pb->exit_code,
		.signal = (int)pb->signal,
		.core_dumped = pb->core_dumped,
		.out_of_memory = pb->out_of_memory,
		.cpu_us = pb->cpu_us,
		.max_rss_bytes = pb->max_rss_bytes,
		.stderr_tail = span_from_pb(pb->stderr_tail),
	};
}

void error_from_pb(const Futwire__Error *pb, struct error_info *ret)
{
	*ret = (struct error_info){
		.type = span_from_pb(pb->type),
		.message = span_from_pb(pb->message),
		.detail = span_from_pb(pb->detail),
		.hint = span_from_pb(pb->hint),
		.details = span_from_pb(pb->details),
		.traceback = span_from_pb(pb->traceback),
		.executed = pb->executed <= FUT_EXECUTED_YES ? (fut_executed)pb->executed
							     : FUT_EXECUTED_MAYBE,
		.retry = pb->retry <= FUT_RETRY_NEW_JOB ? (fut_retry)pb->retry : FUT_RETRY_NEVER,
		.has_death = pb->death != NULL,
	};
	if (pb->death)
		death_from_pb(pb->death, &ret->death);
}

size_t error_encode(const struct error_info *e, uint8_t *out)
{
	Futwire__Death death;
	Futwire__Error pb;

	error_to_pb(e, &pb, &death);
	size_t n = futwire__error__get_packed_size(&pb);
	assert(n <= ERROR_ENCODED_MAX);
	return futwire__error__pack(&pb, out);
}

int error_decode(struct span encoded, struct arena *arena, struct error_info *ret)
{
	ProtobufCAllocator allocator = codec_allocator(arena);
	Futwire__Error *pb = futwire__error__unpack(&allocator, encoded.len, encoded.data);

	if (!pb)
		return -EPROTO;
	error_from_pb(pb, ret);
	return 0;
}
