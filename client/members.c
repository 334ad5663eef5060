#include "client/members.h"

#include "client/executor.h"
#include "client/future.h"
#include "common/util.h"

#include <errno.h>

enum { LEAST_SLOTS = 16, LEAST_BLOCK = 8, BLOCK_MAX = 1024 };

struct member_slot {
	uint64_t executor, id; /* executor is 0 in a free one */
	struct member *member; /* NULL: remembered */
};

struct member_block {
	struct member_block *next;
	size_t n;
	struct member members[];
};

/* ---- the table ------------------------------------------------------------ */

/* Where the search for a future begins. The upper half of a product has a share of all bits:
 * of the places, which are low ones, and of their generations, which are high. */
static size_t home_of(size_t n_slots, uint64_t executor, uint64_t id)
{
	uint64_t sum = id + executor * UINT64_C(0xd6e8feb86659fd93);

	return sum * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (n_slots - 1);
}

/* The future's slot, or the free one where it belongs. */
static struct member_slot *find_slot(struct member_slot *slots, size_t n_slots, uint64_t executor,
				     uint64_t id)
{
	size_t i = home_of(n_slots, executor, id);

	while (slots[i].executor && (slots[i].executor != executor || slots[i].id != id))
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static struct member_slot *slot_of(const struct members *ms, const fut_future *f)
{
	return find_slot(ms->slots, ms->n_slots, f->executor->serial, f->id);
}

/* Frees a slot, and moves those back that had to pass it. */
static void free_slot(struct members *ms, struct member_slot *slot)
{
	size_t mask = ms->n_slots - 1;
	size_t hole = (size_t)(slot - ms->slots);

	for (size_t i = (hole + 1) & mask; ms->slots[i].executor; i = (i + 1) & mask) {
		size_t home = home_of(ms->n_slots, ms->slots[i].executor, ms->slots[i].id);
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		ms->slots[hole] = ms->slots[i];
		hole = i;
	}
	ms->slots[hole] = (struct member_slot){0};
	ms->known--;
}

static bool grow_table(struct members *ms, size_t n_slots)
{
	struct member_slot *slots = calloc(n_slots, sizeof *slots);

	if (!slots)
		return false;
	for (size_t i = 0; i < ms->n_slots; i++) {
		const struct member_slot *old = &ms->slots[i];
		if (old->executor)
			*find_slot(slots, n_slots, old->executor, old->id) = *old;
	}
	free(ms->slots);
	ms->slots = slots;
	ms->n_slots = n_slots;
	return true;
}

/* At least a quarter stays free. */
static int reserve_slots(struct members *ms, size_t n)
{
	size_t n_slots = ms->n_slots ? ms->n_slots : LEAST_SLOTS;

	if (n > SIZE_MAX / 8 / sizeof *ms->slots - ms->known)
		return -ENOMEM;
	while (n_slots / 4 * 3 < ms->known + n)
		n_slots *= 2;
	return n_slots == ms->n_slots || grow_table(ms, n_slots) ? 0 : -ENOMEM;
}

/* ---- members -------------------------------------------------------------- */

static bool add_block(struct members *ms, size_t n)
{
	struct member_block *b = malloc(sizeof *b + n * sizeof b->members[0]);

	if (!b)
		return false;
	b->next = ms->blocks;
	b->n = n;
	ms->blocks = b;
	for (size_t i = n; i-- > 0;) {
		b->members[i] = (struct member){.next_spare = ms->spare};
		ms->spare = &b->members[i];
	}
	return true;
}

int members_reserve(struct members *ms, size_t n)
{
	if (n > SIZE_MAX / 2 / sizeof(struct member) || reserve_slots(ms, n) < 0)
		return -ENOMEM;
	return n == 0 || add_block(ms, n) ? 0 : -ENOMEM;
}

static struct member *take_spare(struct members *ms)
{
	size_t newest = ms->blocks ? ms->blocks->n : 0;

	if (!ms->spare && !add_block(ms, max_u64(LEAST_BLOCK, min_u64(newest * 2, BLOCK_MAX))))
		return NULL;
	struct member *m = ms->spare;
	ms->spare = m->next_spare;
	return m;
}

int members_add(struct members *ms, fut_future *f, struct member **ret)
{
	if (reserve_slots(ms, 1) < 0)
		return -ENOMEM;
	struct member_slot *slot = slot_of(ms, f);
	if (slot->executor)
		return 0;
	struct member *m = take_spare(ms);
	if (!m)
		return -ENOMEM;
	m->waiter.future = fut_future_ref(f);
	m->tag = NULL;
	*slot = (struct member_slot){f->executor->serial, f->id, m};
	ms->known++;
	*ret = m;
	return 1;
}

struct member *members_find(const struct members *ms, const fut_future *f)
{
	return ms->n_slots ? slot_of(ms, f)->member : NULL;
}

static fut_future *leave(struct members *ms, struct member *m)
{
	m->next_spare = ms->spare;
	ms->spare = m;
	return TAKE_PTR(m->waiter.future);
}

fut_future *members_forget(struct members *ms, struct member *m)
{
	free_slot(ms, slot_of(ms, m->waiter.future));
	return leave(ms, m);
}

fut_future *members_remember(struct members *ms, struct member *m)
{
	slot_of(ms, m->waiter.future)->member = NULL;
	return leave(ms, m);
}

struct member *members_next(const struct members *ms, size_t *position)
{
	while (*position < ms->n_slots) {
		struct member *m = ms->slots[(*position)++].member;
		if (m)
			return m;
	}
	return NULL;
}

void members_done(struct members *ms)
{
	struct member *m;
	size_t position = 0;

	while ((m = members_next(ms, &position))) {
		(void)hook_detach(&m->waiter);
		fut_future_unref(m->waiter.future);
	}
	while (ms->blocks) {
		struct member_block *next = ms->blocks->next;
		free(ms->blocks);
		ms->blocks = next;
	}
	free(ms->slots);
	*ms = (struct members){0};
}
