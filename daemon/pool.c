#include "daemon/pool.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/answer.h"
#include "daemon/daemon.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	SPAWN_BURST = 100, /* hosts in SPAWN_WINDOW_US, beyond those a pool starts with */
	SPAWN_WINDOW_US = 10 * 1000 * 1000,
	SPAWN_RETRY_US = 100 * 1000,
	ZYGOTE_RETRY_US = 1000 * 1000, /* times the failures so far */
	ZYGOTE_RETRY_MAX_US = 30 * 1000 * 1000,
	ZYGOTE_FAILURES_MAX = 3, /* in a row; then jobs are refused until one comes up */
};

static void on_restart_due(struct timer *t);
static void on_spawn_due(struct timer *t);

/* ---- birth and death --------------------------------------------------- */

static bool *new_bad_modules(const struct config_pool *config)
{
	size_t n = 0;

	while (config->modules[n])
		n++;
	return calloc(n + 1, sizeof(bool));
}

unsigned pool_hosts_wanted(const struct pool *p)
{
	return p->config->kind == POOL_THREADS ? 1 : p->config->slots;
}

unsigned pool_slots_per_host(const struct pool *p)
{
	return p->config->kind == POOL_THREADS ? p->config->slots : 1;
}

/* A start that failed is tried again, later each time; after some, jobs are refused. */
static void note_failure(struct pool *p)
{
	struct daemon *d = p->daemon;

	p->failures++;
	uint64_t pause_us = min_u64((uint64_t)p->failures * ZYGOTE_RETRY_US, ZYGOTE_RETRY_MAX_US);
	(void)timer_set(&d->timers, &p->restart_timer, clock_now_us() + pause_us);
	if (p->zygote || p->failures < ZYGOTE_FAILURES_MAX || p->phase == POOL_FAILED)
		return;
	p->phase = POOL_FAILED;
	log_event(LOG_ERROR, "pool.failed", LOG_STR("pool", p->name),
		  LOG_UINT("attempts", p->failures));
	pool_refuse_queued(p, FUT_POOL_BROKEN,
			   &(struct error_info){.hint = span_str("the daemon's log says why")});
	daemon_on_pool_changed(d);
}

static void start_zygote(struct pool *p)
{
	assert(!p->next);
	int r = zygote_start(p, &p->next);
	if (r == 0)
		return;
	p->next = NULL;
	log_event(LOG_ERROR, "zygote.failed", LOG_STR("pool", p->name),
		  LOG_STR("worker", p->daemon->options->worker_path),
		  LOG_STR("reason", strerror(-r)));
	note_failure(p);
}

static void on_restart_due(struct timer *t)
{
	struct pool *p = container_of(t, struct pool, restart_timer);

	if (!p->next && p->phase != POOL_ENDING)
		start_zygote(p);
}

int pool_new(struct daemon *d, const struct config_pool *config, struct pool **ret)
{
	struct pool *p = calloc(1, sizeof *p);

	if (!p || !(p->bad_modules = new_bad_modules(config))) {
		free(p);
		return -ENOMEM;
	}
	p->daemon = d;
	p->config = config;
	snprintf(p->name, sizeof p->name, "%s", config->name);
	LIST_INIT(&p->old);
	TAILQ_INIT(&p->hosts);
	LIST_INIT(&p->idle);
	scheduler_init(&p->scheduler);
	ratelimit_init(&p->spawns, SPAWN_BURST + pool_hosts_wanted(p), SPAWN_WINDOW_US);
	timer_init(&p->restart_timer, on_restart_due);
	timer_init(&p->spawn_timer, on_spawn_due);
	TAILQ_INSERT_TAIL(&d->pools, p, node);
	start_zygote(p);
	*ret = p;
	return 0;
}

void pool_free(struct pool *p)
{
	struct task *t, *next;

	HASH_ITER(hh, p->tasks, t, next)
	{
		HASH_DEL(p->tasks, t);
		free(t);
	}
	timer_cancel(&p->daemon->timers, &p->restart_timer);
	timer_cancel(&p->daemon->timers, &p->spawn_timer);
	TAILQ_REMOVE(&p->daemon->pools, p, node);
	free(p->bad_modules);
	free(p);
}

/* ---- tasks ------------------------------------------------------------- */

struct task *pool_find_task(const struct pool *p, struct span name)
{
	struct task *t;

	if (name.len == 0 || name.len > NAME_MAX_BYTES)
		return NULL;
	HASH_FIND(hh, p->tasks, name.data, (unsigned)name.len, t);
	return t;
}

static struct task *add_task(struct pool *p, const char *name)
{
	struct task *t = pool_find_task(p, span_str(name));

	if (t)
		return t;
	t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	snprintf(t->name, sizeof t->name, "%s", name);
	HASH_ADD_KEYPTR(hh, p->tasks, t->name, (unsigned)strlen(t->name), t);
	return t;
}

/* The tasks are those of the zygote from now on. */
static void learn_tasks(struct pool *p, const struct zygote *z)
{
	for (struct task *t = p->tasks; t; t = t->hh.next)
		t->index = -1;
	for (size_t i = 0; i < z->ntasks; i++) {
		struct task *t = add_task(p, z->tasks[i].name);
		if (t)
			t->index = (int)i;
	}
}

/* ---- zygotes ----------------------------------------------------------- */

bool pool_module_is_bad(const struct pool *p, size_t module)
{
	return p->bad_modules[module];
}

/* Leaves the module out that was being loaded when the zygote died. */
static bool blame_module(struct pool *p, const struct zygote *z, const char *why)
{
	for (size_t i = 0; p->config->modules[i]; i++) {
		if (strcmp(p->config->modules[i], z->loading) != 0)
			continue;
		p->bad_modules[i] = true;
		log_event(LOG_ERROR, "module.failed", LOG_STR("pool", p->name),
			  LOG_STR("module", z->loading),
			  LOG_STR("reason", "while it was loaded, the zygote ended"),
			  LOG_STR("how", why));
		return true;
	}
	return false;
}

static void retire_hosts_of(struct pool *p, struct zygote *z)
{
	struct host *h, *next;

	for (h = TAILQ_FIRST(&p->hosts); h; h = next) {
		next = TAILQ_NEXT(h, node);
		if (h->zygote == z)
			host_retire(h);
	}
}

void pool_on_zygote_ready(struct pool *p, struct zygote *z)
{
	struct zygote *before = p->zygote;

	assert(z == p->next);
	p->next = NULL;
	p->zygote = z;
	p->failures = 0;
	learn_tasks(p, z);
	if (before) {
		retire_hosts_of(p, before);
		LIST_INSERT_HEAD(&p->old, before, node);
		zygote_end(before, false);
	}
	pool_maintain(p);
}

/* Takes it off whichever place it has. True when it was the one that hosts came from. */
static bool unlink_zygote(struct pool *p, struct zygote *z)
{
	if (p->zygote == z) {
		p->zygote = NULL;
		return true;
	}
	if (p->next == z)
		p->next = NULL;
	else
		LIST_REMOVE(z, node);
	return false;
}

static void settle_ending(struct pool *p)
{
	if (p->phase != POOL_ENDING || p->zygote || p->next || !LIST_EMPTY(&p->old) ||
	    !TAILQ_EMPTY(&p->hosts))
		return;
	p->phase = POOL_ENDED;
	daemon_on_pool_changed(p->daemon);
}

void pool_on_zygote_gone(struct pool *p, struct zygote *z, const char *why)
{
	bool was_current = unlink_zygote(p, z);
	bool expected = z->phase == ZYGOTE_ENDING && !z->killed_for;
	bool blamed = !expected && z->loading[0] && blame_module(p, z, why);
	struct host *h, *next;

	log_event(expected ? LOG_DEBUG : LOG_ERROR, expected ? "zygote.ended" : "zygote.failed",
		  LOG_STR("pool", p->name), LOG_INT("pid", z->pid), LOG_STR("reason", why));
	for (h = TAILQ_FIRST(&p->hosts); h; h = next) {
		next = TAILQ_NEXT(h, node);
		if (h->zygote == z)
			host_lost_zygote(h);
	}
	bool started = z->phase != ZYGOTE_STARTING && !z->loading[0];
	zygote_free(z);
	settle_ending(p);
	if (p->phase >= POOL_ENDING || expected || p->next)
		return;
	if (blamed || (was_current && started && ratelimit_pass(&p->spawns, clock_now_us())))
		start_zygote(p);
	else
		note_failure(p);
}

void pool_reload(struct pool *p, const struct config_pool *config)
{
	bool *bad = new_bad_modules(config);

	p->config = config;
	if (!bad)
		return;
	free(p->bad_modules);
	p->bad_modules = bad;
	if (p->next) {
		LIST_INSERT_HEAD(&p->old, p->next, node);
		zygote_end(TAKE_PTR(p->next), true);
	}
	timer_cancel(&p->daemon->timers, &p->restart_timer);
	start_zygote(p);
}

void pool_end(struct pool *p, bool now)
{
	struct zygote *z;
	struct host *h, *next;

	if (p->phase == POOL_ENDED)
		return;
	p->phase = POOL_ENDING;
	timer_cancel(&p->daemon->timers, &p->restart_timer);
	timer_cancel(&p->daemon->timers, &p->spawn_timer);
	for (h = TAILQ_FIRST(&p->hosts); h; h = next) {
		next = TAILQ_NEXT(h, node);
		if (now)
			host_kill(h, "the daemon ends");
		else
			host_retire(h);
	}
	if (p->zygote && (now || p->zygote->phase != ZYGOTE_ENDING))
		zygote_end(p->zygote, now);
	if (p->next)
		zygote_end(p->next, true);
	if (now) {
		LIST_FOREACH(z, &p->old, node)
			zygote_end(z, true);
	}
	settle_ending(p);
}

/* ---- hosts ------------------------------------------------------------- */

static void report_limit(struct pool *p, uint64_t wait_us)
{
	if (!p->spawn_limited)
		log_event(LOG_ERROR, "pool.respawn_limited", LOG_STR("pool", p->name),
			  LOG_UINT("hosts", p->nhosts), LOG_UINT("wanted", pool_hosts_wanted(p)),
			  LOG_UINT("next_in_us", wait_us));
	p->spawn_limited = true;
}

void pool_maintain(struct pool *p)
{
	struct daemon *d = p->daemon;

	if (!p->zygote || p->zygote->phase != ZYGOTE_READY || p->phase >= POOL_ENDING)
		return;
	while (p->nhosts < pool_hosts_wanted(p)) {
		uint64_t now_us = clock_now_us();
		if (!ratelimit_pass(&p->spawns, now_us)) {
			uint64_t wait_us = ratelimit_wait_us(&p->spawns, now_us);
			report_limit(p, wait_us);
			(void)timer_set(&d->timers, &p->spawn_timer, now_us + wait_us);
			return;
		}
		int r = host_new(p, p->zygote);
		if (r < 0) {
			log_event(LOG_ERROR, "host.failed", LOG_STR("pool", p->name),
				  LOG_STR("reason", strerror(-r)));
			(void)timer_set(&d->timers, &p->spawn_timer, now_us + SPAWN_RETRY_US);
			return;
		}
	}
	p->spawn_limited = false;
}

static void on_spawn_due(struct timer *t)
{
	pool_maintain(container_of(t, struct pool, spawn_timer));
}

void pool_on_host_up(struct pool *p)
{
	if (p->phase >= POOL_ENDING || p->phase == POOL_READY)
		return;
	p->phase = POOL_READY;
	log_event(LOG_INFO, "pool.ready", LOG_STR("pool", p->name),
		  LOG_STR("kind", pool_kind_name(p->config->kind)),
		  LOG_UINT("slots", p->config->slots),
		  LOG_UINT("tasks", p->zygote ? p->zygote->ntasks : 0));
	daemon_on_pool_changed(p->daemon);
}

void pool_on_host_gone(struct pool *p)
{
	pool_maintain(p);
	settle_ending(p);
}

/* ---- jobs -------------------------------------------------------------- */

void pool_take_back(struct pool *p, struct job *j)
{
	/* Only a host that lies hands back a job that was answered already. */
	if (j->session)
		scheduler_push_front(&p->scheduler, j);
	else
		job_drop(p->daemon, j);
}

void pool_refuse_queued(struct pool *p, fut_status status, const struct error_info *error)
{
	struct session *s;
	struct job *j;

	LIST_FOREACH(s, &p->daemon->sessions, node) {
		if (s->pool == p)
			scheduler_release(&p->scheduler, s);
	}
	while ((j = TAILQ_FIRST(&p->scheduler.queue))) {
		scheduler_remove(&p->scheduler, j);
		answer_error(j, status, *error);
		job_drop(p->daemon, j);
	}
}
