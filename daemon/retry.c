#include "daemon/retry.h"

#include "common/clock.h"
#include "common/random.h"
#include "common/util.h"
#include "daemon/answer.h"
#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "daemon/unique.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void on_pause_over(struct timer *t);

void retries_init(struct retries *rs, uint64_t seed)
{
	TAILQ_INIT(&rs->waiting);
	rs->random = seed;
}

int retry_attach(struct job *j, const struct job_spec *spec)
{
	if (!(spec->crash_retries | spec->error_retries))
		return 0;
	struct job_retry *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	timer_init(&r->timer, on_pause_over);
	r->job = j;
	r->pause_us = spec->retry_pause_us;
	r->crash_retries = (uint8_t)min_u64(spec->crash_retries, RETRIES_MAX);
	r->error_retries = (uint8_t)min_u64(spec->error_retries, RETRIES_MAX);
	j->retry = r;
	return 0;
}

static void forget_error(struct job_retry *r)
{
	free((void *)(uintptr_t)r->last.error.data);
	r->last.error = SPAN_EMPTY;
}

void retry_detach(struct job *j)
{
	if (!j->retry)
		return;
	assert(j->place != JOB_RETRYING);
	forget_error(j->retry);
	free(TAKE_PTR(j->retry));
}

void retry_stop(struct job *j)
{
	if (j->retry)
		j->retry->is_over = true;
}

const struct result *retry_last(const struct job *j)
{
	return j->retry && j->retry->last.attempt > 0 ? &j->retry->last : NULL;
}

/* ---- the end of an attempt ---------------------------------------------- */

bool retry_note_death(struct job *j, int64_t pid)
{
	struct job_retry *r = j->retry;

	if (!r)
		return false;
	memmove(r->pids + 1, r->pids, sizeof r->pids - sizeof r->pids[0]);
	r->pids[0] = (int32_t)pid;
	r->crashes++;
	return r->crash_retries > 0 && r->crashes > r->crash_retries && !r->is_over;
}

static bool may_go_on(struct job_retry *r, uint32_t status)
{
	if (status == FUT_HOST_DIED)
		return r->crashes <= r->crash_retries;
	return status == FUT_TASK_FAILED && ++r->errors <= r->error_retries;
}

/* Keeps how it ended: who takes the job back while it waits is told that. */
static bool remember(struct job *j, const struct result *failure)
{
	struct job_retry *r = j->retry;
	uint8_t *error = malloc(failure->error.len);

	if (!error)
		return false;
	memcpy(error, failure->error.data, failure->error.len);
	forget_error(r);
	r->last = *failure;
	r->last.error = span_of(error, failure->error.len);
	memory_update_job(j);
	return true;
}

/* What waits to be said of the attempt must not come behind this. It may end the session. */
static void tell_client(struct job *j, const struct result *failure)
{
	struct message m = {
		.kind = MESSAGE_RESTART,
		.restart = {.attempt = failure->attempt, .status = failure->status},
	};

	session_flush_started(j->session);
	unique_tell(j, &m, &m.restart.id, SPAN_EMPTY);
}

bool retry_keep(struct job *j, const struct result *failure)
{
	struct job_retry *r = j->retry;

	if (!r || r->is_over || j->session->daemon->phase != DAEMON_RUNNING ||
	    !may_go_on(r, failure->status) || !remember(j, failure))
		return false;
	tell_client(j, failure);
	return j->session != NULL;
}

/* ---- between two attempts ----------------------------------------------- */

uint64_t retry_pause(uint64_t first_us, unsigned failures, uint64_t random)
{
	uint64_t pause_us = first_us;

	while (failures-- > 1 && pause_us < RETRY_PAUSE_MAX_US)
		pause_us *= 2;
	pause_us = min_u64(pause_us, RETRY_PAUSE_MAX_US);
	return min_u64(pause_us / 2 + random % (pause_us + 1), RETRY_PAUSE_MAX_US);
}

/* The job, which is in no place, is queued again. Its task may be gone since: that is found
 * when it is placed, as for any other. */
static void queue_again(struct job *j)
{
	struct pool *p = j->session->pool;
	char detail[POOL_DETAIL_MAX];

	if (p->phase == POOL_FAILED) {
		answer_error(j, FUT_POOL_BROKEN, pool_failure(p, detail));
		job_drop(p->daemon, j);
		return;
	}
	j->retry->queued_us = p->daemon->now_us;
	scheduler_push(&p->scheduler, j, p->daemon->now_us);
}

void retry_wait(struct job *j)
{
	struct daemon *d = j->session->daemon;
	struct job_retry *r = j->retry;
	uint64_t pause_us = retry_pause(r->pause_us, (unsigned)r->crashes + r->errors,
					random_next(&d->retries.random));

	assert(j->place == JOB_NOWHERE);
	j->announced = false;
	limits_update(j);
	/* Without memory for the timer it does not wait. */
	if (pause_us == 0 || timer_set(&d->timers, &r->timer, clock_now_us() + pause_us) < 0) {
		queue_again(j);
		return;
	}
	j->place = JOB_RETRYING;
	TAILQ_INSERT_TAIL(&d->retries.waiting, j, node);
}

void retry_remove(struct job *j)
{
	struct daemon *d = j->session->daemon;

	assert(j->place == JOB_RETRYING);
	timer_cancel(&d->timers, &j->retry->timer);
	TAILQ_REMOVE(&d->retries.waiting, j, node);
	j->place = JOB_NOWHERE;
}

static void on_pause_over(struct timer *t)
{
	struct job *j = container_of(t, struct job_retry, timer)->job;

	retry_remove(j);
	queue_again(j);
}

void retry_refuse_all(struct daemon *d, fut_status status, const struct error_info *error)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&d->retries.waiting))) {
		retry_remove(j);
		answer_error(j, status, *error);
		job_drop(d, j);
	}
}
