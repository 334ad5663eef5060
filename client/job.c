/* Descriptions of jobs. Not thread-safe, as the header says. */
#include "client/job.h"

#include <stdlib.h>

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
