/* The filter of system calls, put on by a child: what ends it, and what does not. */
#include "worker/seccomp.h"

#include "tests/lib/trun.h"
#include "worker/privileges.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

TRUN_NO_LEAK_CHECK;

enum { NETWORK = 1, PROGRAMS = 2 };

/* How a child that makes this call ended: minus the signal, or the errno. */
static int end_of(int mode, const long args[4])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit none = {0, 0};
		(void)setrlimit(RLIMIT_CORE, &none);
		if (privileges_freeze() < 0 || seccomp_enter(mode & NETWORK, mode & PROGRAMS) < 0)
			_exit(255);
		long r = syscall(args[0], args[1], args[2], args[3], -1L, -1L, -1L);
		_exit(r < 0 ? errno : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#define END(mode, ...) end_of((mode), (const long[4]){__VA_ARGS__})

START_TEST(every_call_of_the_list_ends_it)
{
	unsigned n = 0;

	for (size_t i = 0; seccomp_forbidden[i]; i++) {
		int nr = seccomp_number(seccomp_forbidden[i]);
		if (nr < 0)
			continue;
		ck_assert_msg(END(NETWORK | PROGRAMS, nr, -1, -1, -1) == -SIGSYS, "%s",
			      seccomp_forbidden[i]);
		n++;
	}
	ck_assert_uint_gt(n, 40);
	ck_assert_int_eq(seccomp_number("no_such_call"), -1);
}
END_TEST

START_TEST(namespaces)
{
	static const long flags[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,   CLONE_NEWUSER,
				     CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		ck_assert_int_eq(END(NETWORK | PROGRAMS, SYS_clone, flags[i] | SIGCHLD, 0, 0),
				 -SIGSYS);
	ck_assert_int_eq(END(NETWORK | PROGRAMS, SYS_clone3, 0, 0, 0), ENOSYS);
}
END_TEST

START_TEST(typing_for_others)
{
	ck_assert_int_eq(END(NETWORK, SYS_ioctl, -1, TIOCSTI, 0), -SIGSYS);
	/* The kernel compares 32 bits of it. */
	ck_assert_int_eq(END(NETWORK, SYS_ioctl, -1, TIOCSTI | 1L << 40, 0), -SIGSYS);
	ck_assert_int_eq(END(NETWORK, SYS_ioctl, -1, FIONREAD, 0), EBADF);
}
END_TEST

START_TEST(families)
{
	static const int good[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

	for (int family = 0; family < 64; family++) {
		bool is_good = false;
		for (size_t i = 0; i < ARRAY_LEN(good); i++)
			is_good |= family == good[i];
		/* A type that there is not: it gets no further than the filter. */
		int end = END(NETWORK, SYS_socket, family, 0xff, 0);
		ck_assert_msg(is_good ? end > 0 : end == -SIGSYS, "%d: %d", family, end);
		ck_assert_int_eq(END(0, SYS_socket, family, 0xff, 0), -SIGSYS);
	}
	ck_assert_int_eq(END(NETWORK, SYS_socket, AF_PACKET | 1L << 32, SOCK_RAW, 0), -SIGSYS);
	ck_assert_int_eq(END(NETWORK, SYS_socket, AF_NETLINK, SOCK_RAW, 9), -SIGSYS);
	ck_assert_int_eq(END(0, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0), EFAULT);
}
END_TEST

START_TEST(programs)
{
	ck_assert_int_eq(END(PROGRAMS, SYS_execve, -1, 0, 0), EFAULT);
	ck_assert_int_eq(END(0, SYS_execve, -1, 0, 0), -SIGSYS);
	ck_assert_int_eq(END(0, SYS_execveat, -1, -1, 0), -SIGSYS);
}
END_TEST

static void *on_thread(void *arg)
{
	return arg;
}

/* libc finds its way without clone3(), for threads as for processes. */
START_TEST(threads_and_processes)
{
	pthread_t thread;
	void *got = NULL;
	int status;

	ck_assert_int_eq(privileges_freeze(), 0);
	ck_assert_int_eq(seccomp_enter(false, false), 0);
	must(pthread_create(&thread, NULL, on_thread, &status) == 0);
	must(pthread_join(thread, &got) == 0);
	must(got == &status);
	pid_t pid = fork();
	if (pid == 0)
		_exit(3);
	must(waitpid(pid, &status, 0) == pid);
	ck_assert_int_eq(WEXITSTATUS(status), 3);
}
END_TEST

static const char *why_not(void)
{
	return seccomp_number("ptrace") < 0 ? "built without libseccomp" : NULL;
}

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_seccomp");
	TCase *tc = trun_case(s, "seccomp");

	trun_add_unless(tc, why_not(), every_call_of_the_list_ends_it, 1);
	trun_add_unless(tc, why_not(), namespaces, 1);
	trun_add_unless(tc, why_not(), typing_for_others, 1);
	trun_add_unless(tc, why_not(), families, 1);
	trun_add_unless(tc, why_not(), programs, 1);
	trun_add_unless(tc, why_not(), threads_and_processes, 1);
	return s;
}
