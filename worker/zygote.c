#include "worker/zygote.h"

#include "common/log.h"
#include "common/util.h"
#include "proto/control.h"
#include "proto/region.h"
#include "proto/sandbox.h"
#include "worker/host.h"
#include "worker/module.h"
#include "worker/module_guard.h"
#include "worker/privileges.h"
#include "worker/sandbox.h"
#include "worker/task_table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct zygote_host {
	uint32_t number; /* the front's */
	pid_t pid;
};

struct zygote {
	int control;
	int signals; /* SIGCHLD */

	/* from POOL, SANDBOX, MODULE, COMMAND */
	char *pool;
	struct sandbox sandbox;
	int sandbox_files; /* its rules for files, or -1 */
	int event_fd;
	const struct front_shared *front;
	char **paths; /* of modules */
	size_t npaths;
	struct command **commands; /* NULL once the table has it */
	size_t ncommands;

	struct module *modules; /* those that were started */
	size_t nmodules;
	struct task_table tasks; /* both are final once started */
	bool started;
	uid_t owner; /* of modules, besides root: as whom it began */

	struct zygote_host *hosts; /* alive, or not reaped yet */
	size_t nhosts;
	bool quitting; /* the front said so: ends with the last host */
	bool orphaned; /* the front is gone */
};

/* There is no way on: the front sees that the zygote is gone, and the log why. */
static _Noreturn void zygote_give_up(const char *step, int error)
{
	log_event(LOG_ERROR, "zygote.failed", LOG_STR("step", step),
		  LOG_STR("why", strerrordesc_np(error)));
	exit(1);
}

/* One more place at the end of an array. */
static void *grow(void *array, size_t len, size_t size)
{
	void *mem = reallocarray(array, len + 1, size);

	if (!mem)
		zygote_give_up("memory", ENOMEM);
	return mem;
}

static char *copy_text(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		zygote_give_up("memory", ENOMEM);
	return copy;
}

/* ---- to the front ---------------------------------------------------------------------- */

static void tell(struct zygote *z, const struct control_message *m, const int *fds, size_t nfds)
{
	if (!z->orphaned && control_send(z->control, m, fds, nfds) < 0)
		z->orphaned = true;
}

static void tell_text(struct zygote *z, enum control_type type, const char *text)
{
	struct control_message m = {.type = type};

	m.text_len = (uint32_t)strnlen(text, CONTROL_TEXT_MAX - 1);
	memcpy(m.text, text, m.text_len);
	tell(z, &m, NULL, 0);
}

static void tell_module_failed(struct zygote *z, const char *path, const char *why)
{
	struct control_message m = {.type = CONTROL_MODULE_FAILED};
	int n = snprintf(m.text, CONTROL_TEXT_MAX - MODULE_REASON_MAX - 1, "%s", path);
	size_t at = min_u64((uint64_t)n, CONTROL_TEXT_MAX - MODULE_REASON_MAX - 2) + 1;

	n = snprintf(m.text + at, MODULE_REASON_MAX, "%s", why);
	m.text_len = (uint32_t)(at + min_u64((uint64_t)n, MODULE_REASON_MAX - 1) + 1);
	tell(z, &m, NULL, 0);
}

static void tell_fork_failed(struct zygote *z, uint32_t host, int r)
{
	tell(z, &(struct control_message){.type = CONTROL_FORK_FAILED, .host = host, .error = -r},
	     NULL, 0);
}

/* There is no way on, and the front is told why. */
static _Noreturn void refuse_to_start(struct zygote *z, const char *reason)
{
	tell_text(z, CONTROL_REFUSED, reason);
	_exit(1);
}

/* ---- loading --------------------------------------------------------------------------- */

static void on_pool(struct zygote *z, const struct control_message *m, int *fds)
{
	if (z->pool)
		zygote_give_up("pool", EEXIST);
	int r = front_page_map(fds[0], &z->front);
	if (r < 0)
		zygote_give_up("front page", -r);
	z->event_fd = fds[1];
	fds[1] = -1;
	z->pool = copy_text(m->text);
}

static void on_sandbox(struct zygote *z, const struct control_message *m, int *fds)
{
	(void)fds;
	sandbox_done(&z->sandbox);
	int r = sandbox_decode(m->text, m->text_len, &z->sandbox);
	if (r < 0)
		zygote_give_up("sandbox", -r);
}

static void on_module(struct zygote *z, const struct control_message *m, int *fds)
{
	(void)fds;
	z->paths = grow(z->paths, z->npaths, sizeof(char *));
	z->paths[z->npaths++] = copy_text(m->text);
}

static void on_command(struct zygote *z, const struct control_message *m, int *fds)
{
	char reason[COMMAND_REASON_MAX];
	struct command *c;

	(void)fds;
	if (command_parse(m->text, m->text_len, &c, reason) < 0) {
		tell_module_failed(z, m->text, reason);
		return;
	}
	z->commands = grow(z->commands, z->ncommands, sizeof(struct command *));
	z->commands[z->ncommands++] = c;
}

static void report_duplicate(struct zygote *z, const char *path, const char *task)
{
	char why[MODULE_REASON_MAX];

	(void)snprintf(why, sizeof why, "task %s is already there", task);
	tell_module_failed(z, path, why);
}

/* The same file under two names is one module to the loader. */
static bool is_started(const struct zygote *z, const struct fut_module *def)
{
	for (size_t i = 0; i < z->nmodules; i++) {
		if (z->modules[i].def == def)
			return true;
	}
	return false;
}

/* It did what cannot be taken back. The front begins again with a zygote that leaves it out;
 * this one ends with all it was made to start. */
static _Noreturn void end_with_module(struct zygote *z, const char *path, const char *reason)
{
	tell_module_failed(z, path, reason);
	(void)kill(0, SIGKILL);
	_exit(1);
}

/* Its constructors and its init(). */
static int start_module(struct zygote *z, struct module *m, const char *path,
			char reason[MODULE_REASON_MAX])
{
	const int needed[MODULE_GUARD_FDS] = {z->control, z->signals, z->event_fd};
	char why[MODULE_GUARD_REASON_MAX];
	struct module_guard guard;

	module_guard_begin(&guard, needed);
	int r = module_open(m, path, z->owner, reason);
	if (r == 0 && !is_started(z, m->def)) {
		r = module_start(m, z->pool, reason);
	} else if (r == 0) {
		(void)snprintf(reason, MODULE_REASON_MAX, "it is loaded already");
		r = -EEXIST;
	}
	if (module_guard_check(&guard, why) < 0)
		end_with_module(z, path, why);
	return r;
}

static void load_module(struct zygote *z, const char *path)
{
	char reason[MODULE_REASON_MAX];
	struct module m;

	/* Before it is touched: it may be the end of this process. */
	tell_text(z, CONTROL_LOADING, path);
	if (start_module(z, &m, path, reason) < 0) {
		tell_module_failed(z, path, reason);
		return;
	}
	z->modules = grow(z->modules, z->nmodules, sizeof *z->modules);
	z->modules[z->nmodules++] = m;
	for (const struct fut_task *t = m.def->tasks; t->name; t++) {
		int r = task_table_add(&z->tasks, t);
		if (r == -EEXIST)
			report_duplicate(z, path, t->name);
		else if (r < 0)
			zygote_give_up("tasks", -r);
	}
}

static void add_command(struct zygote *z, struct command **c)
{
	int r = task_table_add_command(&z->tasks, *c);

	if (r == -EEXIST)
		report_duplicate(z, (*c)->argv[0], (*c)->name);
	else if (r < 0)
		zygote_give_up("tasks", -r);
	else
		*c = NULL;
}

/* No line of a module runs before this. */
static void put_sandbox_on(struct zygote *z)
{
	const char **programs = calloc(z->ncommands + 1, sizeof *programs);
	char reason[SANDBOX_REASON_MAX];

	z->paths = grow(z->paths, z->npaths, sizeof(char *));
	z->paths[z->npaths] = NULL;
	if (!programs)
		zygote_give_up("memory", ENOMEM);
	for (size_t i = 0; i < z->ncommands; i++)
		programs[i] = z->commands[i]->argv[0];
	const struct sandbox_needs needs = {(const char *const *)z->paths, programs};
	if (sandbox_enter(&z->sandbox, &needs, z->pool, &z->sandbox_files, reason) < 0)
		refuse_to_start(z, reason);
	free(programs);
}

static void on_start(struct zygote *z, const struct control_message *m, int *fds)
{
	(void)m;
	(void)fds;
	if (!z->pool || z->started)
		zygote_give_up("start", EPROTO);
	put_sandbox_on(z);
	for (size_t i = 0; i < z->npaths; i++)
		load_module(z, z->paths[i]);
	for (size_t i = 0; i < z->ncommands; i++)
		add_command(z, &z->commands[i]);
	for (size_t i = 0; i < z->tasks.len; i++)
		tell_text(z, CONTROL_TASK, z->tasks.tasks[i].name);
	z->started = true;
	tell(z, &(struct control_message){.type = CONTROL_READY}, NULL, 0);
}

/* ---- hosts ----------------------------------------------------------------------------- */

static _Noreturn void become_host(const struct zygote *z, const struct control_message *m,
				  const int *fds, pid_t zygote)
{
	const struct host_start start = {
		.pool = z->pool,
		.slots = m->slots,
		.first_slot = m->first_slot,
		.region_fd = fds[0],
		.stderr_fd = fds[1],
		.event_fd = z->event_fd,
		.zygote = zygote,
		.sandbox = &z->sandbox,
		.sandbox_files = z->sandbox_files,
		.front = z->front,
		.tasks = &z->tasks,
		.modules = z->modules,
		.nmodules = z->nmodules,
	};

	close_fd(z->control);
	close_fd(z->signals);
	host_run(&start);
}

/* Kills the host and all it started. Only for a host that is not reaped: its pid is its
 * group's, and nobody else can have it. */
static void kill_group(pid_t pid)
{
	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
}

/* 0 and a host that runs, with a descriptor for it; or -errno. */
static int start_host(struct zygote *z, const struct control_message *m, const int *fds,
		      pid_t *ret_pid, int *ret_pid_fd)
{
	pid_t self = getpid();

	/* What is in there now would be written once more by each host. */
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_host(z, m, fds, self);
	/* The host does the same; it must be true for both as soon as they go on. */
	(void)setpgid(pid, pid);
	int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pid_fd < 0) {
		int r = -errno;
		kill_group(pid);
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pid = pid;
	*ret_pid_fd = pid_fd;
	return 0;
}

static void on_fork(struct zygote *z, const struct control_message *m, int *fds)
{
	struct zygote_host host = {.number = m->host};
	int pid_fd;

	if (!z->started || z->quitting || m->slots == 0 || m->slots > REGION_MAX_SLOTS ||
	    fds[0] < 0 || fds[1] < 0) {
		tell_fork_failed(z, m->host, -EINVAL);
		return;
	}
	z->hosts = grow(z->hosts, z->nhosts, sizeof *z->hosts);
	int r = start_host(z, m, fds, &host.pid, &pid_fd);
	if (r < 0) {
		tell_fork_failed(z, m->host, r);
		return;
	}
	z->hosts[z->nhosts++] = host;
	const struct control_message forked = {
		.type = CONTROL_FORKED, .host = host.number, .pid = host.pid};
	tell(z, &forked, &pid_fd, 1);
	close_fd(pid_fd);
}

static struct zygote_host *find_host(struct zygote *z, pid_t pid)
{
	for (size_t i = 0; i < z->nhosts; i++) {
		if (z->hosts[i].pid == pid)
			return &z->hosts[i];
	}
	return NULL;
}

static uint64_t timeval_us(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

/* A host that has ended, or is about to. */
static void bury_host(struct zygote *z, struct zygote_host *h)
{
	struct rusage usage = {0};
	int status = 0;

	/* While the pid is still taken: what the host left behind ends with it. */
	kill_group(h->pid);
	while (wait4(h->pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	const struct control_message exited = {
		.type = CONTROL_EXITED,
		.host = h->number,
		.pid = h->pid,
		.wait_status = status,
		.cpu_us = timeval_us(usage.ru_utime) + timeval_us(usage.ru_stime),
		.max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024,
	};
	*h = z->hosts[--z->nhosts];
	tell(z, &exited, NULL, 0);
}

/* Looks at every child that has ended, but leaves it there until its group is killed. */
static void bury_dead(struct zygote *z)
{
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			return;
		struct zygote_host *h = find_host(z, info.si_pid);
		if (h)
			bury_host(z, h);
		else
			(void)waitpid(info.si_pid, NULL, 0); /* a module's */
	}
}

/* ---- the loop -------------------------------------------------------------------------- */

static void on_quit(struct zygote *z, const struct control_message *m, int *fds)
{
	(void)m;
	(void)fds;
	z->quitting = true;
}

typedef void zygote_handler(struct zygote *z, const struct control_message *m, int *fds);

/* By type of message. */
static zygote_handler *const handlers[] = {
	[CONTROL_POOL] = on_pool,     [CONTROL_SANDBOX] = on_sandbox,
	[CONTROL_MODULE] = on_module, [CONTROL_COMMAND] = on_command,
	[CONTROL_START] = on_start,   [CONTROL_FORK] = on_fork,
	[CONTROL_QUIT] = on_quit,
};

static void on_control(struct zygote *z)
{
	struct control_message m;
	int fds[CONTROL_FDS_MAX];
	int r = control_receive(z->control, &m, fds);

	if (r == 0 || r == -ECONNRESET) {
		z->orphaned = true;
		return;
	}
	if (r < 0)
		zygote_give_up("receive", -r);
	if (m.type >= ARRAY_LEN(handlers) || !handlers[m.type])
		zygote_give_up("receive", EPROTO);
	handlers[m.type](z, &m, fds);
	/* A handler that keeps one puts -1 in its place. */
	for (size_t i = 0; i < CONTROL_FDS_MAX; i++)
		close_fd(fds[i]);
}

static void on_child(struct zygote *z)
{
	struct signalfd_siginfo some[8];

	/* Several ends may be one signal: what counts is who can be waited for. */
	ssize_t ignored = read(z->signals, some, sizeof some);
	(void)ignored;
	bury_dead(z);
}

static void zygote_loop(struct zygote *z)
{
	while (!z->orphaned && !(z->quitting && z->nhosts == 0)) {
		struct pollfd fds[] = {
			{.fd = z->signals, .events = POLLIN},
			{.fd = z->control, .events = POLLIN},
		};

		if (poll(fds, ARRAY_LEN(fds), -1) < 0)
			continue;
		if (fds[0].revents)
			on_child(z);
		if (fds[1].revents)
			on_control(z);
	}
}

/* ---- birth and end --------------------------------------------------------------------- */

static int zygote_set_signals(struct zygote *z)
{
	sigset_t child, polite;

	/* The front decides when this ends: not a terminal, and not whoever signals a group.
	 * Blocked and not ignored, because hosts inherit it: what is sent to one that has not
	 * come around to changing it must reach it then. */
	sigemptyset(&polite);
	sigaddset(&polite, SIGINT);
	sigaddset(&polite, SIGTERM);
	sigaddset(&polite, SIGHUP);
	/* An ignored SIGCHLD, which is inherited, would leave nothing to wait for. */
	(void)signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &polite, NULL) < 0 || sigprocmask(SIG_BLOCK, &child, NULL) < 0)
		return -errno;
	z->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return z->signals < 0 ? -errno : 0;
}

/* What it said before is not worth doing any more: a module may take for ever to load. */
static bool front_is_gone(int control_fd)
{
	struct pollfd p = {.fd = control_fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) == 1 && p.revents & (POLLRDHUP | POLLHUP);
}

static int zygote_init(struct zygote *z, int control_fd)
{
	*z = (struct zygote){
		.control = control_fd,
		.signals = -1,
		.event_fd = -1,
		.sandbox_files = -1,
		.owner = getuid(),
	};
	task_table_init(&z->tasks);
	sandbox_init(&z->sandbox);
	/* Of what the daemon had open nothing else is for task code, whoever opened it. */
	if (close_range((unsigned)control_fd + 1, UINT_MAX, 0) < 0)
		return -errno;
	int r = privileges_freeze();
	if (r < 0)
		return r;
	/* What a module starts can be ended with it. It is one already when the front made it so.
	 */
	(void)setpgid(0, 0);
	/* The front may be gone already; then the socket says so. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	z->orphaned = front_is_gone(control_fd);
	/* So that the last line a task printed before it crashed is not lost. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (fcntl(control_fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(control_fd, F_SETFL, 0) < 0)
		return -errno;
	return zygote_set_signals(z);
}

static void zygote_done(struct zygote *z)
{
	while (z->nhosts > 0)
		bury_host(z, &z->hosts[z->nhosts - 1]);
	for (size_t i = z->nmodules; i-- > 0;)
		module_stop(&z->modules[i]);
	for (size_t i = 0; i < z->npaths; i++)
		free(z->paths[i]);
	task_table_done(&z->tasks);
	for (size_t i = 0; i < z->ncommands; i++)
		command_free(z->commands[i]);
	free(z->commands);
	free(z->modules);
	free(z->paths);
	free(z->hosts);
	free(z->pool);
	sandbox_done(&z->sandbox);
	close_fd(z->sandbox_files);
	close_fd(z->signals);
	close_fd(z->event_fd);
}

int zygote_run(int control_fd)
{
	struct zygote z;
	int r = zygote_init(&z, control_fd);

	if (r < 0)
		zygote_give_up("its own set-up", -r);
	zygote_loop(&z);
	zygote_done(&z);
	return 0;
}
