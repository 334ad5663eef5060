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

/* What a slot said: a value, or an error it encoded. Times are when it ran. */
void answer_value(struct job *j, struct span value, uint64_t started_us, uint64_t finished_us);
void answer_task_error(struct job *j, fut_status status, const struct error_info *error,
		       uint64_t started_us, uint64_t finished_us);

/* What the front found. `error` may leave type, message and retry empty: they are filled in
 * from the status. */
void answer_error(struct job *j, fut_status status, struct error_info error);

/* The job left without a Result: a cancel's verdict says it, or nobody listens. */
void answer_nothing(struct job *j);

/* Frees a job that was answered and is in no place. */
void job_drop(struct daemon *d, struct job *j);

#endif
