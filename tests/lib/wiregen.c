#include "tests/lib/wiregen.h"

#include "proto/varint.h"

#include <stdlib.h>
#include <string.h>

void wiregen_raw(struct wiregen *g, const void *p, size_t n)
{
	if (n > sizeof g->bytes - g->len)
		abort();
	if (n > 0)
		memcpy(g->bytes + g->len, p, n);
	g->len += n;
}

static void put_varint(struct wiregen *g, uint64_t v)
{
	uint8_t tmp[10];

	wiregen_raw(g, tmp, (size_t)(varint_put(tmp, v) - tmp));
}

void wiregen_tag(struct wiregen *g, uint32_t number, unsigned type)
{
	put_varint(g, (uint64_t)number << 3 | type);
}

void wiregen_varint(struct wiregen *g, uint32_t number, uint64_t v)
{
	wiregen_tag(g, number, WIRE_VARINT);
	put_varint(g, v);
}

void wiregen_bytes(struct wiregen *g, uint32_t number, const void *p, size_t n)
{
	wiregen_tag(g, number, WIRE_BYTES);
	put_varint(g, n);
	wiregen_raw(g, p, n);
}

void wiregen_unknown(struct wiregen *g, struct rng *r, uint32_t from)
{
	uint32_t number = from + (uint32_t)rng_below(r, rng_below(r, 2) ? 20 : 0x1fffffff - from);
	uint8_t bytes[20];

	rng_fill(r, bytes, sizeof bytes);
	switch (rng_below(r, 4)) {
	case 0:
		wiregen_varint(g, number, rng_wide(r));
		break;
	case 1:
		wiregen_bytes(g, number, bytes, rng_below(r, sizeof bytes));
		break;
	case 2:
		wiregen_tag(g, number, WIRE_FIXED64);
		wiregen_raw(g, bytes, 8);
		break;
	case 3:
		wiregen_tag(g, number, WIRE_FIXED32);
		wiregen_raw(g, bytes, 4);
		break;
	}
}

void wiregen_job(struct wiregen *g, struct rng *r)
{
	char task[70];

	for (uint64_t left = rng_below(r, 20); left > 0; left--) {
		uint32_t number = 1 + (uint32_t)rng_below(r, 16);
		if (number == 13 || number == 16) {
			wiregen_unknown(g, r, 16);
		} else if (number == 2 || number == 10 || number == 12) {
			rng_fill(r, task, sizeof task);
			wiregen_bytes(g, number, task, rng_below(r, sizeof task));
		} else {
			wiregen_varint(g, number, rng_wide(r));
		}
	}
}

void wiregen_submit(struct wiregen *g, struct rng *r)
{
	static struct wiregen job;

	for (uint64_t left = rng_below(r, 6); left > 0; left--) {
		if (rng_below(r, 5) == 0) {
			wiregen_unknown(g, r, 2);
			continue;
		}
		wiregen_reset(&job);
		wiregen_job(&job, r);
		wiregen_bytes(g, 1, job.bytes, job.len);
	}
}

static void error_fields(struct wiregen *g, struct rng *r)
{
	static struct wiregen death;
	char text[40];

	for (uint64_t left = rng_below(r, 8); left > 0; left--) {
		uint32_t number = 1 + (uint32_t)rng_below(r, 9);
		rng_fill(r, text, sizeof text);
		if (number <= 6)
			wiregen_bytes(g, number, text, rng_below(r, sizeof text));
		else if (number <= 8)
			wiregen_varint(g, number, rng_below(r, 5));
		else
			wiregen_unknown(g, r, 10);
	}
	if (rng_below(r, 3) > 0)
		return;
	wiregen_reset(&death);
	for (uint32_t number = 1; number <= 7; number++) {
		if (rng_below(r, 2))
			wiregen_varint(&death, number, rng_wide(r));
	}
	wiregen_bytes(&death, 8, text, rng_below(r, sizeof text));
	wiregen_bytes(g, 9, death.bytes, death.len);
}

void wiregen_result(struct wiregen *g, struct rng *r)
{
	static struct wiregen error;
	uint64_t fields = rng_below(r, 12);
	uint64_t error_at = rng_below(r, 2) ? rng_below(r, fields + 1) : UINT64_MAX;

	for (uint64_t i = 0; i <= fields; i++) {
		uint32_t number = 1 + (uint32_t)rng_below(r, 10);
		if (i == error_at) {
			wiregen_reset(&error);
			error_fields(&error, r);
			wiregen_bytes(g, 7, error.bytes, error.len);
		} else if (number == 7) {
			wiregen_unknown(g, r, 11);
		} else {
			wiregen_varint(g, number, rng_wide(r));
		}
	}
}
