/*
 * What a future is right now. One load of its state decides everything: what that promises
 * was there before, and stays.
 */
#include "client/error.h"
#include "client/executor.h"
#include "client/future.h"
#include "proto/submit.h"

#include <inttypes.h>
#include <stdio.h>

static fut_snapshot look(const fut_future *f)
{
	uint32_t state = future_state(f);
	fut_snapshot s = {
		.done = state & FUTURE_DONE,
		.running = (state & (FUTURE_RUNNING | FUTURE_DONE)) == FUTURE_RUNNING,
		.cancelled = state & FUTURE_CANCELLED,
		.status = FUT_TIMEOUT,
	};

	if (s.done)
		s.attempt = f->attempt;
	if (state & FUTURE_VALUE) {
		s.status = FUT_OK;
		s.value = future_value(f);
	} else if (state & FUTURE_ERROR) {
		s.error = f->outcome.error;
		s.status = fut_error_status(s.error);
	} else if (state & FUTURE_CANCELLED) {
		s.status = FUT_CANCELLED;
	}
	return s;
}

fut_status fut_poll(const fut_future *f, fut_snapshot *ret)
{
	if (!f || !ret)
		return FUT_INVALID;
	if (future_is_forked(f))
		return FUT_FORKED;
	*ret = look(f);
	return FUT_OK;
}

size_t fut_describe(const fut_future *f, char *text, size_t size)
{
	fut_snapshot s = look(f);
	int len;

	if (s.cancelled)
		len = snprintf(text, size, "cancelled");
	else if (s.error)
		len = snprintf(text, size, "failed: %s: %s", fut_status_name(s.status),
			       fut_error_message(s.error));
	else if (s.done)
		len = snprintf(text, size, "finished with %zu byte%s", s.value.len,
			       s.value.len == 1 ? "" : "s");
	else
		len = snprintf(text, size, s.running ? "running" : "pending");
	return len < 0 ? 0 : (size_t)len;
}

size_t fut_job_name(const fut_future *f, char *text, size_t size)
{
	int len = snprintf(text, size, "%" PRIu64 "-%" PRIu32 "-%" PRIu32, f->executor->session,
			   job_id_place(f->id), (uint32_t)(f->id >> 32));

	return len < 0 ? 0 : (size_t)len;
}
