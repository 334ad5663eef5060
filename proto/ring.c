#include "proto/ring.h"

#include <assert.h>

void ring_producer_init(struct ring_producer *p, struct ring_shared *shared, void *data,
			uint64_t size)
{
	assert((size & (size - 1)) == 0);
	*p = (struct ring_producer){.shared = shared, .data = data, .size = size};
}

void ring_consumer_init(struct ring_consumer *c, struct ring_shared *shared, void *data,
			uint64_t size)
{
	assert((size & (size - 1)) == 0);
	*c = (struct ring_consumer){.shared = shared, .data = data, .size = size};
}

static struct ring_record *record_at(uint8_t *data, uint64_t size, uint64_t position)
{
	return (struct ring_record *)(void *)(data + (position & (size - 1)));
}

/* Learns how far the consumer came. Only ever forward, never past what was published.
 * Sequentially consistent: a producer that announced its sleep looks once more. */
static void producer_look(struct ring_producer *p)
{
	uint64_t head = atomic_load(&p->shared->head);

	if (head - p->head_seen > p->published - p->head_seen || head % RING_ALIGN != 0)
		p->broken = true;
	else
		p->head_seen = head;
}

void ring_hold(struct ring_producer *p, const struct ring_record *oldest)
{
	p->holds = oldest != NULL;
	if (!oldest)
		return;
	uint64_t place = (uint64_t)((const uint8_t *)oldest - p->data);
	/* How far behind the tail it is: at least a record, at most the whole ring. */
	p->held_from = p->tail - (((p->tail - place - 1) & (p->size - 1)) + 1);
}

static bool fits(const struct ring_producer *p, uint64_t from, uint64_t need)
{
	return need <= p->size - (p->tail - from);
}

static bool producer_has_room(struct ring_producer *p, uint64_t need)
{
	if (p->holds && !fits(p, p->held_from, need))
		return false;
	if (fits(p, p->head_seen, need))
		return true;
	producer_look(p);
	return !p->broken && fits(p, p->head_seen, need);
}

static struct ring_record *producer_put(struct ring_producer *p, uint64_t size, uint32_t state)
{
	struct ring_record *r = record_at(p->data, p->size, p->tail);

	atomic_store_explicit(&r->size, (uint32_t)size, memory_order_relaxed);
	atomic_store_explicit(&r->state, state, memory_order_relaxed);
	p->tail += size;
	return r;
}

struct ring_record *ring_reserve(struct ring_producer *p, size_t len)
{
	if (p->broken || len > ring_max_body(p->size))
		return NULL;
	uint64_t size = RING_HEADER_BYTES + ((len + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1));
	uint64_t to_end = p->size - (p->tail & (p->size - 1));

	if (size <= to_end) {
		if (!producer_has_room(p, size))
			return NULL;
		return producer_put(p, size, RECORD_READY);
	}
	if (!producer_has_room(p, to_end + size))
		return NULL;
	(void)producer_put(p, to_end, RECORD_PAD);
	return producer_put(p, size, RECORD_READY);
}

bool ring_publish(struct ring_producer *p)
{
	if (p->published == p->tail)
		return false;
	p->published = p->tail;
	/* Sequentially consistent: the store must come before the look at the waiter. */
	atomic_store(&p->shared->tail, p->tail);
	return atomic_load(&p->shared->consumer_waits) &&
	       atomic_exchange(&p->shared->consumer_waits, 0) == 1;
}

static bool consumer_look(struct ring_consumer *c)
{
	uint64_t tail = atomic_load(&c->shared->tail);

	if (tail - c->head > c->size || tail - c->head < c->tail_seen - c->head ||
	    tail % RING_ALIGN != 0) {
		c->broken = true;
		return false;
	}
	c->tail_seen = tail;
	return c->next != tail;
}

bool ring_has_next(struct ring_consumer *c)
{
	return !c->broken && (c->next != c->tail_seen || consumer_look(c));
}

struct ring_record *ring_next(struct ring_consumer *c, size_t *ret_len)
{
	while (ring_has_next(c)) {
		struct ring_record *r = record_at(c->data, c->size, c->next);
		uint64_t size = atomic_load_explicit(&r->size, memory_order_relaxed);
		uint64_t to_end = c->size - (c->next & (c->size - 1));

		if (size < RING_HEADER_BYTES || size % RING_ALIGN != 0 || size > to_end ||
		    size > c->tail_seen - c->next) {
			c->broken = true;
			return NULL;
		}
		c->next += size;
		if (atomic_load_explicit(&r->state, memory_order_acquire) == RECORD_PAD)
			continue;
		*ret_len = size - RING_HEADER_BYTES;
		return r;
	}
	return NULL;
}

bool ring_release(struct ring_consumer *c)
{
	if (c->head == c->next)
		return false;
	c->head = c->next;
	atomic_store(&c->shared->head, c->head);
	return atomic_load(&c->shared->producer_waits) &&
	       atomic_exchange(&c->shared->producer_waits, 0) == 1;
}

void ring_announce_consumer(struct ring_consumer *c)
{
	atomic_store(&c->shared->consumer_waits, 1);
}

void ring_announce_producer(struct ring_producer *p)
{
	atomic_store(&p->shared->producer_waits, 1);
}
