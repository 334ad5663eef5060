#include "daemon/slot.h"

#include "common/clock.h"
#include "common/futex.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/answer.h"
#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "daemon/retry.h"
#include "daemon/unique.h"
#include "proto/status.h"

#include <assert.h>
#include <string.h>

enum {
	/* How much work may lie in a slot: enough to hide the way to it and back, little
	 * enough that a job behind it does not wait long. */
	AHEAD_NS = 300 * 1000,
	AHEAD_JOBS = 1024,
	/* A job expected to be done faster than this is reported in batches. */
	SHORT_JOB_NS = 20 * 1000,
	/* Of a new measurement in the moving average: one part in so many. */
	SERVICE_WEIGHT = 8,
	/* How old the turn's idea of the time may be. */
	TURN_US = 1000,
};

static struct daemon *daemon_of(const struct slot *s)
{
	return s->host->pool->daemon;
}

void slot_init(struct slot *s, struct host *h, unsigned index)
{
	*s = (struct slot){.host = h, .index = index};
	s->view = region_slot(h->shared, h->big_bytes, index);
	ring_producer_init(&s->in, &s->view.shared->in, s->view.in, REGION_RING_BYTES);
	ring_consumer_init(&s->out, &s->view.shared->out, s->view.out, REGION_RING_BYTES);
	TAILQ_INIT(&s->jobs);
}

void slot_enlist(struct slot *s)
{
	struct pool *p = s->host->pool;
	bool idle = s->njobs == 0 && host_takes_jobs(s->host);
	bool busy = s->njobs > 0;

	if (idle != s->is_idle) {
		if (idle) {
			/* The last that was busy is the first to be again: the others may end. */
			LIST_INSERT_HEAD(&p->idle, s, idle_node);
			s->idle_since_us = p->daemon->now_us;
			p->nidle++;
		} else {
			LIST_REMOVE(s, idle_node);
			p->nidle--;
		}
		s->is_idle = idle;
	}
	if (busy != s->is_busy) {
		if (busy)
			LIST_INSERT_HEAD(&p->daemon->busy, s, busy_node);
		else
			LIST_REMOVE(s, busy_node);
		s->is_busy = busy;
		if (!busy && s->host->is_lingering)
			p->nlingering--;
	}
}

/* ---- in ---------------------------------------------------------------- */

static bool is_big(const struct job *j)
{
	return j->payload_len > RECORD_PAYLOAD_MAX;
}

static void fill_record(struct slot *s, struct job *j)
{
	struct job_record *r = record_body(j->record);

	*r = (struct job_record){
		.tag = j->tag,
		.flags = (is_big(j) ? JOB_FLAG_BIG : 0) |
			 (j->expected_ns < SHORT_JOB_NS ? JOB_FLAG_SHORT : 0),
		.task = (uint32_t)j->task->index,
		.payload_len = j->payload_len,
		.items = j->items,
		.attempt = j->attempt,
	};
	if (j->limits) {
		r->run_limit_us = j->limits->run_limit_us;
		if (j->limits->deadline_at_us < CLOCK_NEVER / 1000)
			r->deadline_ns = j->limits->deadline_at_us * 1000;
	}
	if (j->payload_len > 0)
		memcpy(is_big(j) ? s->view.big : r->payload, j->payload, j->payload_len);
}

bool slot_assign(struct slot *s, struct job *j)
{
	size_t len = sizeof(struct job_record) + (is_big(j) ? 0 : j->payload_len);

	assert(j->place == JOB_NOWHERE && j->session && host_takes_jobs(s->host));
	if (is_big(j) && s->big_used)
		return false;
	/* The slot gives a record back when it has told of the job's end; the job looks at its
	 * record until the front has heard. */
	ring_hold(&s->in, slot_oldest(s) ? slot_oldest(s)->record : NULL);
	j->record = ring_reserve(&s->in, len);
	if (!j->record)
		return false;
	s->big_used |= is_big(j);
	s->last_tag = s->last_tag == UINT32_MAX ? 1 : s->last_tag + 1;
	j->tag = s->last_tag;
	j->slot = s;
	j->place = JOB_ASSIGNED;
	j->attempt++;
	j->announced = false;
	j->result_bytes = 0;
	j->started_us = j->first_chunk_us = 0;
	j->dispatched_us = daemon_of(s)->now_us;
	fill_record(s, j);
	TAILQ_INSERT_TAIL(&s->jobs, j, node);
	s->njobs++;
	s->expected_ns += j->expected_ns;
	host_spend_job(s->host);
	slot_enlist(s);
	return true;
}

bool slot_wants_more(const struct slot *s)
{
	const struct job *oldest = slot_oldest(s);

	/* One that is known to run took longer than expected: nothing goes behind it. */
	return host_takes_jobs(s->host) && s->expected_ns < AHEAD_NS && s->njobs < AHEAD_JOBS &&
	       !(oldest && oldest->announced);
}

void slot_publish(struct slot *s)
{
	if (ring_has_unpublished(&s->in) && ring_publish(&s->in))
		futex_wake(&s->view.shared->in.consumer_waits, 1, FUTEX_SHARED);
}

void slot_wake(struct slot *s)
{
	atomic_store(&s->view.shared->in.consumer_waits, 0);
	futex_wake(&s->view.shared->in.consumer_waits, 1, FUTEX_SHARED);
}

static void take_off(struct slot *s, struct job *j)
{
	assert(j->slot == s && j->place == JOB_ASSIGNED);
	if (is_big(j))
		s->big_used = false;
	TAILQ_REMOVE(&s->jobs, j, node);
	s->njobs--;
	s->expected_ns -= j->expected_ns;
	j->slot = NULL;
	j->record = NULL;
	j->place = JOB_NOWHERE;
	slot_enlist(s);
}

void slot_forget(struct slot *s, struct job *j, uint64_t took_ns)
{
	scheduler_settle(j, took_ns);
	take_off(s, j);
}

bool slot_revoke(struct slot *s, struct job *j)
{
	uint32_t ready = RECORD_READY;

	if (!atomic_compare_exchange_strong(&j->record->state, &ready, RECORD_REVOKED))
		return false;
	scheduler_undo(j);
	take_off(s, j);
	host_return_job(s->host);
	j->attempt--;
	return true;
}

void slot_revoke_all(struct slot *s)
{
	struct job *j, *before;

	/* From the youngest, so that the queue gets them back in order. */
	for (j = TAILQ_LAST(&s->jobs, job_list); j; j = before) {
		before = TAILQ_PREV(j, job_list, node);
		if (slot_revoke(s, j))
			pool_take_back(s->host->pool, j);
	}
}

bool slot_has_started(const struct slot *s, const struct job *j)
{
	(void)s;
	return atomic_load_explicit(&j->record->state, memory_order_relaxed) != RECORD_READY;
}

void slot_ask_to_stop(struct slot *s, const struct job *j)
{
	atomic_store(&s->view.shared->stop_tag, j->tag);
}

/* ---- out --------------------------------------------------------------- */

static void learn_service(struct job *j, uint64_t took_ns)
{
	struct task *t = j->task;
	uint64_t one = max_u64(took_ns / (j->items ? j->items : 1), 1);

	if (t->service_ns == 0)
		t->service_ns = one;
	else
		t->service_ns += (one / SERVICE_WEIGHT) - (t->service_ns / SERVICE_WEIGHT);
	t->service_ns = max_u64(t->service_ns, 1);
}

static void on_chunk(struct job *j, const struct outcome_record *o, struct span bytes)
{
	struct message m = {.kind = MESSAGE_CHUNK};

	if (j->first_chunk_us == 0)
		j->first_chunk_us = min_u64(max_u64(o->emitted_ns / 1000, j->dispatched_us),
					    j->session->daemon->now_us);
	unique_tell(j, &m, &m.chunk.id, bytes);
}

static void on_progress(struct job *j, const struct outcome_record *o, struct span bytes)
{
	struct message m = {.kind = MESSAGE_PROGRESS};
	char text[PROGRESS_TEXT_MAX];

	/* Copied: the slot could change it between two looks at it. */
	bytes = span_cut(bytes, sizeof text);
	if (bytes.len > 0)
		memcpy(text, bytes.data, bytes.len);
	m.progress.done = o->done;
	m.progress.total = o->total;
	m.progress.text = span_of(text, bytes.len);
	unique_tell(j, &m, &m.progress.id, SPAN_EMPTY);
}

static void on_part(struct job *j, struct span bytes)
{
	struct message m = {.kind = MESSAGE_PART};

	unique_close(j); /* whoever comes now has missed the beginning */
	unique_tell(j, &m, &m.part.id, bytes);
}

/* An error as the slot encoded it: copied first, then decoded, then told. True when the job
 * runs again. */
static bool on_task_error(struct job *j, const struct outcome_record *o, struct span bytes,
			  const struct run_times *ran)
{
	struct daemon *d = j->session->daemon;
	uint8_t *copy = d->error_scratch + ERROR_ENCODED_MAX;
	fut_status status = status_from_wire(o->status);
	struct error_info e;

	bytes = span_cut(bytes, ERROR_ENCODED_MAX);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	arena_reset(d->arena);
	if (error_decode(span_of(copy, bytes.len), d->arena, &e) < 0)
		e = (struct error_info){.detail = span_str("the host's error cannot be decoded"),
					.executed = FUT_EXECUTED_MAYBE};
	/* A death is the front's to report. */
	e.has_death = false;
	if (status_family(status) != FUT_FAMILY_TASK && status != FUT_PROTOCOL &&
	    status != FUT_NO_MEMORY)
		status = FUT_TASK_FAILED;
	/* Only what the host itself refuses can have kept the task from running. */
	if (status != FUT_PROTOCOL && status != FUT_NO_MEMORY)
		e.executed = FUT_EXECUTED_YES;
	return answer_task_error(j, status, &e, ran);
}

/* Times are the slot's word: they are kept inside what the front saw. Only commands can use
 * more CPU time than that, on all CPUs at most. */
static struct run_times times_of(const struct job *j, const struct outcome_record *o)
{
	const struct daemon *d = daemon_of(j->slot);
	struct run_times ran;

	ran.started_us = min_u64(max_u64(o->started_ns / 1000, j->dispatched_us), d->now_us);
	ran.finished_us = min_u64(max_u64(o->finished_ns / 1000, ran.started_us), d->now_us);
	uint64_t run_us = ran.finished_us - ran.started_us;
	bool is_of_one = o->cpu_ns <= o->finished_ns - o->started_ns;
	ran.cpu_us = min_u64(o->cpu_ns / 1000, is_of_one ? run_us : run_us * d->cpus);
	return ran;
}

/* How long the job took, by the slot's word, which cannot be more than the front saw. */
static uint64_t service_of(const struct daemon *d, const struct job *j,
			   const struct outcome_record *o)
{
	uint64_t most_ns = (d->now_us - j->dispatched_us + TURN_US) * 1000;

	return o->finished_ns > o->started_ns ? min_u64(o->finished_ns - o->started_ns, most_ns)
					      : 0;
}

static void on_done(struct slot *s, struct job *j, const struct outcome_record *o,
		    struct span bytes)
{
	struct daemon *d = daemon_of(s);
	const struct run_times ran = times_of(j, o);
	bool again = false;

	uint64_t took_ns = service_of(d, j, o);

	learn_service(j, min_u64(took_ns, SLOT_EXPECTED_MAX_NS));
	if (o->status == 0) {
		s->host->pool->done++;
		j->task->done++;
		answer_value(j, bytes, &ran);
	} else {
		again = j->session && on_task_error(j, o, bytes, &ran);
		s->host->pool->failed += !again;
		j->task->failed += !again;
	}
	slot_forget(s, j, took_ns);
	if (again)
		retry_wait(j);
	else
		job_drop(d, j);
}

/* One record of the oldest job. False when it cannot be true. */
static bool on_outcome(struct slot *s, struct job *j, const struct outcome_record *o,
		       struct span bytes)
{
	if (o->tag != j->tag || o->len > RECORD_BYTES_MAX || !slot_has_started(s, j))
		return false;
	switch ((enum outcome_kind)o->kind) {
	case OUTCOME_CHUNK:
	case OUTCOME_PROGRESS:
		if (!j->session)
			return true;
		if (j->limits) {
			j->limits->progress_at_us = daemon_of(s)->now_us;
			limits_update(j);
		}
		if (o->kind == OUTCOME_CHUNK)
			on_chunk(j, o, bytes);
		else if (!session_is_full(j->session)) /* there will be a newer one */
			on_progress(j, o, bytes);
		return true;
	case OUTCOME_PART:
		j->result_bytes += o->len;
		if (j->session)
			on_part(j, bytes);
		return j->result_bytes <= daemon_of(s)->config->max_result_bytes;
	case OUTCOME_DONE:
		on_done(s, j, o, bytes);
		return true;
	}
	return false;
}

/* What the slot says next, without taking it. */
static bool says_chunk(const struct slot *s)
{
	struct ring_consumer look = s->out;
	struct outcome_record o;
	size_t len;
	struct ring_record *r = ring_next(&look, &len);

	if (!r || len < sizeof o)
		return false;
	memcpy(&o, record_body(r), sizeof o);
	return o.kind == OUTCOME_CHUNK;
}

/* Only a stream waits for its reader, and not for ever: the session is closed for that. What a
 * job returns is taken at once, whoever reads it: session_set_output_limit(). */
static bool may_collect(const struct slot *s)
{
	const struct job *j = slot_oldest(s);

	return j && !(j->session && session_is_full(j->session) && says_chunk(s));
}

bool slot_is_settled(struct slot *s)
{
	return slot_oldest(s)->announced && (s->njobs == 1 || ring_has_next(&s->out));
}

bool slot_has_outcome(struct slot *s)
{
	return may_collect(s) && ring_has_next(&s->out);
}

bool slot_collect(struct slot *s)
{
	struct ring_record *r;
	bool honest = true;
	size_t len;

	while (honest && may_collect(s) && (r = ring_next(&s->out, &len))) {
		struct outcome_record o;
		const uint8_t *body = record_body(r);

		if (len < sizeof o) {
			honest = false;
			break;
		}
		memcpy(&o, body, sizeof o); /* once: what is checked is what is used */
		honest = o.len <= len - sizeof o &&
			 on_outcome(s, slot_oldest(s), &o, span_of(body + sizeof o, o.len));
	}
	if (ring_release(&s->out))
		futex_wake(&s->view.shared->out.producer_waits, 1, FUTEX_SHARED);
	return honest && !s->out.broken && !s->in.broken;
}
