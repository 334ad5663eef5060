#include "daemon/scheduler.h"

#include "common/util.h"
#include "daemon/account.h"
#include "daemon/config.h"
#include "daemon/lane.h"
#include "daemon/pool.h"
#include "daemon/rotation.h"
#include "daemon/session.h"

#include <assert.h>

enum {
	/* Jobs that are set aside, or rise, in one call: so the front is never away for long. */
	ASIDE_MAX = 1024,
	RISE_MAX = 1024,
	LEVEL_TOP = PRIORITY_LEVELS - 1,
};

void scheduler_init(struct scheduler *s, const struct config *config)
{
	*s = (struct scheduler){.config = config};
	for (unsigned i = 0; i < PRIORITY_LEVELS; i++) {
		TAILQ_INIT(&s->levels[i].rotation);
		TAILQ_INIT(&s->levels[i].waiting);
	}
}

void scheduler_done(struct scheduler *s)
{
	assert(s->queued == 0);
	share_free_all(s);
}

static void update_all_lanes(struct share *share)
{
	share->refs++;
	for (unsigned i = 0; i < PRIORITY_LEVELS; i++)
		lane_update(&share->lanes[i]);
	share_unref(share);
}

void scheduler_configure(struct scheduler *s, const struct config *config)
{
	struct share *share, *next;

	s->config = config;
	HASH_ITER(hh, s->shares, share, next)
	{
		share_configure(share, config);
		update_all_lanes(share);
	}
}

/* ---- who has how many in slots ------------------------------------------- */

static void open_parkings(struct task *t)
{
	struct parking *p;

	/* Backwards, so that each finds its place in the rotation before the last one's. */
	for (p = TAILQ_LAST(&t->parkings, parking_queue); p;
	     p = TAILQ_PREV(p, parking_queue, task_node))
		lane_update(p->lane);
}

void scheduler_cap_task(struct task *t, unsigned cap)
{
	t->cap = cap;
	if (!task_is_full(t))
		open_parkings(t);
}

/* Of a task that was never measured the most is expected, so that it gets a slot for itself.
 * It is charged with a quantum: with more, others would get too much in the meantime. */
static void estimate(struct job *j)
{
	uint64_t one = j->task->service_ns;
	uint64_t all = j->items > 1 ? one * j->items : one;

	if (all >= SLOT_EXPECTED_MAX_NS || one == 0)
		all = SLOT_EXPECTED_MAX_NS;
	j->expected_ns = (uint32_t)all;
	j->charged_ns = one > 0 ? (uint32_t)all : QUANTUM_NS;
}

static void hand_out(struct lane *lane, struct job *j)
{
	struct share *share = lane->share;

	estimate(j);
	lane->deficit_ns -= j->charged_ns;
	j->task->running++;
	share->running++;
	if (share_is_full(share))
		update_all_lanes(share);
	else if (TAILQ_EMPTY(&lane->queue))
		lane_update(lane);
}

/* The share or the task has a cap, and one job less that runs. */
static void reopen(struct share *share, struct task *t)
{
	if (share->cap > 0 && share->running + 1 >= share->cap)
		update_all_lanes(share);
	if (t->cap > 0 && t->running + 1 >= t->cap)
		open_parkings(t);
}

void scheduler_settle(struct job *j, uint64_t took_ns)
{
	struct lane *lane = j->lane;
	struct share *share = lane->share;

	lane->deficit_ns += (int64_t)j->charged_ns - (int64_t)took_ns;
	share->running--;
	j->task->running--;
	if (!lane->is_ready)
		lane_update(lane);
	if (share->cap | j->task->cap)
		reopen(share, j->task);
}

void scheduler_undo(struct job *j)
{
	scheduler_settle(j, 0);
}

/* ---- in ---------------------------------------------------------------- */

static void count_in(struct scheduler *s, const struct job *j)
{
	s->queued++;
	j->lane->share->account->queued++;
}

static void count_out(struct scheduler *s, const struct job *j)
{
	s->queued--;
	j->lane->share->account->queued--;
}

/* Each its own, so that they say which of two jobs is older. */
static void stamp(struct scheduler *s, struct job *j, uint64_t now_us)
{
	s->stamp_ns = max_u64(s->stamp_ns + 1, now_us * 1000);
	j->since_ns = s->stamp_ns;
}

static void append(struct lane *lane, struct job *j)
{
	j->lane = lane;
	lane_append(lane, j);
	if (!lane->is_ready)
		lane_update(lane);
}

static void put_back(struct job *j)
{
	lane_put_back(j->lane, j);
	if (!j->lane->is_ready)
		lane_update(j->lane);
}

void scheduler_push(struct scheduler *s, struct job *j, uint64_t now_us)
{
	assert(j->place == JOB_NOWHERE);
	stamp(s, j, now_us);
	append(&j->lane->share->lanes[j->priority - PRIORITY_MIN], j);
	count_in(s, j);
}

void scheduler_push_front(struct scheduler *s, struct job *j)
{
	assert(j->place == JOB_NOWHERE);
	put_back(j);
	count_in(s, j);
}

static void let_go(struct scheduler *s, const struct job *j)
{
	s->held--;
	s->held_bytes -= j->payload_len;
}

void scheduler_release(struct scheduler *s, struct session *session)
{
	struct job *j;

	/* Backwards to the front: they were first before, and stay in order. */
	while ((j = TAILQ_LAST(&session->held, job_list))) {
		TAILQ_REMOVE(&session->held, j, node);
		let_go(s, j);
		put_back(j);
	}
}

/* ---- out --------------------------------------------------------------- */

static void take_out(struct job *j)
{
	lane_take_out(j->lane, j);
	if (TAILQ_EMPTY(&j->lane->queue))
		lane_update(j->lane);
}

void scheduler_remove(struct scheduler *s, struct job *j)
{
	if (j->place == JOB_HELD) {
		TAILQ_REMOVE(&j->session->held, j, node);
		let_go(s, j);
		j->place = JOB_NOWHERE;
	} else {
		take_out(j);
	}
	count_out(s, j);
}

struct job *scheduler_any(const struct scheduler *s)
{
	for (unsigned i = 0; i < PRIORITY_LEVELS; i++) {
		const struct lane *lane = TAILQ_FIRST(&s->levels[i].waiting);
		if (lane && !TAILQ_EMPTY(&lane->queue))
			return TAILQ_FIRST(&lane->queue);
		if (lane)
			return TAILQ_FIRST(&LIST_FIRST(&lane->parkings)->jobs);
	}
	return NULL;
}

/* The highest level that is ready; there is one. */
static unsigned top_level(const struct scheduler *s)
{
	return 31 - (unsigned)__builtin_clz(s->ready);
}

/* The job goes before all that wait below. */
static void note_passed(struct scheduler *s, const struct job *j)
{
	unsigned below = (1u << j->lane->level) - 1;

	s->passed |= s->ready & below & ~(1u << (j->priority - PRIORITY_MIN));
}

struct job *scheduler_pop(struct scheduler *s)
{
	unsigned aside = ASIDE_MAX;
	struct job *j = NULL;

	while (s->ready && aside > 0 && !(j = level_next(&s->levels[top_level(s)], &aside)))
		;
	if (!j)
		return NULL;
	lane_take_out(j->lane, j);
	count_out(s, j);
	if (s->ready & (s->ready - 1))
		note_passed(s, j);
	hand_out(j->lane, j);
	return j;
}

/* ---- ageing -------------------------------------------------------------- */

/* The oldest job of a lane, when it has waited long enough. */
static struct job *due_job(const struct lane *lane, uint64_t now_us, uint64_t ageing_us)
{
	struct job *j = lane_first(lane);

	return j && j->since_ns / 1000 + ageing_us <= now_us ? j : NULL;
}

static void rise(struct scheduler *s, struct job *j, uint64_t now_us)
{
	struct lane *lane = j->lane;

	take_out(j);
	stamp(s, j, now_us);
	append(lane + 1, j);
}

/* False when there was more to do than may be done at once. */
static bool age_level(struct scheduler *s, unsigned level, uint64_t now_us, unsigned *left)
{
	struct level *l = &s->levels[level];
	struct lane *lane, *next;
	struct job *j;

	for (lane = TAILQ_FIRST(&l->waiting); lane; lane = next) {
		next = TAILQ_NEXT(lane, waiting_node);
		while (*left > 0 && (j = due_job(lane, now_us, s->config->ageing_us))) {
			rise(s, j, now_us);
			(*left)--;
		}
		if (*left == 0)
			break;
	}
	return *left > 0;
}

bool scheduler_age(struct scheduler *s, uint64_t now_us)
{
	unsigned left = RISE_MAX;

	/* From above: nobody rises by two. */
	for (unsigned level = LEVEL_TOP; level-- > 0;) {
		if (s->passed & 1u << level && !age_level(s, level, now_us, &left))
			return true;
	}
	s->passed = 0;
	return false;
}
