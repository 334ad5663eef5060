#include "worker/process.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* The child's ends. */
struct child_ends {
	int in, out, err, exec_error;
};

static void child_ends_close(struct child_ends *e)
{
	e->in = close_fd(e->in);
	e->out = close_fd(e->out);
	e->err = close_fd(e->err);
	e->exec_error = close_fd(e->exec_error);
}

static void process_close(struct process *p)
{
	p->pid_fd = close_fd(p->pid_fd);
	p->in = close_fd(p->in);
	p->out = close_fd(p->out);
	p->err = close_fd(p->err);
	p->exec_error = close_fd(p->exec_error);
}

/* A pipe whose `ours` does not block. */
static int pipe_open(int *ret_ours, int *ret_theirs, bool we_read)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[we_read ? 0 : 1];
	*ret_theirs = fds[we_read ? 1 : 0];
	return fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int process_open_pipes(struct process *p, struct child_ends *e)
{
	int r = pipe_open(&p->in, &e->in, false);

	if (r == 0)
		r = pipe_open(&p->out, &e->out, true);
	if (r == 0)
		r = pipe_open(&p->err, &e->err, true);
	if (r == 0)
		r = pipe_open(&p->exec_error, &e->exec_error, true);
	return r;
}

/* In the child of a process with threads: nothing but async-signal-safe calls. */
static _Noreturn void child_exec(const struct child_ends *e, char *const argv[], pid_t parent)
{
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* Both are inherited, and a command expects neither. */
	(void)signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(e->in, STDIN_FILENO) >= 0 && dup2(e->out, STDOUT_FILENO) >= 0 &&
	    dup2(e->err, STDERR_FILENO) >= 0) {
		/* For descriptors that a module left open. */
		(void)close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
		(void)execv(argv[0], argv);
	}
	int error = errno;
	ssize_t ignored = write(e->exec_error, &error, sizeof error);
	(void)ignored;
	_exit(127);
}

/* The child is ours and nobody waits for it but us, so its pid cannot be another's yet. */
static int process_watch(struct process *p)
{
	p->pid_fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pid_fd >= 0)
		return 0;
	int r = -errno;
	(void)kill(p->pid, SIGKILL);
	(void)waitpid(p->pid, NULL, 0);
	return r;
}

int process_start(struct process *p, char *const argv[])
{
	CLEANUP(child_ends_close) struct child_ends ends = {-1, -1, -1, -1};
	pid_t parent = getpid();

	*p = (struct process){-1, -1, -1, -1, -1, -1};
	int r = process_open_pipes(p, &ends);
	if (r < 0) {
		process_close(p);
		return r;
	}
	p->pid = fork();
	if (p->pid == 0)
		child_exec(&ends, argv, parent);
	r = p->pid < 0 ? -errno : process_watch(p);
	if (r < 0)
		process_close(p);
	return r;
}

void process_signal(const struct process *p, int sig)
{
	(void)syscall(SYS_pidfd_send_signal, p->pid_fd, sig, NULL, 0);
}

/* 0, or the -errno that execv() ended with. */
static int process_exec_error(const struct process *p)
{
	int error;

	return read(p->exec_error, &error, sizeof error) == (ssize_t)sizeof error ? -error : 0;
}

static uint64_t ns_of(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000000u + (uint64_t)tv.tv_usec * 1000;
}

int process_end(struct process *p, siginfo_t *ret, uint64_t *ret_cpu_ns)
{
	struct rusage usage;
	int r;

	/* libc's waitid() leaves the usage out. */
	do {
		r = (int)syscall(SYS_waitid, P_PIDFD, p->pid_fd, ret, WEXITED, &usage);
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		*ret_cpu_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
	r = r < 0 ? -errno : process_exec_error(p);
	process_close(p);
	return r;
}
