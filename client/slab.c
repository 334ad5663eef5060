#include "client/slab.h"

#include "client/future.h"

#include <stdlib.h>

struct slab_chunk {
	_Alignas(64) struct {
		_Alignas(64) struct fut_future future;
	} slots[SLAB_CHUNK_FUTURES];
	struct slab_chunk *next;
};

static bool grow(struct slab *s)
{
	struct slab_chunk *c = aligned_alloc(_Alignof(struct slab_chunk), sizeof *c);

	if (!c)
		return false;
	c->next = s->chunks;
	s->chunks = c;
	s->unused = SLAB_CHUNK_FUTURES;
	return true;
}

fut_future *slab_take(struct slab *s)
{
	if (!s->free)
		s->free = atomic_exchange_explicit(&s->given, NULL, memory_order_acquire);
	if (s->free) {
		fut_future *f = s->free;
		s->free = f->outcome.next_free;
		return f;
	}
	if (s->unused == 0 && !grow(s))
		return NULL;
	return &s->chunks->slots[--s->unused].future;
}

void slab_give(struct slab *s, fut_future *f)
{
	/* All are taken at once, so nobody can be fooled by one that came back. */
	f->outcome.next_free = atomic_load_explicit(&s->given, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&s->given, &f->outcome.next_free, f,
						      memory_order_release, memory_order_relaxed))
		continue;
}

void slab_done(struct slab *s)
{
	while (s->chunks) {
		struct slab_chunk *next = s->chunks->next;
		free(s->chunks);
		s->chunks = next;
	}
}
