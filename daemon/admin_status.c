#include "daemon/admin_status.h"

#include "daemon/account.h"
#include "daemon/admin_jobs.h"
#include "daemon/daemon.h"
#include "daemon/policy.h"

static const char *const phase_names[] = {
	[POOL_STARTING] = "starting", [POOL_READY] = "ready", [POOL_FAILED] = "failed",
	[POOL_ENDING] = "ending",     [POOL_ENDED] = "ended",
};

/* What of a pool's jobs there is to tell. */
struct counts {
	json_int_t queued, running, retrying;
};

/* ---- of all -------------------------------------------------------------- */

/* Jobs that slots have started; what lies behind them in a slot is still waiting. */
static unsigned running_in(const struct daemon *d, const struct pool *p)
{
	const struct slot *s;
	unsigned n = 0;

	LIST_FOREACH(s, &d->busy, busy_node) {
		if (s->host->pool == p && slot_has_started(s, slot_oldest(s)))
			n++;
	}
	return n;
}

static unsigned waiting_in(const struct daemon *d, const struct pool *p)
{
	const struct slot *s;
	unsigned n = p->scheduler.queued;

	LIST_FOREACH(s, &d->busy, busy_node) {
		if (s->host->pool == p)
			n += s->njobs;
	}
	return n - running_in(d, p);
}

static json_int_t retrying_in(const struct daemon *d, const struct pool *p)
{
	const struct job *j;
	json_int_t n = 0;

	TAILQ_FOREACH(j, &d->retries.waiting, node)
		n += j->session->pool == p;
	return n;
}

static struct counts count_all(const struct daemon *d, const struct pool *p)
{
	return (struct counts){waiting_in(d, p), running_in(d, p), retrying_in(d, p)};
}

/* ---- of one identity ----------------------------------------------------- */

static void count_session(const struct session *s, struct counts *c)
{
	for (uint32_t i = 0, left = s->njobs; left > 0; i++) {
		const struct job *j = s->jobs[i];

		if (!j)
			continue;
		left--;
		if (j->place == JOB_RETRYING)
			c->retrying++;
		else if (j->place == JOB_ASSIGNED && slot_has_started(j->slot, j))
			c->running++;
		else
			c->queued++;
	}
}

static struct counts count_own(const struct session *viewer, const struct pool *p)
{
	struct counts c = {0};
	const struct session *s;

	LIST_FOREACH(s, &viewer->daemon->sessions, node) {
		if (s->pool == p && s->account == viewer->account)
			count_session(s, &c);
	}
	return c;
}

/* ---- the answer ---------------------------------------------------------- */

static json_t *tasks_of(const struct session *viewer, const struct pool *p)
{
	json_t *tasks = json_array();

	for (const struct task *t = p->tasks; t; t = t->hh.next) {
		if (t->index >= 0 && policy_may_run(viewer->rules, span_str(t->name)))
			json_array_append_new(tasks, json_string(t->name));
	}
	return tasks;
}

static void put_int(json_t *object, const char *member, json_int_t n)
{
	json_object_set_new(object, member, json_integer(n));
}

/* What the pool does for others is theirs, and why it fails may be in their words. */
static void put_facts_of_all(json_t *o, const struct pool *p)
{
	put_int(o, "hosts", p->nup);
	put_int(o, "starting", p->nstarting);
	put_int(o, "idle", p->nidle);
	put_int(o, "done", (json_int_t)p->done);
	put_int(o, "failed", (json_int_t)p->failed);
	put_int(o, "deaths", (json_int_t)p->deaths);
}

static json_t *pool_json(const struct session *viewer, const struct pool *p, struct counts *sum)
{
	bool sees_all = admin_sees_all(viewer);
	struct counts c = sees_all ? count_all(viewer->daemon, p) : count_own(viewer, p);
	const char *reason = p->breaker.open && sees_all ? p->breaker.reason : "";
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "name", p->name, "kind",
			      pool_kind_name(p->config->kind), "phase", phase_names[p->phase],
			      "reason", reason);

	put_int(o, "slots", p->config->slots);
	put_int(o, "queued", c.queued);
	put_int(o, "retrying", c.retrying);
	put_int(o, "running", c.running);
	if (sees_all)
		put_facts_of_all(o, p);
	json_object_set_new(o, "tasks", tasks_of(viewer, p));
	sum->queued += c.queued;
	sum->running += c.running;
	return o;
}

static void incarnation_text(const struct daemon *d, char out[2 * INCARNATION_BYTES + 1])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < INCARNATION_BYTES; i++) {
		*out++ = hex[d->incarnation[i] >> 4];
		*out++ = hex[d->incarnation[i] & 15];
	}
	*out = '\0';
}

json_t *admin_status(const struct session *viewer)
{
	const struct daemon *d = viewer->daemon;
	bool sees_all = admin_sees_all(viewer);
	char incarnation[2 * INCARNATION_BYTES + 1];
	json_t *pools = json_array();
	struct counts sum = {0};
	const struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		if (policy_may_use(viewer->rules, span_str(p->name)))
			json_array_append_new(pools, pool_json(viewer, p, &sum));
	}
	incarnation_text(d, incarnation);
	return json_pack(
		"{s:s, s:s, s:I, s:b, s:i, s:I, s:I, s:I, s:o}", "version", PACKAGE_VERSION,
		"incarnation", incarnation, "uptime_us", (json_int_t)(d->now_us - d->started_us),
		"draining", d->phase != DAEMON_RUNNING, "sessions",
		(int)(sees_all ? d->nsessions : viewer->account->sessions), "jobs_queued",
		sum.queued, "jobs_running", sum.running, "payload_bytes",
		(json_int_t)(sees_all ? d->queued_bytes : viewer->account->bytes), "pools", pools);
}
