/*
 * Unique jobs: unfinished jobs of a task with the same name are one run, for each identity by
 * itself: the names of others are as if they were not there.
 *
 * The run is the job that came first. The others follow it: each has its row in its session's
 * table, but no payload and no place in queue or slot, and is told what the run's own client
 * is told. When that client leaves, the oldest follower's takes over; so a run ends early
 * only when nobody waits for it.
 *
 *   first    → run       joined by others until it is answered, or sends parts of its value
 *   later    → follower  JOB_FOLLOWING, in the run's list
 *   follower → run's client     when the one before it left
 *
 * Loop thread only. A run owns its struct unique, which is gone once the run is answered.
 */
#ifndef DAEMON_UNIQUE_H
#define DAEMON_UNIQUE_H

#include "common/span.h"
#include "daemon/job.h"
#include "proto/message.h"

struct session;

/* The unfinished run of the task with this name that jobs of the session may join, or NULL. */
struct job *unique_find(const struct session *s, const struct task *task, struct span name);

/* Makes an admitted job such a run. 0 or -ENOMEM. */
int unique_open(struct job *run, struct span name);

/* Nobody may join any more. Followers stay. */
void unique_close(struct job *run);

/* A job without payload, in its session's table, joins. */
void unique_follow(struct job *run, struct job *follower);

/* A follower leaves its run; it is then in no place. */
void unique_leave(struct job *follower);

/* The run that the job is, or follows. */
struct job *unique_run(const struct job *j);

/* How much later than the run was accepted its client came: 0 but after a hand-over. */
uint64_t unique_client_later_us(const struct job *run);

/* Whether somebody else waits for the same run. */
bool unique_is_shared(const struct job *j);

/* The oldest follower, taken off the run; NULL when there is none (any more). After the last
 * one the run is a job like any other. */
struct job *unique_pop(struct job *run);

/* The run's client leaves: the oldest follower's is its client from now on. False when there
 * is none, or the job is no run that others follow: then nothing has changed. */
bool unique_hand_over(struct job *run);

/* Sends a message about any job to its client, and to those of its followers. *id, in the
 * message, is set for each. */
void unique_note_started(struct job *run);
void unique_tell(struct job *run, struct message *m, uint64_t *id, struct span payload);

#endif
