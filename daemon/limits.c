#include "daemon/limits.h"

#include "common/clock.h"
#include "common/util.h"
#include "daemon/answer.h"
#include "daemon/cancel.h"
#include "daemon/daemon.h"
#include "daemon/placement.h"
#include "daemon/retry.h"
#include "proto/status.h"

#include <errno.h>
#include <stdio.h>

static void on_due(struct timer *t);

static uint64_t after(uint64_t from_us, uint64_t limit_us)
{
	return limit_us == 0 || limit_us > CLOCK_NEVER - from_us ? CLOCK_NEVER : from_us + limit_us;
}

int limits_attach(struct job *j, const struct job_spec *spec)
{
	if (!(spec->queue_limit_us | spec->run_limit_us | spec->stall_limit_us | spec->deadline_us))
		return 0;
	struct job_limits *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	timer_init(&l->timer, on_due);
	l->job = j;
	l->queue_limit_us = spec->queue_limit_us;
	l->run_limit_us = spec->run_limit_us;
	l->stall_limit_us = spec->stall_limit_us;
	l->deadline_at_us = after(j->accepted_us, spec->deadline_us);
	j->limits = l;
	limits_update(j);
	return 0;
}

void limits_detach(struct job *j)
{
	if (!j->limits)
		return;
	timer_cancel(&j->session->daemon->timers, &j->limits->timer);
	free(j->limits);
	j->limits = NULL;
}

/* The nearest limit that counts now, and its status. */
static uint64_t nearest(const struct job *j, fut_status *ret_status)
{
	const struct job_limits *l = j->limits;
	uint64_t at_us = l->deadline_at_us;

	*ret_status = FUT_DEADLINE;
	if (!j->announced) {
		if (!retry_last(j) && after(j->accepted_us, l->queue_limit_us) < at_us) {
			at_us = after(j->accepted_us, l->queue_limit_us);
			*ret_status = FUT_QUEUE_LIMIT;
		}
		return at_us;
	}
	if (after(j->started_us, l->run_limit_us) < at_us) {
		at_us = after(j->started_us, l->run_limit_us);
		*ret_status = FUT_RUN_LIMIT;
	}
	uint64_t alive_us = max_u64(j->started_us, l->progress_at_us);
	if (after(alive_us, l->stall_limit_us) < at_us) {
		at_us = after(alive_us, l->stall_limit_us);
		*ret_status = FUT_STALL_LIMIT;
	}
	return at_us;
}

void limits_update(struct job *j)
{
	fut_status status;

	/* The heap has had a place for this timer since it was attached, or never had one:
	 * then the limit is not kept, which is all that memory allows. */
	if (j->limits)
		(void)timer_set(&j->session->daemon->timers, &j->limits->timer,
				nearest(j, &status));
}

static void fail_waiting(struct job *j, fut_status status)
{
	struct daemon *d = j->session->daemon;

	answer_error(j, status, (struct error_info){.executed = FUT_EXECUTED_NO});
	job_drop(d, j);
}

static void fail_running(struct job *j, fut_status status)
{
	struct host *h = j->slot->host;
	char detail[96];

	snprintf(detail, sizeof detail, "it ran for %.3f s in host %d",
		 (double)(h->pool->daemon->now_us - j->started_us) / 1e6, (int)h->pid);
	slot_ask_to_stop(j->slot, j);
	answer_error(
		j, status,
		(struct error_info){.detail = span_str(detail), .executed = FUT_EXECUTED_MAYBE});
	host_condemn(h, status_name(status));
}

static void on_due(struct timer *t)
{
	struct job *j = container_of(t, struct job_limits, timer)->job;
	fut_status status;

	(void)nearest(j, &status);
	if (j->announced)
		fail_running(j, status);
	else if (job_withdraw(j))
		fail_waiting(j, status);
	else
		note_started(j); /* it won the race, and other limits count */
}
