#include "daemon/source.h"

#include "common/util.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SWEPT_PER_TOUCH = 4 };

void sources_init(struct sources *ss, unsigned max)
{
	*ss = (struct sources){.max = max};
	TAILQ_INIT(&ss->touched);
}

static void forget(struct sources *ss, struct source *s)
{
	HASH_DELETE(hh, ss->table, s);
	TAILQ_REMOVE(&ss->touched, s, node);
	ss->n--;
	free(s);
}

void sources_done(struct sources *ss)
{
	while (!TAILQ_EMPTY(&ss->touched))
		forget(ss, TAILQ_FIRST(&ss->touched));
}

static uint64_t word_of(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

struct source_id source_id_of(const struct peer *p)
{
	struct source_id id = {.kind = p->kind};

	switch (p->kind) {
	case PEER_UNIX:
		id.low = p->uid;
		break;
	case PEER_TCP:
		id.high = word_of(p->address.s6_addr);
		if (IN6_IS_ADDR_V4MAPPED(&p->address))
			id.low = word_of(p->address.s6_addr + 8);
		break;
	case PEER_UNKNOWN:
		break;
	}
	return id;
}

struct source *source_find(struct sources *ss, const struct source_id *id)
{
	struct source *s;

	HASH_FIND(hh, ss->table, id, sizeof *id, s);
	return s;
}

static bool is_clean(const struct source *s, uint64_t now_us)
{
	return s->greeting == 0 && s->penalty_until_us <= now_us;
}

/* Forgets what has expired, a few at a time, and then as many as make room for one. */
static void make_room(struct sources *ss, uint64_t now_us)
{
	struct source *s, *next;
	unsigned looked = 0;

	for (s = TAILQ_FIRST(&ss->touched); s && looked < SWEPT_PER_TOUCH; s = next, looked++) {
		next = TAILQ_NEXT(s, node);
		if (is_clean(s, now_us))
			forget(ss, s);
	}
	for (s = TAILQ_FIRST(&ss->touched); s && ss->n >= ss->max; s = next) {
		next = TAILQ_NEXT(s, node);
		if (s->greeting == 0)
			forget(ss, s);
	}
}

static struct source *add(struct sources *ss, const struct source_id *id)
{
	struct source *s = ss->n < ss->max ? calloc(1, sizeof *s) : NULL;

	if (!s)
		return NULL;
	s->id = *id;
	HASH_ADD(hh, ss->table, id, sizeof s->id, s);
	TAILQ_INSERT_TAIL(&ss->touched, s, node);
	ss->n++;
	return s;
}

struct source *source_touch(struct sources *ss, const struct source_id *id, uint64_t now_us)
{
	struct source *s = source_find(ss, id);

	if (s) {
		TAILQ_REMOVE(&ss->touched, s, node);
		TAILQ_INSERT_TAIL(&ss->touched, s, node);
		return s;
	}
	make_room(ss, now_us);
	return add(ss, id);
}

void source_punish(struct sources *ss, const struct source_id *id, uint64_t us, uint64_t now_us)
{
	struct source *s = us > 0 ? source_touch(ss, id, now_us) : NULL;

	if (!s)
		return;
	uint64_t until_us = max_u64(s->penalty_until_us, now_us) + us;
	s->penalty_until_us = min_u64(until_us, now_us + SOURCE_PENALTY_MAX_US);
}

void source_leave(struct sources *ss, const struct source_id *id, uint64_t now_us)
{
	struct source *s = source_find(ss, id);

	assert(s && s->greeting > 0);
	s->greeting--;
	if (is_clean(s, now_us))
		forget(ss, s);
}
