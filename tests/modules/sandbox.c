/*
 * Tasks that try what a sandbox is there against. Each says how far it got: "0", or the name of
 * the error; and one that gets at something returns it.
 */
#include "modules/input.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int return_text(struct fut_call *call, const char *text)
{
	return fut_call_return(call, text, strlen(text));
}

static int return_errno(struct fut_call *call, int error)
{
	return return_text(call, error ? strerrorname_np(error) : "0");
}

/* The payload, as a string. */
static const char *take_text(const struct fut_call *call, char text[PATH_MAX])
{
	struct fut_view in = fut_call_payload(call);
	size_t len = in.len < PATH_MAX ? in.len : PATH_MAX - 1;

	if (len > 0)
		memcpy(text, in.data, len);
	text[len] = '\0';
	return text;
}

/* ---- system calls ---- */

/* The call with this number and the first of these arguments; the others are nowhere, so that it
 * does no harm where it is allowed. */
static int call_number(struct fut_call *call)
{
	char text[PATH_MAX];
	long number = -1, a = -1, b = -1, c = -1;

	(void)sscanf(take_text(call, text), "%ld %ld %ld %ld", &number, &a, &b, &c);
	errno = 0;
	long r = syscall(number, a, b, c, -1L, -1L, -1L);
	return return_errno(call, r < 0 ? errno : 0);
}

/* In a child of the task, which dies instead of it. */
static int namespaces(struct fut_call *call)
{
	long r = syscall(SYS_clone, (long)CLONE_NEWUSER | SIGCHLD, 0L, 0L, 0L, 0L);

	if (r == 0)
		_exit(0);
	if (r > 0)
		(void)waitpid((pid_t)r, NULL, 0);
	return return_errno(call, r < 0 ? errno : 0);
}

static void *on_thread(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

/* What tasks do all the time. */
static int ordinary(struct fut_call *call)
{
	pthread_t thread;
	int ran = 0, pair[2], status = -1;
	void *p = malloc(4 << 20);

	if (!p || pthread_create(&thread, NULL, on_thread, &ran) != 0)
		return return_text(call, "no thread");
	(void)pthread_join(thread, NULL);
	free(p);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return return_text(call, "no pair");
	(void)close(pair[0]);
	(void)close(pair[1]);
	pid_t pid = fork();
	if (pid == 0)
		_exit(7);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
		return return_text(call, "no child");
	return return_text(call, ran ? "0" : "no run");
}

static int run_program(struct fut_call *call)
{
	char text[PATH_MAX];
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execl(take_text(call, text), text, NULL);
		_exit(errno);
	}
	if (waitpid(pid, &status, 0) != pid)
		return return_text(call, "lost");
	if (WIFSIGNALED(status))
		return return_text(call, sigabbrev_np(WTERMSIG(status)));
	return return_errno(call, WEXITSTATUS(status));
}

/* ---- files ---- */

/* Its first bytes, or why not. */
static int steal(struct fut_call *call)
{
	char text[PATH_MAX];
	int fd = open(take_text(call, text), O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return return_errno(call, errno);
	ssize_t n = read(fd, text, sizeof text);
	int error = n < 0 ? errno : 0;
	(void)close(fd);
	return error ? return_errno(call, error) : fut_call_return(call, text, (size_t)n);
}

static int leave(struct fut_call *call)
{
	char text[PATH_MAX];
	int fd = open(take_text(call, text), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return return_errno(call, errno);
	ssize_t n = write(fd, "left", 4);
	int error = n < 0 ? errno : 0;
	(void)close(fd);
	return return_errno(call, error);
}

static int truncate_it(struct fut_call *call)
{
	char text[PATH_MAX];

	return return_errno(call, truncate(take_text(call, text), 0) < 0 ? errno : 0);
}

/* ---- other processes ---- */

/* What they are: "PID PID": its parent, and that one's. */
static int family(struct fut_call *call)
{
	char path[64], text[512];
	long grandparent = -1;

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)getppid());
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f)
		(void)fclose(f);
	text[n] = '\0';
	const char *end = strrchr(text, ')');
	if (end)
		(void)sscanf(end + 1, " %*c %ld", &grandparent);
	(void)snprintf(text, sizeof text, "%ld %ld", (long)getppid(), grandparent);
	return return_text(call, text);
}

/* The descriptors of the process: "N LINK" for each, or why not. */
static int descriptors(struct fut_call *call)
{
	char pid[PATH_MAX], path[PATH_MAX + 300], link[256], list[4096] = "";
	size_t len = 0;

	(void)snprintf(path, sizeof path, "/proc/%s/fd", take_text(call, pid));
	DIR *dir = opendir(path);
	if (!dir)
		return return_errno(call, errno);
	for (struct dirent *e; (e = readdir(dir)) && len < sizeof list - 300;) {
		(void)snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, e->d_name);
		ssize_t n = readlink(path, link, sizeof link - 1);
		int error = n < 0 && atoi(e->d_name) > 0 ? errno : 0;
		if (error) {
			(void)closedir(dir);
			return return_errno(call, error);
		}
		if (n < 0 || atoi(e->d_name) == dirfd(dir))
			continue;
		link[n] = '\0';
		len += (size_t)snprintf(list + len, sizeof list - len, "%s %s\n", e->d_name, link);
	}
	(void)closedir(dir);
	return fut_call_return(call, list, len);
}

static int trace(struct fut_call *call)
{
	char text[PATH_MAX];
	long pid = atol(take_text(call, text));

	/* PTRACE_SEIZE leaves it running. */
	long r = syscall(SYS_ptrace, 0x4206L, pid, 0L, 0L);
	return return_errno(call, r < 0 ? errno : 0);
}

static int read_memory(struct fut_call *call)
{
	char text[PATH_MAX], byte;
	long pid = 0;
	unsigned long address = 0;
	struct iovec mine = {&byte, 1}, its;

	(void)sscanf(take_text(call, text), "%ld %lx", &pid, &address);
	its = (struct iovec){(void *)address, 1};
	ssize_t n = process_vm_readv((pid_t)pid, &mine, 1, &its, 1, 0);
	return return_errno(call, n < 0 ? errno : 0);
}

static int send_signal(struct fut_call *call)
{
	char text[PATH_MAX];

	return return_errno(call, kill((pid_t)atol(take_text(call, text)), 0) < 0 ? errno : 0);
}

static int connect_to(struct fut_call *call)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char text[PATH_MAX];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return return_errno(call, errno);
	(void)snprintf(name.sun_path, sizeof name.sun_path, "%.100s", take_text(call, text));
	int r = connect(fd, (struct sockaddr *)&name, sizeof name);
	int error = r < 0 ? errno : 0;
	(void)close(fd);
	return return_errno(call, error);
}

/* ---- what it is ---- */

/* Who it is, how many other groups it has; the rest is 1 where it holds: no new privileges, and it
 * leads its process group. */
static int identity(struct fut_call *call)
{
	char text[256];

	(void)snprintf(text, sizeof text, "uid=%u gid=%u groups=%d nnp=%d leads=%d",
		       (unsigned)getuid(), (unsigned)getgid(), getgroups(0, NULL),
		       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), getpgrp() == getpid());
	return return_text(call, text);
}

static int capabilities(struct fut_call *call)
{
	unsigned long long effective = 1;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof line, f))
		(void)sscanf(line, "CapEff: %llx", &effective);
	if (f)
		(void)fclose(f);
	return return_text(call, effective ? "some" : "none");
}

static int dumpable(struct fut_call *call)
{
	return return_text(call, prctl(PR_GET_DUMPABLE) == 0 ? "0" : "1");
}

/* "AS CORE CPU FSIZE NOFILE NPROC", each as it is now. */
static int limits(struct fut_call *call)
{
	static const int resources[] = {RLIMIT_AS,    RLIMIT_CORE,   RLIMIT_CPU,
					RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_NPROC};
	char text[256];
	size_t len = 0;

	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		struct rlimit limit = {0, 0};
		(void)getrlimit((__rlimit_resource_t)resources[i], &limit);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%" PRIu64, i ? " " : "",
					(uint64_t)limit.rlim_cur);
	}
	return return_text(call, text);
}

static int variable(struct fut_call *call)
{
	char text[PATH_MAX];
	const char *value = getenv(take_text(call, text));

	return return_text(call, value ? value : "(none)");
}

static const struct fut_task tasks[] = {
	{.name = "call_number", .run = call_number},
	{.name = "namespaces", .run = namespaces},
	{.name = "ordinary", .run = ordinary},
	{.name = "run_program", .run = run_program},
	{.name = "steal", .run = steal},
	{.name = "leave", .run = leave},
	{.name = "truncate", .run = truncate_it},
	{.name = "family", .run = family},
	{.name = "descriptors", .run = descriptors},
	{.name = "trace", .run = trace},
	{.name = "read_memory", .run = read_memory},
	{.name = "send_signal", .run = send_signal},
	{.name = "connect_to", .run = connect_to},
	{.name = "identity", .run = identity},
	{.name = "capabilities", .run = capabilities},
	{.name = "dumpable", .run = dumpable},
	{.name = "limits", .run = limits},
	{.name = "variable", .run = variable},
	{.name = NULL},
};

FUT_MODULE(.name = "sandbox", .tasks = tasks);
