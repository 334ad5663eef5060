/*
 * A binary heap of elements embedded in their owners: the least key on top.
 *
 * Each element knows its own place, so removing one needs no search.
 */
#ifndef COMMON_HEAP_H
#define COMMON_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_NOWHERE UINT32_MAX

struct heap_entry {
	uint64_t key;
	uint32_t place; /* HEAP_NOWHERE when in no heap */
};

struct heap {
	struct heap_entry **entries;
	uint32_t len, cap;
};

static inline void heap_entry_init(struct heap_entry *e)
{
	e->place = HEAP_NOWHERE;
}
static inline bool heap_holds(const struct heap_entry *e)
{
	return e->place != HEAP_NOWHERE;
}

void heap_init(struct heap *h);
void heap_done(struct heap *h);

/* Inserts, or moves an entry that is in already. 0 or -ENOMEM (only when it is new). */
int heap_set(struct heap *h, struct heap_entry *e, uint64_t key);
void heap_remove(struct heap *h, struct heap_entry *e); /* fine when it is in none */

/* The entry with the least key, or NULL. */
static inline struct heap_entry *heap_top(const struct heap *h)
{
	return h->len > 0 ? h->entries[0] : NULL;
}

#endif
