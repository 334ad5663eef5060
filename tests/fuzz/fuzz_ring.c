/*
 * The front's ends of the two rings, on memory that a hostile host writes.
 *
 * The input is a list of steps: the host writes bytes or indexes, the front looks, releases,
 * reserves, publishes. What the front is given lies in the ring and is aligned; a broken ring
 * stays broken; the front's own indexes are never more than a ring apart.
 */
#include "tests/fuzz/fuzz.h"

#include "proto/ring.h"
#include "tests/fuzz/input.h"

enum { SIZE = 1024 };

struct rings {
	struct ring_shared in_shared, out_shared;
	uint8_t *in_data, *out_data; /* SIZE each, of their own for a sanitizer's sake */
	struct ring_producer in;
	struct ring_consumer out;
};

static void check_record(const uint8_t *data, const struct ring_record *r, size_t len)
{
	const uint8_t *p = (const uint8_t *)r;
	uint64_t sum = 0;

	fuzz_must(p >= data && p < data + SIZE && (uintptr_t)p % RING_ALIGN == 0);
	fuzz_must(RING_HEADER_BYTES + len <= (size_t)(data + SIZE - p));
	for (size_t i = 0; i < RING_HEADER_BYTES + len; i++)
		sum += p[i];
	fuzz_must(sum <= 255u * SIZE);
}

static void front_looks(struct rings *g)
{
	size_t len;
	bool broken = g->out.broken;
	struct ring_record *r = ring_next(&g->out, &len);

	fuzz_must(!(broken && r));
	if (r)
		check_record(g->out_data, r, len);
	fuzz_must(g->out.next - g->out.head <= SIZE);
}

static void front_reserves(struct rings *g, size_t len)
{
	bool broken = g->in.broken;
	struct ring_record *r = ring_reserve(&g->in, len);

	fuzz_must(!(broken && r));
	fuzz_must(!(r && len > ring_max_body(SIZE)));
	if (r) {
		check_record(g->in_data, r, len);
		memset(record_body(r), 0xab, len);
	}
	fuzz_must(g->in.tail - g->in.head_seen <= SIZE);
}

static void step(struct rings *g, struct input *in)
{
	uint64_t op = take(in, 1);

	switch (op % 12) {
	case 0: /* the host writes a word of a record's header */
	case 1: {
		uint32_t word = (uint32_t)take(in, op & 0x80 ? 4 : 2);
		memcpy(g->out_data + take(in, 1) % (SIZE / 4) * 4, &word, 4);
		break;
	}
	case 2:
		atomic_store(&g->out_shared.tail, take(in, 8));
		break;
	case 3:
		atomic_store(&g->out_shared.tail, g->out.head + take(in, 1) * 8);
		break;
	case 4:
		atomic_store(&g->in_shared.head, take(in, 8));
		break;
	case 5:
		atomic_store(&g->in_shared.head, g->in.head_seen + take(in, 1) * 8);
		break;
	case 6: /* spoils what is not its own */
		atomic_store(&g->in_shared.tail, take(in, 8));
		atomic_store(&g->out_shared.head, take(in, 8));
		memset(g->in_data, (int)take(in, 1), SIZE);
		break;
	case 7:
		atomic_store(&g->out_shared.producer_waits, (uint32_t)take(in, 1));
		atomic_store(&g->in_shared.consumer_waits, (uint32_t)take(in, 1));
		break;
	case 8:
		(void)ring_release(&g->out);
		fuzz_must(g->out.next == g->out.head);
		break;
	case 9:
		front_reserves(g, take(in, op & 0x80 ? 2 : 1));
		break;
	case 10:
		(void)ring_publish(&g->in);
		fuzz_must(atomic_load(&g->in_shared.tail) == g->in.tail || g->in.tail == 0 ||
			  g->in.published == g->in.tail);
		break;
	default:
		front_looks(g);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	static struct rings g;

	memset(&g, 0, sizeof g);
	g.in_data = aligned_alloc(64, SIZE);
	g.out_data = aligned_alloc(64, SIZE);
	fuzz_must(g.in_data && g.out_data);
	memset(g.in_data, 0, SIZE);
	memset(g.out_data, 0, SIZE);
	ring_producer_init(&g.in, &g.in_shared, g.in_data, SIZE);
	ring_consumer_init(&g.out, &g.out_shared, g.out_data, SIZE);
	for (unsigned i = 0; !input_is_over(&in) && i < 2000; i++)
		step(&g, &in);
	/* Whatever was left there, the front gets to an end of it. */
	size_t len;
	for (unsigned i = 0; ring_next(&g.out, &len); i++)
		fuzz_must(i < SIZE / RING_ALIGN);
	free(g.in_data);
	free(g.out_data);
	return 0;
}
