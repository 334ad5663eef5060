/*
 * Which job of a pool runs next.
 *
 * Jobs have eight levels, those of their priorities. A level is served only when no higher
 * one has a job that may run. Within a level the shares (share.h) take turns by deficit
 * round-robin, counted in nanoseconds of service: the time that slots spend on their jobs.
 * Within a share and level the oldest job is first.
 *
 *	level 7   rotation: lane of "blue" → lane of session 4 → lane of "red"
 *	...                        └ queue: job, job, job    └ in debt
 *	level 0   rotation: ...
 *
 * Turns. At the beginning of its turn a lane's deficit grows by its share's quantum, and
 * its jobs are handed out while the deficit is above 0. A job is charged with what it is
 * expected to take when it is handed out, and what it took replaces that when it ends; one
 * that is taken back before it started is charged with nothing, and is first in its lane
 * again. Jobs may be longer than a quantum, so a deficit may be far below 0: the lane stays
 * in the rotation, also without jobs, and each round pays a quantum. Rounds that would only
 * pay debts are skipped at once. When nobody waits at a level, its debts are forgotten.
 *
 * Caps. A key and a task may have a cap on the number of their jobs that run: those in
 * slots, whether started or not. A share at its cap is not ready: it leaves the rotation
 * until one of its jobs ends. A job whose task is at its cap is parked in its lane when its
 * turn comes, and does not block those behind it. A lane that may run again comes back to
 * the place it had, by the number of its last turn: so shares are shares of a task, too.
 *
 * Holding. Jobs whose session does not read its results are held aside, with the session,
 * until it does: so a slow reader neither fills the daemon with results nor blocks others.
 *
 * Ageing. A job that has waited `ageing` at its level rises when the level is passed over:
 * to the end of its lane in the next higher level, so nothing starves. A level is passed
 * over when a job is handed out from a higher one that does not have the very priority of
 * this level: an older job of the same priority takes nothing away. Where nobody passes,
 * nobody rises; else the queue of a share that asks for more than it can have would in time
 * stand above the fresh jobs of all others, and take what is theirs.
 *
 * Invariants, between any two calls:
 *
 *   - each waiting job is in exactly one of: its lane's queue, a parking of its lane, its
 *     session's held list; `queued` counts them all;
 *   - a lane is ready if one of its jobs may run, and then it is in its level's rotation;
 *     the bit of a level is set in `ready` if it has a ready lane. A task that reached its
 *     cap is only noticed when a lane's turn comes: ready may say too much, never too little;
 *   - within a queue and within a parking, jobs are in the order of since_ns; but where many
 *     were held and put back, only those of each session are;
 *   - a lane that is not in a rotation is not in debt, or nobody waits at its level;
 *   - running of a share and of a task is the number of their jobs that are handed out.
 *
 * A push, a pop, an end are O(1): a pop passes over as many lanes as are in debt, which is
 * less than one for each quantum of service that was charged, and at most three times the
 * lanes of the level. An end of a job whose task or key was at its cap is proportional to
 * the lanes that wait for that. Nothing is allocated but shares and parkings.
 *
 * Loop thread only. Knows nothing of slots: placement.c asks for jobs when it has room.
 */
#ifndef DAEMON_SCHEDULER_H
#define DAEMON_SCHEDULER_H

#include "daemon/job.h"
#include "daemon/share.h"

struct config;

struct scheduler {
	struct level levels[PRIORITY_LEVELS];
	unsigned ready;       /* a bit for each level that has a ready lane */
	unsigned passed;      /* levels that were passed over since the last scheduler_age() */
	unsigned queued;      /* jobs that wait: in lanes, or held */
	unsigned held;        /* of those, for sessions that do not read */
	uint64_t held_bytes;  /* their payloads */
	uint64_t stamp_ns;    /* of the last job that came to a level */
	struct share *shares; /* uthash, by key */
	const struct config *config;
};

void scheduler_init(struct scheduler *s, const struct config *config);
void scheduler_done(struct scheduler *s);

/* Another configuration, for the shares that are there too. */
void scheduler_configure(struct scheduler *s, const struct config *config);

/* How many jobs of a task may run; 0: any number. */
void scheduler_cap_task(struct task *t, unsigned cap);

/* A job that has entered its share: behind all others of it and its priority. */
void scheduler_push(struct scheduler *s, struct job *j, uint64_t now_us);

/* A job that was taken back: before all others of its share and level. */
void scheduler_push_front(struct scheduler *s, struct job *j);

/* The next job, which is handed out from now on, until one of the next two; NULL when none
 * may run now. */
struct job *scheduler_pop(struct scheduler *s);

/* A job that was handed out has not started, and will not: it was never handed out. */
void scheduler_undo(struct job *j);

/* A job that was handed out has ended after so long. */
void scheduler_settle(struct job *j, uint64_t took_ns);

/* Takes a waiting job out. */
void scheduler_remove(struct scheduler *s, struct job *j);

/* One that waits in a lane, whether it may run or not; NULL when none does. */
struct job *scheduler_any(const struct scheduler *s);

/* Puts the held jobs of a session back into their lanes. */
void scheduler_release(struct scheduler *s, struct session *session);

/* Lets jobs rise that were passed over for `ageing`. Due while `passed` is not 0, some times
 * in that time. True when there are more, and it wants to be called again soon. */
bool scheduler_age(struct scheduler *s, uint64_t now_us);

/* Jobs that wait for slots. One that waits for its client takes no place from others: how many
 * of those one session can have is bounded where it is read (intake.h). */
static inline unsigned scheduler_waiting(const struct scheduler *s)
{
	return s->queued - s->held;
}

/* True when scheduler_pop() may find one. */
static inline bool scheduler_has_job(const struct scheduler *s)
{
	return s->ready != 0;
}

#endif
