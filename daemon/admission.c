#include "daemon/admission.h"

#include "common/name.h"
#include "daemon/account.h"
#include "daemon/answer.h"
#include "daemon/audit.h"
#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "daemon/placement.h"
#include "daemon/policy.h"
#include "daemon/retry.h"
#include "daemon/unique.h"
#include "proto/pack.h"

#include <errno.h>
#include <stdio.h>

/* A job that is refused has no row: its answer is made on a job that never was. */
static void refuse_job(struct session *s, uint64_t id, fut_status status, struct error_info e)
{
	struct job j = {.id = id, .session = s};

	e.executed = FUT_EXECUTED_NO;
	answer_error(&j, status, e);
}

static void refuse_unknown_task(struct session *s, const struct job_spec *spec)
{
	char detail[160];

	if (name_is_valid(spec->task))
		snprintf(detail, sizeof detail, "task '%.*s', pool '%s'", (int)spec->task.len,
			 (const char *)spec->task.data, s->pool->name);
	else
		snprintf(detail, sizeof detail, "the name is not one a task can have");
	refuse_job(s, spec->id, FUT_UNKNOWN_TASK,
		   (struct error_info){
			   .detail = span_str(detail),
			   .hint = span_str("futurectl status lists the tasks of each pool"),
		   });
}

/* The same whether there is such a task or not. */
static void refuse_denied(struct session *s, const struct job_spec *spec)
{
	char detail[160];

	if (name_is_valid(spec->task))
		snprintf(detail, sizeof detail, "task '%.*s'", (int)spec->task.len,
			 (const char *)spec->task.data);
	else
		snprintf(detail, sizeof detail, "the name is not one a task can have");
	audit_deny(s, "task", spec->task);
	refuse_job(s, spec->id, FUT_PERMISSION_DENIED,
		   (struct error_info){
			   .detail = span_str(detail),
			   .hint = span_str("futurectl whoami says what this identity may do"),
		   });
}

static void refuse_quota(struct session *s, uint64_t id, const char *limit, uint64_t n)
{
	char detail[IDENTITY_NAME_SIZE + 80];

	snprintf(detail, sizeof detail, "%s of identity '%s': %llu", limit, s->account->name,
		 (unsigned long long)n);
	refuse_job(s, id, FUT_QUOTA,
		   (struct error_info){
			   .detail = span_str(detail),
			   .hint = span_str("submit it again after a pause"),
		   });
}

static void refuse_large(struct session *s, uint64_t id)
{
	char detail[IDENTITY_NAME_SIZE + 80];

	snprintf(detail, sizeof detail, "max_payload of identity '%s': %u bytes", s->account->name,
		 s->rules->max_payload_bytes);
	refuse_job(s, id, FUT_PAYLOAD_TOO_BIG, (struct error_info){.detail = span_str(detail)});
}

static void refuse_busy(struct session *s, uint64_t id, const char *limit, uint64_t depth)
{
	char detail[160];

	snprintf(detail, sizeof detail, "%s, pool '%s': %llu", limit, s->pool->name,
		 (unsigned long long)depth);
	refuse_job(s, id, FUT_BUSY,
		   (struct error_info){
			   .detail = span_str(detail),
			   .hint = span_str("submit it again after a pause"),
		   });
}

static void refuse_broken(struct session *s, uint64_t id)
{
	char detail[POOL_DETAIL_MAX];

	refuse_job(s, id, FUT_POOL_BROKEN, pool_failure(s->pool, detail));
}

/* Whether the pack is what its job says; the slot would refuse it too, but later. */
static bool pack_is_sane(const struct job_spec *spec)
{
	return spec->items == 0 ||
	       (spec->items <= PACK_ITEMS_MAX &&
		(uint64_t)spec->items * PACK_ITEM_HEADER_BYTES <= spec->payload_len);
}

/* In whose name it runs: its key's, or the session's. 0 or -ENOMEM. */
static int enter_share(struct session *s, struct job *j, const struct job_spec *spec)
{
	struct scheduler *sched = &s->pool->scheduler;
	struct share *share = s->share;
	int32_t priority = spec->priority;

	if (spec->key.len > 0)
		share = share_of_key(sched, s->account, spec->key);
	else if (!share)
		share = s->share = share_new(sched, s->account);
	if (!share)
		return -ENOMEM;
	if (s->rules && priority > s->rules->priority_max)
		priority = s->rules->priority_max;
	share_enter(share, j, priority);
	account_charge(s->account, j->payload_len);
	return 0;
}

static void admit(struct session *s, struct task *task, const struct job_spec *spec,
		  const uint8_t *payload)
{
	struct daemon *d = s->daemon;
	struct job *j = job_new(&d->jobs, payload, spec->payload_len);

	if (!j) {
		refuse_job(s, spec->id, FUT_NO_MEMORY, (struct error_info){0});
		return;
	}
	j->id = spec->id;
	j->task = task;
	j->items = spec->items;
	j->accepted_us = d->now_us;
	d->queued_bytes += j->payload_len;
	if (enter_share(s, j, spec) < 0 || session_add_job(s, j) < 0 ||
	    limits_attach(j, spec) < 0 || retry_attach(j, spec) < 0 ||
	    (spec->unique.len > 0 && unique_open(j, spec->unique) < 0)) {
		if (!j->session)
			j->session = s; /* so that the answer finds its way */
		answer_error(j, FUT_NO_MEMORY, (struct error_info){0});
		job_drop(d, j);
		return;
	}
	scheduler_push(&s->pool->scheduler, j, d->now_us);
	if (d->config->log_level >= LOG_DEBUG)
		audit_submit(s, task->name);
}

/* Mostly that of the job before, and then what was found out about it counts. */
static struct task *find_task(struct session *s, struct span name)
{
	if (s->task && span_equal(span_of(s->task->name, s->task->name_len), name))
		return s->task;
	s->task = pool_find_task(s->pool, name);
	s->may_run_task = policy_may_run(s->rules, name);
	return s->task;
}

static void refuse_unique(struct session *s, uint64_t id, const char *detail)
{
	refuse_job(s, id, FUT_INVALID,
		   (struct error_info){
			   .message = span_str("the unique name cannot be used"),
			   .detail = span_str(detail),
		   });
}

/* The job is the same as an unfinished one, whose outcome will be its own. */
static void join_run(struct session *s, struct job *run, const struct job_spec *spec,
		     const uint8_t *payload)
{
	struct daemon *d = s->daemon;

	if (run->items != spec->items || !span_equal(span_of(run->payload, run->payload_len),
						     span_of(payload, spec->payload_len))) {
		refuse_unique(s, spec->id, "an unfinished job has it, with another payload");
		return;
	}
	struct job *j = job_new(&d->jobs, NULL, 0);
	if (!j) {
		refuse_job(s, spec->id, FUT_NO_MEMORY, (struct error_info){0});
		return;
	}
	j->id = spec->id;
	j->task = run->task;
	j->accepted_us = d->now_us;
	if (session_add_job(s, j) < 0) {
		job_drop(d, j);
		refuse_job(s, spec->id, FUT_NO_MEMORY, (struct error_info){0});
		return;
	}
	unique_follow(run, j);
	if (run->announced) {
		session_note_started(s, j->id);
		session_flush_started(s);
	}
}

/* Whether the session's identity has room for the job; answers it when it has not. */
static bool passes_limits(struct session *s, const struct job_spec *spec)
{
	uint64_t limit;
	const char *reached = policy_limit_reached(s, &limit);

	if (s->rules->max_payload_bytes > 0 && spec->payload_len > s->rules->max_payload_bytes)
		refuse_large(s, spec->id);
	else if (reached)
		refuse_quota(s, spec->id, reached, limit);
	else if (!policy_take_rate(s))
		refuse_quota(s, spec->id, "rate", s->rules->rate);
	else
		return true;
	return false;
}

/* What is held for a slow reader takes no room from others. */
static bool has_room_for(const struct daemon *d, uint32_t payload_len)
{
	uint64_t queued = d->queued_bytes + payload_len;
	const struct pool *p;

	if (queued <= d->config->max_queued_bytes)
		return true;
	TAILQ_FOREACH(p, &d->pools, node)
		queued -= p->scheduler.held_bytes;
	return queued <= d->config->max_queued_bytes;
}

/* Whether one that must wait can not: by the pool's limit, or the identity's. */
static bool is_queue_full(const struct session *s)
{
	const struct pool *p = s->pool;

	return scheduler_waiting(&p->scheduler) >= pool_max_queued(p) ||
	       (s->rules && s->rules->max_queue > 0 && s->account->queued >= s->rules->max_queue);
}

void admission_submit(struct session *s, const struct job_spec *spec, const uint8_t *payload)
{
	const struct daemon *d = s->daemon;
	const struct pool *p = s->pool;
	struct task *task = find_task(s, spec->task);
	bool may_join = spec->unique.len > 0 && task && name_is_valid(spec->unique);
	struct job *run;

	/* What an idle slot can take does not wait, and is not counted as if it did. */
	if (is_queue_full(s) && pool_has_room(p)) {
		place_jobs(s->pool);
		if (s->phase != SESSION_OPEN)
			return;
	}
	run = may_join ? unique_find(s, task, spec->unique) : NULL;
	if (d->phase != DAEMON_RUNNING || s->secure.is_leaving)
		refuse_job(s, spec->id, FUT_DRAINING, (struct error_info){0});
	else if (!s->may_run_task)
		refuse_denied(s, spec);
	else if (p->phase == POOL_FAILED)
		refuse_broken(s, spec->id);
	else if (!task || task->index < 0)
		refuse_unknown_task(s, spec);
	else if (spec->key.len > 0 && !name_is_valid(spec->key))
		refuse_job(s, spec->id, FUT_INVALID,
			   (struct error_info){.detail = span_str("the key is not a name")});
	else if (!pack_is_sane(spec))
		refuse_job(s, spec->id, FUT_PROTOCOL,
			   (struct error_info){.detail = span_str("the payload is no pack")});
	else if (spec->unique.len > 0 && !name_is_valid(spec->unique))
		refuse_unique(s, spec->id, "it is not 1 to 63 of A-Z a-z 0-9 . _ -");
	else if (s->rules && !passes_limits(s, spec))
		return; /* answered */
	else if (run)
		join_run(s, run, spec, payload);
	else if (s->is_reserve)
		refuse_busy(s, spec->id, "sessions; this one is for questions", d->nsessions);
	else if (!memory_admits(&d->memory))
		refuse_busy(s, spec->id, "bytes of memory held", d->memory.total.bytes);
	else if (scheduler_waiting(&p->scheduler) >= pool_max_queued(p))
		refuse_busy(s, spec->id, "jobs queued", scheduler_waiting(&p->scheduler));
	else if (!has_room_for(d, spec->payload_len))
		refuse_busy(s, spec->id, "payload bytes queued", d->queued_bytes);
	else
		admit(s, task, spec, payload);
}
