#include "client/private_daemon.h"

#include "client/error.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* What the daemon finds open besides the standard streams. */
enum { SESSION_FD = 3, CONFIG_FD = 4, FIRST_UNUSED_FD = 5 };

enum { ARGS_MAX = 8, KILL_US = 5 * 1000 * 1000 };

extern char **environ;

/* ---- its configuration ----------------------------------------------------- */

static void write_pool(FILE *f, const char *name, const struct url *u)
{
	(void)fprintf(f, "pool %s {\n  kind = %s\n  slots = %u\n", name, name, u->workers);
	for (const char *at = u->modules; at; at = *at ? at + 1 : NULL) {
		size_t len = strcspn(at, ",");

		(void)fprintf(f, "%s'%.*s'", at == u->modules ? "  modules = {" : ", ", (int)len,
			      at);
		at += len;
	}
	/* Its tasks are the program's own, and so is their environment. */
	(void)fputs(u->modules ? "}\n" : "", f);
	(void)fputs("  environment = {'*', 'LD_LIBRARY_PATH'}\n}\n", f);
}

/* The pools are those of a daemon without a configuration, so that a program finds the same
 * ones elsewhere. It listens nowhere; but without `listen` there is a default that would
 * have to make sense. The text is the caller's, also after an error. */
static int make_text(const struct url *u, char **ret, size_t *ret_len)
{
	FILE *f = open_memstream(ret, ret_len);

	if (!f)
		return -ENOMEM;
	(void)fputs("log_level = warning\nlisten = {'unix:/nowhere'}\n", f);
	write_pool(f, "threads", u);
	write_pool(f, "processes", u);
	bool failed = ferror(f);
	failed |= fclose(f) != 0;
	return failed ? -ENOMEM : 0;
}

/* A file that nobody can change, and that is nowhere. */
static int make_config(const struct url *u, int *ret_fd)
{
	CLEANUP(close_fdp) int fd = memfd_create("futured.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CLEANUP(free_ptr) char *text = NULL;
	size_t len;

	if (fd < 0)
		return -errno;
	int r = make_text(u, &text, &len);
	if (r < 0)
		return r;
	/* The daemon reads nothing that others could have written. */
	if (fchmod(fd, 0600) < 0)
		return -errno;
	ssize_t n = write(fd, text, len);
	if (n < 0)
		return -errno;
	if ((size_t)n != len)
		return -EIO;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* ---- the process ----------------------------------------------------------- */

/* A program with more rights than its user does not let the environment choose what it runs. */
static char *setting(const char *name)
{
	char *value = secure_getenv(name);

	return value && *value ? value : NULL;
}

/* Where it is, and how it is called. */
static const char *command_line(char *argv[ARGS_MAX])
{
	static char name[] = "futured", session[] = "--session-fd=3",
		    config[] = "--config=/proc/self/fd/4";
	static char worker_option[] = "--worker", module_dir_option[] = "--module-dir";
	const char *program = setting("FUTURED_DAEMON");
	char *worker = program ? setting("FUTURED_WORKER") : NULL;
	char *module_dir = program ? setting("FUTURED_MODULE_DIR") : NULL;
	size_t n = 0;

	_Static_assert(SESSION_FD == 3 && CONFIG_FD == 4, "the arguments say so");
	argv[n++] = name;
	argv[n++] = session;
	argv[n++] = config;
	if (worker) {
		argv[n++] = worker_option;
		argv[n++] = worker;
	}
	if (module_dir) {
		argv[n++] = module_dir_option;
		argv[n++] = module_dir;
	}
	argv[n] = NULL;
	return program ? program : SBINDIR "/futured";
}

/* One that the program's children would not have is not what it calls stderr. */
static bool has_stderr(void)
{
	int flags = fcntl(STDERR_FILENO, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* Both descriptors are beyond those that are made here. */
static int add_actions(posix_spawn_file_actions_t *a, int session_fd, int config_fd)
{
	int r = posix_spawn_file_actions_addopen(a, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (r == 0 && !has_stderr())
		r = posix_spawn_file_actions_addopen(a, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	/* Its output would get mixed up with the program's. */
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(a, STDERR_FILENO, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(a, session_fd, SESSION_FD);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(a, config_fd, CONFIG_FD);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(a, FIRST_UNUSED_FD);
	return -r;
}

static int spawn_with(const posix_spawn_file_actions_t *actions, const char *program,
		      char *const argv[], pid_t *ret_pid)
{
	posix_spawnattr_t attr;
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	int r = posix_spawnattr_init(&attr);
	if (r != 0)
		return -r;
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setsigdefault(&attr, &all);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETSID);
	r = posix_spawn(ret_pid, program, actions, &attr, argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	return -r;
}

static int spawn(const char *program, char *const argv[], int session_fd, int config_fd,
		 pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r != 0)
		return -r;
	r = add_actions(&actions, session_fd, config_fd);
	if (r == 0)
		r = spawn_with(&actions, program, argv, ret_pid);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* Out of the way of what the daemon finds open; and a standard stream that the program has
 * closed must not become a socket that it would print to. */
static int move_up(int *fd)
{
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_UNUSED_FD);

	if (moved < 0)
		return -errno;
	close_fd(*fd);
	*fd = moved;
	return 0;
}

static int make_pair(int *ret_ours, int *ret_theirs)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) < 0)
		return -errno;
	*ret_ours = sv[0];
	*ret_theirs = sv[1];
	int r = move_up(ret_ours);
	return r < 0 ? r : move_up(ret_theirs);
}

/* While it is our child and not waited for, its number is its own. */
static int watch(pid_t pid, int *ret_pidfd)
{
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*ret_pidfd >= 0 || errno == ESRCH) /* it is over already: the socket says so */
		return 0;
	int r = -errno;
	if (waitpid(pid, NULL, WNOHANG) == 0) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	return r;
}

static int start(struct private_daemon *d, const struct url *u, const char *program,
		 char *const argv[], int *ret_fd)
{
	CLEANUP(close_fdp) int config_fd = -1;
	CLEANUP(close_fdp) int ours = -1;
	CLEANUP(close_fdp) int theirs = -1;
	pid_t pid;

	int r = make_pair(&ours, &theirs);
	if (r == 0)
		r = make_config(u, &config_fd);
	if (r == 0)
		r = move_up(&config_fd);
	if (r == 0)
		r = spawn(program, argv, theirs, config_fd, &pid);
	if (r == 0)
		r = watch(pid, &d->pidfd);
	if (r == 0)
		*ret_fd = TAKE_FD(ours);
	return r;
}

fut_error *private_daemon_start(struct private_daemon *d, const struct url *u, int *ret_fd)
{
	char *argv[ARGS_MAX];
	const char *program = command_line(argv);
	int r = start(d, u, program, argv, ret_fd);

	if (r == 0)
		return NULL;
	if (r == -ENOMEM)
		return error_plain(FUT_NO_MEMORY);
	return error_make(FUT_CONNECT_FAILED, FUT_EXECUTED_NO, "the private daemon does not start",
			  "install futured, or name the program in FUTURED_DAEMON; or name a "
			  "daemon that runs in FUTURED_URL",
			  "%.300s: %s", program, strerror(-r));
}

/* ---- its end --------------------------------------------------------------- */

static bool ends_within(int pidfd, uint64_t patience_us)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	uint64_t deadline_us = clock_after_us((int64_t)patience_us);
	int n;

	do {
		n = poll(&p, 1, clock_poll_ms(deadline_us));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

void private_daemon_end(struct private_daemon *d, uint64_t patience_us)
{
	siginfo_t ignored;

	if (d->pidfd < 0)
		return;
	if (!ends_within(d->pidfd, patience_us)) {
		(void)syscall(SYS_pidfd_send_signal, d->pidfd, SIGKILL, NULL, 0);
		(void)ends_within(d->pidfd, KILL_US);
	}
	/* ECHILD: the program ignores its children, or was faster. */
	(void)waitid(P_PIDFD, (id_t)d->pidfd, &ignored, WEXITED | WNOHANG);
	d->pidfd = close_fd(d->pidfd);
}
