#include "daemon/host.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/answer.h"
#include "daemon/daemon.h"
#include "daemon/oom.h"
#include "daemon/retry.h"
#include "proto/control.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define HOST_MAGIC 0x40570001u

static void on_exit_ready(evutil_socket_t fd, short what, void *arg);
static void on_stderr_readable(evutil_socket_t fd, short what, void *arg);
static void on_timer_due(struct timer *t);
static void stop_serving(struct host *h);

/* ---- birth ------------------------------------------------------------- */

static int host_build(struct host *h, int *ret_region_fd, int *ret_stderr_fd)
{
	const struct config *c = h->pool->daemon->config;
	int pipes[2];
	int r = region_create(h->nslots, h->big_bytes, c->max_result_bytes, ret_region_fd);

	if (r < 0)
		return r;
	r = region_map(*ret_region_fd, &h->shared);
	if (r < 0)
		return r;
	h->shared->max_rss_bytes = h->pool->config->max_rss_bytes;
	h->watches_memory = h->shared->max_rss_bytes > 0;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	h->stderr_fd = pipes[0];
	*ret_stderr_fd = pipes[1];
	if (fcntl(h->stderr_fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	h->on_stderr = event_new(h->pool->daemon->base, h->stderr_fd, EV_READ | EV_PERSIST,
				 on_stderr_readable, h);
	h->slots = calloc(h->nslots, sizeof *h->slots);
	if (!h->slots || !h->on_stderr || event_add(h->on_stderr, NULL) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < h->nslots; i++)
		slot_init(&h->slots[i], h, i);
	return 0;
}

/* In the books of its pool, as one that takes jobs or will. */
static void host_join(struct host *h)
{
	struct pool *p = h->pool;

	while (p->has_slot[h->first_slot])
		h->first_slot++;
	memset(p->has_slot + h->first_slot, true, h->nslots);
	TAILQ_INSERT_TAIL(&p->hosts, h, node);
	p->nhosts++;
	p->nstarting++;
}

/* Off them, once: from here on it takes no jobs. */
static void host_leave(struct host *h)
{
	struct pool *p = h->pool;

	if (h->phase == HOST_RETIRED)
		return;
	memset(p->has_slot + h->first_slot, false, h->nslots);
	p->nhosts--;
	if (h->phase == HOST_UP)
		p->nup--;
	else
		p->nstarting--;
	h->phase = HOST_RETIRED;
	timer_cancel(&p->daemon->timers, &h->timer);
}

static int host_start(struct host *h)
{
	CLEANUP(close_fdp) int region_fd = -1;
	CLEANUP(close_fdp) int stderr_fd = -1;
	struct daemon *d = h->pool->daemon;
	int r = host_build(h, &region_fd, &stderr_fd);

	if (r < 0)
		return r;
	r = timer_set(&d->timers, &h->timer, clock_now_us() + d->config->start_timeout_us);
	return r < 0 ? r : zygote_fork(h->zygote, h, region_fd, stderr_fd);
}

int host_new(struct pool *pool, struct zygote *z)
{
	static uint32_t numbers;
	struct host *h = calloc(1, sizeof *h);

	if (!h)
		return -ENOMEM;
	h->magic = HOST_MAGIC;
	h->pool = pool;
	h->zygote = z;
	h->number = ++numbers;
	h->pidfd = h->stderr_fd = -1;
	h->nslots = z->slots_per_host;
	h->big_bytes = pool->daemon->config->max_payload_bytes;
	h->oom_kills = oom_kills(pool->daemon->oom_path);
	h->jobs_left = pool->config->max_tasks ? pool->config->max_tasks : HOST_ANY_JOBS;
	timer_init(&h->timer, on_timer_due);
	host_join(h);
	int r = host_start(h);
	if (r < 0) {
		host_leave(h);
		host_free(h);
	}
	return r;
}

void host_free(struct host *h)
{
	TAILQ_REMOVE(&h->pool->hosts, h, node);
	timer_cancel(&h->pool->daemon->timers, &h->timer);
	if (h->on_exit)
		event_free(h->on_exit);
	if (h->on_stderr)
		event_free(h->on_stderr);
	close_fd(h->pidfd);
	close_fd(h->stderr_fd);
	region_unmap(h->shared, h->nslots, h->big_bytes);
	free(h->slots);
	h->magic = 0;
	free(h);
}

struct host *host_find(const struct pool *pool, uint32_t number)
{
	struct host *h;

	TAILQ_FOREACH(h, &pool->hosts, node) {
		if (h->number == number)
			return h;
	}
	return NULL;
}

/* Where each job has a host of its own, its coming and going is no news. */
static enum log_level quiet_level(const struct host *h)
{
	return h->pool->config->fresh ? LOG_DEBUG : LOG_INFO;
}

static void enlist_slots(struct host *h)
{
	for (unsigned i = 0; i < h->nslots; i++)
		slot_enlist(&h->slots[i]);
}

static void host_come_up(struct host *h)
{
	struct pool *p = h->pool;

	h->phase = HOST_UP;
	h->was_up = true;
	p->nstarting--;
	p->nup++;
	timer_cancel(&p->daemon->timers, &h->timer);
	enlist_slots(h);
	log_event(quiet_level(h), "host.up", LOG_STR("pool", p->name), LOG_INT("pid", h->pid),
		  LOG_UINT("slots", h->nslots));
	pool_on_host_up(p, h);
}

void host_look(struct host *h)
{
	if (h->phase == HOST_STARTING && atomic_load(&h->shared->ready) >= h->nslots)
		host_come_up(h);
}

void host_forked(struct host *h, pid_t pid, int pidfd)
{
	struct daemon *d = h->pool->daemon;

	assert(h->pidfd < 0);
	h->pid = pid;
	h->pidfd = pidfd;
	h->on_exit = event_new(d->base, pidfd, EV_READ, on_exit_ready, h);
	if (!h->on_exit || event_add(h->on_exit, NULL) < 0) {
		host_kill(h, "out of memory");
		return;
	}
	if (h->phase == HOST_FORKING)
		h->phase = HOST_STARTING;
	if (h->killed_for)
		host_kill(h, h->killed_for);
	host_settle(h);
	host_look(h);
}

void host_fork_failed(struct host *h, int error)
{
	struct pool *p = h->pool;
	bool wanted = h->phase != HOST_RETIRED;
	char reason[128];

	snprintf(reason, sizeof reason, "fork: %s", strerror(error));
	log_event(LOG_ERROR, "host.fork_failed", LOG_STR("pool", p->name),
		  LOG_STR("reason", strerror(error)));
	host_leave(h);
	host_free(h);
	if (wanted)
		pool_on_start_failed(p, reason);
	pool_on_host_gone(p);
}

/* ---- what it says on stderr -------------------------------------------- */

/* Reads what is there; false at the end. */
static bool read_stderr(struct host *h)
{
	uint8_t bytes[4096];
	ssize_t n = read(h->stderr_fd, bytes, sizeof bytes);

	if (n > 0) {
		tail_add(&h->tail, bytes, (size_t)n);
		log_event(LOG_DEBUG, "host.stderr", LOG_STR("pool", h->pool->name),
			  LOG_INT("pid", h->pid), LOG_BYTES("text", bytes, (uint64_t)n));
	}
	return n > 0;
}

static void on_stderr_readable(evutil_socket_t fd, short what, void *arg)
{
	struct host *h = arg;

	(void)fd, (void)what;
	assert(h->magic == HOST_MAGIC);
	if (!read_stderr(h) && errno != EAGAIN)
		event_del(h->on_stderr);
}

/* ---- death ------------------------------------------------------------- */

static void describe_death(const struct death_info *d, char *text, size_t size)
{
	const char *abbrev = d->signal ? sigabbrev_np(d->signal) : NULL;

	if (d->signal)
		snprintf(text, size, "process %d was ended by signal %d (SIG%s)%s%s", (int)d->pid,
			 d->signal, abbrev ? abbrev : "?", d->core_dumped ? ", core dumped" : "",
			 d->out_of_memory ? ", for want of memory" : "");
	else
		snprintf(text, size, "process %d exited with status %d", (int)d->pid, d->exit_code);
}

static uint64_t ran_for_ns(const struct job *j)
{
	uint64_t now_us = j->slot->host->pool->daemon->now_us;

	return (now_us - max_u64(j->dispatched_us, j->started_us)) * 1000;
}

/* A job that it had started died with it. */
static void lose_job(struct host *h, struct slot *s, struct job *j, const struct death_info *death,
		     const char *how)
{
	if (j->session) {
		h->pool->deaths++;
		j->task->deaths++;
	}
	bool again = answer_death(j, death, how, h->killed_for != NULL);
	slot_forget(s, j, ran_for_ns(j));
	if (again)
		retry_wait(j);
	else
		job_drop(h->pool->daemon, j);
}

/* Every job that is left: those it had started died with it, the others never ran. */
static void settle_jobs(struct host *h, const struct death_info *death)
{
	char how[160];
	struct job *j;

	describe_death(death, how, sizeof how);
	h->pool->daemon->now_us = clock_now_us(); /* the last turn may be long ago */
	for (unsigned i = 0; i < h->nslots; i++) {
		struct slot *s = &h->slots[i];
		(void)slot_collect(s); /* what it finished before it died, it finished */
		while ((j = TAILQ_LAST(&s->jobs, job_list))) {
			if (slot_revoke(s, j))
				pool_take_back(h->pool, j);
			else
				lose_job(h, s, j, death, how);
		}
	}
}

/* Why it never came up: what it said it was at, and how it ended. */
static void describe_failed_start(const struct host *h, const char *how, char *text, size_t size)
{
	char refused[REGION_STEP_MAX] = "", step[REGION_STEP_MAX] = "";

	for (unsigned i = 0; i < h->nslots && !refused[0]; i++)
		region_step(h->slots[i].view.shared, SLOT_STAGE_REFUSED, refused);
	for (unsigned i = 0; i < h->nslots && !step[0]; i++)
		region_step(h->slots[i].view.shared, SLOT_STAGE_INIT, step);
	if (refused[0])
		snprintf(text, size, "%s", refused);
	else
		snprintf(text, size, "%s: %s", step[0] ? step : "before it was ready",
			 h->killed_for ? h->killed_for : how);
}

/* What the pool's breaker makes of it. Not counted are hosts that the front killed, or told to
 * end and that had nothing left to do; and those that die with their zygote, which counts. */
static void note_death(struct host *h, const char *how, bool expected)
{
	bool unasked = !h->killed_for && !(h->is_planned && host_running(h) == 0);
	char text[BREAKER_REASON_MAX];

	if (!h->zygote)
		return;
	if (h->was_up && !expected && (unasked || h->is_liar)) {
		pool_on_crash(h->pool, how);
	} else if (!h->was_up && !h->is_planned) {
		describe_failed_start(h, how, text, sizeof text);
		pool_on_start_failed(h->pool, text);
	}
}

/* The process is gone, and how is known as well as it ever will be. */
static void host_gone(struct host *h, struct death_info *death)
{
	uint8_t tail[TAIL_MAX_BYTES];
	struct pool *p = h->pool;
	bool expected = death->signal == 0 && death->exit_code == 0 && host_running(h) == 0;
	char how[160];

	while (read_stderr(h))
		;
	death->stderr_tail = span_of(tail, tail_copy(&h->tail, tail));
	describe_death(death, how, sizeof how);
	/* What a task said is its client's business, what a start said is the operator's. */
	struct span said = h->was_up ? SPAN_EMPTY : death->stderr_tail;
	log_event(expected ? quiet_level(h) : LOG_WARNING, expected ? "host.ended" : "host.died",
		  LOG_STR("pool", p->name), LOG_INT("pid", h->pid), LOG_STR("how", how),
		  LOG_STR("killed_for", h->killed_for ? h->killed_for : ""),
		  LOG_UINT("jobs_started", host_running(h)),
		  LOG_BYTES("stderr", said.data, said.len));
	host_leave(h);
	enlist_slots(h);
	note_death(h, how, expected);
	settle_jobs(h, death);
	host_free(h);
	pool_on_host_gone(p);
}

/* Whether the kernel has killed some process since this one was forked that is not accounted
 * for. Then it was this one. */
static bool claim_oom_kill(const struct host *h)
{
	struct daemon *d = h->pool->daemon;
	uint64_t known = max_u64(h->oom_kills, d->oom_kills_known);

	if (oom_kills(d->oom_path) <= known)
		return false;
	d->oom_kills_known = known + 1;
	return true;
}

void host_exited(struct host *h, const struct control_message *m)
{
	bool by_signal = WIFSIGNALED(m->wait_status);
	struct death_info death = {
		.pid = h->pid,
		.exit_code = by_signal ? -1 : WEXITSTATUS(m->wait_status),
		.signal = by_signal ? WTERMSIG(m->wait_status) : 0,
		.core_dumped = by_signal && WCOREDUMP(m->wait_status),
		.cpu_us = m->cpu_us,
		.max_rss_bytes = m->max_rss_bytes,
	};

	death.out_of_memory = death.signal == SIGKILL && !h->killed_for && claim_oom_kill(h);
	host_gone(h, &death);
}

/* Without a zygote nobody can ask how it ended; the kernel kills it with its parent. */
static void gone_with_zygote(struct host *h)
{
	struct death_info death = {.pid = h->pid, .exit_code = -1, .signal = SIGKILL};

	if (!h->killed_for)
		h->killed_for = "its zygote died";
	host_gone(h, &death);
}

void host_lost_zygote(struct host *h)
{
	h->zygote = NULL;
	if (h->pidfd < 0) {
		gone_with_zygote(h);
		return;
	}
	host_kill(h, "its zygote died");
	/* Its end may have been seen before the zygote's, and left for that to report. */
	if (h->on_exit)
		(void)event_add(h->on_exit, NULL);
}

static void on_exit_ready(evutil_socket_t fd, short what, void *arg)
{
	struct host *h = arg;

	(void)fd, (void)what;
	assert(h->magic == HOST_MAGIC);
	/* Its zygote reaps it and says how it ended; until then it only takes no more jobs. One
	 * that was not up has none, and is not replaced before it is known what was wrong. */
	if (!h->zygote)
		gone_with_zygote(h);
	else if (h->was_up)
		stop_serving(h);
}

/* ---- the way out ------------------------------------------------------- */

unsigned host_running(const struct host *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->nslots; i++) {
		const struct job *j;
		TAILQ_FOREACH(j, &h->slots[i].jobs, node)
			n += j->session && slot_has_started(&h->slots[i], j);
	}
	return n;
}

uint64_t host_idle_since(const struct host *h)
{
	uint64_t since_us = 0;

	for (unsigned i = 0; i < h->nslots; i++) {
		if (!h->slots[i].is_idle)
			return 0;
		since_us = max_u64(since_us, h->slots[i].idle_since_us);
	}
	return since_us;
}

static void send_signal(struct host *h, int signal)
{
	if (h->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, h->pidfd, signal, NULL, 0);
}

static void arm_kill(struct host *h)
{
	struct daemon *d = h->pool->daemon;

	if (!timer_is_set(&h->timer))
		(void)timer_set(&d->timers, &h->timer, clock_now_us() + d->config->kill_grace_us);
}

static void stop_serving(struct host *h)
{
	if (h->phase == HOST_RETIRED)
		return;
	host_leave(h);
	for (unsigned i = 0; i < h->nslots; i++) {
		slot_revoke_all(&h->slots[i]);
		slot_enlist(&h->slots[i]);
	}
	host_settle(h);
}

void host_retire(struct host *h)
{
	if (h->phase == HOST_RETIRED)
		return;
	h->is_planned = true;
	stop_serving(h);
}

/* ---- what it may still do ---------------------------------------------- */

void host_spend_job(struct host *h)
{
	assert(h->jobs_left > 0);
	if (h->jobs_left != HOST_ANY_JOBS && --h->jobs_left == 0)
		enlist_slots(h);
}

void host_return_job(struct host *h)
{
	if (h->jobs_left != HOST_ANY_JOBS && h->jobs_left++ == 0)
		enlist_slots(h);
}

/* A process has done its last job; where it has threads they need not wait for the slowest of
 * them, but all of its jobs have started. */
static bool is_used_up(const struct host *h)
{
	if (h->jobs_left > 0)
		return false;
	if (h->nslots == 1)
		return !h->slots[0].is_busy;
	for (unsigned i = 0; i < h->nslots; i++) {
		const struct slot *s = &h->slots[i];
		if (s->njobs > 1 || (s->njobs == 1 && !slot_has_started(s, slot_oldest(s))))
			return false;
	}
	return true;
}

bool host_is_spent(const struct host *h)
{
	if (h->phase != HOST_UP)
		return false;
	return is_used_up(h) || (h->watches_memory && atomic_load(&h->shared->over_rss));
}

void host_replace(struct host *h)
{
	host_retire(h);
	h->is_lingering = true;
	for (unsigned i = 0; i < h->nslots; i++)
		h->pool->nlingering += h->slots[i].is_busy;
}

void host_settle(struct host *h)
{
	bool has_shells = false;

	if (h->phase != HOST_RETIRED || host_running(h) > 0)
		return;
	for (unsigned i = 0; i < h->nslots; i++)
		has_shells |= h->slots[i].njobs > 0;
	arm_kill(h);
	if (has_shells) {
		send_signal(h, SIGTERM);
		return;
	}
	if (atomic_exchange(&h->shared->quit, 1))
		return;
	for (unsigned i = 0; i < h->nslots; i++)
		slot_wake(&h->slots[i]);
}

void host_condemn(struct host *h, const char *why)
{
	h->killed_for = why;
	stop_serving(h);
	arm_kill(h);
	host_settle(h);
}

void host_kill(struct host *h, const char *why)
{
	if (!h->killed_for)
		h->killed_for = why;
	if (h->phase != HOST_RETIRED) {
		host_leave(h);
		enlist_slots(h);
	}
	send_signal(h, SIGKILL);
}

void host_expel(struct host *h)
{
	if (h->is_liar)
		return;
	h->is_liar = true;
	log_event(LOG_ERROR, "host.protocol", LOG_STR("pool", h->pool->name),
		  LOG_INT("pid", h->pid));
	host_kill(h, "it broke the protocol of its ring");
}

/* RETIRED: its grace is over. Before: it did not come up; and where it was not even forked,
 * the zygote is what hangs. */
static void on_timer_due(struct timer *t)
{
	struct host *h = container_of(t, struct host, timer);

	if (h->phase == HOST_RETIRED)
		host_kill(h, "it did not end in time");
	else if (h->phase == HOST_FORKING && h->zygote)
		zygote_kill(h->zygote, "it did not fork a host in time");
	else
		host_kill(h, "it was not ready in time");
}
