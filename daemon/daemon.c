#include "daemon/daemon.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/answer.h"
#include "daemon/oom.h"
#include "daemon/placement.h"
#include "daemon/policy.h"
#include "daemon/reload.h"
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

enum {
	TICK_US = 1000, /* how soon a client learns that its job runs */
	END_GRACE_US = 5 * 1000 * 1000,
};

static void on_signal(evutil_socket_t signal, short what, void *arg);
static void on_tick(struct timer *t);
static void on_drain_due(struct timer *t);

/* ---- birth ------------------------------------------------------------- */

static int watch_signals(struct daemon *d)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		d->on_signal[i] = evsignal_new(d->base, signals[i], on_signal, d);
		if (!d->on_signal[i] || event_add(d->on_signal[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int build_loop(struct daemon *d)
{
	struct event_config *ec = event_config_new();

	if (!ec)
		return -ENOMEM;
	/* One thread: libevent needs no locks. */
	event_config_set_flag(ec, EVENT_BASE_FLAG_NOLOCK);
	d->base = event_base_new_with_config(ec);
	event_config_free(ec);
	if (!d->base)
		return -ENOMEM;
	int r = timers_init(&d->timers, d->base);
	return r < 0 ? r : watch_signals(d);
}

static void maintain_pools(struct daemon *d)
{
	struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node)
		pool_maintain(p);
}

static int build(struct daemon *d)
{
	int r = build_loop(d);

	if (r == 0)
		r = audit_open(&d->audit, d->config->audit_path);
	if (r < 0)
		return r;
	d->scratch = malloc(STREAM_SCRATCH_BYTES);
	d->error_scratch = malloc(2 * (size_t)ERROR_ENCODED_MAX);
	d->arena = malloc(sizeof *d->arena);
	if (!d->scratch || !d->error_scratch || !d->arena)
		return -ENOMEM;
	uint64_t seed;
	if (getrandom(d->incarnation, sizeof d->incarnation, 0) != sizeof d->incarnation ||
	    getrandom(&seed, sizeof seed, 0) != sizeof seed)
		return -EIO;
	retries_init(&d->retries, seed);
	d->guard.random = ~seed;
	guard_raise_fd_limit(&d->guard);
	(void)oom_find("/proc/self/cgroup", "/sys/fs/cgroup", d->oom_path);
	memory_configure(d);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	d->cpus = cpus > 0 ? (unsigned)cpus : 1;
	r = secure_init(d);
	if (r == 0)
		r = only_session_init(d);
	if (r == 0)
		r = front_page_create(&d->front_fd, &d->front);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < d->config->npools; i++)
		r = pool_new(d, &d->config->pools[i]);
	if (r == 0)
		maintain_pools(d);
	return r;
}

int daemon_new(const struct daemon_options *options, struct config *config, struct daemon **ret)
{
	struct daemon *d = calloc(1, sizeof *d);

	if (!d) {
		config_free(config);
		return -ENOMEM;
	}
	d->options = options;
	d->config = config;
	d->front_fd = d->only_session.fd = d->only_session.program_fd = -1;
	d->now_us = d->started_us = clock_now_us();
	TAILQ_INIT(&d->pools);
	TAILQ_INIT(&d->dirty);
	job_store_init(&d->jobs);
	audit_init(&d->audit);
	guard_init(&d->guard);
	memory_init(&d->memory);
	timer_init(&d->tick, on_tick);
	timer_init(&d->drain_timer, on_drain_due);
	log_set_level(config->log_level);
	int r = build(d);
	if (r < 0) {
		log_event(LOG_ERROR, "daemon.failed", LOG_STR("reason", strerror(-r)));
		daemon_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

static void bury(struct daemon *d)
{
	struct session *s;

	while ((s = LIST_FIRST(&d->dead_sessions))) {
		LIST_REMOVE(s, node);
		session_free(s);
	}
}

static void close_listeners(struct daemon *d)
{
	while (!LIST_EMPTY(&d->listeners))
		listener_close(LIST_FIRST(&d->listeners));
}

static void close_sessions(struct daemon *d, const char *why)
{
	while (!LIST_EMPTY(&d->sessions))
		session_close(LIST_FIRST(&d->sessions), why);
}

void daemon_free(struct daemon *d)
{
	struct pool *p;

	if (!d)
		return;
	close_listeners(d);
	close_sessions(d, "the daemon ends");
	only_session_done(d);
	bury(d);
	secure_done(d);
	while ((p = TAILQ_FIRST(&d->pools)))
		pool_free(p);
	for (size_t i = 0; i < ARRAY_LEN(d->on_signal); i++) {
		if (d->on_signal[i])
			event_free(d->on_signal[i]);
	}
	if (d->base) {
		timers_done(&d->timers);
		event_base_free(d->base);
	}
	assert(!d->accounts);
	audit_done(&d->audit);
	close_fd(d->front_fd);
	job_store_done(&d->jobs);
	guard_done(&d->guard);
	assert(d->memory.total.bytes == 0);
	config_free(d->config);
	free(d->scratch);
	free(d->error_scratch);
	free(d->arena);
	free(d);
}

/* ---- listening, once the pools can take jobs ---------------------------- */

static bool pools_have_settled(const struct daemon *d)
{
	const struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		if (!pool_has_settled(p))
			return false;
	}
	return true;
}

static bool pools_have_ended(const struct daemon *d)
{
	const struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		if (p->phase != POOL_ENDED)
			return false;
	}
	return true;
}

static void listen_everywhere(struct daemon *d)
{
	char *const *urls = d->options->listen && d->options->listen[0] ? d->options->listen
									: d->config->listen;

	for (; *urls; urls++) {
		if (listener_open(d, *urls) < 0) {
			/* One that hears half of what it was told to is not what was asked for. */
			d->exit_status = EXIT_FAILURE;
			daemon_drain(d);
			return;
		}
	}
}

void daemon_on_pool_changed(struct daemon *d)
{
	if (d->phase != DAEMON_RUNNING || d->listening || !pools_have_settled(d))
		return;
	d->listening = true;
	if (only_session_exists(d))
		only_session_open(d);
	else
		listen_everywhere(d);
	policy_warn_if_open(d);
	if (d->phase == DAEMON_RUNNING)
		log_event(LOG_INFO, "daemon.ready", LOG_INT("pid", getpid()));
}

static bool has_task(const struct daemon *d, const char *name)
{
	const struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		const struct task *t = pool_find_task(p, span_str(name));
		if (t && t->index >= 0)
			return true;
	}
	return false;
}

/* Once all have loaded their modules, a task that none has is a mistake of the file's. */
void daemon_on_tasks_known(struct daemon *d)
{
	const struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		if (!p->zygote || p->next)
			return;
	}
	for (size_t i = 0; i < d->config->ntasks; i++) {
		if (!has_task(d, d->config->tasks[i].name))
			log_event(LOG_WARNING, "config.unknown_task",
				  LOG_STR("task", d->config->tasks[i].name));
	}
}

struct pool *daemon_find_pool(const struct daemon *d, struct span name)
{
	struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		if (span_equal(span_str(p->name), name))
			return p;
	}
	return NULL;
}

/* ---- the turn ---------------------------------------------------------- */

static void collect(struct daemon *d)
{
	struct slot *s, *next;

	for (s = LIST_FIRST(&d->busy); s; s = next) {
		next = LIST_NEXT(s, busy_node);
		struct host *h = s->host;
		if (!slot_collect(s) && !h->killed_for)
			host_expel(h);
		if (h->phase == HOST_RETIRED)
			host_settle(h);
		h->pool->has_spent |= host_is_spent(h);
	}
}

static void publish(struct daemon *d)
{
	struct slot *s;

	LIST_FOREACH(s, &d->busy, busy_node)
		slot_publish(s);
}

static void flush(struct daemon *d)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&d->dirty))) {
		TAILQ_REMOVE(&d->dirty, s, dirty_node);
		s->dirty = false;
		session_flush(s);
	}
}

static bool has_jobs(const struct daemon *d)
{
	return d->jobs.live > 0;
}

static void finish_draining(struct daemon *d);
static void abandon(struct daemon *d);

void daemon_turn(struct daemon *d)
{
	struct pool *p;

	d->now_us = clock_now_us();
	d->secure.steps = 0;
	collect(d);
	timers_run(&d->timers, d->now_us);
	TAILQ_FOREACH(p, &d->pools, node)
		place_jobs(p);
	publish(d);
	memory_review(d);
	if (d->phase == DAEMON_DRAINING && !has_jobs(d))
		finish_draining(d);
	flush(d);
	bury(d);
	if (d->phase < DAEMON_ENDING && only_session_is_over(d))
		abandon(d);
	if (d->phase == DAEMON_ENDING && LIST_EMPTY(&d->sessions) && pools_have_ended(d))
		d->phase = DAEMON_ENDED;
}

/* Makes a turn soon look which jobs have started, and which run for long. */
static void arm_tick(struct daemon *d)
{
	if (!timer_is_set(&d->tick))
		(void)timer_set(&d->timers, &d->tick, clock_now_us() + TICK_US);
}

static void on_tick(struct timer *t)
{
	place_again(container_of(t, struct daemon, tick));
}

/* What a session's flush set free after jobs were placed needs another turn. */
static bool could_place_more(const struct daemon *d)
{
	const struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		if (scheduler_has_job(&p->scheduler) && pool_has_room(p))
			return true;
	}
	return false;
}

/* Announces the sleep to the hosts, and looks once more: what was published before a slot
 * could see the announcement is found here, what comes after wakes us. */
static bool may_sleep(struct daemon *d)
{
	bool may = !could_place_more(d);
	struct slot *s;

	LIST_FOREACH(s, &d->busy, busy_node)
		atomic_store_explicit(&s->host->shared->notified, 0, memory_order_relaxed);
	atomic_store(&d->front->sleeping, 1);
	LIST_FOREACH(s, &d->busy, busy_node) {
		if (slot_has_outcome(s))
			may = false;
		if (!slot_is_settled(s))
			arm_tick(d);
	}
	return may;
}

/* Once the loop has no handlers any more, a signal would end the process, and badly. */
static void ignore_late_signals(void)
{
	sigset_t late;

	sigemptyset(&late);
	sigaddset(&late, SIGTERM);
	sigaddset(&late, SIGINT);
	sigaddset(&late, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &late, NULL);
}

int daemon_run(struct daemon *d)
{
	while (d->phase != DAEMON_ENDED) {
		bool sleep = may_sleep(d);
		timers_arm(&d->timers, clock_now_us());
		if (event_base_loop(d->base, EVLOOP_ONCE | (sleep ? 0 : EVLOOP_NONBLOCK)) < 0) {
			log_event(LOG_ERROR, "daemon.failed",
				  LOG_STR("reason", "the event loop failed"));
			return EXIT_FAILURE;
		}
		atomic_store_explicit(&d->front->sleeping, 0, memory_order_relaxed);
		daemon_turn(d);
	}
	ignore_late_signals();
	log_event(LOG_INFO, "daemon.ended");
	return d->exit_status;
}

/* ---- the end ----------------------------------------------------------- */

static void say_goaway(struct daemon *d)
{
	struct message m = {.kind = MESSAGE_GOAWAY, .goaway = {.status = FUT_DRAINING}};
	struct session *s, *next;

	for (s = LIST_FIRST(&d->sessions); s; s = next) {
		next = LIST_NEXT(s, node);
		if (s->phase == SESSION_OPEN)
			session_send(s, &m, SPAN_EMPTY);
		else
			session_refuse(s, FUT_DRAINING, NULL);
	}
}

/* Takes back what lies ready in slots, and answers all that has not started. */
static void refuse_waiting(struct daemon *d)
{
	const struct error_info e = {.hint = span_str("submit it to another daemon, or later")};
	struct slot *s, *next;
	struct pool *p;

	for (s = LIST_FIRST(&d->busy); s; s = next) {
		next = LIST_NEXT(s, busy_node);
		slot_revoke_all(s);
	}
	TAILQ_FOREACH(p, &d->pools, node)
		pool_refuse_queued(p, FUT_DRAINING, &e);
	retry_refuse_all(d, FUT_DRAINING, &e);
}

/* Nothing runs any more: the sessions get what was written for them, the pools end. */
static void finish_draining(struct daemon *d)
{
	const struct message bye = {.kind = MESSAGE_BYE};
	struct session *s, *next;
	struct pool *p;

	d->phase = DAEMON_ENDING;
	(void)timer_set(&d->timers, &d->drain_timer, clock_now_us() + END_GRACE_US);
	for (s = LIST_FIRST(&d->sessions); s; s = next) {
		next = LIST_NEXT(s, node);
		session_send(s, &bye, SPAN_EMPTY);
		session_finish(s);
	}
	TAILQ_FOREACH(p, &d->pools, node)
		pool_end(p, false);
}

/* Whoever would have wanted a result is gone: what runs is killed. */
static void abandon(struct daemon *d)
{
	struct pool *p;

	/* That it is killed is no news to whoever asked for failures alone. */
	if (d->config->log_level == LOG_WARNING)
		log_set_level(LOG_ERROR);
	log_event(LOG_INFO, "daemon.abandoned", LOG_UINT("jobs", d->jobs.live));
	d->phase = DAEMON_ENDING;
	(void)timer_set(&d->timers, &d->drain_timer, clock_now_us() + END_GRACE_US);
	TAILQ_FOREACH(p, &d->pools, node)
		pool_abandon(p);
}

static void hurry(struct daemon *d)
{
	const struct error_info e = {
		.detail = span_str("it ran, and was killed because the daemon had to end"),
		.executed = FUT_EXECUTED_MAYBE,
	};
	struct slot *s;
	struct job *j;
	struct pool *p;

	log_event(LOG_WARNING, "daemon.hurry", LOG_UINT("jobs", d->jobs.live));
	LIST_FOREACH(s, &d->busy, busy_node) {
		TAILQ_FOREACH(j, &s->jobs, node)
			answer_error(j, FUT_DRAINING, e);
	}
	TAILQ_FOREACH(p, &d->pools, node)
		pool_hurry(p);
}

void daemon_drain(struct daemon *d)
{
	if (d->phase != DAEMON_RUNNING) {
		hurry(d);
		return;
	}
	log_event(LOG_INFO, "daemon.drain", LOG_UINT("sessions", d->nsessions),
		  LOG_UINT("jobs", d->jobs.live));
	d->phase = DAEMON_DRAINING;
	close_listeners(d);
	refuse_waiting(d);
	say_goaway(d);
	(void)timer_set(&d->timers, &d->drain_timer, clock_now_us() + d->config->drain_timeout_us);
}

/* Whatever has not ended by itself, and may be what hangs. */
static void end_now(struct daemon *d)
{
	struct pool *p;

	log_event(LOG_WARNING, "daemon.end_overdue");
	TAILQ_FOREACH(p, &d->pools, node)
		pool_end(p, true);
}

static void on_drain_due(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, drain_timer);

	if (d->phase == DAEMON_ENDING)
		end_now(d);
	else
		hurry(d);
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (signal == SIGHUP)
		(void)daemon_reload(d, NULL, NULL);
	else
		daemon_drain(d);
}
