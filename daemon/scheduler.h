/*
 * Which job of a pool runs next: a queue in the order of admission.
 *
 * Jobs whose session does not read its results are held aside until it does, so that one
 * slow reader neither fills the daemon with results nor blocks the queue.
 *
 * Loop thread only. Knows nothing of slots: pool.c asks for jobs when it has room.
 */
#ifndef DAEMON_SCHEDULER_H
#define DAEMON_SCHEDULER_H

#include "daemon/job.h"

struct scheduler {
	struct job_list queue;
	unsigned queued; /* jobs in the queue or held */
};

void scheduler_init(struct scheduler *s);

/* A job that was just admitted: behind all others. */
void scheduler_push(struct scheduler *s, struct job *j);

/* A job that was taken back from a slot: before all others. */
void scheduler_push_front(struct scheduler *s, struct job *j);

/* The next job, which leaves the queue; NULL when none may run now. */
struct job *scheduler_pop(struct scheduler *s);

/* Takes a job out, queued or held. */
void scheduler_remove(struct scheduler *s, struct job *j);

/* Puts the held jobs of a session back into the queue. */
void scheduler_release(struct scheduler *s, struct session *session);

/* True when scheduler_pop() may find one. */
static inline bool scheduler_has_job(const struct scheduler *s)
{
	return !TAILQ_EMPTY(&s->queue);
}

#endif
