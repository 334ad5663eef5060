/*
 * How much memory clients may make the daemon hold: everything that is charged to a ledger.
 *
 *    80 % of the budget   new jobs are refused: BUSY
 *    90 %                 no session is read any more, until it is less than 85 %
 *   100 %                 sessions are closed: the newest of those that hold something
 *
 * Reading stops before memory runs out; what is held then goes away by itself, as jobs end and
 * clients read. What does not is a frame that was cut off, as its rest is not read: so while
 * reading stands still, the newest session with one is closed from time to time.
 *
 * What is charged, by capacity and not by content: each session's stash of input, its output,
 * its table of jobs; and each job with its payload and its last error, to its session as long as
 * that lives. Buffers are kept for a while, so that a busy session does not allocate them anew in
 * each turn: a sweep gives back those of sessions that had a pause. So an idle daemon's ledgers
 * are 0, some seconds later.
 *
 * Loop thread only.
 */
#ifndef DAEMON_MEMORY_H
#define DAEMON_MEMORY_H

#include "daemon/job.h"
#include "daemon/ledger.h"
#include "daemon/timer.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct session;

struct memory {
	struct ledger total;
	uint64_t budget_bytes;
	uint64_t peak_bytes;
	bool is_tight;            /* reading has stopped */
	uint64_t stops, shed;     /* how often it did; sessions that were closed for it */
	struct timer shed_timer;  /* while it is tight */
	struct timer sweep_timer; /* while some session keeps a buffer */
};

void memory_init(struct memory *m);

/* As the configuration says, or a quarter of what there is. */
void memory_configure(struct daemon *d);

/* What this process may use: the least of `ram_bytes` and the limits of its control group and
 * those above it. `events` is the group's file that oom_find() found, "" for none. */
uint64_t memory_limit(const char *events, uint64_t ram_bytes);

/* True while new jobs are taken. */
static inline bool memory_admits(const struct memory *m)
{
	return m->total.bytes < m->budget_bytes / 10 * 8;
}

/* Once per turn: stops and resumes reading, closes what is too much. */
void memory_review(struct daemon *d);

/* Charges what the session's buffers hold now. */
void memory_charge_session(struct session *s);

/* At its end, when it holds nothing any more. */
void memory_release_session(struct session *s);

/* A job comes to a session; is forgotten by it, and charged to those behind that; goes. */
void memory_charge_job(struct job *j, struct session *s);
void memory_hand_up_job(struct job *j);
void memory_release_job(struct job *j);

/* What the job holds has changed, with or without a session. */
void memory_update_job(struct job *j);

#endif
