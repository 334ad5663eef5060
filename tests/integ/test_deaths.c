/*
 * Every way in which a process can end, and what its job's error says of it: how, which
 * process, whether it left a core, its last words, what it had used.
 */
#include "tests/integ/e2e.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KINDS = 2 };

static void start_deaths(int kind)
{
	char text[300];

	snprintf(text, sizeof text,
		 "pool p {\n kind = %s\n slots = 1\n"
		 " modules = {testmod_deaths, testmod_crash, basic}\n}\n",
		 kind_of(kind));
	d = tdaemon_start(text);
	x = open_url(d->unix_url, "p");
}

/* Runs the task, which must end its process in this way; its last words, if it has any. */
static const fut_death *expect_death(fut_future *f, long pid, fut_death_cause cause, int signal,
				     int exit_code, const char *words)
{
	static fut_error *e;
	char text[64];

	fut_error_unref(e);
	e = must_fail(f, FUT_HOST_DIED);
	const fut_death *death = fut_error_death(e);
	ck_assert_ptr_nonnull(death);
	ck_assert_int_eq(death->pid, pid);
	ck_assert_int_eq(death->signal, signal);
	ck_assert_int_eq(death->exit_code, exit_code);
	ck_assert_int_eq(death->cause, cause);
	ck_assert(death->out_of_memory == (cause == FUT_DEATH_OUT_OF_MEMORY));
	ck_assert_uint_gt(death->max_rss_bytes, 100 * 1024);
	if (words) {
		ck_assert_uint_eq(death->stderr_tail.len, strlen(words));
		ck_assert_mem_eq(death->stderr_tail.data, words, strlen(words));
	}
	if (signal)
		snprintf(text, sizeof text, "process %ld was ended by signal %d (", pid, signal);
	else
		snprintf(text, sizeof text, "process %ld exited with status %d", pid, exit_code);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), text));
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEW_JOB);
	ck_assert_uint_eq(fut_error_attempt(e), 1);
	return death;
}

/* ---- exit --------------------------------------------------------------- */

START_TEST(test_exit_codes)
{
	static const int codes[] = {0, 1, 3, 70, 71, 72, 126, 127, 128, 137, 255};

	start_deaths(_i);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		char text[8];
		long pid = ask_number("pid");
		snprintf(text, sizeof text, "%d", codes[i]);
		fut_future *f = submit("exit", text);
		ck_assert(!expect_death(f, pid, FUT_DEATH_EXIT, 0, codes[i], "")->core_dumped);
		fut_future_unref(f);
	}
	stop();
}
END_TEST

/* A thread that is not there any more would never answer: its process ends with it. */
START_TEST(test_a_thread_that_left)
{
	start_deaths(_i);
	for (int round = 0; round < 3; round++) {
		long pid = ask_number("pid");
		fut_future *f = submit("leave_thread", "");
		const fut_death *death = expect_death(f, pid, FUT_DEATH_EXIT, 0, 73, NULL);
		ck_assert_ptr_nonnull(
			memmem(death->stderr_tail.data, death->stderr_tail.len, "thread", 6));
		fut_future_unref(f);
	}
	stop();
}
END_TEST

/* ---- signals ------------------------------------------------------------ */

enum { CORE = 1 };

static const struct {
	int signal;
	fut_death_cause cause;
	int core; /* it may leave one */
} fatal[] = {
	{SIGHUP, FUT_DEATH_SIGNAL, 0},
	{SIGINT, FUT_DEATH_SIGNAL, 0},
	{SIGQUIT, FUT_DEATH_SIGNAL, CORE},
	{SIGILL, FUT_DEATH_SIGNAL, CORE},
	{SIGTRAP, FUT_DEATH_SIGNAL, CORE},
	{SIGABRT, FUT_DEATH_SIGNAL, CORE},
	{SIGBUS, FUT_DEATH_SIGNAL, CORE},
	{SIGFPE, FUT_DEATH_SIGNAL, CORE},
	{SIGKILL, FUT_DEATH_SIGNAL, 0},
	{SIGUSR1, FUT_DEATH_SIGNAL, 0},
	{SIGSEGV, FUT_DEATH_SIGNAL, CORE},
	{SIGUSR2, FUT_DEATH_SIGNAL, 0},
	{SIGALRM, FUT_DEATH_SIGNAL, 0},
	{SIGTERM, FUT_DEATH_SIGNAL, 0},
	{SIGSTKFLT, FUT_DEATH_SIGNAL, 0},
	{SIGXCPU, FUT_DEATH_RESOURCE_LIMIT, CORE},
	{SIGXFSZ, FUT_DEATH_RESOURCE_LIMIT, CORE},
	{SIGVTALRM, FUT_DEATH_SIGNAL, 0},
	{SIGPROF, FUT_DEATH_SIGNAL, 0},
	{SIGIO, FUT_DEATH_SIGNAL, 0},
	{SIGPWR, FUT_DEATH_SIGNAL, 0},
	{SIGSYS, FUT_DEATH_SANDBOX, CORE},
	{34, FUT_DEATH_SIGNAL, 0}, /* the first and the last real-time signal */
	{64, FUT_DEATH_SIGNAL, 0},
};

/* A core goes to a program that takes all of them, whatever the limit is. */
static bool cores_go_elsewhere(void)
{
	char pattern[128] = "";
	FILE *f = fopen("/proc/sys/kernel/core_pattern", "re");

	if (f && !fgets(pattern, sizeof pattern, f))
		pattern[0] = '\0';
	if (f)
		fclose(f);
	return pattern[0] == '|' || strchr(pattern, '/');
}

static void raise_it(int signal, fut_death_cause cause, bool core)
{
	char text[8], words[32];
	long pid = ask_number("pid");

	snprintf(text, sizeof text, "%d", signal);
	snprintf(words, sizeof words, "raising %d\n", signal);
	fut_future *f = submit("raise", text);
	const fut_death *death = expect_death(f, pid, cause, signal, -1, words);
	ck_assert(!death->core_dumped || (core && cores_go_elsewhere()));
	ck_assert_uint_gt(death->cpu_us, 0);
	fut_future_unref(f);
}

START_TEST(test_every_signal)
{
	const struct rlimit none = {0, 0};

	ck_assert_int_eq(setrlimit(RLIMIT_CORE, &none), 0);
	start_deaths(_i);
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		raise_it(fatal[i].signal, fatal[i].cause, fatal[i].core);
	stop();
}
END_TEST

/* Of these a task may have any number. A broken pipe is an error where it is written to. */
START_TEST(test_harmless_signals)
{
	static const int harmless[] = {SIGPIPE, SIGCHLD, SIGCONT, SIGURG, SIGWINCH};

	start_deaths(_i);
	long pid = ask_number("pid");
	for (size_t i = 0; i < ARRAY_LEN(harmless); i++) {
		char text[8];
		snprintf(text, sizeof text, "%d", harmless[i]);
		fut_future *f = submit("raise", text);
		must_be(f, "");
		fut_future_unref(f);
	}
	ck_assert_int_eq(ask_number("pid"), pid);
	stop();
}
END_TEST

static const char *why_no_core(void)
{
	struct rlimit limit;

	if (td_is_sanitized())
		return "a sanitizer needs more memory than a core may have";
	if (cores_go_elsewhere())
		return "another program takes all cores";
	if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max < 100 << 20)
		return "no core may be left";
	return NULL;
}

START_TEST(test_core)
{
	char core[96];

	start_deaths(_i);
	tdaemon_path(d, "cores", core, sizeof core);
	ck_assert_int_eq(mkdir(core, 0700), 0);
	long pid = ask_number("pid");
	fut_future *f = submit("core", core);
	ck_assert(expect_death(f, pid, FUT_DEATH_SIGNAL, SIGQUIT, -1, "")->core_dumped);
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- limits and sandboxes ----------------------------------------------- */

START_TEST(test_over_a_limit)
{
	char file[96], words[32];

	start_deaths(_i);
	long pid = ask_number("pid");
	fut_future *f = submit("cpu_limit", "");
	snprintf(words, sizeof words, "limit %d\n", RLIMIT_CPU);
	const fut_death *death = expect_death(f, pid, FUT_DEATH_RESOURCE_LIMIT, SIGXCPU, -1, words);
	ck_assert_uint_ge(death->cpu_us, 500 * MS);
	ck_assert_uint_lt(death->cpu_us, 10 * SECOND);
	fut_future_unref(f);
	tdaemon_path(d, "large", file, sizeof file);
	pid = ask_number("pid");
	f = submit("file_limit", file);
	snprintf(words, sizeof words, "limit %d\n", RLIMIT_FSIZE);
	(void)expect_death(f, pid, FUT_DEATH_RESOURCE_LIMIT, SIGXFSZ, -1, words);
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(test_sandbox)
{
	start_deaths(_i);
	long pid = ask_number("pid");
	fut_future *f = submit("sandbox", "");
	(void)expect_death(f, pid, FUT_DEATH_SANDBOX, SIGSYS, -1, NULL);
	fut_future_unref(f);
	/* The oldest kind of it ends a thread with a signal 9, and so a process of one. */
	if (_i == 1) {
		pid = ask_number("pid");
		f = submit("strict", "");
		(void)expect_death(f, pid, FUT_DEATH_SIGNAL, SIGKILL, -1, "strict 0\n");
		fut_future_unref(f);
	}
	stop();
}
END_TEST

/* ---- memory ------------------------------------------------------------- */

enum { GROUP_BYTES = 192 << 20 };

static char group[PATH_MAX], group_of_old[PATH_MAX];

static bool write_text(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Where this process is, of the version that counts memory; false when that is nowhere. */
static bool find_group(bool *ret_is_v1)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[512];
	bool found = false;

	while (f && !found && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		char *path = strchr(strchr(line, ':') + 1, ':') + 1;
		*ret_is_v1 = strstr(line, ":memory:") != NULL;
		snprintf(group_of_old, sizeof group_of_old, "/sys/fs/cgroup%s%s",
			 *ret_is_v1 ? "/memory" : "", path);
		found = *ret_is_v1 || strncmp(line, "0::", 3) == 0;
		if (found && access(group_of_old, F_OK) < 0)
			found = false;
	}
	if (f)
		fclose(f);
	return found;
}

/* A group below it with a limit. NULL, or why there can be none. */
static const char *make_group(void)
{
	bool is_v1 = false;
	char bytes[24];

	if (td_is_sanitized())
		return "a sanitizer needs more memory than that";
	if (!find_group(&is_v1))
		return "no control group counts memory here";
	snprintf(group, sizeof group, "%.4000s/futured-test-%d", group_of_old, (int)getpid());
	if (mkdir(group, 0700) < 0)
		return strerror(errno);
	snprintf(bytes, sizeof bytes, "%d", GROUP_BYTES);
	if (write_text(group, is_v1 ? "memory.limit_in_bytes" : "memory.max", bytes))
		return NULL;
	(void)rmdir(group);
	return "the group cannot have a limit";
}

static const char *why_no_group(void)
{
	const char *why = make_group();

	if (!why)
		(void)rmdir(group);
	return why;
}

/* In it: the daemon, its hosts, and this process for as long as they start. */
START_TEST(test_out_of_memory)
{
	char self[16];

	ck_assert_ptr_null(make_group());
	snprintf(self, sizeof self, "%d", (int)getpid());
	ck_assert(write_text(group, "cgroup.procs", self));
	start_deaths(_i);
	ck_assert(write_text(group_of_old, "cgroup.procs", self));
	long pid = ask_number("pid");
	fut_future *f = submit("keep", "1000000000");
	const fut_death *death = expect_death(f, pid, FUT_DEATH_OUT_OF_MEMORY, SIGKILL, -1, NULL);
	ck_assert_uint_gt(death->max_rss_bytes, GROUP_BYTES / 2);
	fut_future_unref(f);
	/* A kill by somebody else is none, although there was one before. */
	for (int i = 0; i < 3; i++) {
		pid = ask_number("pid");
		f = submit("kill_self", "");
		(void)expect_death(f, pid, FUT_DEATH_SIGNAL, SIGKILL, -1, NULL);
		fut_future_unref(f);
	}
	pid = ask_number("pid");
	f = submit("keep", "1000000000");
	(void)expect_death(f, pid, FUT_DEATH_OUT_OF_MEMORY, SIGKILL, -1, NULL);
	fut_future_unref(f);
	stop();
	twait_until(NULL, rmdir(group) == 0);
}
END_TEST

/* One of two that were there when the kernel chose: the other one's end is its own. */
START_TEST(test_out_of_memory_is_one_process)
{
	char self[16], text[300];

	ck_assert_ptr_null(make_group());
	snprintf(self, sizeof self, "%d", (int)getpid());
	ck_assert(write_text(group, "cgroup.procs", self));
	snprintf(text, sizeof text,
		 "pool p {\n kind = processes\n slots = 2\n min_hosts = 2\n"
		 " modules = {testmod_crash, basic}\n}\n");
	d = tdaemon_start(text);
	tdaemon_path(d, "gate", gate, sizeof gate);
	ck_assert(write_text(group_of_old, "cgroup.procs", self));
	tdaemon_wait_log_count(d, "event=host.up", 2);
	x = open_url(d->unix_url, "p");
	fut_future *waits = submit("gate", gate);
	wait_running(waits);
	pid_t hosts[2];
	ck_assert_uint_eq(tdaemon_hosts(d, "p", hosts, 2), 2);
	long eater = ask_number("pid");
	long waiter = hosts[0] == eater ? hosts[1] : hosts[0];
	fut_future *eats = submit("keep", "1000000000");
	(void)expect_death(eats, eater, FUT_DEATH_OUT_OF_MEMORY, SIGKILL, -1, NULL);
	ck_assert_int_eq(kill((pid_t)waiter, SIGKILL), 0);
	(void)expect_death(waits, waiter, FUT_DEATH_SIGNAL, SIGKILL, -1, NULL);
	fut_future_unref(waits);
	fut_future_unref(eats);
	stop();
	twait_until(NULL, rmdir(group) == 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("deaths");
	TCase *tc = trun_case(s, "exit");

	tcase_add_loop_test(tc, test_exit_codes, 0, KINDS);
	tcase_add_loop_test(tc, test_a_thread_that_left, 0, KINDS);
	tc = trun_case(s, "signals");
	tcase_add_loop_test(tc, test_every_signal, 0, KINDS);
	tcase_add_loop_test(tc, test_harmless_signals, 0, KINDS);
	trun_add_unless(tc, why_no_core(), test_core, KINDS);
	tc = trun_case(s, "limits");
	tcase_add_loop_test(tc, test_over_a_limit, 0, KINDS);
	tcase_add_loop_test(tc, test_sandbox, 0, KINDS);
	tc = trun_case(s, "memory");
	trun_add_unless(tc, why_no_group(), test_out_of_memory, KINDS);
	trun_add_unless(tc, why_no_group(), test_out_of_memory_is_one_process, 1);
	return s;
}
