#include "daemon/admin.h"

#include "common/util.h"
#include "daemon/admin_jobs.h"
#include "daemon/admin_why.h"
#include "daemon/daemon.h"

#include <jansson.h>
#include <string.h>

static const char *const phase_names[] = {
	[POOL_STARTING] = "starting", [POOL_READY] = "ready", [POOL_FAILED] = "failed",
	[POOL_ENDING] = "ending",     [POOL_ENDED] = "ended",
};

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

static json_t *tasks_of(const struct pool *p)
{
	json_t *tasks = json_array();

	for (const struct task *t = p->tasks; t; t = t->hh.next) {
		if (t->index >= 0)
			json_array_append_new(tasks, json_string(t->name));
	}
	return tasks;
}

static void put_int(json_t *object, const char *member, json_int_t n)
{
	json_object_set_new(object, member, json_integer(n));
}

static json_t *pool_json(const struct daemon *d, const struct pool *p)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "name", p->name, "kind",
			      pool_kind_name(p->config->kind), "phase", phase_names[p->phase],
			      "reason", p->breaker.open ? p->breaker.reason : "");

	put_int(o, "slots", p->config->slots);
	put_int(o, "hosts", p->nup);
	put_int(o, "starting", p->nstarting);
	put_int(o, "idle", p->nidle);
	put_int(o, "queued", waiting_in(d, p));
	put_int(o, "retrying", retrying_in(d, p));
	put_int(o, "running", running_in(d, p));
	put_int(o, "done", (json_int_t)p->done);
	put_int(o, "failed", (json_int_t)p->failed);
	put_int(o, "deaths", (json_int_t)p->deaths);
	json_object_set_new(o, "tasks", tasks_of(p));
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

static json_t *status_json(struct daemon *d)
{
	char incarnation[2 * INCARNATION_BYTES + 1];
	json_t *pools = json_array();
	json_int_t queued = 0, running = 0;
	const struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		json_array_append_new(pools, pool_json(d, p));
		queued += waiting_in(d, p);
		running += running_in(d, p);
	}
	incarnation_text(d, incarnation);
	return json_pack("{s:s, s:s, s:I, s:b, s:i, s:I, s:I, s:I, s:o}", "version",
			 PACKAGE_VERSION, "incarnation", incarnation, "uptime_us",
			 (json_int_t)(d->now_us - d->started_us), "draining",
			 d->phase != DAEMON_RUNNING, "sessions", (int)d->nsessions, "jobs_queued",
			 queued, "jobs_running", running, "payload_bytes",
			 (json_int_t)d->queued_bytes, "pools", pools);
}

/* ---- questions ----------------------------------------------------------- */

/* Takes the answer over. */
static fut_status tell(json_t *answer, char **ret)
{
	*ret = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	return *ret ? FUT_OK : FUT_NO_MEMORY;
}

static fut_status on_status(struct daemon *d, struct span argument, char **ret)
{
	(void)argument;
	return tell(status_json(d), ret);
}

static fut_status on_jobs(struct daemon *d, struct span argument, char **ret)
{
	(void)argument;
	return tell(admin_jobs(d), ret);
}

static fut_status on_why(struct daemon *d, struct span argument, char **ret)
{
	bool valid;
	const struct job *j = admin_find_job(d, argument, &valid);

	if (j)
		return tell(admin_why(d, j), ret);
	*ret = strdup(valid ? "the daemon has no such job: it is done, or never was"
			    : "that is no name of a job: SESSION-PLACE-GENERATION, in decimal");
	return FUT_INVALID;
}

static const struct {
	const char *what;
	fut_status (*answer)(struct daemon *d, struct span argument, char **ret);
} questions[] = {
	{"status", on_status},
	{"jobs", on_jobs},
	{"why", on_why},
};

fut_status admin_answer(struct daemon *d, struct span what, struct span argument, char **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		if (span_equal(what, span_str(questions[i].what)))
			return questions[i].answer(d, argument, ret);
	}
	return FUT_UNSUPPORTED;
}
