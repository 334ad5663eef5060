/*
 * How a job's end is told to its client. After any of these the session has forgotten the
 * job; the job itself stays where it is, and job_drop() frees it once it is nowhere.
 *
 * Loop thread only. Answering a job that was answered already does nothing.
 */
#ifndef DAEMON_ANSWER_H
#define DAEMON_ANSWER_H

#include "common/span.h"
#include "daemon/job.h"
#include "proto/error.h"

#include <futured/status.h>

struct daemon;

/* When a slot ran a job, as it said; 0 where that is not known. */
struct run_times {
	uint64_t started_us, finished_us;
	uint64_t cpu_us;
};

/* What a slot said: a value, or an error it encoded. */
void answer_value(struct job *j, struct span value, const struct run_times *ran);

/* True when this is not the job's end, because it may run again: its client was told so, and
 * nothing was answered. The caller takes it out of its slot and calls retry_wait(). */
bool answer_task_error(struct job *j, fut_status status, const struct error_info *error,
		       const struct run_times *ran);

/* Its process died while it ran; `how` says it in words. The job may have done that when no
 * other reason is known. True as above. */
bool answer_death(struct job *j, const struct death_info *death, const char *how,
		  bool has_other_reason);

/* What the front found. `error` may leave type, message and retry empty: they are filled in
 * from the status. */
void answer_error(struct job *j, fut_status status, struct error_info error);

/* A job that waits to run again, and will not: it ends as its last attempt did. */
void answer_last(struct job *j);

/* The job left without a Result: a cancel's verdict says it, or nobody listens. */
void answer_nothing(struct job *j);

/* Frees a job that was answered and is in no place. */
void job_drop(struct daemon *d, struct job *j);

#endif
