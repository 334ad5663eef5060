#include "proto/submit.h"

#include "proto/envelope.h"
#include "proto/varint.h"

#include <errno.h>
#include <string.h>

/* Field numbers of Submit and Submit.Job. */
enum { SUBMIT_JOBS = 1 };
enum {
	JOB_ID = 1,
	JOB_TASK = 2,
	JOB_PAYLOAD_LEN = 3,
	JOB_ITEMS = 4,
	JOB_QUEUE_LIMIT_US = 5,
	JOB_RUN_LIMIT_US = 6,
	JOB_STALL_LIMIT_US = 7,
	JOB_DEADLINE_US = 8,
};

static size_t job_size(const struct job_spec *s)
{
	return varint_field_size(s->id) +
	       (s->task.len ? 1 + varint_size(s->task.len) + s->task.len : 0) +
	       varint_field_size(s->payload_len) + varint_field_size(s->items) +
	       varint_field_size(s->queue_limit_us) + varint_field_size(s->run_limit_us) +
	       varint_field_size(s->stall_limit_us) + varint_field_size(s->deadline_us);
}

static uint8_t *job_put(uint8_t *p, const struct job_spec *s)
{
	p = varint_field_put(p, JOB_ID, s->id);
	if (s->task.len > 0) {
		*p++ = JOB_TASK << 3 | WIRE_BYTES;
		p = varint_put(p, s->task.len);
		memcpy(p, s->task.data, s->task.len);
		p += s->task.len;
	}
	p = varint_field_put(p, JOB_PAYLOAD_LEN, s->payload_len);
	p = varint_field_put(p, JOB_ITEMS, s->items);
	p = varint_field_put(p, JOB_QUEUE_LIMIT_US, s->queue_limit_us);
	p = varint_field_put(p, JOB_RUN_LIMIT_US, s->run_limit_us);
	p = varint_field_put(p, JOB_STALL_LIMIT_US, s->stall_limit_us);
	return varint_field_put(p, JOB_DEADLINE_US, s->deadline_us);
}

int submit_put(struct buf *out, const struct job_spec *spec, struct span payload)
{
	size_t job_len = job_size(spec);
	size_t frame_size;
	uint8_t *p = envelope_begin(out, MESSAGE_SUBMIT, 1 + varint_size(job_len) + job_len,
				    payload.len, &frame_size);

	if (!p)
		return -errno;
	*p++ = SUBMIT_JOBS << 3 | WIRE_BYTES;
	p = varint_put(p, job_len);
	p = job_put(p, spec);
	if (payload.len > 0)
		memcpy(p, payload.data, payload.len);
	buf_commit(out, frame_size);
	return 0;
}

/* False when a known field has the wrong type. Numbers are cut to their width, as every
 * protobuf decoder does. */
static bool job_take_field(struct job_spec *s, const struct wire_field *f)
{
	if (f->number == JOB_TASK) {
		s->task = span_of(f->bytes, (size_t)f->value);
		return f->type == WIRE_BYTES;
	}
	if (f->number == 0 || f->number > JOB_DEADLINE_US)
		return true;
	if (f->type != WIRE_VARINT)
		return false;
	switch (f->number) {
	case JOB_ID:
		s->id = f->value;
		break;
	case JOB_PAYLOAD_LEN:
		s->payload_len = (uint32_t)f->value;
		break;
	case JOB_ITEMS:
		s->items = (uint32_t)f->value;
		break;
	case JOB_QUEUE_LIMIT_US:
		s->queue_limit_us = f->value;
		break;
	case JOB_RUN_LIMIT_US:
		s->run_limit_us = f->value;
		break;
	case JOB_STALL_LIMIT_US:
		s->stall_limit_us = f->value;
		break;
	case JOB_DEADLINE_US:
		s->deadline_us = f->value;
		break;
	}
	return true;
}

static int job_parse(const uint8_t *p, const uint8_t *end, struct job_spec *ret)
{
	struct job_spec s = {0};
	struct wire_field f;
	int r;

	while ((r = wire_next(&p, end, &f)) == 1) {
		if (!job_take_field(&s, &f))
			return -EPROTO;
	}
	if (r < 0)
		return -EPROTO;
	*ret = s;
	return 1;
}

int submit_next(struct submit_cursor *c, struct job_spec *ret)
{
	struct wire_field f;
	int r;

	while ((r = wire_next(&c->p, c->end, &f)) == 1) {
		if (f.number != SUBMIT_JOBS)
			continue;
		if (f.type != WIRE_BYTES)
			return -EPROTO;
		return job_parse(f.bytes, f.bytes + f.value, ret);
	}
	return r < 0 ? -EPROTO : 0;
}
