/* local: however a program ends, and whatever it does with its children and its streams. */
#include "tests/integ/local.h"

#include <pthread.h>

/* ---- programs that end ----------------------------------------------------- */

static _Noreturn void wait_for_ever(fut_future *f)
{
	fut_bytes value;

	ck_abort_msg("%s", fut_status_name(fut_result(f, FUT_FOREVER, &value, NULL)));
}

static void run_for_ever(int kind)
{
	x = open_kind(kind);
	long zygote = parent_of(host_of(x));
	fut_future *f = submit("stubborn", ""), *g = submit("hang", ""), *h = submit("hang", "");
	wait_running(f);
	wait_running(g);
	say(zygote);
	wait_for_ever(h); /* it has no slot */
}

START_TEST(test_killed)
{
	begin();
	pid_t program = program_start(run_for_ever, _i);
	int zygote = watch_process((pid_t)listen_to(program));
	program_kill(program);
	twait_until(NULL, has_ended(zygote));
	bury_orphans();
	close(zygote);
	end();
}
END_TEST

static void load_for_ever(int kind)
{
	(void)kind;
	ck_assert_int_eq(
		fut_executor_open("local:?modules=testmod_hang_init&connect_timeout_us=3600000000",
				  &x, NULL),
		FUT_OK);
}

START_TEST(test_killed_while_it_opens)
{
	begin();
	setenv("HANG_INIT_MARK", mark, 1);
	pid_t program = program_start(load_for_ever, 0);
	twait_until(NULL, access(mark, F_OK) == 0);
	program_kill(program);
	bury_orphans();
	end();
}
END_TEST

/* A child that the program forked has a copy of all that was open, and outlives it. */
static void fork_and_run_for_ever(int kind)
{
	x = open_kind(kind);
	fut_future *f = submit("stubborn", "");
	wait_running(f);
	long zygote = parent_of(host_of(x));
	pid_t child = fork();
	if (child == 0) {
		for (;;)
			(void)pause();
	}
	say(zygote);
	say(child);
	wait_for_ever(f);
}

START_TEST(test_killed_with_a_child_left)
{
	begin();
	pid_t program = program_start(fork_and_run_for_ever, _i);
	int zygote = watch_process((pid_t)listen_to(program));
	pid_t child = (pid_t)listen_to(program);
	program_kill(program);
	twait_until(NULL, has_ended(zygote));
	ck_assert_int_eq(waitpid(child, NULL, WNOHANG), 0);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	bury_orphans();
	close(zygote);
	end();
}
END_TEST

enum leaving { LEAVE_AT_ONCE, LEAVE_BY_EXIT, LEAVE_AFTER_UNREF, LEAVE_KINDS };

static void leave(int how)
{
	x = open_kind(how / LEAVE_KINDS);
	fut_future *f = submit("echo", "bye");
	must_be(f, "bye");
	fut_future_unref(f);
	switch ((enum leaving)(how % LEAVE_KINDS)) {
	case LEAVE_AT_ONCE:
		f = submit("stubborn", "");
		wait_running(f);
		_exit(0);
	case LEAVE_BY_EXIT:
		exit(0);
	case LEAVE_AFTER_UNREF:
		fut_executor_unref(x);
		exit(0);
	case LEAVE_KINDS:
		break;
	}
}

START_TEST(test_leaves)
{
	begin();
	ck_assert_int_eq(program_wait(program_start(leave, _i)), 0);
	bury_orphans();
	end();
}
END_TEST

/* ---- signals ---------------------------------------------------------------- */

/* A ^C goes to the program's group: what it means to the jobs the program says. */
static void survive_interrupt(int kind)
{
	(void)setpgid(0, 0);
	(void)signal(SIGINT, SIG_IGN);
	x = open_kind(kind);
	fut_future *f = submit("gate", gate);
	wait_running(f);
	ck_assert_int_eq(kill(0, SIGINT), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	fut_future *later = submit("echo", "goes on");
	must_be(later, "goes on");
	tfile_touch(gate);
	must_be(f, "open");
	unref_all((fut_future *[]){f, later}, 2);
	close_executor(x);
}

START_TEST(test_interrupt)
{
	begin();
	ck_assert_int_eq(program_wait(program_start(survive_interrupt, _i)), 0);
	bury_orphans();
	end();
}
END_TEST

START_TEST(test_daemon_is_told_to_end)
{
	begin();
	x = open_kind(_i);
	fut_future *f = submit("gate", gate), *late = NULL;
	wait_running(f);
	ck_assert_int_eq(kill(daemon_of(x), SIGTERM), 0);
	twait_until(NULL, fut_submit(x, "echo", "", 0, &late, NULL) == FUT_DRAINING ||
				  (fut_future_unref(late), false));
	tfile_touch(gate);
	must_be(f, "open");
	fut_future_unref(f);
	close_executor(x);
	end();
}
END_TEST

START_TEST(test_daemon_is_killed)
{
	begin();
	x = open_kind(_i);
	fut_future *f = submit("stubborn", "");
	wait_running(f);
	ck_assert_int_eq(kill(daemon_of(x), SIGKILL), 0);
	must_fail_(f, FUT_CONNECTION_LOST);
	fut_future_unref(f);
	close_executor(x);
	bury_orphans(); /* its hosts, which nobody else can wait for */
	end();
}
END_TEST

/* ---- programs that wait for children in their own way ----------------------- */

static void open_and_close(int kind)
{
	x = open_kind(kind);
	fut_future *f = submit("echo", "children");
	must_be(f, "children");
	fut_future_unref(f);
	close_executor(x);
}

START_TEST(test_children_ignored)
{
	begin();
	(void)signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < 6; i++)
		open_and_close(i % 2);
	fut_error *e;
	setenv("FUTURED_DAEMON", "/bin/true", 1);
	ck_assert_int_eq(fut_executor_open("local:", &x, &e), FUT_CONNECT_FAILED);
	ck_assert_str_eq(fut_error_message(e), "the private daemon does not start");
	fut_error_unref(e);
	(void)signal(SIGCHLD, SIG_DFL);
	end();
}
END_TEST

static _Atomic bool enough;

static void *wait_for_any(void *arg)
{
	(void)arg;
	while (!enough)
		(void)waitpid(-1, NULL, 0);
	return NULL;
}

START_TEST(test_somebody_waits_for_any)
{
	pthread_t waiter;

	begin();
	ck_assert_int_eq(pthread_create(&waiter, NULL, wait_for_any, NULL), 0);
	for (int i = 0; i < 6; i++)
		open_and_close(i % 2);
	setenv("FUTURED_DAEMON", "/bin/true", 1);
	ck_assert_int_eq(fut_executor_open("local:", &x, NULL), FUT_CONNECT_FAILED);
	enough = true;
	pthread_join(waiter, NULL);
	end();
}
END_TEST

/* ---- streams ---------------------------------------------------------------- */

enum { STREAM_SETS = 8 }; /* bit N: descriptor N is closed */

static void run_without_streams(int closed)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (closed & 1 << fd)
			close(fd);
	}
	x = open_kind(closed % 2);
	fut_future *f = submit("echo", "no streams"), *g = submit("stderr", "words");
	must_be(f, "no streams");
	must_be(g, "words");
	fut_future_unref(f);
	fut_future_unref(g);
	/* What the program prints now goes nowhere: no descriptor of ours is a stream. */
	if (closed & 1 << STDERR_FILENO)
		ck_assert_int_lt(write(STDERR_FILENO, "stray words\n", 12), 12);
	f = submit("echo", "still");
	must_be(f, "still");
	fut_future_unref(f);
	close_executor(x);
}

START_TEST(test_closed_streams)
{
	begin();
	ck_assert_int_eq(program_wait(program_start(run_without_streams, _i)), 0);
	bury_orphans();
	end();
}
END_TEST

/* Tasks must not read what is meant for the program, and modules not print into its output. */
START_TEST(test_streams)
{
	char path[64], link[128];

	begin();
	int file = open(err_path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(dup2(file, STDIN_FILENO), STDIN_FILENO);
	x = open_kind(_i);
	pid_t zygote = parent_of(host_of(x));
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)zygote, fd);
		ssize_t n = readlink(path, link, sizeof link - 1);
		ck_assert_int_gt(n, 0);
		link[n] = '\0';
		ck_assert_str_eq(link, fd == 0 ? "/dev/null" : err_path);
	}
	close_executor(x);
	end();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("local_ends");
	TCase *tc = trun_case(s, "programs");

	trun_add_each(tc, test_killed, kinds);
	tcase_add_test(tc, test_killed_while_it_opens);
	trun_add_each(tc, test_killed_with_a_child_left, kinds);
	tcase_add_loop_test(tc, test_leaves, 0, 2 * LEAVE_KINDS);
	tc = trun_case(s, "signals");
	trun_add_each(tc, test_interrupt, kinds);
	trun_add_each(tc, test_daemon_is_told_to_end, kinds);
	trun_add_each(tc, test_daemon_is_killed, kinds);
	tc = trun_case(s, "children");
	tcase_add_test(tc, test_children_ignored);
	tcase_add_test(tc, test_somebody_waits_for_any);
	tc = trun_case(s, "streams");
	tcase_add_loop_test(tc, test_closed_streams, 0, STREAM_SETS);
	trun_add_each(tc, test_streams, kinds);
	return s;
}
