/*
 * A job, from the moment it is admitted until it is answered and out of its slot.
 *
 *   QUEUED ⇄ HELD          in its lane's queue / set aside while its session reads too slowly
 *   QUEUED → PARKED        set aside in its lane, while its task runs as often as it may
 *   QUEUED, PARKED → ASSIGNED   in a slot's ring, where the slot may start it at any moment
 *   ASSIGNED → QUEUED      taken back before it started, or its host died before it did
 *   ASSIGNED → RETRYING    an attempt failed, and the job waits for the next one
 *   RETRYING → QUEUED      its pause is over
 *   FOLLOWING              waits for the run of another job that is the same: unique.h
 *   any → LEFT             answered: its session has forgotten it
 *
 * A job that was answered while a slot runs it (a limit, a kill, a closed session) stays
 * with the slot as a shell, so that what the slot still says of it is understood and dropped.
 *
 * Loop thread only. Who may hold a pointer: the session's table (until answered), and one
 * of queue, parking, held list, slot, the list of those that wait to run again (until it leaves
 * them).
 */
#ifndef DAEMON_JOB_H
#define DAEMON_JOB_H

#include "daemon/timer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct job_retry;
struct lane;
struct ledger;
struct session;
struct slot;
struct task;
struct unique;
struct ring_record;

enum job_place {
	JOB_NOWHERE,
	JOB_QUEUED,
	JOB_HELD,
	JOB_PARKED,
	JOB_ASSIGNED,
	JOB_RETRYING,
	JOB_FOLLOWING,
};

/* Only jobs that have limits have one. Microseconds; 0: none. */
struct job_limits {
	struct timer timer; /* the next of the limits */
	struct job *job;
	uint64_t queue_limit_us, run_limit_us, stall_limit_us;
	uint64_t deadline_at_us; /* on the monotonic clock */
	uint64_t progress_at_us; /* the last sign of life */
};

struct job {
	TAILQ_ENTRY(job) node;   /* of the list that its place says */
	struct session *session; /* NULL once answered */
	struct task *task;
	struct lane *lane;          /* share and level; NULL before it enters a share */
	struct slot *slot;          /* ASSIGNED */
	struct ring_record *record; /* ASSIGNED: in the slot's ring */
	struct job_limits *limits;
	struct job_retry *retry; /* only of a job that may run again: retry.h */
	struct unique *unique;   /* the run that it is, or follows */
	struct ledger *payer;    /* charged with it; NULL when nobody is */
	uint8_t *payload;        /* `inline_payload`, or its own memory */
	uint64_t id;
	uint64_t accepted_us, dispatched_us, started_us; /* started: as far as is known */
	uint64_t first_chunk_us;                         /* 0: none yet */
	uint64_t since_ns;                               /* it is at its level; unique there */
	uint64_t result_bytes;                           /* sent ahead in parts */
	uint32_t payload_len;
	uint32_t items;
	uint32_t tag;         /* ASSIGNED: how the slot calls it */
	uint32_t expected_ns; /* of slot time, since it was handed out; at most SLOT_EXPECTED_MAX_NS
			       */
	uint32_t charged_ns;  /* likewise, to its lane */
	uint32_t charged_bytes; /* to its payer */
	uint16_t attempt;
	uint8_t place;   /* enum job_place */
	int8_t priority; /* what was asked for; its lane has the level that it rose to */
	bool announced;  /* it is known to run, and the client was told */
	uint8_t inline_payload[72];
};

TAILQ_HEAD(job_list, job);

enum { JOB_INLINE_MAX = 72 };

/* Jobs in chunks, so that admitting one costs no allocation. */
struct job_store {
	struct job_list free;
	struct job_chunk *chunks;
	uint64_t live;
};

void job_store_init(struct job_store *st);
void job_store_done(struct job_store *st);

/* A job with a copy of the payload, in no place; NULL when memory is out. */
struct job *job_new(struct job_store *st, const void *payload, uint32_t payload_len);
void job_free(struct job_store *st, struct job *j);

#endif
