#include "daemon/host.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/answer.h"
#include "daemon/daemon.h"
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
static void on_kill_due(struct timer *t);

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

int host_new(struct pool *pool, struct zygote *z)
{
	CLEANUP(close_fdp) int region_fd = -1;
	CLEANUP(close_fdp) int stderr_fd = -1;
	static uint32_t numbers;
	struct host *h = calloc(1, sizeof *h);

	if (!h)
		return -ENOMEM;
	h->magic = HOST_MAGIC;
	h->pool = pool;
	h->zygote = z;
	h->number = ++numbers;
	h->pidfd = h->stderr_fd = -1;
	h->nslots = pool_slots_per_host(pool);
	h->big_bytes = pool->daemon->config->max_payload_bytes;
	timer_init(&h->kill_timer, on_kill_due);
	TAILQ_INSERT_TAIL(&pool->hosts, h, node);
	pool->nhosts++;
	int r = host_build(h, &region_fd, &stderr_fd);
	if (r == 0)
		r = zygote_fork(z, h, region_fd, stderr_fd);
	if (r < 0) {
		pool->nhosts--;
		host_free(h);
	}
	return r;
}

void host_free(struct host *h)
{
	TAILQ_REMOVE(&h->pool->hosts, h, node);
	timer_cancel(&h->pool->daemon->timers, &h->kill_timer);
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

void host_forked(struct host *h, pid_t pid, int pidfd)
{
	struct pool *p = h->pool;

	assert(h->pidfd < 0);
	h->pid = pid;
	h->pidfd = pidfd;
	h->on_exit = event_new(p->daemon->base, pidfd, EV_READ, on_exit_ready, h);
	if (!h->on_exit || event_add(h->on_exit, NULL) < 0) {
		host_kill(h, "out of memory");
		return;
	}
	if (h->phase == HOST_RETIRED) {
		host_settle(h);
		return;
	}
	h->phase = HOST_UP;
	for (unsigned i = 0; i < h->nslots; i++)
		slot_enlist(&h->slots[i]);
	log_event(LOG_INFO, "host.up", LOG_STR("pool", p->name), LOG_INT("pid", pid),
		  LOG_UINT("slots", h->nslots));
	pool_on_host_up(p);
}

void host_fork_failed(struct host *h, int error)
{
	struct pool *p = h->pool;

	log_event(LOG_ERROR, "host.fork_failed", LOG_STR("pool", p->name),
		  LOG_STR("reason", strerror(error)));
	if (h->phase != HOST_RETIRED)
		p->nhosts--;
	host_free(h);
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
		snprintf(text, size, "process %d was ended by signal %d (SIG%s)%s", (int)d->pid,
			 d->signal, abbrev ? abbrev : "?", d->core_dumped ? ", core dumped" : "");
	else
		snprintf(text, size, "process %d exited with status %d", (int)d->pid, d->exit_code);
}

/* Every job that is left: those it had started died with it, the others never ran. */
static void settle_jobs(struct host *h, const struct death_info *death)
{
	char detail[160];
	struct job *j, *before;

	describe_death(death, detail, sizeof detail);
	for (unsigned i = 0; i < h->nslots; i++) {
		struct slot *s = &h->slots[i];
		(void)slot_collect(s); /* what it finished before it died, it finished */
		for (j = TAILQ_LAST(&s->jobs, job_list); j; j = before) {
			before = TAILQ_PREV(j, job_list, node);
			if (slot_revoke(s, j)) {
				pool_take_back(h->pool, j);
				continue;
			}
			if (j->session) {
				h->pool->deaths++;
				j->task->deaths++;
			}
			answer_error(j, FUT_HOST_DIED,
				     (struct error_info){
					     .detail = span_str(detail),
					     .executed = FUT_EXECUTED_MAYBE,
					     .has_death = true,
					     .death = *death,
				     });
			slot_forget(s, j);
			job_drop(h->pool->daemon, j);
		}
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
	log_event(expected ? LOG_INFO : LOG_WARNING, expected ? "host.ended" : "host.died",
		  LOG_STR("pool", p->name), LOG_INT("pid", h->pid), LOG_STR("how", how),
		  LOG_STR("killed_for", h->killed_for ? h->killed_for : ""),
		  LOG_UINT("jobs_started", host_running(h)));
	if (h->phase != HOST_RETIRED)
		p->nhosts--;
	h->phase = HOST_RETIRED;
	for (unsigned i = 0; i < h->nslots; i++)
		slot_enlist(&h->slots[i]);
	settle_jobs(h, death);
	host_free(h);
	pool_on_host_gone(p);
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
	/* Its zygote reaps it and says how it ended; until then it only takes no more jobs. */
	if (h->zygote)
		host_retire(h);
	else
		gone_with_zygote(h);
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

static void send_signal(struct host *h, int signal)
{
	if (h->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, h->pidfd, signal, NULL, 0);
}

static void arm_kill(struct host *h)
{
	struct daemon *d = h->pool->daemon;

	if (!timer_is_set(&h->kill_timer))
		(void)timer_set(&d->timers, &h->kill_timer,
				clock_now_us() + d->config->kill_grace_us);
}

void host_retire(struct host *h)
{
	if (h->phase == HOST_RETIRED)
		return;
	h->phase = HOST_RETIRED;
	h->pool->nhosts--;
	for (unsigned i = 0; i < h->nslots; i++) {
		slot_revoke_all(&h->slots[i]);
		slot_enlist(&h->slots[i]);
	}
	host_settle(h);
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
	host_retire(h);
	arm_kill(h);
	host_settle(h);
	/* Its end may take the grace; what waits shall not. */
	pool_maintain(h->pool);
}

void host_kill(struct host *h, const char *why)
{
	if (!h->killed_for)
		h->killed_for = why;
	if (h->phase != HOST_RETIRED) {
		h->phase = HOST_RETIRED;
		h->pool->nhosts--;
		for (unsigned i = 0; i < h->nslots; i++)
			slot_enlist(&h->slots[i]);
	}
	send_signal(h, SIGKILL);
}

static void on_kill_due(struct timer *t)
{
	struct host *h = container_of(t, struct host, kill_timer);

	host_kill(h, "it did not end in time");
}
