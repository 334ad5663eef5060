#include "daemon/answer.h"

#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "proto/result.h"
#include "proto/status.h"

#include <assert.h>
#include <errno.h>

static uint64_t since_accepted(const struct job *j, uint64_t at_us)
{
	return at_us > j->accepted_us ? at_us - j->accepted_us : 0;
}

/* Sends the Result and makes the session forget the job. */
static void answer(struct job *j, struct result *res, struct span payload)
{
	struct session *s = j->session;

	res->id = j->id;
	res->attempt = j->attempt;
	res->dispatched_us = since_accepted(j, j->dispatched_us);
	answer_nothing(j);
	if (s->phase >= SESSION_CLOSING)
		return;
	int r = result_put(&s->stream.out, res, payload);
	if (r < 0)
		session_close(s, r == -ENOMEM ? "out of memory" : "reads too slowly");
	else
		session_mark_dirty(s);
}

void answer_value(struct job *j, struct span value, uint64_t started_us, uint64_t finished_us)
{
	struct result res = {
		.started_us = since_accepted(j, started_us),
		.finished_us = since_accepted(j, finished_us),
	};

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

void answer_task_error(struct job *j, fut_status status, const struct error_info *error,
		       uint64_t started_us, uint64_t finished_us)
{
	struct error_info e = *error;
	struct result res = {
		.status = (uint32_t)status,
		.started_us = since_accepted(j, started_us),
		.finished_us = since_accepted(j, finished_us),
	};

	if (!j->session)
		return;
	e.executed = FUT_EXECUTED_YES;
	res.error = encode(j->session->daemon, status, &e);
	answer(j, &res, SPAN_EMPTY);
}

void answer_error(struct job *j, fut_status status, struct error_info error)
{
	struct result res = {
		.status = (uint32_t)status,
		.started_us = since_accepted(j, j->started_us),
	};

	if (!j->session)
		return;
	struct daemon *d = j->session->daemon;
	res.finished_us = since_accepted(j, d->now_us);
	res.error = encode(d, status, &error);
	answer(j, &res, SPAN_EMPTY);
}

void answer_nothing(struct job *j)
{
	struct session *s = j->session;

	if (!s)
		return;
	limits_detach(j);
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
	job_free(&d->jobs, j);
}
