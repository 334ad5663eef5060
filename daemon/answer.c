#include "daemon/answer.h"

#include "common/log.h"
#include "common/util.h"
#include "daemon/account.h"
#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "daemon/retry.h"
#include "daemon/unique.h"
#include "proto/status.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

/* A job that was refused at the door was never accepted. What came counts as one at least: 0
 * is what never came. */
static uint64_t since_accepted(const struct job *j, uint64_t at_us)
{
	if (at_us == 0 || j->accepted_us == 0)
		return 0;
	return at_us > j->accepted_us ? at_us - j->accepted_us : 1;
}

/* It came while the job ran, as what the slot says of that has it. */
static uint64_t first_chunk(const struct job *j, const struct run_times *ran)
{
	uint64_t at_us = j->first_chunk_us;

	return at_us ? since_accepted(j, min_u64(max_u64(at_us, ran->started_us), ran->finished_us))
		     : 0;
}

/* Times are of the last attempt: one that is in a slot, or for a job between two the one that
 * failed. */
static struct result result_of(const struct job *j, fut_status status, const struct run_times *ran)
{
	const struct result *last = retry_last(j);
	struct result res = {.attempt = j->attempt};

	if (j->slot) {
		res.queued_us = j->retry ? since_accepted(j, j->retry->queued_us) : 0;
		res.dispatched_us = since_accepted(j, j->dispatched_us);
		res.started_us = since_accepted(j, ran->started_us);
		res.first_chunk_us = first_chunk(j, ran);
		res.cpu_us = ran->cpu_us;
	} else if (last) {
		res = *last;
		res.error = SPAN_EMPTY;
	}
	res.id = j->id;
	res.status = (uint32_t)status;
	res.finished_us = since_accepted(j, ran->finished_us);
	return res;
}

/* Sends the Result and makes the session forget the job. */
static void answer_one(struct job *j, const struct result *res, struct span payload)
{
	struct session *s = j->session;

	answer_nothing(j);
	if (s->phase >= SESSION_CLOSING)
		return;
	int r = result_put(output_lane(&s->output, res->id), res, payload);
	if (r < 0)
		session_close(s, r == -ENOMEM ? "out of memory" : "reads too slowly");
	else
		session_mark_dirty(s);
}

/* A time counted from the acceptance of the run, for a client that came later. */
static uint64_t rebase(uint64_t us, uint64_t later_us)
{
	return us > later_us ? us - later_us : us > 0;
}

static struct result result_for(const struct result *res, uint64_t id, uint64_t later_us)
{
	struct result mine = *res;

	mine.id = id;
	mine.queued_us = rebase(res->queued_us, later_us);
	mine.dispatched_us = rebase(res->dispatched_us, later_us);
	mine.started_us = rebase(res->started_us, later_us);
	mine.first_chunk_us = rebase(res->first_chunk_us, later_us);
	mine.finished_us = rebase(res->finished_us, later_us);
	return mine;
}

/* Tells everybody who waits for the run. Each may end its session, and so others'. */
static void answer(struct job *j, const struct result *res, struct span payload)
{
	uint64_t later_us = unique_client_later_us(j);
	struct job *f;

	while ((f = unique_pop(j))) {
		struct daemon *d = f->session->daemon;
		struct result mine = result_for(res, f->id, f->accepted_us - j->accepted_us);
		answer_one(f, &mine, payload);
		job_drop(d, f);
	}
	if (!j->session)
		return;
	struct result mine = result_for(res, j->id, later_us);
	answer_one(j, &mine, payload);
}

void answer_value(struct job *j, struct span value, const struct run_times *ran)
{
	const struct result res = result_of(j, FUT_OK, ran);

	if (j->session)
		answer(j, &res, value);
}

/* Fills in what follows from the status, and encodes. */
static struct span encode(struct daemon *d, fut_status status, struct error_info *e)
{
	if (e->type.len == 0)
		e->type = span_str(status_name(status));
	if (e->message.len == 0)
		e->message = span_str(status_text(status));
	e->retry = status_retry(status, e->executed);
	return span_of(d->error_scratch, error_encode(e, d->error_scratch));
}

bool answer_task_error(struct job *j, fut_status status, const struct error_info *error,
		       const struct run_times *ran)
{
	struct result res = result_of(j, status, ran);
	struct error_info e = *error;

	if (!j->session)
		return false;
	res.error = encode(j->session->daemon, status, &e);
	if (retry_keep(j, &res))
		return true;
	if (j->session)
		answer(j, &res, SPAN_EMPTY);
	return false;
}

/* "3 processes died under it: 102, 101, 100; process 102 was ended by ..." */
static void describe_deaths(const struct job_retry *r, const char *how, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "%u processes died under it: ", r->crashes);

	for (unsigned i = 0; i < r->crashes && i < RETRY_PIDS; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%d", i > 0 ? ", " : "",
					(int)r->pids[i]);
	snprintf(text + len, size - len, "%s; %s", r->crashes > RETRY_PIDS ? " ..." : "", how);
}

static void report_quarantine(const struct job *j)
{
	log_event(LOG_WARNING, "job.quarantined", LOG_UINT("session", j->session->number),
		  LOG_STR("pool", j->session->pool->name), LOG_STR("task", j->task->name),
		  LOG_UINT("deaths", j->retry->crashes));
}

bool answer_death(struct job *j, const struct death_info *death, const char *how,
		  bool has_other_reason)
{
	struct error_info e = {
		.detail = span_str(how),
		.executed = FUT_EXECUTED_MAYBE,
		.has_death = true,
		.death = *death,
	};
	fut_status status = FUT_HOST_DIED;
	char deaths[400];

	if (!j->session)
		return false;
	if (retry_note_death(j, death->pid) && !has_other_reason) {
		status = FUT_QUARANTINED;
		describe_deaths(j->retry, how, deaths, sizeof deaths);
		e.detail = span_str(deaths);
		report_quarantine(j);
	}
	struct daemon *d = j->session->daemon;
	struct result res = result_of(j, status, &(struct run_times){j->started_us, d->now_us, 0});
	res.error = encode(d, status, &e);
	if (retry_keep(j, &res))
		return true;
	if (j->session)
		answer(j, &res, SPAN_EMPTY);
	return false;
}

void answer_error(struct job *j, fut_status status, struct error_info error)
{
	const struct result *last = retry_last(j);
	char detail[96];

	if (!j->session)
		return;
	struct daemon *d = j->session->daemon;
	if (last && error.executed == FUT_EXECUTED_NO) {
		error.executed = FUT_EXECUTED_MAYBE;
		if (error.detail.len == 0) {
			snprintf(detail, sizeof detail, "it ran before: attempt %u ended with %s",
				 last->attempt, status_name(status_from_wire(last->status)));
			error.detail = span_str(detail);
		}
	}
	struct result res = result_of(j, status, &(struct run_times){j->started_us, d->now_us, 0});
	res.error = encode(d, status, &error);
	answer(j, &res, SPAN_EMPTY);
}

void answer_last(struct job *j)
{
	const struct result *last = retry_last(j);

	if (!j->session)
		return;
	if (last->status == FUT_TASK_FAILED) {
		j->session->pool->failed++;
		j->task->failed++;
	}
	answer(j, last, SPAN_EMPTY);
}

void answer_nothing(struct job *j)
{
	struct session *s = j->session;

	if (!s)
		return;
	limits_detach(j);
	struct job *left = unique_pop(j); /* from here on nobody may join */
	assert(!left);
	(void)left;
	/* A job that was refused at the door is in no table. */
	if (session_find_job(s, j->id) == j)
		session_remove_job(s, j);
	j->session = NULL;
}

void job_drop(struct daemon *d, struct job *j)
{
	assert(!j->session && j->place == JOB_NOWHERE);
	assert(d->queued_bytes >= j->payload_len);
	d->queued_bytes -= j->payload_len;
	if (j->lane)
		account_discharge(j->lane->share->account, j->payload_len);
	memory_release_job(j);
	retry_detach(j);
	share_leave(j);
	job_free(&d->jobs, j);
}
