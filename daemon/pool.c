/* A task that there is no memory for is unknown; the daemon goes on. */
#define HASH_NONFATAL_OOM         1
#define uthash_nonfatal_oom(task) ((task)->name_len = 0)

#include "daemon/pool.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/answer.h"
#include "daemon/daemon.h"
#include "daemon/demand.h"
#include "daemon/placement.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ZYGOTE_IS_SLOW_US = 10 * 1000 }; /* when it has not read what it was asked before */

static void on_retry_due(struct timer *t);

/* ---- birth and death --------------------------------------------------- */

static bool *new_bad_modules(const struct config_pool *config)
{
	size_t n = 0;

	while (config->modules[n])
		n++;
	return calloc(n + 1, sizeof(bool));
}

int pool_new(struct daemon *d, const struct config_pool *config)
{
	struct pool *p = calloc(1, sizeof *p);

	if (!p || !(p->bad_modules = new_bad_modules(config)) ||
	    breaker_init(&p->breaker, &config->breaker) < 0) {
		free(p ? p->bad_modules : NULL);
		free(p);
		return -ENOMEM;
	}
	p->daemon = d;
	p->config = config;
	snprintf(p->name, sizeof p->name, "%s", config->name);
	LIST_INIT(&p->old);
	TAILQ_INIT(&p->hosts);
	LIST_INIT(&p->idle);
	scheduler_init(&p->scheduler, d->config);
	timer_init(&p->idle_timer, demand_on_idle_due);
	timer_init(&p->retry_timer, on_retry_due);
	timer_init(&p->ageing_timer, place_aged);
	TAILQ_INSERT_TAIL(&d->pools, p, node);
	return 0;
}

void pool_free(struct pool *p)
{
	struct task *t, *next;

	scheduler_done(&p->scheduler);
	HASH_ITER(hh, p->tasks, t, next)
	{
		HASH_DEL(p->tasks, t);
		free(t);
	}
	timer_cancel(&p->daemon->timers, &p->idle_timer);
	timer_cancel(&p->daemon->timers, &p->retry_timer);
	timer_cancel(&p->daemon->timers, &p->ageing_timer);
	TAILQ_REMOVE(&p->daemon->pools, p, node);
	breaker_done(&p->breaker);
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

static unsigned cap_of(const struct pool *p, const char *task)
{
	const struct config_task *ct = config_find_task(p->daemon->config, task);

	return ct ? ct->running : 0;
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
	t->name_len = (uint8_t)strlen(t->name);
	t->cap = cap_of(p, name);
	TAILQ_INIT(&t->parkings);
	HASH_ADD_KEYPTR(hh, p->tasks, t->name, t->name_len, t);
	if (t->name_len == 0) {
		free(t);
		return NULL;
	}
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
	bool was_next = p->next == z;
	bool was_current = unlink_zygote(p, z);
	bool expected = z->phase == ZYGOTE_ENDING && !z->killed_for;
	bool blamed = !expected && z->loading[0] && blame_module(p, z, why);
	char reason[BREAKER_REASON_MAX];
	struct host *h, *next;

	log_event(expected ? LOG_DEBUG : LOG_ERROR, expected ? "zygote.ended" : "zygote.failed",
		  LOG_STR("pool", p->name), LOG_INT("pid", z->pid), LOG_STR("reason", why));
	for (h = TAILQ_FIRST(&p->hosts); h; h = next) {
		next = TAILQ_NEXT(h, node);
		if (h->zygote == z)
			host_lost_zygote(h);
	}
	bool was_proven = z->is_proven;
	zygote_free(z);
	settle_ending(p);
	if (expected || blamed)
		return;
	snprintf(reason, sizeof reason, "the pool's zygote: %s", why);
	if (was_current && was_proven)
		pool_on_crash(p, reason);
	else if (was_current || was_next)
		pool_on_start_failed(p, reason);
}

/* As if nothing had gone wrong yet; but a zygote whose hosts do not start has had its chance. */
static void reset_breaker(struct pool *p)
{
	if (p->phase == POOL_FAILED) {
		p->phase = p->nup > 0 ? POOL_READY : POOL_STARTING;
		if (p->zygote)
			p->zygote->is_spent = true;
	}
	breaker_done(&p->breaker);
	(void)breaker_init(&p->breaker, &p->config->breaker);
	timer_cancel(&p->daemon->timers, &p->retry_timer);
}

/* The weights and caps of the daemon's configuration count from now on. */
static void reschedule(struct pool *p)
{
	scheduler_configure(&p->scheduler, p->daemon->config);
	for (struct task *t = p->tasks; t; t = t->hh.next)
		scheduler_cap_task(t, cap_of(p, t->name));
}

void pool_reload(struct pool *p, const struct config_pool *config)
{
	bool *bad = new_bad_modules(config);

	p->config = config;
	reschedule(p);
	if (!bad)
		return;
	free(p->bad_modules);
	p->bad_modules = bad;
	if (p->next) {
		LIST_INSERT_HEAD(&p->old, p->next, node);
		zygote_end(TAKE_PTR(p->next), true);
	}
	p->is_outdated = true;
	reset_breaker(p);
}

void pool_end(struct pool *p, bool now)
{
	struct zygote *z;
	struct host *h, *next;

	if (p->phase == POOL_ENDED)
		return;
	p->phase = POOL_ENDING;
	timer_cancel(&p->daemon->timers, &p->idle_timer);
	timer_cancel(&p->daemon->timers, &p->retry_timer);
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

static bool has_jobs(const struct host *h)
{
	for (unsigned i = 0; i < h->nslots; i++) {
		if (h->slots[i].njobs > 0)
			return true;
	}
	return false;
}

void pool_hurry(struct pool *p)
{
	struct host *h;

	/* Its zygote lives until it has killed what they started, and buried them; one that
	 * loads its modules has none. */
	TAILQ_FOREACH(h, &p->hosts, node)
		host_kill(h, "the daemon ends");
	if (p->zygote && p->zygote->phase == ZYGOTE_STARTING)
		zygote_end(p->zygote, true);
	pool_end(p, false);
}

void pool_abandon(struct pool *p)
{
	struct host *h;

	TAILQ_FOREACH(h, &p->hosts, node) {
		if (has_jobs(h))
			host_kill(h, "nobody waits for its jobs");
	}
	pool_end(p, false);
}

/* ---- what goes wrong --------------------------------------------------- */

struct error_info pool_failure(const struct pool *p, char detail[POOL_DETAIL_MAX])
{
	snprintf(detail, POOL_DETAIL_MAX, "pool '%s': %s", p->name, p->breaker.reason);
	return (struct error_info){
		.detail = span_str(detail),
		.hint = span_str("the daemon tries again by itself, and at once when it reloads "
				 "its configuration (SIGHUP)"),
	};
}

static void report_breaker(const struct pool *p)
{
	log_event(LOG_ERROR, "breaker.open", LOG_STR("pool", p->name),
		  LOG_STR("reason", p->breaker.reason), LOG_UINT("pause_us", p->breaker.pause_us),
		  LOG_UINT("hosts", p->nup));
}

void pool_on_start_failed(struct pool *p, const char *reason)
{
	if (p->phase >= POOL_ENDING)
		return;
	if (breaker_start_failed(&p->breaker, clock_now_us(), reason))
		report_breaker(p);
	daemon_on_pool_changed(p->daemon);
}

void pool_on_crash(struct pool *p, const char *how)
{
	if (p->phase < POOL_ENDING && breaker_crashed(&p->breaker, clock_now_us(), how))
		report_breaker(p);
}

/* Hosts that are up go on when others cannot be started. They do not when it was their like
 * that died. */
static bool is_broken(const struct pool *p)
{
	return p->breaker.open && (p->breaker.by_crashes || p->nup == 0);
}

static void refuse_if_broken(struct pool *p)
{
	char detail[POOL_DETAIL_MAX];

	if (!is_broken(p))
		return;
	const struct error_info e = pool_failure(p, detail);
	if (p->phase != POOL_FAILED) {
		p->phase = POOL_FAILED;
		log_event(LOG_ERROR, "pool.failed", LOG_STR("pool", p->name),
			  LOG_STR("reason", p->breaker.reason));
		daemon_on_pool_changed(p->daemon);
	}
	if (p->scheduler.queued > 0)
		pool_refuse_queued(p, FUT_POOL_BROKEN, &e);
}

/* ---- hosts ------------------------------------------------------------- */

static void be_ready(struct pool *p)
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

static void start_zygote(struct pool *p)
{
	char reason[BREAKER_REASON_MAX];

	assert(!p->next);
	int r = zygote_start(p, &p->next);
	if (r == 0)
		return;
	p->next = NULL;
	snprintf(reason, sizeof reason, "the worker program cannot be run: %s", strerror(-r));
	log_event(LOG_ERROR, "zygote.failed", LOG_STR("pool", p->name),
		  LOG_STR("worker", p->daemon->options->worker_path), LOG_STR("reason", reason));
	pool_on_start_failed(p, reason);
}

static void start_host(struct pool *p)
{
	char reason[BREAKER_REASON_MAX];
	int r = host_new(p, p->zygote);

	if (r == 0)
		return;
	if (r == -EAGAIN) { /* its socket is full */
		p->rest_until_us = clock_now_us() + ZYGOTE_IS_SLOW_US;
		return;
	}
	snprintf(reason, sizeof reason, "no room for a host: %s", strerror(-r));
	log_event(LOG_ERROR, "host.failed", LOG_STR("pool", p->name), LOG_STR("reason", reason));
	pool_on_start_failed(p, reason);
}

/* True when something could be started now. Otherwise it will be looked at again: by what is
 * under way, or by the timer. */
static bool may_start(struct pool *p)
{
	uint64_t now_us = clock_now_us();

	/* While starts fail there is one at a time. */
	if (!breaker_is_calm(&p->breaker) && (p->next || p->nstarting > 0))
		return false;
	uint64_t at_us = max_u64(now_us + breaker_wait_us(&p->breaker, now_us), p->rest_until_us);
	if (at_us <= now_us)
		return true;
	(void)timer_set(&p->daemon->timers, &p->retry_timer, at_us);
	return false;
}

static bool needs_zygote(const struct pool *p)
{
	return !p->next && (!p->zygote || p->is_outdated);
}

static bool needs_host(const struct pool *p)
{
	const struct zygote *z = p->zygote;

	return z && z->phase == ZYGOTE_READY && !z->is_spent && p->nhosts < demand_hosts(p);
}

void pool_review(struct pool *p)
{
	struct host *h, *next;

	if (!p->has_spent)
		return;
	p->has_spent = false;
	for (h = TAILQ_FIRST(&p->hosts); h; h = next) {
		next = TAILQ_NEXT(h, node);
		if (host_is_spent(h))
			host_replace(h);
	}
}

void pool_maintain(struct pool *p)
{
	if (p->phase >= POOL_ENDING)
		return;
	while (needs_zygote(p) && may_start(p))
		start_zygote(p);
	while (needs_host(p) && may_start(p))
		start_host(p);
	if (p->breaker.by_crashes && p->nup > 0 && may_start(p)) {
		breaker_close(&p->breaker, clock_now_us());
		log_event(LOG_INFO, "breaker.closed", LOG_STR("pool", p->name));
		be_ready(p);
	}
	refuse_if_broken(p);
}

void pool_on_zygote_ready(struct pool *p, struct zygote *z)
{
	struct zygote *before = p->zygote;

	assert(z == p->next);
	p->next = NULL;
	p->zygote = z;
	p->is_outdated = false;
	learn_tasks(p, z);
	if (before) {
		retire_hosts_of(p, before);
		LIST_INSERT_HEAD(&p->old, before, node);
		zygote_end(before, false);
	}
	daemon_on_tasks_known(p->daemon);
	/* Where no host is kept, that is all it can show. */
	if (p->config->min_hosts == 0 && !is_broken(p))
		be_ready(p);
}

static void on_retry_due(struct timer *t)
{
	(void)t; /* the turn goes on to pool_maintain() */
}

void pool_on_wake(struct pool *p)
{
	struct host *h, *next;

	if (p->nstarting == 0)
		return;
	for (h = TAILQ_FIRST(&p->hosts); h; h = next) {
		next = TAILQ_NEXT(h, node);
		host_look(h);
	}
}

void pool_on_host_up(struct pool *p, struct host *h)
{
	h->zygote->is_proven = true;
	if (breaker_started(&p->breaker, clock_now_us()))
		log_event(LOG_INFO, "breaker.closed", LOG_STR("pool", p->name));
	if (!is_broken(p))
		be_ready(p);
	demand_watch_idle(p);
}

void pool_on_host_gone(struct pool *p)
{
	settle_ending(p);
}

/* ---- jobs -------------------------------------------------------------- */

uint64_t pool_max_queued(const struct pool *p)
{
	uint64_t up = p->zygote ? (uint64_t)p->nup * p->zygote->slots_per_host : 0;

	return p->config->max_queue + p->config->slots - min_u64(up, p->config->slots);
}

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
	while ((j = scheduler_any(&p->scheduler))) {
		scheduler_remove(&p->scheduler, j);
		answer_error(j, status, *error);
		job_drop(p->daemon, j);
	}
}
