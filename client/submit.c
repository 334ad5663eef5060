#include "client/submit.h"

#include "client/error.h"
#include "client/executor.h"
#include "client/fork.h"
#include "client/future.h"
#include "client/io.h"
#include "common/clock.h"
#include "proto/submit.h"

#include <errno.h>

enum { ENVELOPE_GUESS_BYTES = 256 }; /* more than a Submit of one job needs */

/* Under the lock. */
static fut_status refusal(const fut_executor *x)
{
	if (x->is_shut_down)
		return FUT_SHUTDOWN;
	if (x->lost)
		return FUT_CONNECTION_LOST;
	return x->refusal;
}

/* Waits until the outbox has room for one more, which bounds how far callers run ahead of
 * a daemon that reads slowly. Under the lock, which it gives up while it waits. */
static fut_status wait_for_room(fut_executor *x, size_t payload_len)
{
	for (;;) {
		fut_status status = refusal(x);
		size_t len = buf_len(&x->outbox);

		if (status != FUT_OK)
			return status;
		if (len == 0 || len + payload_len + ENVELOPE_GUESS_BYTES <= OUTBOX_BYTES)
			return FUT_OK;
		if (io_is_here())
			return FUT_BUSY;
		x->waiting++;
		pthread_cond_wait(&x->changed, &x->lock);
		x->waiting--;
	}
}

static fut_status put(fut_executor *x, const fut_job *job, uint64_t id, struct span payload,
		      uint32_t items)
{
	struct job_spec spec = {
		.id = id,
		.task = span_of(job->task, job->task_len),
		.payload_len = (uint32_t)payload.len,
		.items = items,
		.queue_limit_us = job->queue_limit_us,
		.run_limit_us = job->run_limit_us,
		.stall_limit_us = job->stall_limit_us,
		.deadline_us = job->deadline_us,
		.priority = job->priority,
		.key = span_of(job->key, job->key_len),
		.unique = span_str(job->unique),
		.crash_retries = job->crash_retries,
		.error_retries = job->error_retries,
		.retry_pause_us = job->retry_pause_us,
	};
	size_t before = buf_len(&x->outbox);

	if (submit_put(&x->outbox, &spec, payload) < 0)
		return FUT_NO_MEMORY;
	x->queued += buf_len(&x->outbox) - before;
	return FUT_OK;
}

/* Under the lock: a place, a future, a frame, or nothing at all. */
static fut_status enlist(fut_executor *x, const fut_job *job, struct span payload, uint32_t items,
			 uint64_t now_us, fut_future **ret)
{
	uint64_t id;
	fut_status status = wait_for_room(x, payload.len);

	if (status != FUT_OK)
		return status;
	int r = places_take(&x->places, &id);
	if (r < 0)
		return r == -EAGAIN ? FUT_BUSY : FUT_NO_MEMORY;
	fut_future *f = slab_take(&x->slab);
	status = f ? put(x, job, id, payload, items) : FUT_NO_MEMORY;
	if (status != FUT_OK) {
		places_untake(&x->places, id);
		if (f)
			slab_give(&x->slab, f);
		return status;
	}
	future_init(f, x, id);
	f->submitted_us = now_us;
	f->pending.payload_len = (uint32_t)payload.len;
	f->pending.submit_end = x->queued;
	executor_keep(x);
	x->submitted++;
	places_set(&x->places, id, f);
	*ret = f;
	return FUT_OK;
}

static fut_status explain(fut_executor *x, fut_status status, size_t len, fut_error **reterr)
{
	if (!reterr)
		return status;
	if (status == FUT_BUSY)
		return error_give(reterr,
				  error_make(status, FUT_EXECUTED_NO, "too many unfinished jobs",
					     "wait for some of them first", "the session allows %u",
					     x->places.window));
	if (status == FUT_PAYLOAD_TOO_BIG)
		return error_give(reterr, error_make(status, FUT_EXECUTED_NO, NULL, NULL,
						     "%zu bytes; the daemon takes %u", len,
						     x->max_payload_bytes));
	if (status != FUT_CONNECTION_LOST)
		return error_give_plain(reterr, status);
	pthread_mutex_lock(&x->lock);
	fut_error *lost = fut_error_ref(x->lost);
	pthread_mutex_unlock(&x->lock);
	fut_error *e = error_make(status, FUT_EXECUTED_NO, NULL, "open another executor", "%s",
				  lost ? fut_error_detail(lost) : "the daemon ends the session");
	fut_error_unref(lost);
	return error_give(reterr, e);
}

fut_status submit_job(fut_executor *x, const fut_job *job, struct span payload, uint32_t items,
		      fut_future **ret, fut_error **reterr)
{
	if (fork_happened(x->fork_mark))
		return error_give_plain(reterr, FUT_FORKED);
	if (payload.len > x->max_payload_bytes)
		return explain(x, FUT_PAYLOAD_TOO_BIG, payload.len, reterr);

	uint64_t now_us = clock_now_us();
	pthread_mutex_lock(&x->lock);
	bool was_quiet = atomic_load_explicit(&x->released, memory_order_acquire) == x->submitted;
	fut_status status = enlist(x, job, payload, items, now_us, ret);
	if (status != FUT_OK) {
		pthread_mutex_unlock(&x->lock);
		return explain(x, status, payload.len, reterr);
	}
	io_send_and_unlock(x, was_quiet);
	return FUT_OK;
}

fut_status fut_submit(fut_executor *x, const char *task, const void *data, size_t len,
		      fut_future **ret, fut_error **reterr)
{
	struct fut_job job;

	if (!x || !ret || (!data && len > 0))
		return error_give_plain(reterr, FUT_INVALID);
	if (!job_init(&job, task))
		return error_give(reterr, error_make(FUT_INVALID, FUT_EXECUTED_NO, NULL,
						     "a name is 1 to 63 of A-Z a-z 0-9 . _ -",
						     "the task's name is not valid"));
	return submit_job(x, &job, span_of(data, len), 0, ret, reterr);
}

fut_status fut_submit_job(fut_executor *x, const fut_job *job, const void *data, size_t len,
			  fut_future **ret, fut_error **reterr)
{
	if (!x || !job || !ret || (!data && len > 0))
		return error_give_plain(reterr, FUT_INVALID);
	return submit_job(x, job, span_of(data, len), 0, ret, reterr);
}
