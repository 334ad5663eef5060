#include "client/timeline.h"

#include "client/executor.h"
#include "client/future.h"
#include "client/streaming.h"
#include "common/clock.h"
#include "common/util.h"
#include "proto/result.h"

/* All that comes with one read has come at once. */
static uint64_t arrival_us(fut_executor *x)
{
	if (x->arrival_us == 0)
		x->arrival_us = clock_now_us();
	return x->arrival_us;
}

/* No bit of any is beyond the limit, which is a power of two less one. */
static bool is_brief(const struct timeline *t)
{
	uint64_t all = t->total_us | t->dispatched_us | t->started_us | t->finished_us | t->cpu_us;

	return all <= TIMELINE_BESIDE / 2 && (t->queued_us | t->first_chunk_us) == 0;
}

static uint32_t cut(uint64_t us)
{
	return (uint32_t)min_u64(us, TIMELINE_BESIDE - 1);
}

void timeline_end(fut_future *f)
{
	static const struct result nothing;
	const struct result *res = f->executor->result ? f->executor->result : &nothing;
	uint64_t now_us = arrival_us(f->executor);
	const struct timeline t = {
		.total_us = now_us - min_u64(f->submitted_us, now_us),
		.queued_us = res->queued_us,
		.dispatched_us = res->dispatched_us,
		.started_us = res->started_us,
		.first_chunk_us = res->first_chunk_us,
		.finished_us = res->finished_us,
		.cpu_us = res->cpu_us,
	};
	bool beside = !is_brief(&t) && streaming_keep_timeline(f, &t);

	/* Without memory for the whole it is cut. */
	f->done.total_us = beside ? TIMELINE_BESIDE : cut(t.total_us);
	f->done.dispatched_us = cut(t.dispatched_us);
	f->done.started_us = cut(t.started_us);
	f->done.finished_us = cut(t.finished_us);
	f->done.cpu_us = cut(t.cpu_us);
}

/* ---- telling it ---------------------------------------------------------- */

static struct timeline recall(const fut_future *f)
{
	const struct timeline_brief *b = &f->done;

	return (struct timeline){
		.total_us = b->total_us,
		.dispatched_us = b->dispatched_us,
		.started_us = b->started_us,
		.finished_us = b->finished_us,
		.cpu_us = b->cpu_us,
	};
}

static uint64_t or_never(uint64_t us)
{
	return us ? us : FUT_NEVER;
}

/* What did not come to its own end was not measured. */
static bool is_measured(const fut_future *f)
{
	uint32_t state = future_state(f);

	if (state & FUTURE_VALUE)
		return true;
	if (state & FUTURE_CANCELLED)
		return false;
	fut_status status = fut_error_status(f->outcome.error);
	return status == FUT_TASK_FAILED || status == FUT_RESULT_TOO_BIG;
}

fut_status fut_timeline_of(const fut_future *f, fut_timeline *ret)
{
	uint64_t chunk_bytes;

	if (!f || !ret)
		return FUT_INVALID;
	if (future_is_forked(f))
		return FUT_FORKED;
	if (!future_is_done(f))
		return FUT_TIMEOUT;
	struct timeline t = recall(f);
	streaming_recall(f, f->done.total_us == TIMELINE_BESIDE ? &t : NULL, &chunk_bytes);
	*ret = (fut_timeline){
		.submitted_us = f->submitted_us,
		.total_us = t.total_us,
		.queued_us = t.finished_us ? t.queued_us : FUT_NEVER,
		.dispatched_us = or_never(t.dispatched_us),
		.started_us = or_never(t.started_us),
		.first_chunk_us = or_never(t.first_chunk_us),
		.finished_us = or_never(t.finished_us),
		.transit_us = t.total_us - min_u64(t.finished_us, t.total_us),
		.cpu_us = t.cpu_us || is_measured(f) ? t.cpu_us : FUT_NEVER,
		.payload_bytes = f->done.payload_len,
		.result_bytes = future_state(f) & FUTURE_VALUE ? f->value_len : 0,
		.chunk_bytes = chunk_bytes,
		.attempt = f->attempt,
	};
	return FUT_OK;
}
