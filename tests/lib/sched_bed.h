/*
 * A scheduler to play with: sessions, tasks and jobs that are nothing but what it looks at,
 * and a time that the test makes.
 *
 * One bed for a program, made anew by bed_setup(). bed_teardown() fails when a share is left
 * behind or a count is wrong.
 */
#ifndef TESTS_SCHED_BED_H
#define TESTS_SCHED_BED_H

#include "daemon/config.h"
#include "daemon/pool.h"
#include "daemon/rotation.h"
#include "daemon/scheduler.h"
#include "daemon/session.h"

enum { BED_SESSIONS = 4, BED_TASKS = 3, BED_JOBS = 20000 };

extern struct scheduler bed;
extern struct config bed_config; /* keys "one" (weight 1), "three" (3), "two" (cap 2) */
extern struct session bed_sessions[BED_SESSIONS];
extern struct task bed_tasks[BED_TASKS];
extern struct job bed_jobs[BED_JOBS];
extern unsigned bed_njobs; /* in use; a job's id is its place */
extern uint64_t bed_now_us;

void bed_setup(void);
void bed_teardown(void);

/* The next job, waiting. `key` may be "": the session's own share. */
struct job *bed_push(unsigned session, const char *key, int priority, unsigned task);

/* `n` of them, without key and priority, by one session after the other. */
void bed_push_many(unsigned n);

/* It ended after so long, or never will: it leaves its share. */
void bed_end(struct job *j, uint64_t took_ns);
void bed_forget(struct job *j);

/* Pops and ends all that may run, each at once; their ids as a text. */
const char *bed_run_all(void);

/* As the daemon does when it is due, until nothing more rises. */
void bed_age(void);

#endif
