#include "daemon/placement.h"

#include "common/util.h"
#include "daemon/answer.h"
#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "daemon/unique.h"

enum {
	QUANTUM_MAX = 64, /* jobs that one slot gets before the next one's turn */
	LONG_RUN_US = 1000,
	MOVE_MIN_NS = 50 * 1000, /* less work than this is not worth moving */
	AGEING_STEPS = 8,        /* a job rises at most one such part of `ageing` late */
	AGEING_STEP_MIN_US = 1000,
};

/* The next job that may run. Those whose task a reload took away are answered here. */
static struct job *next_job(struct pool *p)
{
	struct job *j;

	while ((j = scheduler_pop(&p->scheduler)) && j->task->index < 0) {
		scheduler_undo(j);
		answer_error(j, FUT_UNKNOWN_TASK,
			     (struct error_info){.detail = span_str("it was removed by a reload")});
		job_drop(p->daemon, j);
	}
	return j;
}

/* False when there is no job, or no room for it. */
static bool place_one(struct pool *p, struct slot *s)
{
	struct job *j = next_job(p);

	if (!j)
		return false;
	if (slot_assign(s, j))
		return true;
	scheduler_undo(j);
	scheduler_push_front(&p->scheduler, j);
	return false;
}

static void fill_idle(struct pool *p)
{
	struct slot *s;

	while (scheduler_has_job(&p->scheduler) && pool_has_room(p)) {
		s = LIST_FIRST(&p->idle);
		if (!place_one(p, s))
			return;
	}
}

/* A share of the queue at a time, in turns, so that no slot gets it all. */
static void fill_ahead(struct pool *p)
{
	bool placed = true;
	struct slot *s;

	while (placed && scheduler_has_job(&p->scheduler)) {
		uint64_t share = p->scheduler.queued / (2 * p->config->slots);
		uint64_t quantum = min_u64(max_u64(share, 1), QUANTUM_MAX);

		placed = false;
		LIST_FOREACH(s, &p->daemon->busy, busy_node) {
			if (s->host->pool != p)
				continue;
			for (uint64_t n = 0; n < quantum && slot_wants_more(s) && place_one(p, s);
			     n++)
				placed = true;
		}
	}
}

static struct slot *most_loaded(const struct pool *p)
{
	struct slot *most = NULL, *s;

	LIST_FOREACH(s, &p->daemon->busy, busy_node) {
		if (s->host->pool == p && s->host->phase == HOST_UP && s->njobs > 1 &&
		    (!most || s->expected_ns > most->expected_ns))
			most = s;
	}
	return most;
}

/* Takes the younger half of what waits in a slot back. */
static bool take_half(struct pool *p, struct slot *s)
{
	unsigned n = s->njobs / 2;
	struct job *j, *before;
	bool taken = false;

	if (s->expected_ns - slot_oldest(s)->expected_ns < MOVE_MIN_NS)
		return false;
	for (j = TAILQ_LAST(&s->jobs, job_list); j && n > 0; j = before, n--) {
		before = TAILQ_PREV(j, job_list, node);
		if (!slot_revoke(s, j))
			break;
		pool_take_back(p, j);
		taken = true;
	}
	return taken;
}

/* An idle slot takes over from the one that has most to do. */
static void balance(struct pool *p)
{
	struct slot *s;

	while (!scheduler_has_job(&p->scheduler) && pool_has_room(p) && (s = most_loaded(p))) {
		if (!take_half(p, s))
			return;
		fill_idle(p);
	}
}

static void set_ageing_timer(struct pool *p)
{
	struct daemon *d = p->daemon;
	uint64_t pause_us = max_u64(d->config->ageing_us / AGEING_STEPS, AGEING_STEP_MIN_US);

	(void)timer_set(&d->timers, &p->ageing_timer, d->now_us + pause_us);
}

void place_jobs(struct pool *p)
{
	pool_review(p);
	if (scheduler_has_job(&p->scheduler))
		fill_idle(p);
	pool_maintain(p);
	if (scheduler_has_job(&p->scheduler) && !pool_is_growing(p))
		fill_ahead(p);
	if (pool_has_room(p))
		balance(p);
	if (p->scheduler.passed && !timer_is_set(&p->ageing_timer))
		set_ageing_timer(p);
}

void place_aged(struct timer *t)
{
	struct pool *p = container_of(t, struct pool, ageing_timer);
	struct daemon *d = p->daemon;

	if (scheduler_age(&p->scheduler, d->now_us))
		(void)timer_set(&d->timers, t, d->now_us);
}

void note_started(struct job *j)
{
	struct session *s = j->session;

	j->announced = true;
	j->started_us = j->slot->host->pool->daemon->now_us;
	if (!s)
		return;
	limits_update(j);
	if (j->unique)
		unique_note_started(j);
	else
		session_note_started(s, j->id);
}

void place_again(struct daemon *d)
{
	struct session *session;
	struct slot *s, *next;

	for (s = LIST_FIRST(&d->busy); s; s = next) {
		next = LIST_NEXT(s, busy_node);
		struct job *j = slot_oldest(s);
		if (!j)
			continue; /* telling a client can end its session, and take its jobs away */
		if (!j->announced && slot_has_started(s, j))
			note_started(j);
		if (j->announced && s->njobs > 1 && d->now_us - j->dispatched_us >= LONG_RUN_US)
			slot_revoke_all(s);
	}
	LIST_FOREACH(session, &d->sessions, node)
		session_flush_started(session);
}
