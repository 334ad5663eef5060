#include "daemon/lane.h"

#include "daemon/rotation.h"

#include <stdlib.h>

enum {
	/* It is nearly always the oldest. Others before it are a key's, of sessions that were
	 * held at different times, and there may be any number of them. */
	BACK_STEPS_MAX = 64,
};

static bool is_older(const struct job *a, const struct job *b)
{
	return a && (!b || a->since_ns < b->since_ns);
}

struct job *lane_first_of_many(const struct lane *lane)
{
	struct job *first = TAILQ_FIRST(&lane->queue);
	struct parking *p;

	LIST_FOREACH(p, &lane->parkings, lane_node) {
		if (!task_is_full(p->task) && is_older(TAILQ_FIRST(&p->jobs), first))
			first = TAILQ_FIRST(&p->jobs);
	}
	return first;
}

void lane_put_back(struct lane *lane, struct job *j)
{
	struct job *after = TAILQ_FIRST(&lane->queue);

	for (unsigned n = 0; after && is_older(after, j) && n < BACK_STEPS_MAX; n++)
		after = TAILQ_NEXT(after, node);
	j->place = JOB_QUEUED;
	if (after)
		TAILQ_INSERT_BEFORE(after, j, node);
	else
		TAILQ_INSERT_TAIL(&lane->queue, j, node);
}

static struct parking *find_parking(const struct lane *lane, const struct task *task)
{
	struct parking *p;

	LIST_FOREACH(p, &lane->parkings, lane_node) {
		if (p->task == task)
			return p;
	}
	return NULL;
}

static struct parking *make_parking(struct lane *lane, struct task *task)
{
	struct parking *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->lane = lane;
	p->task = task;
	TAILQ_INIT(&p->jobs);
	LIST_INSERT_HEAD(&lane->parkings, p, lane_node);
	TAILQ_INSERT_TAIL(&task->parkings, p, task_node);
	return p;
}

/* It is younger than all, or older: one that was in a slot. What was held may be between. */
static void insert_by_age(struct job_list *jobs, struct job *j)
{
	struct job *before = TAILQ_LAST(jobs, job_list);

	if (is_older(j, TAILQ_FIRST(jobs)))
		before = NULL;
	for (unsigned n = 0; before && is_older(j, before) && n < BACK_STEPS_MAX; n++)
		before = TAILQ_PREV(before, job_list, node);
	if (before)
		TAILQ_INSERT_AFTER(jobs, before, j, node);
	else
		TAILQ_INSERT_HEAD(jobs, j, node);
}

/* False when memory is out: then nothing has changed. */
static bool park(struct lane *lane, struct job *j)
{
	struct parking *p = find_parking(lane, j->task);

	if (!p && !(p = make_parking(lane, j->task)))
		return false;
	TAILQ_REMOVE(&lane->queue, j, node);
	j->place = JOB_PARKED;
	insert_by_age(&p->jobs, j);
	return true;
}

void lane_unpark(struct lane *lane, struct job *j)
{
	struct parking *p = find_parking(lane, j->task);

	TAILQ_REMOVE(&p->jobs, j, node);
	if (!TAILQ_EMPTY(&p->jobs))
		return;
	LIST_REMOVE(p, lane_node);
	TAILQ_REMOVE(&p->task->parkings, p, task_node);
	free(p);
}

static void hold(struct lane *lane, struct job *j)
{
	struct scheduler *s = lane->share->scheduler;
	struct job_list *held = &j->session->held;
	struct job *before = TAILQ_LAST(held, job_list);

	lane_take_out(lane, j);
	j->place = JOB_HELD;
	s->held++;
	s->held_bytes += j->payload_len;
	/* One that was parked can be older than those that were held before it. */
	while (before && is_older(j, before))
		before = TAILQ_PREV(before, job_list, node);
	if (before)
		TAILQ_INSERT_AFTER(held, before, j, node);
	else
		TAILQ_INSERT_HEAD(held, j, node);
}

/* Its turn came, and caps kept it from running. */
static void line_up(struct lane *lane)
{
	struct parking *p;

	LIST_FOREACH(p, &lane->parkings, lane_node) {
		TAILQ_REMOVE(&p->task->parkings, p, task_node);
		TAILQ_INSERT_TAIL(&p->task->parkings, p, task_node);
	}
}

struct job *lane_choose(struct lane *lane, unsigned *aside)
{
	struct job *j;

	while ((j = lane_first(lane)) && !lane_lets(j)) {
		if (*aside == 0)
			return NULL;
		if (session_is_congested(j->session))
			hold(lane, j);
		else if (!park(lane, j))
			return j; /* no memory: a cap is not worth a standstill */
		(*aside)--;
	}
	if (!j) {
		line_up(lane);
		lane_update(lane);
	}
	return j;
}
