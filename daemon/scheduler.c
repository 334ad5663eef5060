#include "daemon/scheduler.h"

#include "daemon/session.h"

#include <assert.h>

void scheduler_init(struct scheduler *s)
{
	TAILQ_INIT(&s->queue);
	s->queued = 0;
}

void scheduler_push(struct scheduler *s, struct job *j)
{
	assert(j->place == JOB_NOWHERE);
	j->place = JOB_QUEUED;
	TAILQ_INSERT_TAIL(&s->queue, j, node);
	s->queued++;
}

void scheduler_push_front(struct scheduler *s, struct job *j)
{
	assert(j->place == JOB_NOWHERE);
	j->place = JOB_QUEUED;
	TAILQ_INSERT_HEAD(&s->queue, j, node);
	s->queued++;
}

static void hold(struct scheduler *s, struct job *j)
{
	TAILQ_REMOVE(&s->queue, j, node);
	j->place = JOB_HELD;
	TAILQ_INSERT_TAIL(&j->session->held, j, node);
}

struct job *scheduler_pop(struct scheduler *s)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&s->queue))) {
		if (session_is_congested(j->session)) {
			hold(s, j);
			continue;
		}
		scheduler_remove(s, j);
		return j;
	}
	return NULL;
}

void scheduler_remove(struct scheduler *s, struct job *j)
{
	assert(j->place == JOB_QUEUED || j->place == JOB_HELD);
	if (j->place == JOB_HELD)
		TAILQ_REMOVE(&j->session->held, j, node);
	else
		TAILQ_REMOVE(&s->queue, j, node);
	j->place = JOB_NOWHERE;
	s->queued--;
}

void scheduler_release(struct scheduler *s, struct session *session)
{
	struct job *j;

	/* Backwards to the front: they were first before, and stay in order. */
	while ((j = TAILQ_LAST(&session->held, job_list))) {
		TAILQ_REMOVE(&session->held, j, node);
		j->place = JOB_QUEUED;
		TAILQ_INSERT_HEAD(&s->queue, j, node);
	}
}
