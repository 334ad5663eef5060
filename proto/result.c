#include "proto/result.h"

#include "proto/envelope.h"
#include "proto/varint.h"

#include <errno.h>
#include <string.h>

/* Field numbers of Result. */
enum {
	RESULT_ID = 1,
	RESULT_STATUS = 2,
	RESULT_ATTEMPT = 3,
	RESULT_DISPATCHED_US = 4,
	RESULT_STARTED_US = 5,
	RESULT_FINISHED_US = 6,
	RESULT_ERROR = 7,
	RESULT_FIRST_CHUNK_US = 8,
	RESULT_CPU_US = 9,
	RESULT_QUEUED_US = 10,
};

static size_t result_size(const struct result *r)
{
	return varint_field_size(r->id) + varint_field_size(r->status) +
	       varint_field_size(r->attempt) + varint_field_size(r->dispatched_us) +
	       varint_field_size(r->started_us) + varint_field_size(r->finished_us) +
	       (r->error.data ? 1 + varint_size(r->error.len) + r->error.len : 0) +
	       varint_field_size(r->first_chunk_us) + varint_field_size(r->cpu_us) +
	       varint_field_size(r->queued_us);
}

int result_put(struct buf *out, const struct result *r, struct span payload)
{
	size_t frame_size;
	uint8_t *p = envelope_begin(out, MESSAGE_RESULT, result_size(r), payload.len, &frame_size);

	if (!p)
		return -errno;
	p = varint_field_put(p, RESULT_ID, r->id);
	p = varint_field_put(p, RESULT_STATUS, r->status);
	p = varint_field_put(p, RESULT_ATTEMPT, r->attempt);
	p = varint_field_put(p, RESULT_DISPATCHED_US, r->dispatched_us);
	p = varint_field_put(p, RESULT_STARTED_US, r->started_us);
	p = varint_field_put(p, RESULT_FINISHED_US, r->finished_us);
	if (r->error.data) {
		*p++ = RESULT_ERROR << 3 | WIRE_BYTES;
		p = varint_put(p, r->error.len);
		memcpy(p, r->error.data, r->error.len);
		p += r->error.len;
	}
	p = varint_field_put(p, RESULT_FIRST_CHUNK_US, r->first_chunk_us);
	p = varint_field_put(p, RESULT_CPU_US, r->cpu_us);
	p = varint_field_put(p, RESULT_QUEUED_US, r->queued_us);
	if (payload.len > 0)
		memcpy(p, payload.data, payload.len);
	buf_commit(out, frame_size);
	return 0;
}

static bool result_take_field(struct result *r, const struct wire_field *f)
{
	if (f->number == RESULT_ERROR) {
		r->error = span_of(f->bytes, (size_t)f->value);
		return f->type == WIRE_BYTES;
	}
	if (f->number > RESULT_QUEUED_US)
		return true;
	if (f->type != WIRE_VARINT)
		return false;
	switch (f->number) {
	case RESULT_ID:
		r->id = f->value;
		break;
	case RESULT_STATUS:
		r->status = (uint32_t)f->value;
		break;
	case RESULT_ATTEMPT:
		r->attempt = (uint32_t)f->value;
		break;
	case RESULT_DISPATCHED_US:
		r->dispatched_us = f->value;
		break;
	case RESULT_STARTED_US:
		r->started_us = f->value;
		break;
	case RESULT_FINISHED_US:
		r->finished_us = f->value;
		break;
	case RESULT_FIRST_CHUNK_US:
		r->first_chunk_us = f->value;
		break;
	case RESULT_CPU_US:
		r->cpu_us = f->value;
		break;
	case RESULT_QUEUED_US:
		r->queued_us = f->value;
		break;
	}
	return true;
}

int result_parse(struct span message, struct result *ret)
{
	const uint8_t *p = message.data;
	const uint8_t *end = p + message.len;
	struct result res = {0};
	struct wire_field f;
	int r;

	while ((r = wire_next(&p, end, &f)) == 1) {
		if (!result_take_field(&res, &f))
			return -EPROTO;
	}
	if (r < 0)
		return -EPROTO;
	*ret = res;
	return 0;
}
