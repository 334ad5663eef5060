/*
 * Which slot gets which job.
 *
 * Idle slots first, one job each. Then short jobs go ahead into busy slots, so that a slot
 * never waits for the front between them; what turns out to lie behind a long job, or
 * beside an idle slot, is taken back before it starts. So prefetch costs neither
 * cancellation nor fairness.
 *
 * Loop thread only.
 */
#ifndef DAEMON_PLACEMENT_H
#define DAEMON_PLACEMENT_H

struct daemon;
struct job;
struct pool;
struct timer;

/* Gives a pool's jobs to its slots as far as there are both. Called once per turn. */
void place_jobs(struct pool *p);

/* Looks which jobs have started since, tells their clients, and takes back what lies behind
 * those that run for long. Called by the tick. */
void place_again(struct daemon *d);

/* Lets jobs rise that were passed over: a pool's ageing timer. */
void place_aged(struct timer *t);

/* A job is known to run: from now on other limits count, and its client is told. */
void note_started(struct job *j);

#endif
