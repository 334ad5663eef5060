/*
 * Programs with daemons of their own, for tests: the daemon is the one of the build, its
 * stderr a file, and what it leaves behind comes to the test's process and is found.
 *
 * A test that needs a program to end forks one: program_start() runs a function in it, and
 * say() and listen_to() carry a word to the test.
 */
#ifndef TESTS_LOCAL_H
#define TESTS_LOCAL_H

#include "tests/integ/e2e.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASKS "modules=basic,math,testmod_crash"

static char dir[64], err_path[96];

static inline void set_path(const char *name, const char *of_build)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", td_builddir(), of_build);
	ck_assert_int_eq(setenv(name, path, 1), 0);
}

static inline void use_stderr(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static inline void begin(void)
{
	snprintf(dir, sizeof dir, "/tmp/futured-local-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(err_path, sizeof err_path, "%s/stderr", dir);
	snprintf(mark, sizeof mark, "%s/mark", dir);
	snprintf(gate, sizeof gate, "%s/gate", dir);
	snprintf(gate2, sizeof gate2, "%s/gate2", dir);
	set_path("FUTURED_DAEMON", "futured");
	set_path("FUTURED_WORKER", "futured-worker");
	set_path("FUTURED_MODULE_DIR", ".libs");
	ck_assert_int_eq(unsetenv("FUTURED_URL"), 0);
	/* What a program or a daemon loses becomes ours. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	use_stderr(err_path);
}

static inline unsigned count_err(const char *words)
{
	struct tdaemon shell = {.pid = 0};

	snprintf(shell.log_path, sizeof shell.log_path, "%s", err_path);
	return tdaemon_log_count(&shell, words);
}

/* No child, running or a zombie. */
static inline bool is_childless(void)
{
	siginfo_t info = {0};

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/* Waits for the end of whatever came to us. */
static inline void bury_orphans(void)
{
	struct twait patience = twait_for(NULL, "every process to end");

	while (waitpid(-1, NULL, WNOHANG) >= 0)
		twait_step(&patience);
}

/* Nothing may be left, now; and the daemon has said nothing. */
static inline void end_with(unsigned lines_said)
{
	char command[128];

	ck_assert(is_childless());
	ck_assert_uint_eq(tfile_lines(err_path), lines_said);
	ck_assert_uint_eq(count_err("Sanitizer"), 0);
	snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static inline void end(void)
{
	end_with(0);
}

static inline fut_executor *open_local(const char *parameters)
{
	char url[512];
	fut_executor *made;
	fut_error *e = NULL;

	snprintf(url, sizeof url, "local:?" TASKS "%s%s", *parameters ? "&" : "", parameters);
	if (fut_executor_open(url, &made, &e) != FUT_OK)
		ck_abort_msg("%s: %s: %s", url, fut_error_message(e), fut_error_detail(e));
	return made;
}

static const char *const kinds[] = {"threads", "processes"};

static inline fut_executor *open_kind(int kind)
{
	return open_local(kind ? "pool=processes&workers=2" : "pool=threads&workers=2");
}

/* ---- processes ----------------------------------------------------------- */

static inline pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	int parent = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
	fclose(f);
	ck_assert_int_eq(sscanf(strrchr(text, ')') + 1, " %*c %d", &parent), 1);
	return parent;
}

static inline pid_t host_of(fut_executor *on)
{
	fut_future *f = submit_on(on, "pid", "", 0);
	pid_t pid = (pid_t)number_of(f);

	fut_future_unref(f);
	return pid;
}

/* Its daemon: the parent of the parent of a host. */
static inline pid_t daemon_of(fut_executor *on)
{
	return parent_of(parent_of(host_of(on)));
}

static inline int watch_process(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	ck_assert_int_ge(pidfd, 0);
	return pidfd;
}

static inline bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* ---- programs ------------------------------------------------------------ */

static int words[2]; /* a pipe: from programs to the test */

static inline pid_t program_start(void (*run)(int arg), int arg)
{
	if (words[0] == 0)
		ck_assert_int_eq(pipe2(words, O_CLOEXEC), 0);
	fflush(NULL);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	run(arg);
	_exit(0);
}

static inline void say(long word)
{
	ck_assert_int_eq(write(words[1], &word, sizeof word), sizeof word);
}

static inline long listen_to(pid_t program)
{
	struct pollfd p = {.fd = words[0], .events = POLLIN};
	struct twait patience = twait_for(NULL, "a word of the program");
	long word;

	while (poll(&p, 1, 0) != 1) {
		siginfo_t info = {0};
		ck_assert_int_eq(waitid(P_PID, (id_t)program, &info, WEXITED | WNOHANG | WNOWAIT),
				 0);
		ck_assert_msg(info.si_pid == 0, "the program ended with %d", info.si_status);
		twait_step(&patience);
	}
	ck_assert_int_eq(read(words[0], &word, sizeof word), sizeof word);
	return word;
}

static inline void program_kill(pid_t program)
{
	ck_assert_int_eq(kill(program, SIGKILL), 0);
	ck_assert_int_eq(waitpid(program, NULL, 0), program);
}

/* Its exit status; minus the signal. */
static inline int program_wait(pid_t program)
{
	struct twait patience = twait_for(NULL, "the program to end");
	int status;
	pid_t pid;

	while ((pid = waitpid(program, &status, WNOHANG)) == 0)
		twait_step(&patience);
	ck_assert_int_eq(pid, program);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
