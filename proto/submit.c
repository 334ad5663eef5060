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
	JOB_PRIORITY = 9,
	JOB_KEY = 10,
	JOB_CRASH_RETRIES = 11,
	JOB_UNIQUE = 12,
	JOB_ERROR_RETRIES = 14,
	JOB_RETRY_PAUSE_US = 15,
};

static size_t bytes_field_size(struct span bytes)
{
	return bytes.len ? 1 + varint_size(bytes.len) + bytes.len : 0;
}

static uint8_t *bytes_field_put(uint8_t *p, unsigned number, struct span bytes)
{
	if (bytes.len == 0)
		return p;
	*p++ = (uint8_t)(number << 3 | WIRE_BYTES);
	p = varint_put(p, bytes.len);
	memcpy(p, bytes.data, bytes.len);
	return p + bytes.len;
}

static size_t job_size(const struct job_spec *s)
{
	return varint_field_size(s->id) + bytes_field_size(s->task) +
	       varint_field_size(s->payload_len) + varint_field_size(s->items) +
	       varint_field_size(s->queue_limit_us) + varint_field_size(s->run_limit_us) +
	       varint_field_size(s->stall_limit_us) + varint_field_size(s->deadline_us) +
	       varint_field_size(zigzag(s->priority)) + bytes_field_size(s->key) +
	       varint_field_size(s->crash_retries) + bytes_field_size(s->unique) +
	       varint_field_size(s->error_retries) + varint_field_size(s->retry_pause_us);
}

static uint8_t *job_put(uint8_t *p, const struct job_spec *s)
{
	p = varint_field_put(p, JOB_ID, s->id);
	p = bytes_field_put(p, JOB_TASK, s->task);
	p = varint_field_put(p, JOB_PAYLOAD_LEN, s->payload_len);
	p = varint_field_put(p, JOB_ITEMS, s->items);
	p = varint_field_put(p, JOB_QUEUE_LIMIT_US, s->queue_limit_us);
	p = varint_field_put(p, JOB_RUN_LIMIT_US, s->run_limit_us);
	p = varint_field_put(p, JOB_STALL_LIMIT_US, s->stall_limit_us);
	p = varint_field_put(p, JOB_DEADLINE_US, s->deadline_us);
	p = varint_field_put(p, JOB_PRIORITY, zigzag(s->priority));
	p = bytes_field_put(p, JOB_KEY, s->key);
	p = varint_field_put(p, JOB_CRASH_RETRIES, s->crash_retries);
	p = bytes_field_put(p, JOB_UNIQUE, s->unique);
	p = varint_field_put(p, JOB_ERROR_RETRIES, s->error_retries);
	return varint_field_put(p, JOB_RETRY_PAUSE_US, s->retry_pause_us);
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

/* Takes a field that is an integer, and known. Numbers are cut to their width, as every
 * protobuf decoder does. */
static void job_take_integer(struct job_spec *s, uint32_t number, uint64_t v)
{
	switch (number) {
	case JOB_ID:
		s->id = v;
		break;
	case JOB_PAYLOAD_LEN:
		s->payload_len = (uint32_t)v;
		break;
	case JOB_ITEMS:
		s->items = (uint32_t)v;
		break;
	case JOB_QUEUE_LIMIT_US:
		s->queue_limit_us = v;
		break;
	case JOB_RUN_LIMIT_US:
		s->run_limit_us = v;
		break;
	case JOB_STALL_LIMIT_US:
		s->stall_limit_us = v;
		break;
	case JOB_DEADLINE_US:
		s->deadline_us = v;
		break;
	case JOB_PRIORITY:
		s->priority = unzigzag((uint32_t)v);
		break;
	case JOB_CRASH_RETRIES:
		s->crash_retries = (uint32_t)v;
		break;
	case JOB_ERROR_RETRIES:
		s->error_retries = (uint32_t)v;
		break;
	case JOB_RETRY_PAUSE_US:
		s->retry_pause_us = v;
		break;
	}
}

static bool is_integer(uint32_t number)
{
	return (number >= JOB_ID && number <= JOB_CRASH_RETRIES) || number == JOB_ERROR_RETRIES ||
	       number == JOB_RETRY_PAUSE_US;
}

static struct span *bytes_field_of(struct job_spec *s, uint32_t number)
{
	switch (number) {
	case JOB_TASK:
		return &s->task;
	case JOB_KEY:
		return &s->key;
	case JOB_UNIQUE:
		return &s->unique;
	}
	return NULL;
}

/* False when a known field has the wrong type. */
static bool job_take_field(struct job_spec *s, const struct wire_field *f)
{
	struct span *bytes = bytes_field_of(s, f->number);

	if (bytes) {
		*bytes = span_of(f->bytes, (size_t)f->value);
		return f->type == WIRE_BYTES;
	}
	if (!is_integer(f->number))
		return true;
	job_take_integer(s, f->number, f->value);
	return f->type == WIRE_VARINT;
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
