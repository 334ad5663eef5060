/* Tasks that end their process, each in another way; they say so on stderr first. */
#include "modules/input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Seen in the death's CPU time, which the kernel counts in ticks on some machines. */
static void work_for_a_while(void)
{
	struct rusage usage;

	do
		(void)getrusage(RUSAGE_SELF, &usage);
	while (usage.ru_utime.tv_sec == 0 && usage.ru_utime.tv_usec < 2000 &&
	       usage.ru_stime.tv_sec == 0 && usage.ru_stime.tv_usec < 2000);
}

static void say(const char *what, int number)
{
	char line[64];
	int len = snprintf(line, sizeof line, "%s %d\n", what, number);
	ssize_t ignored = write(STDERR_FILENO, line, (size_t)len);

	(void)ignored;
}

/* What a sanitizer catches ends the process nevertheless; what is ignored stays so. */
static void forget_handler(int sig)
{
	struct sigaction now;

	if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		(void)signal(sig, SIG_DFL);
}

static int raise_task(struct fut_call *call)
{
	uint64_t sig;

	if (input_u64(input_text(call), &sig) < 0 || sig == 0 || sig > (uint64_t)SIGRTMAX)
		return input_refuse(call, "ValueError", "not a signal");
	work_for_a_while();
	say("raising", (int)sig);
	forget_handler((int)sig);
	(void)raise((int)sig);
	return 0;
}

/* More CPU time than it may have. */
static int cpu_limit(struct fut_call *call)
{
	const struct rlimit limit = {.rlim_cur = 1, .rlim_max = 10};

	(void)call;
	say("limit", RLIMIT_CPU);
	if (setrlimit(RLIMIT_CPU, &limit) < 0)
		return 1;
	for (;;)
		__asm__ volatile("");
}

/* A larger file than it may have: the payload is its path. */
static int file_limit(struct fut_call *call)
{
	const struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
	struct fut_view in = fut_call_payload(call);
	static const char bytes[8192];
	char path[PATH_MAX];

	if (in.len >= sizeof path)
		return 1;
	memcpy(path, in.data, in.len);
	path[in.len] = '\0';
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	say("limit", RLIMIT_FSIZE);
	if (fd < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 2;
	(void)lseek(fd, 4096, SEEK_SET);
	ssize_t ignored = write(fd, bytes, sizeof bytes);
	(void)ignored;
	(void)close(fd);
	return 3;
}

/* A sandbox that ends the process at a system call. */
static int sandbox(struct fut_call *call)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

	(void)call;
	say("sandbox", SYS_getppid);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		return 1;
	(void)syscall(SYS_getppid);
	return 2;
}

/* The oldest one: read, write and _exit, and anything else is the thread's end. */
static int strict(struct fut_call *call)
{
	(void)call;
	say("strict", 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
		return 1;
	(void)syscall(SYS_getppid);
	return 2;
}

/* Ends its thread, which is not its to end. */
static int leave_thread(struct fut_call *call)
{
	(void)call;
	pthread_exit(NULL);
}

/* Leaves a core in a folder: the payload is its path. */
static int core(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);
	struct rlimit limit;
	char path[PATH_MAX];

	if (in.len >= sizeof path)
		return 1;
	memcpy(path, in.data, in.len);
	path[in.len] = '\0';
	if (chdir(path) < 0 || getrlimit(RLIMIT_CORE, &limit) < 0)
		return 2;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_CORE, &limit) < 0)
		return 3;
	forget_handler(SIGQUIT);
	(void)raise(SIGQUIT);
	return 4;
}

static const struct fut_task tasks[] = {
	{.name = "raise", .run = raise_task},
	{.name = "cpu_limit", .run = cpu_limit},
	{.name = "file_limit", .run = file_limit},
	{.name = "sandbox", .run = sandbox},
	{.name = "strict", .run = strict},
	{.name = "leave_thread", .run = leave_thread},
	{.name = "core", .run = core},
	{.name = NULL},
};

FUT_MODULE(.name = "deaths", .tasks = tasks);
