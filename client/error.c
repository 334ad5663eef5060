/*
 * An error is one allocation with its strings behind it, immutable and counted.
 *
 * The plain ones, a status and nothing else, are constants: a wait that times out in a
 * loop allocates nothing.
 */
#include "client/error.h"

#include "common/util.h"
#include "proto/status.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_MAX = 512 };

struct fut_error {
	_Atomic uint32_t refs; /* unused in a plain one */
	bool is_plain;
	bool has_death;
	fut_status status;
	fut_executed executed;
	fut_retry retry;
	unsigned attempt;
	const char *type, *message, *detail, *hint, *traceback;
	fut_bytes details;
	fut_death death;
};

/* The only one of them whose remedy is always the same. */
#define FORKED_HINT "after fork(), open an executor of the child's own"

static const struct fut_error plain_errors[] = {
#define X(name, number, family, text)                                                              \
	[number] = {.is_plain = true,                                                              \
		    .status = FUT_##name,                                                          \
		    .type = #name,                                                                 \
		    .message = text,                                                               \
		    .detail = "",                                                                  \
		    .hint = (number) == FUT_FORKED ? FORKED_HINT : "",                             \
		    .traceback = "",                                                               \
		    .details = {"", 0}},
	FUT_STATUSES(X)
#undef X
};

fut_error *error_plain(fut_status status)
{
	return (fut_error *)(uintptr_t)&plain_errors[status];
}

/* What a status alone tells about the job's code having run. */
static fut_executed executed_by_status(fut_status status)
{
	switch (status) {
	case FUT_OK:
	case FUT_TASK_FAILED:
	case FUT_RUN_LIMIT:
	case FUT_STALL_LIMIT:
	case FUT_RESULT_TOO_BIG:
	case FUT_KILLED:
		return FUT_EXECUTED_YES;
	case FUT_CONNECT_FAILED:
	case FUT_BUSY:
	case FUT_UNKNOWN_TASK:
	case FUT_UNKNOWN_POOL:
	case FUT_PAYLOAD_TOO_BIG:
	case FUT_DRAINING:
	case FUT_POOL_BROKEN:
	case FUT_QUEUE_LIMIT:
	case FUT_UNSUPPORTED:
	case FUT_PERMISSION_DENIED:
	case FUT_QUOTA:
	case FUT_CANCELLED:
	case FUT_INVALID:
	case FUT_SHUTDOWN:
	case FUT_FORKED:
		return FUT_EXECUTED_NO;
	case FUT_END:
	case FUT_HOST_DIED:
	case FUT_QUARANTINED:
	case FUT_CONNECTION_LOST:
	case FUT_PROTOCOL:
	case FUT_DEADLINE:
	case FUT_NO_MEMORY:
	case FUT_INTERNAL:
	case FUT_TIMEOUT:
	case FUT_WOULD_DEADLOCK:
		return FUT_EXECUTED_MAYBE;
	}
	return FUT_EXECUTED_MAYBE;
}

/* Moves a copy of the bytes to *to, and *to behind it and a NUL. */
static const char *put(char **to, struct span s)
{
	char *p = *to;

	if (s.len > 0)
		memcpy(p, s.data, s.len);
	p[s.len] = '\0';
	*to += s.len + 1;
	return p;
}

static fut_death_cause cause_of(const struct death_info *d)
{
	if (d->out_of_memory)
		return FUT_DEATH_OUT_OF_MEMORY;
	if (d->signal == SIGXCPU || d->signal == SIGXFSZ)
		return FUT_DEATH_RESOURCE_LIMIT;
	if (d->signal == SIGSYS)
		return FUT_DEATH_SANDBOX;
	return d->signal ? FUT_DEATH_SIGNAL : FUT_DEATH_EXIT;
}

static void put_death(fut_error *e, const struct death_info *d, char **to)
{
	e->has_death = true;
	e->death = (fut_death){
		.cause = cause_of(d),
		.pid = d->pid,
		.exit_code = d->exit_code,
		.signal = d->signal,
		.core_dumped = d->core_dumped,
		.out_of_memory = d->out_of_memory,
		.cpu_us = d->cpu_us,
		.max_rss_bytes = d->max_rss_bytes,
		.stderr_tail = {put(to, d->stderr_tail), d->stderr_tail.len},
	};
}

/* Whether anything is left of it as a string, which ends at its first NUL. */
static bool says_something(struct span s)
{
	return s.len > 0 && *(const char *)s.data != '\0';
}

fut_error *error_from_wire(fut_status status, unsigned attempt, const struct error_info *info)
{
	struct span type = says_something(info->type) ? info->type : span_str(status_name(status));
	struct span message =
		says_something(info->message) ? info->message : span_str(status_text(status));
	struct span tail = info->has_death ? info->death.stderr_tail : SPAN_EMPTY;
	size_t text = type.len + message.len + info->detail.len + info->hint.len +
		      info->traceback.len + info->details.len + tail.len + 7;
	fut_error *e = malloc(sizeof *e + text);

	if (!e)
		return error_plain(FUT_NO_MEMORY);
	char *p = (char *)(e + 1);
	*e = (fut_error){
		.refs = 1,
		.status = status,
		.executed = info->executed,
		.retry = info->retry,
		.attempt = attempt,
		.type = put(&p, type),
		.message = put(&p, message),
		.detail = put(&p, info->detail),
		.hint = put(&p, info->hint),
		.traceback = put(&p, info->traceback),
		.details = {put(&p, info->details), info->details.len},
	};
	if (info->has_death)
		put_death(e, &info->death, &p);
	return e;
}

fut_error *error_make(fut_status status, fut_executed executed, const char *message,
		      const char *hint, const char *detail_format, ...)
{
	char detail[DETAIL_MAX];
	va_list args;

	va_start(args, detail_format);
	(void)vsnprintf(detail, sizeof detail, detail_format, args);
	va_end(args);
	return error_from_wire(status, 0,
			       &(struct error_info){
				       .message = span_str(message),
				       .detail = span_str(detail),
				       .hint = span_str(hint),
				       .executed = executed,
				       .retry = status_retry(status, executed),
			       });
}

fut_status error_give(fut_error **reterr, fut_error *e)
{
	fut_status status = e->status;

	if (reterr)
		*reterr = e;
	else
		fut_error_unref(e);
	return status;
}

fut_error *fut_error_ref(fut_error *e)
{
	if (e && !e->is_plain)
		atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return e;
}

void fut_error_unref(fut_error *e)
{
	if (!e || e->is_plain)
		return;
	if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
		free(e);
}

fut_status fut_error_status(const fut_error *e)
{
	return e->status;
}
const char *fut_error_type(const fut_error *e)
{
	return e->type;
}
const char *fut_error_message(const fut_error *e)
{
	return e->message;
}
const char *fut_error_detail(const fut_error *e)
{
	return e->detail;
}
const char *fut_error_hint(const fut_error *e)
{
	return e->hint;
}
fut_bytes fut_error_details(const fut_error *e)
{
	return e->details;
}
const char *fut_error_traceback(const fut_error *e)
{
	return e->traceback;
}
unsigned fut_error_attempt(const fut_error *e)
{
	return e->attempt;
}

fut_executed fut_error_executed(const fut_error *e)
{
	return e->is_plain ? executed_by_status(e->status) : e->executed;
}

fut_retry fut_error_retry(const fut_error *e)
{
	return e->is_plain ? status_retry(e->status, executed_by_status(e->status)) : e->retry;
}

const fut_death *fut_error_death(const fut_error *e)
{
	return e->has_death ? &e->death : NULL;
}
