#include "common/heap.h"

#include <errno.h>
#include <stdlib.h>

void heap_init(struct heap *h)
{
	*h = (struct heap){0};
}

void heap_done(struct heap *h)
{
	free(h->entries);
	heap_init(h);
}

static void heap_put(struct heap *h, uint32_t place, struct heap_entry *e)
{
	h->entries[place] = e;
	e->place = place;
}

static void heap_up(struct heap *h, uint32_t place)
{
	struct heap_entry *e = h->entries[place];

	while (place > 0) {
		uint32_t parent = (place - 1) / 2;
		if (h->entries[parent]->key <= e->key)
			break;
		heap_put(h, place, h->entries[parent]);
		place = parent;
	}
	heap_put(h, place, e);
}

static void heap_down(struct heap *h, uint32_t place)
{
	struct heap_entry *e = h->entries[place];

	for (;;) {
		uint32_t child = 2 * place + 1;
		if (child >= h->len)
			break;
		if (child + 1 < h->len && h->entries[child + 1]->key < h->entries[child]->key)
			child++;
		if (e->key <= h->entries[child]->key)
			break;
		heap_put(h, place, h->entries[child]);
		place = child;
	}
	heap_put(h, place, e);
}

int heap_set(struct heap *h, struct heap_entry *e, uint64_t key)
{
	if (!heap_holds(e)) {
		if (h->len == h->cap) {
			uint32_t cap = h->cap ? h->cap * 2 : 64;
			struct heap_entry **entries = realloc(h->entries, cap * sizeof *entries);
			if (!entries)
				return -ENOMEM;
			h->entries = entries;
			h->cap = cap;
		}
		heap_put(h, h->len++, e);
	}
	e->key = key;
	heap_up(h, e->place);
	heap_down(h, e->place);
	return 0;
}

void heap_remove(struct heap *h, struct heap_entry *e)
{
	if (!heap_holds(e))
		return;
	uint32_t place = e->place;
	struct heap_entry *last = h->entries[--h->len];

	e->place = HEAP_NOWHERE;
	if (last == e)
		return;
	heap_put(h, place, last);
	heap_up(h, last->place);
	heap_down(h, last->place);
}
