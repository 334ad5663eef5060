#include "daemon/admin.h"

#include "daemon/daemon.h"

#include <jansson.h>

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

static json_int_t idle_in(const struct pool *p)
{
	const struct slot *s;
	json_int_t n = 0;

	LIST_FOREACH(s, &p->idle, idle_node)
		n++;
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

static json_t *pool_json(const struct daemon *d, const struct pool *p)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name",
			 p->name, "kind", pool_kind_name(p->config->kind), "phase",
			 phase_names[p->phase], "slots", (int)p->config->slots, "hosts",
			 (int)p->nhosts, "idle", idle_in(p), "queued", (json_int_t)waiting_in(d, p),
			 "running", (json_int_t)running_in(d, p), "done", (json_int_t)p->done,
			 "failed", (json_int_t)p->failed, "deaths", (json_int_t)p->deaths, "tasks",
			 tasks_of(p));
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

char *admin_status_json(struct daemon *d)
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
	json_t *root = json_pack("{s:s, s:s, s:I, s:b, s:i, s:I, s:I, s:I, s:o}", "version",
				 PACKAGE_VERSION, "incarnation", incarnation, "uptime_us",
				 (json_int_t)(d->now_us - d->started_us), "draining",
				 d->phase != DAEMON_RUNNING, "sessions", (int)d->nsessions,
				 "jobs_queued", queued, "jobs_running", running, "payload_bytes",
				 (json_int_t)d->queued_bytes, "pools", pools);
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	return text;
}
