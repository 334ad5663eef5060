#include "common/tail.h"

#include <string.h>

void tail_reset(struct tail *t)
{
	t->total = 0;
}

void tail_add(struct tail *t, const void *p, size_t n)
{
	const uint8_t *from = p;

	if (n > TAIL_MAX_BYTES) {
		t->total += n - TAIL_MAX_BYTES;
		from += n - TAIL_MAX_BYTES;
		n = TAIL_MAX_BYTES;
	}
	size_t at = t->total % TAIL_MAX_BYTES;
	size_t first = n < TAIL_MAX_BYTES - at ? n : TAIL_MAX_BYTES - at;

	memcpy(t->ring + at, from, first);
	memcpy(t->ring, from + first, n - first);
	t->total += n;
}

size_t tail_copy(const struct tail *t, uint8_t *out)
{
	if (t->total <= TAIL_MAX_BYTES) {
		memcpy(out, t->ring, t->total);
		return t->total;
	}
	size_t at = t->total % TAIL_MAX_BYTES;
	memcpy(out, t->ring + at, TAIL_MAX_BYTES - at);
	memcpy(out + TAIL_MAX_BYTES - at, t->ring, at);
	return TAIL_MAX_BYTES;
}
