/* The module that misbehaves on purpose. What dies or hangs does so in a child. */
#include "tests/lib/fake_call.h"
#include "tests/lib/trun.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_crash(void)
{
	open_module("testmod_crash");
}

/* ---- tasks that end their process ---- */

enum { SURVIVED_SIGTERM = 42, CAME_BACK = 43 };

static void on_alarm(int signal_number)
{
	(void)signal_number;
	(void)raise(SIGTERM);
	_exit(SURVIVED_SIGTERM);
}

/* Runs the task with the stop flag set, and an alarm for the task that does not end. */
static _Noreturn void be_child(const char *task, const char *payload)
{
	static const struct itimerval soon = {.it_value.tv_usec = 100000};

	fake_reset()->stop_at_look = 0;
	(void)setitimer(ITIMER_REAL, &soon, NULL);
	run_prepared(task, payload, strlen(payload));
	_exit(CAME_BACK);
}

/* How a child ends that runs the task. What it writes to stderr is left in `said`. */
static int status_of_child(const char *task, const char *payload, char *said, size_t room)
{
	int fds[2], status;
	ssize_t n;
	size_t len = 0;
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		be_child(task, payload);
	}
	close(fds[1]);
	while (len < room - 1 && (n = read(fds[0], said + len, room - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

static const struct {
	const char *task;
	int signal;
	const char *last_words;
} deaths[] = {
	{"segv", SIGSEGV, "about to crash\n"},
	{"abort", SIGABRT, ""},
	{"kill_self", SIGKILL, ""},
	{"hang", SIGALRM, ""},
	{"spin", SIGALRM, ""},
};

START_TEST(crash_dies_of)
{
	char said[256];
	int status;

	(void)signal(SIGALRM, SIG_DFL); /* check has a handler, and the child inherits it */
	status = status_of_child(deaths[_i].task, "", said, sizeof(said));
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), deaths[_i].signal);
	ck_assert_str_eq(said, deaths[_i].last_words);
}
END_TEST

START_TEST(crash_exits)
{
	char said[4096];
	int status = status_of_child("exit", "7", said, sizeof(said));

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	assert_refused("exit", "256", "ValueError");
	assert_refused("exit", "", "ValueError");
}
END_TEST

START_TEST(crash_stubborn)
{
	char said[256];
	int status;

	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGALRM, on_alarm); /* the child's */
	status = status_of_child("stubborn", "", said, sizeof(said));
	(void)signal(SIGALRM, SIG_DFL);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), SURVIVED_SIGTERM);
}
END_TEST

START_TEST(crash_stderr)
{
	char said[256];
	int status = status_of_child("stderr", "so be it\n", said, sizeof(said));

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), CAME_BACK);
	ck_assert_str_eq(said, "so be it\n");
	run_text("stderr", "");
	assert_result("");
}
END_TEST

/* ---- tasks that end as they are told ---- */

START_TEST(crash_big)
{
	run_text("big", "5");
	assert_result("xxxxx");
	run_text("big", "0");
	assert_result("");
	run_text("big", "3000000");
	ck_assert_uint_eq(fake.result_len, 3000000);
	ck_assert_int_eq(((char *)fake.result)[2999999], 'x');
	assert_refused("big", "", "ValueError");
	assert_refused("big", "-1", "ValueError");
	fake_reset()->refuses_result = true;
	run_prepared("big", "5", 1);
	assert_gave_up();
}
END_TEST

static const struct {
	const char *payload, *type, *message, *details;
} failures[] = {
	{"A|b|c", "A", "b", "c"}, {"A|b|c|d|", "A", "b", "c|d|"},
	{"A|b|", "A", "b", ""},   {"A|b", "A", "b", ""},
	{"A", "A", "", ""},       {"", "", "", ""},
	{"||c", "", "", "c"},
};

START_TEST(crash_fail)
{
	run_text("fail", failures[_i].payload);
	ck_assert_int_ne(fake.rc, 0);
	ck_assert(fake.failed && !fake.returned);
	ck_assert_str_eq(fake.type, failures[_i].type);
	ck_assert_str_eq(fake.message, failures[_i].message);
	ck_assert_uint_eq(fake.details_len, strlen(failures[_i].details));
	ck_assert_mem_eq(fake.details, failures[_i].details, fake.details_len);
}
END_TEST

START_TEST(crash_tells)
{
	char want[32];

	snprintf(want, sizeof(want), "%d", (int)getpid());
	run_text("pid", "");
	assert_result(want);
	snprintf(want, sizeof(want), "%ld", syscall(SYS_gettid));
	run_text("tid", "");
	assert_result(want);

	fake_reset()->attempt = 3;
	fake.remaining_us = INT64_C(9876543210);
	run_prepared("attempt", "", 0);
	assert_result("3");
	run_prepared("remaining", "", 0);
	assert_result("9876543210");
	run_text("remaining", "");
	assert_result("-1");
}
END_TEST

static void temp_path(char *path, size_t room)
{
	static char dir[] = "/tmp/test_module_crash.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, room, "%s/file", dir);
}

static void remove_temp(char *path)
{
	ck_assert_int_eq(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(rmdir(path), 0);
}

START_TEST(crash_mark)
{
	char path[64], want[64], got[64] = "";
	FILE *file;

	temp_path(path, sizeof(path));
	run_text("mark", path);
	ck_assert_int_eq(fake.rc, 0);
	run_text("mark", path);
	ck_assert_int_eq(fake.rc, 0);
	snprintf(want, sizeof(want), "%d\n%d\n", (int)getpid(), (int)getpid());
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	(void)!fread(got, 1, sizeof(got) - 1, file);
	fclose(file);
	remove_temp(path);
	ck_assert_str_eq(got, want);

	assert_refused("mark", "", "ValueError");
	assert_refused("mark", "/nowhere/at/all", "OSError");
	run_bytes("mark", "a\0b", 3);
	ck_assert_str_eq(fake.type, "ValueError");
}
END_TEST

START_TEST(crash_gate)
{
	char path[64];

	temp_path(path, sizeof(path));
	fake_reset()->stop_at_look = 2;
	run_prepared("gate", path, strlen(path));
	assert_failure("Stopped", "");
	ck_assert_int_eq(fake.looks, 3);

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	run_text("gate", path);
	assert_result("open");
	remove_temp(path);
	assert_refused("gate", "", "ValueError");
}
END_TEST

START_TEST(crash_gate_big)
{
	char path[64], text[80];

	temp_path(path, sizeof(path));
	snprintf(text, sizeof(text), "%s 3", path);
	fake_reset()->stop_at_look = 2;
	run_prepared("gate_big", text, strlen(text));
	assert_failure("Stopped", "");

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	run_text("gate_big", text);
	assert_result("xxx");
	remove_temp(path);
	assert_refused("gate_big", "/no/size", "ValueError");
	assert_refused("gate_big", "/ many", "ValueError");
}
END_TEST

START_TEST(crash_gate_opens_later)
{
	char path[64];

	temp_path(path, sizeof(path));
	fake_reset()->fifo_at_3 = path;
	run_prepared("gate", path, strlen(path));
	assert_result("open");
	ck_assert_int_eq(fake.looks, 3);
	remove_temp(path);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("module_crash");
	TCase *tc = trun_case(s, "crash");

	tcase_add_checked_fixture(tc, open_crash, close_module);
	trun_add_each(tc, crash_dies_of, deaths);
	tcase_add_test(tc, crash_exits);
	tcase_add_test(tc, crash_stubborn);
	tcase_add_test(tc, crash_stderr);
	tcase_add_test(tc, crash_big);
	trun_add_each(tc, crash_fail, failures);
	tcase_add_test(tc, crash_tells);
	tcase_add_test(tc, crash_mark);
	tcase_add_test(tc, crash_gate);
	tcase_add_test(tc, crash_gate_big);
	tcase_add_test(tc, crash_gate_opens_later);
	return s;
}
