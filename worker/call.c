#include "worker/call.h"

#include "common/clock.h"
#include "common/util.h"
#include "proto/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct call *call_of(struct fut_call *base)
{
	return container_of(base, struct call, base);
}

static const struct call *call_of_const(const struct fut_call *base)
{
	return (const struct call *)(const void *)base;
}

_Static_assert(offsetof(struct call, base) == 0, "a call starts with what the task sees");

static struct fut_view op_payload(const struct fut_call *base)
{
	const struct call *c = call_of_const(base);

	return (struct fut_view){c->payload.data, c->payload.len};
}

static int64_t op_remaining_us(const struct fut_call *base)
{
	const struct call *c = call_of_const(base);

	if (c->end_ns == CLOCK_NEVER)
		return -1;
	uint64_t now_ns = clock_now_ns();
	return now_ns >= c->end_ns ? 0 : (int64_t)((c->end_ns - now_ns) / 1000);
}

static bool op_stopped(const struct fut_call *base)
{
	return call_is_stopped(call_of_const(base));
}

static unsigned op_attempt(const struct fut_call *base)
{
	return call_of_const(base)->attempt;
}

static int op_emit(struct fut_call *base, const void *data, size_t len)
{
	struct call *c = call_of(base);

	if (len > RECORD_BYTES_MAX)
		return -1;
	struct outcome_record *outcome = outbox_reserve(c->out, c->tag, OUTCOME_CHUNK, len);
	if (!outcome)
		return -1;
	if (len > 0)
		memcpy(outcome->bytes, data, len);
	if (!c->has_emitted)
		outcome->emitted_ns = clock_now_ns();
	c->has_emitted = true;
	outbox_publish_now(c->out);
	return 0;
}

static int op_progress(struct fut_call *base, uint64_t done, uint64_t total, const char *text)
{
	struct call *c = call_of(base);
	size_t len = text ? strnlen(text, CALL_PROGRESS_TEXT_MAX) : 0;
	struct outcome_record *outcome = outbox_reserve(c->out, c->tag, OUTCOME_PROGRESS, len);

	if (!outcome)
		return -1;
	outcome->done = done;
	outcome->total = total;
	if (len > 0)
		memcpy(outcome->bytes, text, len);
	outbox_publish_now(c->out);
	return 0;
}

/* The job fails with this, whatever the task does now. */
static int call_refuse_result(struct call *c, int r, uint64_t bytes, bool more)
{
	c->refusal = r == -EMSGSIZE ? FUT_RESULT_TOO_BIG : FUT_NO_MEMORY;
	c->refused_bytes = bytes;
	c->refused_more = more;
	return -1;
}

static int op_give_back(struct fut_call *base, const void *data, size_t len)
{
	struct call *c = call_of(base);
	int r = answer_set(c->answer, data, len);

	return r < 0 ? call_refuse_result(c, r, len, false) : 0;
}

int call_add(struct call *c, const void *data, size_t len)
{
	int r = answer_add(c->answer, data, len);

	if (r < 0)
		return call_refuse_result(c, r, answer_piece_len(c->answer) + len, true);
	return 0;
}

static size_t copy_cut(void *to, size_t room, const void *from, size_t len)
{
	if (!from)
		return 0;
	size_t n = len < room ? len : room;
	memcpy(to, from, n);
	return n;
}

static int op_fail(struct fut_call *base, const char *type, const char *message,
		   const void *details, size_t details_len)
{
	struct call *c = call_of(base);

	c->failed = true;
	c->type_len = copy_cut(c->type, sizeof c->type, type, span_str(type).len);
	c->message_len = copy_cut(c->message, sizeof c->message, message, span_str(message).len);
	c->details_len = copy_cut(c->details, sizeof c->details, details, details_len);
	return -1;
}

static void op_trace(struct fut_call *base, const char *file, int line, const char *text)
{
	struct call *c = call_of(base);
	char *at = c->traceback + c->traceback_len;
	size_t room = sizeof c->traceback - c->traceback_len;
	int n;

	if (file)
		n = snprintf(at, room, "%s:%d: %s\n", file, line, text ? text : "");
	else
		n = snprintf(at, room, "%s\n", text ? text : "");
	if (n > 0)
		c->traceback_len += (size_t)n < room ? (size_t)n : room - 1;
}

static const struct fut_call_ops call_ops = {
	.payload = op_payload,
	.remaining_us = op_remaining_us,
	.stopped = op_stopped,
	.attempt = op_attempt,
	.emit = op_emit,
	.progress = op_progress,
	.give_back = op_give_back,
	.fail = op_fail,
	.trace = op_trace,
};

void call_init(struct call *c, struct outbox *out, struct answer *answer,
	       const _Atomic uint32_t *stop_tag)
{
	c->base.ops = &call_ops;
	c->out = out;
	c->answer = answer;
	c->stop_tag = stop_tag;
}

static uint64_t run_end_ns(uint64_t started_ns, uint64_t run_limit_us)
{
	if (run_limit_us == 0 || run_limit_us >= (CLOCK_NEVER - started_ns) / 1000)
		return CLOCK_NEVER;
	return started_ns + run_limit_us * 1000;
}

void call_start_job(struct call *c, const struct job_record *job, uint64_t started_ns)
{
	uint64_t deadline_ns = job->deadline_ns ? job->deadline_ns : CLOCK_NEVER;

	c->tag = job->tag;
	c->attempt = job->attempt;
	c->child_cpu_ns = 0;
	c->has_emitted = false;
	c->end_ns = min_u64(deadline_ns, run_end_ns(started_ns, job->run_limit_us));
}

void call_start(struct call *c, struct span payload)
{
	c->payload = payload;
	c->refusal = FUT_OK;
	c->failed = false;
	c->type_len = c->message_len = c->details_len = c->traceback_len = 0;
}

bool call_is_stopped(const struct call *c)
{
	return atomic_load_explicit(c->stop_tag, memory_order_relaxed) == c->tag;
}

static void call_say(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void call_say(struct call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(c->message, sizeof c->message, fmt, ap);
	va_end(ap);
	c->message_len = n < 0 ? 0 : min_u64((uint64_t)n, sizeof c->message - 1);
}

static fut_status call_refused(struct call *c, struct error_info *ret)
{
	if (c->refusal == FUT_NO_MEMORY)
		call_say(c, "no memory for a result of %" PRIu64 " bytes", c->refused_bytes);
	else
		call_say(c, "the result has %s%" PRIu64 " bytes, and %zu are allowed",
			 c->refused_more ? "at least " : "", c->refused_bytes,
			 c->answer->bytes.limit);
	ret->message = span_of(c->message, c->message_len);
	return c->refusal;
}

static fut_status call_failed(struct call *c, int returned, struct error_info *ret)
{
	if (c->type_len == 0)
		c->type_len = copy_cut(c->type, sizeof c->type, "TaskError", 9);
	if (c->message_len == 0)
		call_say(c, "the task returned %d", returned);
	ret->type = span_of(c->type, c->type_len);
	ret->message = span_of(c->message, c->message_len);
	ret->details = span_of(c->details, c->details_len);
	ret->traceback = span_of(c->traceback, c->traceback_len);
	return FUT_TASK_FAILED;
}

fut_status call_end(struct call *c, int returned, struct error_info *ret_error)
{
	fut_status status;

	if (c->refusal == FUT_OK && !c->failed && returned == 0)
		return FUT_OK;
	*ret_error = (struct error_info){.executed = FUT_EXECUTED_YES};
	if (c->refusal != FUT_OK)
		status = call_refused(c, ret_error);
	else
		status = call_failed(c, returned, ret_error);
	ret_error->retry = status_retry(status, FUT_EXECUTED_YES);
	return status;
}
