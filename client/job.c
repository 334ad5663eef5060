/* Descriptions of jobs. Not thread-safe, as the header says. */
#include "client/job.h"

#include "common/util.h"
#include "proto/submit.h"

#include <stdlib.h>

_Static_assert((int)FUT_PRIORITY_MIN == (int)PRIORITY_MIN &&
		       (int)FUT_PRIORITY_MAX == (int)PRIORITY_MAX,
	       "the wire's range");

bool job_init(struct fut_job *job, const char *task)
{
	*job = (struct fut_job){0};
	if (!task || !name_is_valid(span_str(task)))
		return false;
	job->task_len = strlen(task);
	memcpy(job->task, task, job->task_len);
	return true;
}

fut_status fut_job_new(const char *task, fut_job **ret)
{
	if (!ret)
		return FUT_INVALID;
	fut_job *job = malloc(sizeof *job);

	if (!job)
		return FUT_NO_MEMORY;
	if (!job_init(job, task)) {
		free(job);
		return FUT_INVALID;
	}
	*ret = job;
	return FUT_OK;
}

void fut_job_free(fut_job *job)
{
	free(job);
}

void fut_job_set_queue_limit(fut_job *job, uint64_t limit_us)
{
	job->queue_limit_us = limit_us;
}
void fut_job_set_run_limit(fut_job *job, uint64_t limit_us)
{
	job->run_limit_us = limit_us;
}
void fut_job_set_stall_limit(fut_job *job, uint64_t limit_us)
{
	job->stall_limit_us = limit_us;
}
void fut_job_set_deadline(fut_job *job, uint64_t from_submit_us)
{
	job->deadline_us = from_submit_us;
}

fut_status fut_job_set_priority(fut_job *job, int priority)
{
	if (!job || priority < FUT_PRIORITY_MIN || priority > FUT_PRIORITY_MAX)
		return FUT_INVALID;
	job->priority = priority;
	return FUT_OK;
}

fut_status fut_job_set_key(fut_job *job, const char *key)
{
	size_t len = key ? strlen(key) : 0;

	if (!job || (len > 0 && !name_is_valid(span_of(key, len))))
		return FUT_INVALID;
	if (len > 0)
		memcpy(job->key, key, len);
	job->key_len = len;
	return FUT_OK;
}

fut_status fut_job_set_unique(fut_job *job, const char *name)
{
	if (name && *name && !name_is_valid(span_str(name)))
		return FUT_INVALID;
	strncpy(job->unique, name ? name : "", sizeof job->unique - 1);
	return FUT_OK;
}

void fut_job_set_repeatable(fut_job *job, unsigned crash_retries, unsigned error_retries,
			    uint64_t pause_us)
{
	job->crash_retries = (uint32_t)min_u64(crash_retries, RETRIES_MAX);
	job->error_retries = (uint32_t)min_u64(error_retries, RETRIES_MAX);
	job->retry_pause_us = pause_us;
}
