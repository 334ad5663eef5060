/*
 * The ends of executors, of programs and of daemons: whatever ends, each future is told the
 * truth about its job, over both transports and on both kinds of pool.
 */
#include "tests/integ/e2e.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- shutdown ----------------------------------------------------------- */

/* wait × cancel_futures, the two lower bits above the way. */
START_TEST(test_shutdown)
{
	enum { N = 20 };
	bool wait = _i / WAYS & 1, cancel = _i / WAYS & 2;
	fut_future *f[N], *late = NULL;
	fut_error *e;

	start(_i % WAYS, 1);
	warm();
	fut_future *runs = submit("gate", gate);
	wait_running(runs);
	for (int i = 0; i < N; i++)
		f[i] = submit("mark", mark);
	ck_assert_int_eq(fut_executor_shutdown(x, wait, cancel, 20 * MS),
			 wait ? FUT_TIMEOUT : FUT_OK);
	ck_assert_int_eq(fut_submit(x, "echo", "", 0, &late, &e), FUT_SHUTDOWN);
	ck_assert_ptr_null(late);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	ck_assert_int_eq(fut_executor_ping(x, SECOND, NULL), FUT_SHUTDOWN);
	for (int i = 0; cancel && i < N; i++)
		must_fail_(f[i], FUT_CANCELLED);
	ck_assert(!fut_done(runs));
	tfile_touch(gate);
	ck_assert_int_eq(fut_executor_shutdown(x, true, cancel, PATIENCE_US), FUT_OK);
	ck_assert(fut_done(runs));
	for (int i = 0; i < N; i++)
		ck_assert(fut_done(f[i]) && fut_cancelled(f[i]) == cancel);
	must_be(runs, "open");
	ck_assert_uint_eq(tfile_lines(mark), cancel ? 0 : N);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, 0), FUT_OK);
	unref_all(f, N);
	fut_future_unref(runs);
	stop();
}
END_TEST

START_TEST(test_unref_lets_jobs_finish)
{
	enum { N = 100 };

	start(_i, 1);
	fut_future *f = submit("gate", gate), *last = NULL;
	for (int i = 0; i < N; i++) {
		fut_future_unref(last);
		last = submit("mark", mark);
	}
	fut_executor_unref(x);
	fut_future_unref(f);
	ck_assert(!fut_done(last));
	tfile_touch(gate);
	must_be(last, "");
	fut_future_unref(last);
	ck_assert_uint_eq(tfile_lines(mark), N);
	tdaemon_wait_log(d, "event=session.close reason=bye");
	tdaemon_stop(d);
}
END_TEST

/* ---- by force ----------------------------------------------------------- */

/* What runs ends, what waits never runs, and what is another's goes on. The bit above the
 * way says how. */
START_TEST(test_force)
{
	enum { N = 20 };
	fut_force how = _i / WAYS ? FUT_FORCE_KILL : FUT_FORCE_STOP;
	bool killed = how == FUT_FORCE_KILL && _i & PROCESSES;
	fut_future *f[N], *late = NULL;

	start(_i % WAYS, 1);
	warm();
	long pid = ask_number("pid");
	fut_future *runs = submit("gate", gate);
	wait_running(runs);
	for (int i = 0; i < N; i++)
		f[i] = submit("mark", mark);
	fut_executor *other = open_url(d->unix_url, "p");
	fut_future *others = submit_on(other, "echo", "on", 2);
	ck_assert_int_eq(fut_executor_force_shutdown(x, how, PATIENCE_US), FUT_OK);
	must_fail_(runs, killed ? FUT_KILLED : FUT_TASK_FAILED);
	for (int i = 0; i < N; i++)
		must_fail_(f[i], FUT_CANCELLED);
	ck_assert_int_eq(fut_submit(x, "echo", "", 0, &late, NULL), FUT_SHUTDOWN);
	if (killed)
		twait_until(d, kill((pid_t)pid, 0) < 0);
	must_be(others, "on");
	ck_assert_uint_eq(tfile_lines(mark), 0);
	ck_assert_int_eq(fut_executor_force_shutdown(x, how, 0), FUT_OK);
	unref_all(f, N);
	unref_all((fut_future *[]){runs, others}, 2);
	close_executor(other);
	stop();
}
END_TEST

/* What does not listen is not stopped. Where others may run beside it, nothing but its own
 * limit ends it; where it is alone, a second call that is harder does. */
START_TEST(test_force_on_the_deaf)
{
	bool alone = _i & PROCESSES;

	start(_i, 1);
	fut_future *f = submit_limited("hang", "", run_limit, alone ? 0 : 500 * MS);
	wait_running(f);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_STOP, 20 * MS), FUT_TIMEOUT);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_KILL, alone ? PATIENCE_US : 0),
			 alone ? FUT_OK : FUT_TIMEOUT);
	must_fail_(f, alone ? FUT_KILLED : FUT_RUN_LIMIT);
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- the end of others -------------------------------------------------- */

static void open_own_executor(void)
{
	fut_executor *own = open_url(d->unix_url, "p");
	fut_future *f = submit_on(own, "echo", "child", 5);

	must_be(f, "child");
	fut_future_unref(f);
	close_executor(own);
}

static void do_nothing(fut_future *f, void *arg)
{
	(void)f, (void)arg;
}

/* In the child of a user's fork(). */
static void use_in_child(fut_future *f, fut_as_completed *it)
{
	fut_future *none;
	fut_bytes value;
	fut_error *e;
	char *text;

	ck_assert_int_eq(fut_submit(x, "mark", mark, strlen(mark), &none, NULL), FUT_FORKED);
	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, &e), FUT_FORKED);
	ck_assert_int_eq(fut_error_status(e), FUT_FORKED);
	fut_error_unref(e);
	ck_assert_int_eq(fut_exception(f, 0, &e), FUT_FORKED);
	ck_assert_int_eq(fut_cancel(f, PATIENCE_US, NULL), FUT_FORKED);
	ck_assert_int_eq(fut_stop(f, 0, NULL), FUT_FORKED);
	ck_assert_int_eq(fut_kill(f, 0, NULL), FUT_FORKED);
	ck_assert_int_eq(fut_next_chunk(f, 0, &value), FUT_FORKED);
	ck_assert_int_eq(fut_add_done_callback(f, do_nothing, NULL), FUT_FORKED);
	ck_assert_int_eq(fut_wait(&f, 1, FUT_ALL_COMPLETED, 0, NULL), FUT_FORKED);
	ck_assert_int_eq(fut_as_completed_next(it, &none), FUT_FORKED);
	ck_assert_int_eq(fut_executor_ping(x, SECOND, NULL), FUT_FORKED);
	ck_assert_int_eq(fut_executor_status(x, SECOND, &text), FUT_FORKED);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, FUT_FOREVER), FUT_FORKED);
	fut_as_completed_close(it);
	fut_future_unref(f);
	fut_executor_unref(x);
#ifndef __SANITIZE_THREAD__ /* which dies of a thread that a forked child starts */
	open_own_executor();
#endif
	_exit(0);
}

START_TEST(test_fork)
{
	fut_as_completed *it;
	int status;

	start(_i, 1);
	fut_future *f = submit("gate", gate);
	wait_running(f);
	ck_assert_int_eq(fut_as_completed_open(&f, 1, PATIENCE_US, &it), FUT_OK);
	/* The child's own executor needs a slot: it gets one when this one ends. */
	fflush(NULL);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		use_in_child(f, it);
	tfile_touch(gate);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	/* Here all is as it was. */
	must_be(f, "open");
	fut_future *next = NULL;
	ck_assert_int_eq(fut_as_completed_next(it, &next), FUT_OK);
	ck_assert_ptr_eq(next, f);
	fut_future_unref(next);
	fut_as_completed_close(it);
	fut_future_unref(f);
	f = submit("echo", "parent");
	must_be(f, "parent");
	fut_future_unref(f);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	stop();
}
END_TEST

/* SIGTERM: what runs ends well, what waits is told that it never ran. */
START_TEST(test_drain)
{
	enum { N = 50 };
	fut_future *f[N], *late = NULL;

	start(_i, 1);
	warm();
	fut_future *runs = submit("gate", gate);
	wait_running(runs);
	for (int i = 0; i < N; i++)
		f[i] = submit("mark", mark);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	tdaemon_signal(d, SIGTERM);
	for (int i = 0; i < N; i++) {
		fut_error *e = must_fail(f[i], FUT_DRAINING);
		ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
		ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_LATER);
		fut_error_unref(e);
	}
	/* Refused here or there, as the news has come or not. */
	fut_status status = fut_submit(x, "mark", mark, strlen(mark), &late, NULL);
	if (status == FUT_OK)
		must_fail_(late, FUT_DRAINING);
	else
		ck_assert_int_eq(status, FUT_DRAINING);
	ck_assert(!fut_done(runs));
	tfile_touch(gate);
	must_be(runs, "open");
	fut_future_unref(late);
	fut_future_unref(runs);
	unref_all(f, N);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	stop();
}
END_TEST

/* A second SIGTERM, or the end of the drain's time: what runs is killed, and told so. */
START_TEST(test_drain_in_a_hurry)
{
	start_with(_i, 1, "drain_timeout = 100ms\n", "");
	fut_future *f = submit("hang", "");
	wait_running(f);
	tdaemon_signal(d, SIGTERM);
	fut_error *e = must_fail(f, FUT_DRAINING);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEW_JOB);
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(test_daemon_killed)
{
	enum { N = 5000 };
	fut_future **f = calloc(N, sizeof(fut_future *)), *late = NULL;
	fut_error *e;

	start(_i, 1);
	fut_future *runs = submit("gate", gate);
	wait_running(runs);
	for (int i = 0; i < N; i++)
		f[i] = submit("echo", "");
	tdaemon_signal(d, SIGKILL);
	e = must_fail(runs, FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEW_JOB);
	fut_error_unref(e);
	for (int i = 0; i < N; i++) {
		e = must_fail(f[i], FUT_CONNECTION_LOST);
		fut_retry retry = fut_error_executed(e) == FUT_EXECUTED_NO ? FUT_RETRY_NOW
									   : FUT_RETRY_NEW_JOB;
		must(fut_error_executed(e) != FUT_EXECUTED_YES);
		must(fut_error_retry(e) == retry);
		fut_error_unref(e);
	}
	ck_assert_int_eq(fut_submit(x, "echo", "", 0, &late, &e), FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	ck_assert_int_eq(fut_executor_ping(x, SECOND, NULL), FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_executor_force_shutdown(x, FUT_FORCE_KILL, PATIENCE_US), FUT_OK);
	unref_all(f, N);
	fut_future_unref(runs);
	free(f);
	close_executor(x);
	ck_assert_int_eq(tdaemon_wait_exit(d), -SIGKILL);
	/* Hosts die with it, and come to us. */
	struct twait w = twait_for(d, "the hosts to end");
	while (waitpid(-1, NULL, WNOHANG) >= 0)
		twait_step(&w);
	tdaemon_forget(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("ends");
	TCase *tc = trun_case(s, "shutdown");

	tcase_add_loop_test(tc, test_shutdown, 0, 4 * WAYS);
	tcase_add_loop_test(tc, test_unref_lets_jobs_finish, 0, WAYS);
	tc = trun_case(s, "force");
	tcase_add_loop_test(tc, test_force, 0, 2 * WAYS);
	tcase_add_loop_test(tc, test_force_on_the_deaf, 0, WAYS);
	tc = trun_case(s, "others");
	tcase_add_loop_test(tc, test_fork, 0, WAYS);
	tcase_add_loop_test(tc, test_drain, 0, WAYS);
	tcase_add_loop_test(tc, test_drain_in_a_hurry, 0, WAYS);
	tcase_add_loop_test(tc, test_daemon_killed, 0, WAYS);
	return s;
}
