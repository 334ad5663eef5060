/* Executors that end, and pools: nothing is lost, and nothing is left (CF-SH). */
#include "tests/contract/pool.h"
#include "tests/integ/leaving.h"

#include <errno.h>
#include <signal.h>

/* ---- after it ----------------------------------------------------------- */

static void must_be_shut(void)
{
	struct numbers in = {.n = 3};
	fut_future *f = NULL;
	fut_error *e;
	fut_job *job;
	fut_map *m;

	ck_assert_int_eq(fut_submit(x, "echo", "", 0, &f, &e), FUT_SHUTDOWN);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	ck_assert_int_eq(fut_status_family(FUT_SHUTDOWN), FUT_FAMILY_CALLER);
	fut_error_unref(e);
	ck_assert_int_eq(fut_job_new("echo", &job), FUT_OK);
	ck_assert_int_eq(fut_map_open(x, job, next_number, &in, NULL, &m, NULL), FUT_SHUTDOWN);
	fut_job_free(job);
}

/* wait × cancel_futures above the way. */
START_TEST(cf_sh_01_run_after_shutdown)
{
	bool wait = _i / WAYS & 1, cancel = _i / WAYS & 2;

	start(_i % WAYS, 1);
	fut_future *f = submit("echo", "before");
	must_be(f, "before");
	ck_assert_int_eq(fut_executor_shutdown(x, wait, cancel, PATIENCE_US), FUT_OK);
	must_be_shut();
	/* Its futures are as they were; and again is no error. */
	must_be(f, "before");
	ck_assert_int_eq(fut_executor_shutdown(x, wait, cancel, PATIENCE_US), FUT_OK);
	must_be_shut();
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- the end of the daemon ---------------------------------------------- */

/* SIGTERM: what runs ends well and is told; the daemon has nothing to complain about. */
START_TEST(cf_sh_02_interpreter_shutdown_of_the_daemon)
{
	start(_i, 2);
	fut_future *f[2] = {submit("gate", gate), submit("gate", gate)};
	for (int i = 0; i < 2; i++)
		wait_running(f[i]);
	tdaemon_signal(d, SIGTERM);
	tdaemon_wait_log(d, "event=daemon.drain");
	ck_assert(!fut_done(f[0]) && !fut_done(f[1]));
	tfile_touch(gate);
	for (int i = 0; i < 2; i++)
		must_be(f[i], "open");
	close_executor(x);
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	ck_assert_uint_eq(tdaemon_log_count(d, "level=error"), 0);
	ck_assert_uint_eq(tdaemon_log_count(d, "level=warning"),
			  tdaemon_log_count(d, "event=policy.open"));
	unref_all(f, 2);
	tdaemon_stop(d);
}
END_TEST

/* A submit then is told so: here, or by the daemon when the news had not come. */
START_TEST(cf_sh_03_submit_after_interpreter_shutdown_of_the_daemon)
{
	fut_future *late;
	fut_status status;
	fut_error *e;

	start(_i, 1);
	fut_future *f = hold();
	tdaemon_signal(d, SIGTERM);
	tdaemon_wait_log(d, "event=daemon.drain");
	do {
		late = NULL;
		status = fut_submit(x, "mark", mark, strlen(mark), &late, &e);
		if (status == FUT_OK)
			e = must_fail(late, FUT_DRAINING);
		ck_assert_int_eq(fut_error_status(e), FUT_DRAINING);
		ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
		ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_LATER);
		fut_error_unref(e);
		fut_future_unref(late);
	} while (status == FUT_OK);
	ck_assert_int_eq(status, FUT_DRAINING);
	release(f);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	stop();
}
END_TEST

/* ---- the end of a program ----------------------------------------------- */

/* A program has left main() with ten jobs on their way behind one that waits. It does not end
 * before they have, and has nothing to complain about. */
static void leave(int way, const char *how, unsigned slots, int code, unsigned marks)
{
	start_leaving(way, slots);
	pid_t pid = spawn_leaver(how, way);
	twait_until(d, is_there(leaving));
	ck_assert_uint_eq(tfile_lines(mark), 0);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	tfile_touch(gate);
	ck_assert_int_eq(end_of(pid), code);
	ck_assert_uint_eq(tfile_lines(mark), marks);
	stop();
}

START_TEST(cf_sh_02_interpreter_shutdown)
{
	leave(_i, "keep", 1, 0, MARKS);
	leave(_i, "drop", 1, 0, MARKS);
	leave(_i, "callback", 2, 3, MARKS);
}
END_TEST

/* Handlers that run before the library's may submit, and it is waited for; those that run
 * after it are refused, and told so. */
START_TEST(cf_sh_03_submit_after_interpreter_shutdown)
{
	leave(_i, "handler", 1, 0, MARKS);
	leave(_i, "earlier", 1, 0, MARKS);
}
END_TEST

/* A shutdown that did not wait: the exit does, and ends; also when the daemon is gone. */
START_TEST(cf_sh_06_hang_gh83386)
{
	leave(_i, "shutdown", 1, 0, MARKS);
	start_leaving(_i, 1);
	pid_t pid = spawn_leaver("shutdown", _i);
	twait_until(d, is_there(leaving));
	tdaemon_signal(d, SIGKILL);
	ck_assert_int_eq(end_of(pid), 0);
	close_executor(x);
	ck_assert_int_eq(tdaemon_wait_exit(d), -SIGKILL);
	struct twait w = twait_for(d, "the hosts to end");
	while (waitpid(-1, NULL, WNOHANG) >= 0)
		twait_step(&w);
	tdaemon_forget(d);
}
END_TEST

/* One that cancels and does not wait: what ran runs to its end, nothing else runs, and nobody
 * complains. */
START_TEST(cf_sh_14_cancel_futures_wait_false)
{
	leave(_i, "cancel", 1, 0, 0);
}
END_TEST

/* ---- many jobs ---------------------------------------------------------- */

enum { MANY = 50, WORKERS = 5 };

START_TEST(cf_sh_04_hang_issue12364)
{
	fut_future *f[MANY];

	start(_i, WORKERS);
	for (int i = 0; i < MANY; i++)
		f[i] = submit("sleep", "0.005");
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, PATIENCE_US), FUT_OK);
	for (int i = 0; i < MANY; i++)
		ck_assert(fut_done(f[i]));
	for (int i = 0; i < MANY; i++)
		must_be(f[i], "0.005");
	unref_all(f, MANY);
	stop();
}
END_TEST

/* What had not started is cancelled, the rest ends well, and none is left between: waiting for
 * those that were cancelled returns at once, which it does not in CPython. */
static void check_all_settled(fut_future **f, size_t n)
{
	fut_as_completed *it;
	fut_future *done;
	size_t n_done;

	ck_assert_int_eq(fut_wait(f, n, FUT_ALL_COMPLETED, 0, &n_done), FUT_OK);
	ck_assert_uint_eq(n_done, n);
	ck_assert_int_eq(fut_as_completed_open(f, n, 0, &it), FUT_OK);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(fut_as_completed_next(it, &done), FUT_OK);
		fut_future_unref(done);
	}
	ck_assert_int_eq(fut_as_completed_next(it, &done), FUT_END);
	fut_as_completed_close(it);
}

START_TEST(cf_sh_05_cancel_futures)
{
	fut_future *f[MANY];
	unsigned cancelled = 0;

	start(_i, WORKERS);
	for (int i = 0; i < MANY; i++)
		f[i] = submit(i < WORKERS ? "gate" : "mark", i < WORKERS ? gate : mark);
	for (int i = 0; i < WORKERS; i++)
		wait_running(f[i]);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, 0), FUT_TIMEOUT);
	/* They do not wait for those that run. */
	for (int i = WORKERS; i < MANY; i++)
		must_fail_(f[i], FUT_CANCELLED);
	tfile_touch(gate);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, PATIENCE_US), FUT_OK);
	check_all_settled(f, MANY);
	for (int i = 0; i < MANY; i++) {
		cancelled += fut_cancelled(f[i]);
		if (!fut_cancelled(f[i]))
			must_be(f[i], "open");
	}
	ck_assert_uint_eq(cancelled, MANY - WORKERS);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all(f, MANY);
	stop();
}
END_TEST

/* The same at any moment: as many ran as were not cancelled. */
START_TEST(cf_sh_05_cancel_futures_while_they_run)
{
	enum { N = 500 };
	fut_future *f[N];
	unsigned ran = 0;

	start(_i, WORKERS);
	for (int i = 0; i < N; i++)
		f[i] = submit("mark", mark);
	must_be(f[0], "");
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, PATIENCE_US), FUT_OK);
	check_all_settled(f, N);
	for (int i = 0; i < N; i++) {
		if (!fut_cancelled(f[i])) {
			must_be(f[i], "");
			ran++;
		}
	}
	ck_assert_uint_ge(ran, 1);
	ck_assert_uint_eq(tfile_lines(mark), ran);
	unref_all(f, N);
	stop();
}
END_TEST

/* One that was submitted and cancelled right before. */
START_TEST(cf_sh_07_hang_gh94440)
{
	enum { ROUNDS = 30, LIMIT_US = 5 * SECOND };

	start(_i, 1);
	for (int i = 0; i < ROUNDS; i++) {
		fut_executor *own = open_url(url_of(_i), "p");
		fut_future *f = submit_on(own, "noop", "", 0);
		must_be(f, "");
		fut_future_unref(f);
		f = submit_on(own, "noop", "", 0);
		ck_assert_int_eq(fut_cancel(f, 0, NULL), FUT_OK);
		ck_assert_int_eq(fut_executor_shutdown(own, true, false, LIMIT_US), FUT_OK);
		ck_assert(fut_done(f));
		fut_future_unref(f);
		fut_executor_unref(own);
	}
	stop();
}
END_TEST

/* ---- threads of this program -------------------------------------------- */

/* An executor is one thread here, and a shutdown that waits joins it. */
START_TEST(cf_sh_08_threads_terminate)
{
	fut_future *f[3];

	start(_i, 2);
	unsigned threads = count_threads(getpid());
	fut_executor *own = open_url(url_of(_i), "p");
	for (int i = 0; i < 3; i++)
		f[i] = submit_on(own, "square", "7", 1);
	ck_assert_uint_eq(count_threads(getpid()), threads + 1);
	ck_assert_int_eq(fut_executor_shutdown(own, true, false, PATIENCE_US), FUT_OK);
	/* Joined is not yet off the kernel's list. */
	twait_until(d, count_threads(getpid()) == threads);
	for (int i = 0; i < 3; i++)
		must_be(f[i], "49");
	unref_all(f, 3);
	fut_executor_unref(own);
	stop();
}
END_TEST

/* What `with` is in C: whichever way a block is left, its executor waits for its jobs. */
static void leave_executor(fut_executor **own)
{
	ck_assert_int_eq(fut_executor_shutdown(*own, true, false, PATIENCE_US), FUT_OK);
	fut_executor_unref(*own);
}

static void scoped(int way, fut_future *f[10])
{
	__attribute__((cleanup(leave_executor))) fut_executor *own = open_url(url_of(way), "p");

	for (int i = 0; i < 10; i++) {
		f[i] = submit_on(own, "mark", mark, strlen(mark));
		if (i == 9)
			return;
	}
}

static void leave_a_scope(int way)
{
	fut_future *f[10];

	start(way, 2);
	unsigned threads = count_threads(getpid());
	scoped(way, f);
	for (int i = 0; i < 10; i++)
		ck_assert(fut_done(f[i]));
	ck_assert_uint_eq(tfile_lines(mark), 10);
	twait_until(d, count_threads(getpid()) == threads);
	unref_all(f, 10);
	stop();
}

START_TEST(cf_sh_09_context_manager_shutdown)
{
	leave_a_scope(_i ? OVER_TCP : 0);
}
END_TEST

START_TEST(cf_sh_16_context_manager_shutdown)
{
	leave_a_scope(PROCESSES | (_i ? OVER_TCP : 0));
}
END_TEST

/* The program gives its hold on the executor back, with `shut` after a shutdown that does not
 * wait. All jobs run, their futures resolve, and the thread ends by itself. */
static void let_go(int way, bool shut)
{
	enum { N = 20 };
	fut_future *f[N];

	start(way, 1);
	fut_future *held = hold();
	unsigned threads = count_threads(getpid());
	fut_executor *own = open_url(url_of(way), "p");
	for (int i = 0; i < N; i++)
		f[i] = submit_on(own, i ? "mark" : "square", i ? mark : "5", i ? strlen(mark) : 1);
	if (shut)
		ck_assert_int_eq(fut_executor_shutdown(own, false, false, 0), FUT_OK);
	fut_executor_unref(own);
	for (int i = 0; i < N; i++)
		ck_assert(!fut_done(f[i]));
	/* Half of the futures are nobody's any more, either. */
	for (int i = 1; i < N; i += 2)
		fut_future_unref(f[i]);
	release(held);
	must_be(f[0], "25");
	for (int i = 2; i < N; i += 2)
		must_be(f[i], "");
	twait_until(d, count_threads(getpid()) == threads);
	ck_assert_uint_eq(tfile_lines(mark), N - 1);
	for (int i = 0; i < N; i += 2)
		fut_future_unref(f[i]);
	stop();
}

START_TEST(cf_sh_10_del_shutdown)
{
	let_go(_i ? OVER_TCP : 0, false);
}
END_TEST

START_TEST(cf_sh_11_shutdown_no_wait)
{
	let_go(_i ? OVER_TCP : 0, true);
}
END_TEST

START_TEST(cf_sh_17_del_shutdown)
{
	let_go(PROCESSES | (_i ? OVER_TCP : 0), false);
}
END_TEST

START_TEST(cf_sh_18_shutdown_no_wait)
{
	let_go(PROCESSES | (_i ? OVER_TCP : 0), true);
}
END_TEST

/* ---- processes of the daemon -------------------------------------------- */

/* Every process that ran something is gone with the daemon, and waited for. */
START_TEST(cf_sh_15_processes_terminate)
{
	struct number_set pids = {.n = 0};
	fut_future *f[WORKERS];

	start_pool(_i, WORKERS, "testmod_place, testmod_crash", "");
	for (int i = 0; i < WORKERS; i++)
		f[i] = submit("place", gate);
	for (int i = 0; i < WORKERS; i++)
		(void)number_set_add(&pids, place_now(f[i]).pid);
	ck_assert_uint_eq(pids.n, _i & PROCESSES ? WORKERS : 1);
	tfile_touch(gate);
	unref_all(f, WORKERS);
	/* One of them died long before. */
	fut_future *dies = submit("kill_self", "");
	must_fail_(dies, FUT_HOST_DIED);
	fut_future_unref(dies);
	(void)number_set_add(&pids, tdaemon_zygote(d, "p"));
	close_executor(x);
	tdaemon_signal(d, SIGTERM);
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	for (size_t i = 0; i < pids.n; i++) {
		ck_assert_int_eq(kill((pid_t)pids.number[i], 0), -1);
		ck_assert_int_eq(errno, ESRCH);
	}
	/* What it might have lost would be ours. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("contract: shutdown");
	TCase *tc = trun_case(s, "CF-SH");

	tcase_add_loop_test(tc, cf_sh_01_run_after_shutdown, 0, 4 * WAYS);
	each_way(tc, cf_sh_02_interpreter_shutdown_of_the_daemon);
	each_way(tc, cf_sh_03_submit_after_interpreter_shutdown_of_the_daemon);
	each_way(tc, cf_sh_02_interpreter_shutdown);
	each_way(tc, cf_sh_03_submit_after_interpreter_shutdown);
	each_way(tc, cf_sh_06_hang_gh83386);
	each_way(tc, cf_sh_14_cancel_futures_wait_false);
	each_way(tc, cf_sh_04_hang_issue12364);
	each_way(tc, cf_sh_05_cancel_futures);
	each_way(tc, cf_sh_05_cancel_futures_while_they_run);
	each_way(tc, cf_sh_07_hang_gh94440);
	each_way(tc, cf_sh_08_threads_terminate);
	tcase_add_loop_test(tc, cf_sh_09_context_manager_shutdown, 0, 2);
	tcase_add_loop_test(tc, cf_sh_10_del_shutdown, 0, 2);
	tcase_add_loop_test(tc, cf_sh_11_shutdown_no_wait, 0, 2);
	each_way(tc, cf_sh_15_processes_terminate);
	tcase_add_loop_test(tc, cf_sh_16_context_manager_shutdown, 0, 2);
	tcase_add_loop_test(tc, cf_sh_17_del_shutdown, 0, 2);
	tcase_add_loop_test(tc, cf_sh_18_shutdown_no_wait, 0, 2);
	return s;
}
