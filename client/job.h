/* What a job is to be: a task's name, limits, whose turn it is, and whether it may run again. */
#ifndef CLIENT_JOB_H
#define CLIENT_JOB_H

#include "common/name.h"

#include <futured/futured.h>

struct fut_job {
	char task[NAME_MAX_BYTES + 1];
	size_t task_len;
	uint64_t queue_limit_us, run_limit_us, stall_limit_us, deadline_us; /* 0: none */
	int priority;
	char key[NAME_MAX_BYTES + 1];
	size_t key_len; /* 0: the session's own share */
	uint32_t crash_retries, error_retries;
	uint64_t retry_pause_us;
	char unique[NAME_MAX_BYTES + 1]; /* "": it is */
};

/* Fills a job without limits in place. False when the name is not valid. */
bool job_init(struct fut_job *job, const char *task);

#endif
