/* The zygote: what it loads, the hosts it makes, and how they end. */
#include "tests/lib/trun.h"
#include "tests/lib/worker_zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- hosts ---- */

START_TEST(hosts_run_jobs_and_quit)
{
	struct host one, two;

	zygote_open_ready();
	host_open(&one, 11, 1, 65536);
	host_open(&two, 12, 3, 65536);
	expect_result(&one, 0, ECHO, "hello", "hello");
	for (unsigned slot = 0; slot < 3; slot++)
		expect_result(&two, slot, ECHO, "there", "there");
	expect_result(&one, 0, POOL_NAME, "", "cpu");
	expect_result(&one, 0, FACTS, "", "leads=1 chld=0 term=1 pipe=1 in=0");
	front_quit(&two.front);
	ck_assert_int_eq(hear_exited(&two, 12).wait_status, 0);
	/* The zygote waits for the last host. */
	say_text(CONTROL_QUIT, "", 0);
	expect_result(&one, 0, ECHO, "still", "still");
	front_quit(&one.front);
	ck_assert_int_eq(hear_exited(&one, 11).wait_status, 0);
	wait_gone(zygote_fd);
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
	host_close(&two);
}
END_TEST

START_TEST(a_killed_host_is_reported)
{
	struct host one, two;

	zygote_open_ready();
	host_open(&one, 1, 1, 65536);
	host_open(&two, 2, 1, 65536);
	ck_assert_int_eq(kill(one.pid, SIGKILL), 0);
	int status = hear_exited(&one, 1).wait_status;
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	expect_result(&two, 0, ECHO, "alive", "alive");
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
	host_close(&two);
}
END_TEST

START_TEST(a_crash_ends_its_host_with_its_last_words)
{
	struct host one;

	zygote_open_ready();
	host_open(&one, 1, 2, 65536);
	(void)front_submit(&one.front, 1, (struct job){.task = CRASH}, NULL);
	int status = hear_exited(&one, 1).wait_status;
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	expect_said(&one, "last words");
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
}
END_TEST

START_TEST(what_a_host_left_behind_ends_with_it)
{
	struct host one;
	pid_t left;

	zygote_open_ready();
	host_open(&one, 1, 1, 65536);
	(void)front_submit(&one.front, 0, (struct job){.task = ORPHAN}, NULL);
	struct heard h = front_hear(&one.front, 0);
	memcpy(&left, h.bytes, sizeof left);
	free(h.bytes);
	/* It may be gone by now: that is the point. */
	int left_fd = (int)syscall(SYS_pidfd_open, left, 0);
	(void)hear_exited(&one, 1);
	if (left_fd >= 0)
		wait_gone(left_fd);
	close_fd(left_fd);
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
}
END_TEST

START_TEST(all_end_with_the_front)
{
	struct host one, two;

	zygote_open_ready();
	host_open(&one, 1, 1, 65536);
	host_open(&two, 2, 2, 65536);
	(void)front_submit(&one.front, 0, (struct job){.task = STUCK}, NULL);
	free(front_hear(&one.front, 0).bytes);
	ck_assert_int_eq(zygote_close(), 0);
	wait_gone(one.pid_fd);
	wait_gone(two.pid_fd);
	host_close(&one);
	host_close(&two);
}
END_TEST

/* It has work to do by then, and nobody to do it for. */
START_TEST(the_front_is_gone_before_it_begins)
{
	char *bad = compile("bad.so", "-DINIT_CRASHES");

	zygote_open_stopped();
	say_pool();
	say_module(bad);
	say_start();
	control = close_fd(control);
	ck_assert_int_eq(kill(zygote, SIGCONT), 0);
	ck_assert_int_eq(zygote_close(), 0);
	free(bad);
}
END_TEST

START_TEST(hosts_end_with_the_zygote)
{
	struct host one;

	zygote_open_ready();
	host_open(&one, 1, 2, 65536);
	(void)front_submit(&one.front, 1, (struct job){.task = STUCK}, NULL);
	free(front_hear(&one.front, 1).bytes);
	ck_assert_int_eq(kill(zygote, SIGKILL), 0);
	wait_gone(one.pid_fd);
	ck_assert_int_eq(zygote_close(), SIGKILL);
	host_close(&one);
}
END_TEST

START_TEST(the_zygote_ignores_polite_signals)
{
	struct host one;

	zygote_open_ready();
	ck_assert_int_eq(kill(zygote, SIGTERM), 0);
	ck_assert_int_eq(kill(zygote, SIGINT), 0);
	ck_assert_int_eq(kill(zygote, SIGHUP), 0);
	host_open(&one, 1, 1, 65536);
	/* A host does not. */
	ck_assert_int_eq(kill(one.pid, SIGTERM), 0);
	int status = hear_exited(&one, 1).wait_status;
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
}
END_TEST

START_TEST(a_fork_that_cannot_be_is_refused)
{
	struct control_message m = {.type = CONTROL_FORK, .host = 9, .slots = 1};
	struct host one;

	zygote_open_ready();
	say(m, NULL, 0);
	m = hear(CONTROL_FORK_FAILED);
	ck_assert_uint_eq(m.host, 9);
	ck_assert_int_eq(m.error, EINVAL);
	/* A region of other slots than it is told ends the host, with a reason. */
	front_open(&one.front, 2, 4096, 4096);
	int pipe_fds[2];
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	one.stderr_fd = pipe_fds[0];
	m = (struct control_message){.type = CONTROL_FORK, .host = 1, .slots = 1};
	say(m, (int[]){one.front.region_fd, pipe_fds[1]}, 2);
	close_fd(pipe_fds[1]);
	m = hear_with(CONTROL_FORKED, &one.pid_fd);
	one.pid = (pid_t)m.pid;
	int status = hear_exited(&one, 1).wait_status;
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 70);
	expect_said(&one, "step=slots");
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
}
END_TEST

/* ---- slots ---- */

static char *slot_file;

/* A module whose slot functions leave their lines in slot_file. */
static char *compile_slots(const char *name, const char *more)
{
	char *option, *file;

	free(slot_file); /* of the module before */
	slot_file = path_in("slots");
	(void)unlink(slot_file);
	ck_assert_int_gt(asprintf(&option, "-DSLOT_FILE='\"%s\"' -DSLOT_NAME='\"%s\"' %s",
				  slot_file, name, more),
			 0);
	ck_assert_int_gt(asprintf(&file, "%s.so", name), 0);
	char *path = compile(file, option);
	free(option);
	free(file);
	return path;
}

static void expect_lines(const char *const *lines, size_t n)
{
	static char text[4096];
	FILE *f = fopen(slot_file, "re");

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		const char *at = strstr(text, lines[i]);
		ck_assert_msg(at != NULL, "no '%s' in '%s'", lines[i], text);
		ck_assert_ptr_null(strstr(at + 1, lines[i]));
		len += strlen(lines[i]) + 1;
	}
	ck_assert_uint_eq(strlen(text), len);
}

/* The second may be NULL. */
static void zygote_open_with(const char *first, const char *second)
{
	zygote_open();
	say_pool();
	say_module(first);
	if (second)
		say_module(second);
	say_start();
	hear_until_ready();
}

START_TEST(slots_begin_and_end_on_their_own)
{
	static const char *const inits[] = {"a init cpu 7", "a init cpu 8", "a init cpu 9",
					    "b init cpu 7", "b init cpu 8", "b init cpu 9"};
	static const char *const all[] = {"a init cpu 7", "a init cpu 8", "a init cpu 9",
					  "b init cpu 7", "b init cpu 8", "b init cpu 9",
					  "a fini cpu 7", "a fini cpu 8", "a fini cpu 9",
					  "b fini cpu 7", "b fini cpu 8", "b fini cpu 9"};
	char *a = compile_slots("a", ""), *b = compile_slots("b", "-DSECOND");
	struct host one;

	zygote_open_with(a, b);
	host_open(&one, 1, 3, 65536);
	host_wait_ready(&one);
	expect_lines(inits, ARRAY_LEN(inits));
	/* Before any job, and not again for one. */
	for (unsigned slot = 0; slot < 3; slot++) {
		ck_assert_uint_eq(one.front.slots[slot].view.shared->stage, SLOT_STAGE_READY);
		expect_result(&one, slot, ECHO, "x", "x");
	}
	expect_lines(inits, ARRAY_LEN(inits));
	front_quit(&one.front);
	ck_assert_int_eq(hear_exited(&one, 1).wait_status, 0);
	expect_lines(all, ARRAY_LEN(all));
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
	free(a);
	free(b);
}
END_TEST

/* In order, and the ends in the opposite order, on one thread. */
START_TEST(modules_take_turns)
{
	char text[4096], *a = compile_slots("a", ""), *b = compile_slots("b", "-DSECOND");
	struct host one;

	zygote_open_with(b, a);
	host_open(&one, 1, 1, 65536);
	front_quit(&one.front);
	ck_assert_int_eq(hear_exited(&one, 1).wait_status, 0);
	FILE *f = fopen(slot_file, "re");
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	ck_assert_str_eq(text, "b init cpu 7\na init cpu 7\na fini cpu 7\nb fini cpu 7\n");
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
	free(a);
	free(b);
}
END_TEST

START_TEST(a_slot_that_refuses_ends_its_host)
{
	char *a = compile_slots("picky", "-DSLOT_REFUSES=8"), step[REGION_STEP_MAX];
	struct host one;

	zygote_open_with(a, NULL);
	host_open(&one, 1, 2, 65536);
	int status = hear_exited(&one, 1).wait_status;
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 72);
	expect_said(&one, "slot_init() of module picky refused: it returned 5");
	ck_assert_uint_eq(one.front.host->ready, 0);
	region_step(one.front.slots[0].view.shared, SLOT_STAGE_REFUSED, step);
	ck_assert_str_eq(step, "");
	region_step(one.front.slots[1].view.shared, SLOT_STAGE_REFUSED, step);
	ck_assert_str_eq(step, "slot_init() of module picky refused: it returned 5");
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
	free(a);
}
END_TEST

START_TEST(a_crash_of_a_slot_that_begins_leaves_its_name)
{
	char *a = compile_slots("frail", "-DSLOT_CRASHES"), step[REGION_STEP_MAX];
	struct host one;

	zygote_open_with(a, NULL);
	host_open(&one, 1, 1, 65536);
	int status = hear_exited(&one, 1).wait_status;
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	region_step(one.front.slots[0].view.shared, SLOT_STAGE_INIT, step);
	ck_assert_str_eq(step, "slot_init() of module frail");
	ck_assert_int_eq(zygote_close(), 0);
	host_close(&one);
	free(a);
}
END_TEST

/* ---- modules ---- */

static const struct {
	const char *option, *why;
} bad_modules[] = {
	{"-DOLD_ABI", "task ABI 99, and this is ABI 2"},
	{"-DSMALL", "structures have"},
	{"-DNO_SYMBOL", "no symbol fut_module"},
	{"-DBAD_NAME", "\"not a name\" is not a name for a task"},
	{"-DNO_RUN", "task empty has no function"},
	{"-DINIT_REFUSES", "init() refused: it returned -1"},
};

START_TEST(a_bad_module_is_named_with_its_reason)
{
	char *bad = compile("bad.so", bad_modules[_i].option), *good = compile("good.so", "");

	zygote_open();
	say_pool();
	say_module(bad);
	say_module(good);
	say_start();
	hear_text(CONTROL_LOADING, bad);
	hear_failed(bad, bad_modules[_i].why);
	hear_text(CONTROL_LOADING, good);
	hear_tasks();
	(void)hear(CONTROL_READY);
	ck_assert_int_eq(zygote_close(), 0);
	free(bad);
	free(good);
}
END_TEST

START_TEST(a_file_that_is_no_module_is_named)
{
	char *text = write_file("text.so", "not a shared object, however long it is\n", 0700);
	char *missing = path_in("missing.so");

	zygote_open();
	say_pool();
	say_module(missing);
	say_module(text);
	say_module("libm.so.6");
	say_start();
	hear_text(CONTROL_LOADING, missing);
	hear_failed(missing, "it cannot be read: No such file or directory");
	hear_text(CONTROL_LOADING, text);
	hear_failed(text, "it cannot be loaded: ");
	hear_text(CONTROL_LOADING, "libm.so.6");
	hear_failed("libm.so.6", "the path is not absolute");
	(void)hear(CONTROL_READY);
	ck_assert_int_eq(zygote_close(), 0);
	free(text);
	free(missing);
}
END_TEST

START_TEST(a_taken_name_costs_one_task)
{
	char *first = compile("first.so", ""), *second = compile("second.so", "-DSECOND");

	zygote_open();
	say_pool();
	say_module(first);
	say_module(second);
	say_module(first);
	say_text(CONTROL_COMMAND, "echo\0/bin/cat", 14);
	say_start();
	hear_text(CONTROL_LOADING, first);
	hear_text(CONTROL_LOADING, second);
	hear_failed(second, "task echo is already there");
	hear_text(CONTROL_LOADING, first);
	hear_failed(first, "it is loaded already");
	hear_failed("/bin/cat", "task echo is already there");
	hear_tasks();
	hear_text(CONTROL_TASK, "second");
	hear_text(CONTROL_TASK, "third");
	(void)hear(CONTROL_READY);
	ck_assert_int_eq(zygote_close(), 0);
	free(first);
	free(second);
}
END_TEST

START_TEST(a_crash_in_init_leaves_its_name)
{
	char *good = compile("good.so", ""), *bad = compile("bad.so", "-DINIT_CRASHES");
	struct control_message m;
	int fds[CONTROL_FDS_MAX];

	zygote_open();
	say_pool();
	say_module(good);
	say_module(bad);
	say_start();
	hear_text(CONTROL_LOADING, good);
	hear_text(CONTROL_LOADING, bad);
	ck_assert_int_eq(control_receive(control, &m, fds), 0);
	int status = zygote_close();
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	free(good);
	free(bad);
}
END_TEST

START_TEST(fini_runs_at_the_end)
{
	char *option, *file = path_in("fini");

	ck_assert_int_gt(asprintf(&option, "-DFINI_FILE='\"%s\"'", file), 0);
	char *path = compile("fini.so", option);
	zygote_open();
	say_pool();
	say_module(path);
	say_start();
	hear_text(CONTROL_LOADING, path);
	hear_tasks();
	(void)hear(CONTROL_READY);
	ck_assert_int_ne(access(file, F_OK), 0);
	ck_assert_int_eq(zygote_close(), 0);
	ck_assert_int_eq(access(file, F_OK), 0);
	free(option);
	free(path);
	free(file);
}
END_TEST

START_TEST(started_by_hand_it_says_how)
{
	int fds[2], status;
	char said[256] = "";

	ck_assert_int_eq(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int null_fd = open("/dev/null", O_RDONLY);
		dup2(fds[1], STDERR_FILENO);
		zygote_exec(null_fd);
	}
	close_fd(fds[1]);
	ck_assert_int_gt(read(fds[0], said, sizeof said - 1), 0);
	ck_assert_ptr_nonnull(strstr(said, "started by futured"));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	close_fd(fds[0]);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_zygote");
	TCase *tc = zygote_case(s, "zygote");

	tcase_add_test(tc, hosts_run_jobs_and_quit);
	tcase_add_test(tc, a_killed_host_is_reported);
	tcase_add_test(tc, a_crash_ends_its_host_with_its_last_words);
	tcase_add_test(tc, what_a_host_left_behind_ends_with_it);
	tcase_add_test(tc, all_end_with_the_front);
	tcase_add_test(tc, the_front_is_gone_before_it_begins);
	tcase_add_test(tc, hosts_end_with_the_zygote);
	tcase_add_test(tc, the_zygote_ignores_polite_signals);
	tcase_add_test(tc, a_fork_that_cannot_be_is_refused);
	tcase_add_test(tc, slots_begin_and_end_on_their_own);
	tcase_add_test(tc, modules_take_turns);
	tcase_add_test(tc, a_slot_that_refuses_ends_its_host);
	tcase_add_test(tc, a_crash_of_a_slot_that_begins_leaves_its_name);
	trun_add_each(tc, a_bad_module_is_named_with_its_reason, bad_modules);
	tcase_add_test(tc, a_file_that_is_no_module_is_named);
	tcase_add_test(tc, a_taken_name_costs_one_task);
	tcase_add_test(tc, a_crash_in_init_leaves_its_name);
	tcase_add_test(tc, fini_runs_at_the_end);
	tcase_add_test(tc, started_by_hand_it_says_how);
	return s;
}
