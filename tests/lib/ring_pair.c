#include "tests/lib/ring_pair.h"

#include "tests/lib/trun.h"

#include <stdlib.h>
#include <string.h>

void ring_pair_init(struct ring_pair *t, uint64_t size)
{
	memset(t, 0, sizeof *t);
	t->data = aligned_alloc(64, size);
	memset(t->data, 0xdd, size);
	ring_producer_init(&t->p, &t->shared, t->data, size);
	ring_consumer_init(&t->c, &t->shared, t->data, size);
}

void ring_pair_done(struct ring_pair *t)
{
	free(t->data);
}

bool ring_pair_push(struct ring_pair *t, size_t len, uint8_t fill)
{
	struct ring_record *r = ring_reserve(&t->p, len);

	if (!r)
		return false;
	must((uintptr_t)r % RING_ALIGN == 0);
	must((uint8_t *)r >= t->data && (uint8_t *)record_body(r) + len <= t->data + t->p.size);
	memset(record_body(r), fill, len);
	return true;
}

void ring_pair_pull(struct ring_pair *t, size_t len, uint8_t fill)
{
	size_t got;
	struct ring_record *r = ring_next(&t->c, &got);

	must(r != NULL);
	must(got == ((len + 15) & ~(size_t)15));
	const uint8_t *body = record_body(r);
	for (size_t i = 0; i < len; i++)
		must(body[i] == fill);
}
