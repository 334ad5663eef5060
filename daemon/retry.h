/*
 * Jobs that may run twice: after an attempt that failed they wait for a while, and are queued
 * again with their own payload.
 *
 * Two failures count, each for itself: the job's process died while it ran, and the task
 * failed. While a job waits it is in no queue and in no slot, so nobody is delayed by it.
 * Once somebody asked it to stop, there is no other attempt.
 *
 * Loop thread only. A job without retries has none of this.
 */
#ifndef DAEMON_RETRY_H
#define DAEMON_RETRY_H

#include "daemon/job.h"
#include "proto/result.h"
#include "proto/submit.h"

#include <futured/status.h>

struct daemon;
struct error_info;

enum {
	RETRY_PAUSE_MAX_US = 30 * 1000 * 1000,
	RETRY_PIDS = 8,
};

struct job_retry {
	struct timer timer; /* RETRYING: the end of its pause */
	struct job *job;
	uint64_t pause_us;                    /* before the first further attempt */
	uint64_t queued_us;                   /* when it was queued for that */
	uint8_t crash_retries, error_retries; /* how many further attempts there may be */
	uint8_t crashes, errors;              /* attempts that ended so */
	bool is_over;                         /* there will be no other, whatever is left */
	int32_t pids[RETRY_PIDS];             /* of the processes that died, the last ones */
	struct result last;                   /* of the last attempt; its error is malloc'ed */
};

/* Of the daemon. */
struct retries {
	struct job_list waiting; /* those in JOB_RETRYING */
	uint64_t random;
};

void retries_init(struct retries *rs, uint64_t seed);

/* Gives an admitted job its retries. 0, also when it has none, or -ENOMEM. */
int retry_attach(struct job *j, const struct job_spec *spec);
void retry_detach(struct job *j);

/* An attempt ended with the death of process `pid`. True when the job has now killed as many
 * as it may, and had a choice. */
bool retry_note_death(struct job *j, int64_t pid);

/* An attempt that has ended so, with the job still in its slot. True when there will be
 * another one: its client was told, and the caller takes it out of the slot and calls
 * retry_wait(). Otherwise it is to be answered, if it still has a session. */
bool retry_keep(struct job *j, const struct result *failure);

/* Lets the job, which is in no place, wait out its pause. It may be gone afterwards. */
void retry_wait(struct job *j);

/* Takes a job out of those that wait. */
void retry_remove(struct job *j);

/* No attempt follows the one that runs. */
void retry_stop(struct job *j);

/* How the last attempt ended, for a job that is between two; NULL when it never ran. */
const struct result *retry_last(const struct job *j);

/* Answers every job that waits. */
void retry_refuse_all(struct daemon *d, fut_status status, const struct error_info *error);

/* How long to wait after so many failures: `first_us`, doubled for each but the first, by half
 * of it more or less. */
uint64_t retry_pause(uint64_t first_us, unsigned failures, uint64_t random);

#endif
