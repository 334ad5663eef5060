#include "client/places.h"

#include "client/future.h"
#include "proto/submit.h"

#include <errno.h>
#include <stdlib.h>

void places_init(struct places *p, uint32_t window)
{
	p->window = window < PLACES_MAX ? window : PLACES_MAX;
}

void places_done(struct places *p)
{
	for (size_t i = 0; i < PLACES_CHUNKS; i++)
		free(atomic_load(&p->chunks[i]));
}

static struct place *place_of(struct places *p, uint32_t place)
{
	struct place *chunk =
		atomic_load_explicit(&p->chunks[place / PLACES_CHUNK], memory_order_acquire);

	return &chunk[place % PLACES_CHUNK];
}

static int grow(struct places *p, uint32_t *ret)
{
	uint32_t used = atomic_load_explicit(&p->used, memory_order_relaxed);

	if (used == p->window)
		return -EAGAIN;
	if (used % PLACES_CHUNK == 0) {
		struct place *chunk = calloc(PLACES_CHUNK, sizeof *chunk);
		if (!chunk)
			return -ENOMEM;
		atomic_store_explicit(&p->chunks[used / PLACES_CHUNK], chunk, memory_order_release);
	}
	atomic_store_explicit(&p->used, used + 1, memory_order_release);
	*ret = used;
	return 0;
}

int places_take(struct places *p, uint64_t *ret_id)
{
	uint32_t place;

	if (!p->free)
		p->free = atomic_exchange_explicit(&p->given, 0, memory_order_acquire);
	if (p->free) {
		place = p->free - 1;
		p->free = place_of(p, place)->next_free;
	} else {
		int r = grow(p, &place);
		if (r < 0)
			return r;
	}
	struct place *mine = place_of(p, place);
	uint32_t generation = atomic_load_explicit(&mine->generation, memory_order_relaxed) + 1;
	atomic_store_explicit(&mine->generation, generation, memory_order_relaxed);
	*ret_id = job_id_of(place, generation);
	return 0;
}

void places_untake(struct places *p, uint64_t id)
{
	place_of(p, job_id_place(id))->next_free = p->free;
	p->free = job_id_place(id) + 1;
}

void places_set(struct places *p, uint64_t id, fut_future *f)
{
	atomic_store_explicit(&place_of(p, job_id_place(id))->future, f, memory_order_release);
}

int places_find(struct places *p, uint64_t id, fut_future **ret)
{
	if (job_id_place(id) >= atomic_load_explicit(&p->used, memory_order_acquire))
		return -ENOENT;
	struct place *place = place_of(p, job_id_place(id));
	fut_future *f = atomic_load_explicit(&place->future, memory_order_acquire);
	if (f && f->id == id) {
		*ret = f;
		return 0;
	}
	uint32_t newest = atomic_load_explicit(&place->generation, memory_order_relaxed);
	return (int32_t)((uint32_t)(id >> 32) - newest) > 0 ? -ENOENT : -ESTALE;
}

void places_give(struct places *p, uint64_t id)
{
	struct place *place = place_of(p, job_id_place(id));

	atomic_store_explicit(&place->future, NULL, memory_order_relaxed);
	place->next_free = atomic_load_explicit(&p->given, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&p->given, &place->next_free,
						      job_id_place(id) + 1, memory_order_release,
						      memory_order_relaxed))
		continue;
}

fut_future *places_at(struct places *p, uint32_t place)
{
	return atomic_load_explicit(&place_of(p, place)->future, memory_order_acquire);
}
