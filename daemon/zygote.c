#include "daemon/zygote.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/daemon.h"
#include "daemon/environment.h"
#include "proto/control.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ZYGOTE_MAGIC 0x2960700au

static void on_control_readable(evutil_socket_t fd, short what, void *arg);
static void on_exited(evutil_socket_t fd, short what, void *arg);
static void on_hosts_woke(evutil_socket_t fd, short what, void *arg);
static void on_start_overdue(struct timer *t);

/* ---- start ------------------------------------------------------------- */

/* The process, with its end of the control socket at CONTROL_FD and nothing else of ours. A group
 * of its own and not a session: the kernel shares the processors out by session, and a job's start
 * would wait for the turn of its host's. */
static int spawn_with(const char *path, const char *pool_name, int control, char **environment,
		      pid_t *ret_pid)
{
	/* What ps shows; its hosts write over it. */
	char title[NAME_MAX_BYTES + sizeof "futured-worker: zygote of "];
	char *argv[] = {title, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;

	snprintf(title, sizeof title, "futured-worker: zygote of %s", pool_name);
	sigemptyset(&none);
	sigfillset(&all);
	int r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	/* dup2 onto itself clears close-on-exec, should it be there already. */
	posix_spawn_file_actions_adddup2(&actions, control, CONTROL_FD);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETPGROUP);
	r = posix_spawn(ret_pid, path, &actions, &attr, argv, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int spawn(const char *path, const struct config_pool *pool, int control, pid_t *ret_pid)
{
	char **environment = environment_make(pool->environment, pool->sandbox.has_user);

	if (!environment)
		return -ENOMEM;
	int r = spawn_with(path, pool->name, control, environment, ret_pid);
	free(environment);
	return r;
}

static int say(struct zygote *z, enum control_type type, const char *text, size_t text_len,
	       const int *fds, size_t nfds)
{
	struct control_message m = {.type = type, .text_len = (uint32_t)text_len};

	if (text_len >= CONTROL_TEXT_MAX)
		return -EMSGSIZE;
	if (text_len > 0)
		memcpy(m.text, text, text_len);
	return control_send(z->control, &m, fds, nfds);
}

static int say_command(struct zygote *z, const struct config_command *c)
{
	char text[CONTROL_TEXT_MAX];
	size_t len = strlen(c->name) + 1;

	memcpy(text, c->name, len);
	for (char **arg = c->argv; *arg; arg++) {
		size_t n = strlen(*arg) + 1;
		if (n >= sizeof text - len)
			return -EMSGSIZE;
		memcpy(text + len, *arg, n);
		len += n;
	}
	return say(z, CONTROL_COMMAND, text, len, NULL, 0);
}

static int say_sandbox(struct zygote *z)
{
	char text[SANDBOX_TEXT_MAX];
	size_t len = sandbox_encode(&z->pool->config->sandbox, text);

	_Static_assert((int)SANDBOX_TEXT_MAX < (int)CONTROL_TEXT_MAX, "it fits in a message");
	return say(z, CONTROL_SANDBOX, text, len, NULL, 0);
}

/* Everything it must know to start loading. */
static int brief(struct zygote *z)
{
	const struct pool *p = z->pool;
	int fds[2] = {p->daemon->front_fd, z->wake_fd};
	int r = say(z, CONTROL_POOL, p->name, strlen(p->name), fds, 2);

	if (r == 0)
		r = say_sandbox(z);
	for (size_t i = 0; r == 0 && p->config->modules[i]; i++) {
		const char *path = p->config->modules[i];
		if (!pool_module_is_bad(p, i))
			r = say(z, CONTROL_MODULE, path, strlen(path), NULL, 0);
	}
	for (size_t i = 0; r == 0 && i < p->config->ncommands; i++)
		r = say_command(z, &p->config->commands[i]);
	return r < 0 ? r : say(z, CONTROL_START, NULL, 0, NULL, 0);
}

static int watch(struct zygote *z)
{
	struct daemon *d = z->pool->daemon;

	z->on_control =
		event_new(d->base, z->control, EV_READ | EV_PERSIST, on_control_readable, z);
	z->on_exit = event_new(d->base, z->pidfd, EV_READ, on_exited, z);
	z->on_wake = event_new(d->base, z->wake_fd, EV_READ | EV_PERSIST, on_hosts_woke, z);
	if (!z->on_control || !z->on_exit || !z->on_wake || event_add(z->on_control, NULL) < 0 ||
	    event_add(z->on_exit, NULL) < 0 || event_add(z->on_wake, NULL) < 0)
		return -ENOMEM;
	return timer_set(&d->timers, &z->start_timer, clock_now_us() + d->config->start_timeout_us);
}

static int zygote_build(struct zygote *z)
{
	const char *path = z->pool->daemon->options->worker_path;
	int sv[2];

	z->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (z->wake_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	z->control = sv[0];
	if (fcntl(z->control, F_SETFL, O_NONBLOCK) < 0) {
		close_fd(sv[1]);
		return -errno;
	}
	int r = spawn(path, z->pool->config, sv[1], &z->pid);
	close_fd(sv[1]);
	if (r < 0)
		return r;
	z->pidfd = (int)syscall(SYS_pidfd_open, z->pid, 0);
	if (z->pidfd < 0)
		return -errno;
	r = watch(z);
	return r < 0 ? r : brief(z);
}

int zygote_start(struct pool *pool, struct zygote **ret)
{
	struct zygote *z = calloc(1, sizeof *z);

	if (!z)
		return -ENOMEM;
	z->magic = ZYGOTE_MAGIC;
	z->pool = pool;
	z->pidfd = z->control = z->wake_fd = -1;
	z->most_hosts = pool->config->kind == POOL_THREADS ? 1 : pool->config->slots;
	z->slots_per_host = pool->config->kind == POOL_THREADS ? pool->config->slots : 1;
	timer_init(&z->start_timer, on_start_overdue);
	int r = zygote_build(z);
	if (r < 0) {
		if (z->pid > 0) {
			kill(z->pid, SIGKILL); /* not reaped yet: the pid is its own */
			waitpid(z->pid, NULL, 0);
		}
		zygote_free(z);
		return r;
	}
	log_event(LOG_DEBUG, "zygote.start", LOG_STR("pool", pool->name), LOG_INT("pid", z->pid));
	*ret = z;
	return 0;
}

void zygote_free(struct zygote *z)
{
	timer_cancel(&z->pool->daemon->timers, &z->start_timer);
	if (z->on_control)
		event_free(z->on_control);
	if (z->on_exit)
		event_free(z->on_exit);
	if (z->on_wake)
		event_free(z->on_wake);
	close_fd(z->control);
	close_fd(z->pidfd);
	close_fd(z->wake_fd);
	free(z->tasks);
	z->magic = 0;
	free(z);
}

/* ---- what it is asked -------------------------------------------------- */

int zygote_fork(struct zygote *z, struct host *h, int region_fd, int stderr_fd)
{
	struct control_message m = {
		.type = CONTROL_FORK,
		.host = h->number,
		.slots = h->nslots,
		.first_slot = h->first_slot,
	};
	int fds[2] = {region_fd, stderr_fd};

	return control_send(z->control, &m, fds, 2);
}

void zygote_end(struct zygote *z, bool now)
{
	z->phase = ZYGOTE_ENDING;
	if (!now && say(z, CONTROL_QUIT, NULL, 0, NULL, 0) == 0)
		return;
	(void)syscall(SYS_pidfd_send_signal, z->pidfd, SIGKILL, NULL, 0);
}

void zygote_kill(struct zygote *z, const char *why)
{
	z->killed_for = why;
	zygote_end(z, true);
}

static void on_start_overdue(struct timer *t)
{
	zygote_kill(container_of(t, struct zygote, start_timer),
		    "it did not load its modules in time");
}

/* ---- what it says ------------------------------------------------------ */

static void on_module_failed(struct zygote *z, const struct control_message *m)
{
	const char *path = m->text;
	size_t n = strlen(path) + 1;

	log_event(LOG_ERROR, "module.failed", LOG_STR("pool", z->pool->name),
		  LOG_STR("module", path), LOG_STR("reason", n < m->text_len ? m->text + n : ""));
}

static void on_task(struct zygote *z, const struct control_message *m)
{
	struct zygote_task *tasks;

	if (z->phase != ZYGOTE_STARTING || !name_is_valid(span_of(m->text, m->text_len)))
		return;
	tasks = realloc(z->tasks, (z->ntasks + 1) * sizeof *tasks);
	if (!tasks)
		return;
	z->tasks = tasks;
	memcpy(tasks[z->ntasks].name, m->text, m->text_len);
	tasks[z->ntasks++].name[m->text_len] = '\0';
}

static void on_ready(struct zygote *z)
{
	if (z->phase != ZYGOTE_STARTING)
		return;
	z->phase = ZYGOTE_READY;
	z->loading[0] = '\0';
	timer_cancel(&z->pool->daemon->timers, &z->start_timer);
	log_event(LOG_INFO, "zygote.ready", LOG_STR("pool", z->pool->name), LOG_INT("pid", z->pid),
		  LOG_UINT("tasks", z->ntasks));
	pool_on_zygote_ready(z->pool, z);
}

/* A module's init() runs in it and may say anything: a host is one of its own, or none. */
static struct host *find_host(const struct zygote *z, uint32_t number)
{
	struct host *h = host_find(z->pool, number);

	return h && h->zygote == z ? h : NULL;
}

static void on_message(struct zygote *z, const struct control_message *m, int *fds)
{
	struct host *h = find_host(z, m->host);

	switch ((enum control_type)m->type) {
	case CONTROL_REFUSED:
		snprintf(z->refused, sizeof z->refused, "%.*s", (int)sizeof z->refused - 1,
			 m->text);
		return;
	case CONTROL_LOADING:
		snprintf(z->loading, sizeof z->loading, "%s", m->text);
		return;
	case CONTROL_MODULE_FAILED:
		on_module_failed(z, m);
		return;
	case CONTROL_TASK:
		on_task(z, m);
		return;
	case CONTROL_READY:
		on_ready(z);
		return;
	case CONTROL_FORKED:
		if (h && h->pidfd < 0 && fds[0] >= 0)
			host_forked(h, (pid_t)m->pid, TAKE_FD(fds[0]));
		return;
	case CONTROL_FORK_FAILED:
		if (h)
			host_fork_failed(h, m->error);
		return;
	case CONTROL_EXITED:
		if (h)
			host_exited(h, m);
		return;
	case CONTROL_POOL:
	case CONTROL_SANDBOX:
	case CONTROL_MODULE:
	case CONTROL_COMMAND:
	case CONTROL_START:
	case CONTROL_FORK:
	case CONTROL_QUIT:
		break;
	}
	log_event(LOG_ERROR, "zygote.protocol", LOG_STR("pool", z->pool->name),
		  LOG_UINT("type", m->type));
}

/* Reads what is there; false at the end of the conversation. */
static bool read_control(struct zygote *z)
{
	struct control_message m;
	int fds[CONTROL_FDS_MAX];
	int r;

	while ((r = control_receive(z->control, &m, fds)) == 1) {
		on_message(z, &m, fds);
		for (size_t i = 0; i < CONTROL_FDS_MAX; i++)
			close_fd(fds[i]);
	}
	return r == -EAGAIN;
}

static void on_control_readable(evutil_socket_t fd, short what, void *arg)
{
	struct zygote *z = arg;

	(void)fd, (void)what;
	assert(z->magic == ZYGOTE_MAGIC);
	z->pool->daemon->now_us = clock_now_us(); /* what comes now was not there before */
	if (!read_control(z))
		event_del(z->on_control); /* it is ending; on_exited() says the rest */
}

static void on_hosts_woke(evutil_socket_t fd, short what, void *arg)
{
	struct zygote *z = arg;
	eventfd_t ignored;

	(void)fd, (void)what;
	assert(z->magic == ZYGOTE_MAGIC);
	z->pool->daemon->now_us = clock_now_us();
	/* The turn that follows looks at every ring. */
	(void)eventfd_read(z->wake_fd, &ignored);
	pool_on_wake(z->pool);
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
	struct zygote *z = arg;
	siginfo_t info = {0};
	char how[sizeof z->refused];

	(void)fd, (void)what;
	assert(z->magic == ZYGOTE_MAGIC);
	z->pool->daemon->now_us = clock_now_us();
	(void)read_control(z); /* its last words may still be there */
	if (waitid(P_PID, (id_t)z->pid, &info, WEXITED) == 0 && z->refused[0])
		snprintf(how, sizeof how, "%s", z->refused);
	else if (info.si_pid == 0)
		snprintf(how, sizeof how, "lost");
	else if (info.si_code == CLD_EXITED)
		snprintf(how, sizeof how, "exited with status %d", info.si_status);
	else
		snprintf(how, sizeof how, "was ended by signal %d (SIG%s)", info.si_status,
			 sigabbrev_np(info.si_status) ? sigabbrev_np(info.si_status) : "?");
	pool_on_zygote_gone(z->pool, z, z->killed_for ? z->killed_for : how);
}
