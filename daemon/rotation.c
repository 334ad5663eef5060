#include "daemon/rotation.h"

#include "daemon/scheduler.h"

#include <assert.h>

static struct level *level_of(const struct lane *lane)
{
	return &lane->share->scheduler->levels[lane->level];
}

void lane_init(struct lane *lane, struct share *share, unsigned level)
{
	lane->share = share;
	lane->level = (uint8_t)level;
	TAILQ_INIT(&lane->queue);
	LIST_INIT(&lane->parkings);
}

/* One that is new comes last. One that was kept from running has kept its place: in front when
 * that was in the middle of its turn, else behind those whose last turn was before its own. */
static void insert_by_turn(struct level *l, struct lane *lane)
{
	struct lane *after = TAILQ_FIRST(&l->rotation);
	const struct lane *last = TAILQ_LAST(&l->rotation, lane_list);

	if (lane->last_turn == 0)
		lane->last_turn = ++l->turns;
	if (!lane->in_turn && last && last->last_turn < lane->last_turn)
		after = NULL;
	while (!lane->in_turn && after && (after->in_turn || after->last_turn < lane->last_turn))
		after = TAILQ_NEXT(after, node);
	if (after)
		TAILQ_INSERT_BEFORE(after, lane, node);
	else
		TAILQ_INSERT_TAIL(&l->rotation, lane, node);
}

static void join(struct level *l, struct lane *lane)
{
	insert_by_turn(l, lane);
	lane->is_rotating = true;
	lane->share->nrotating++;
	l->nrotating++;
}

static void unlink_lane(struct level *l, struct lane *lane)
{
	TAILQ_REMOVE(&l->rotation, lane, node);
	lane->is_rotating = false;
	lane->share->nrotating--;
	l->nrotating--;
}

static void leave(struct level *l, struct lane *lane)
{
	unlink_lane(l, lane);
	if (!lane->is_waiting)
		lane->last_turn = 0;
	share_free_if_unused(lane->share);
}

void lane_done(struct lane *lane)
{
	assert(!lane->is_waiting);
	if (lane->is_rotating)
		unlink_lane(level_of(lane), lane);
}

/* Nobody waits: what was owed was owed to those who did. */
static void forgive_all(struct level *l)
{
	struct lane *lane;

	while ((lane = TAILQ_FIRST(&l->rotation))) {
		lane->deficit_ns = 0;
		leave(l, lane);
	}
}

static void set_waiting(struct level *l, struct lane *lane, bool is_waiting)
{
	if (lane->is_waiting == is_waiting)
		return;
	lane->is_waiting = is_waiting;
	if (is_waiting)
		TAILQ_INSERT_TAIL(&l->waiting, lane, waiting_node);
	else
		TAILQ_REMOVE(&l->waiting, lane, waiting_node);
}

static void set_ready(struct level *l, struct lane *lane, bool is_ready)
{
	struct scheduler *s = lane->share->scheduler;

	if (lane->is_ready == is_ready)
		return;
	lane->is_ready = is_ready;
	l->nready += is_ready ? 1 : -1u;
	if (l->nready == 0)
		s->ready &= ~(1u << lane->level);
	else
		s->ready |= 1u << lane->level;
}

void lane_update(struct lane *lane)
{
	struct level *l = level_of(lane);
	bool is_waiting = !TAILQ_EMPTY(&lane->queue) || !LIST_EMPTY(&lane->parkings);

	set_waiting(l, lane, is_waiting);
	set_ready(l, lane, is_waiting && !share_is_full(lane->share) && lane_first(lane));
	if (!is_waiting) {
		/* What it did not use of its turn is lost. */
		lane->in_turn = false;
		if (lane->deficit_ns > 0 || TAILQ_EMPTY(&l->waiting))
			lane->deficit_ns = 0;
	}
	bool rotates = lane->is_ready || lane->deficit_ns < 0;
	if (rotates && !lane->is_rotating)
		join(l, lane);
	else if (!rotates && lane->is_rotating)
		leave(l, lane);
	if (TAILQ_EMPTY(&l->waiting))
		forgive_all(l);
}

static void begin_turn(struct lane *lane)
{
	lane->in_turn = true;
	lane->deficit_ns += lane->share->quantum_ns;
}

static void end_turn(struct level *l, struct lane *lane)
{
	lane->in_turn = false;
	lane->last_turn = ++l->turns;
	if (l->nrotating == 1)
		return;
	TAILQ_REMOVE(&l->rotation, lane, node);
	TAILQ_INSERT_TAIL(&l->rotation, lane, node);
}

/* All are in debt: goes at once through so many rounds as only pay debts. */
static void skip_rounds(struct level *l)
{
	int64_t rounds = INT64_MAX;
	struct lane *lane;

	TAILQ_FOREACH(lane, &l->rotation, node) {
		int64_t needed = -lane->deficit_ns / lane->share->quantum_ns;
		if (lane->is_ready && needed < rounds)
			rounds = needed;
	}
	TAILQ_FOREACH(lane, &l->rotation, node) {
		lane->deficit_ns += rounds * lane->share->quantum_ns;
		if (!lane->is_ready && lane->deficit_ns > 0)
			lane->deficit_ns = 0;
	}
}

struct job *level_turn(struct level *l, unsigned *aside)
{
	struct job *j = NULL;
	unsigned ended = 0;

	while (l->nready > 0 && *aside > 0) {
		struct lane *lane = TAILQ_FIRST(&l->rotation);
		/* Without one it is no longer ready, and perhaps not here any more. */
		if (lane->is_ready && !(j = lane_choose(lane, aside)))
			continue;
		if (!lane->in_turn)
			begin_turn(lane);
		if (lane->is_ready && lane->deficit_ns > 0)
			return j;
		if (!lane->is_ready && lane->deficit_ns >= 0) {
			lane_update(lane); /* its debts are paid */
			continue;
		}
		end_turn(l, lane);
		if (++ended >= l->nrotating) {
			skip_rounds(l);
			ended = 0;
		}
	}
	return NULL;
}
