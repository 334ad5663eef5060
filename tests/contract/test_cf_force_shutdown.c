/* Executors that end by force: terminate_workers() and kill_workers() (CF-PP-21 to 27). */
#include "tests/contract/pool.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

static const char task_modules[] = "testmod_place, testmod_crash";

static int open_pid(long pid)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Whether the process is gone; waits for that, unless the time is 0. Closes the descriptor. */
static bool is_gone(int pidfd, int timeout_ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	bool gone = poll(&p, 1, timeout_ms) == 1;

	close(pidfd);
	return gone;
}

static void must_be_shut(void)
{
	fut_future *f = NULL;

	ck_assert_int_eq(fut_submit(x, "echo", "", 0, &f, NULL), FUT_SHUTDOWN);
	ck_assert_ptr_null(f);
}

/* Killed where that is possible; else its stop flag is set, and it looks at that. */
static void must_be_forced(fut_future *f, bool killed)
{
	fut_error *e = must_fail(f, killed ? FUT_KILLED : FUT_TASK_FAILED);

	ck_assert_str_eq(fut_error_type(e), killed ? "KILLED" : "Stopped");
	ck_assert_int_ne(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
}

/* Of two slots one runs our job and nine wait behind it; the other runs another program's.
 * Ours end, all of them, and theirs do not notice. */
static void force(int way, fut_force how)
{
	enum { N = 9 };
	bool kills = how == FUT_FORCE_KILL && way & PROCESSES;
	fut_future *f[N];

	start_pool(way, 2, task_modules, "");
	fut_executor *other = open_url(url_of(way), "p");
	fut_future *theirs = submit_on(other, "place", gate2, strlen(gate2));
	(void)place_now(theirs);
	fut_future *ours = submit("place", gate);
	int pidfd = open_pid(place_now(ours).pid);
	for (int i = 0; i < N; i++)
		f[i] = submit("mark", mark);
	fut_future *behind = submit_on(other, "echo", "theirs", 6);

	ck_assert_int_eq(fut_executor_force_shutdown(x, how, PATIENCE_US), FUT_OK);
	ck_assert(fut_done(ours));
	must_be_forced(ours, kills);
	for (int i = 0; i < N; i++)
		must_fail_(f[i], FUT_CANCELLED);
	ck_assert_int_eq(is_gone(pidfd, kills ? td_patience_ms(TD_WAIT_MS) : 0), kills);
	must_be_shut();
	ck_assert_uint_eq(tfile_lines(mark), 0);

	must_be(behind, "theirs");
	ck_assert(!fut_done(theirs));
	tfile_touch(gate2);
	(void)place_then(theirs);
	unref_all(f, N);
	unref_all((fut_future *[]){ours, theirs, behind}, 3);
	close_executor(other);
	stop();
}

START_TEST(cf_pp_21_terminate_workers)
{
	force(_i, FUT_FORCE_STOP);
}
END_TEST

START_TEST(cf_pp_22_kill_workers)
{
	force(_i, FUT_FORCE_KILL);
}
END_TEST

/* It does nothing then, and the executor goes on. */
START_TEST(cf_pp_23_force_shutdown_workers_invalid_op)
{
	start(_i, 1);
	ck_assert_int_eq(fut_executor_force_shutdown(x, (fut_force)2, PATIENCE_US), FUT_INVALID);
	ck_assert_int_eq(fut_executor_force_shutdown(x, (fut_force)-1, PATIENCE_US), FUT_INVALID);
	ck_assert_int_eq(fut_executor_force_shutdown(NULL, FUT_FORCE_KILL, 0), FUT_INVALID);
	pass_through();
	stop();
}
END_TEST

static const fut_force ways_of_force[] = {FUT_FORCE_STOP, FUT_FORCE_KILL};

/* A job that has said it started never says it finished, however long one waits: the process
 * that was to say so is gone, or has said that it stopped. */
START_TEST(cf_pp_24_force_shutdown_workers)
{
	fut_force how = ways_of_force[_i / WAYS];
	bool kills = how == FUT_FORCE_KILL && _i & PROCESSES;
	fut_bytes chunk;

	start_pool(_i % WAYS, 1, task_modules, "");
	fut_future *f = submit("place", gate);
	int pidfd = open_pid(place_now(f).pid);
	ck_assert_int_eq(fut_executor_force_shutdown(x, how, PATIENCE_US), FUT_OK);
	must_be_forced(f, kills);
	ck_assert_int_eq(is_gone(pidfd, kills ? td_patience_ms(TD_WAIT_MS) : 0), kills);
	tfile_touch(gate);
	ck_assert_int_eq(fut_next_chunk(f, PATIENCE_US, &chunk), FUT_END);
	fut_future_unref(f);
	/* The pool is there for others. */
	fut_executor *other = open_url(d->unix_url, "p");
	f = submit_on(other, "place", gate, strlen(gate));
	(void)place_then(f);
	fut_future_unref(f);
	close_executor(other);
	stop();
}
END_TEST

/* The process died before; then the daemon did. */
START_TEST(cf_pp_25_force_shutdown_workers_dead_workers)
{
	fut_force how = ways_of_force[_i / WAYS];

	start(_i % WAYS, 1);
	fut_future *f = submit("kill_self", "");
	must_fail_(f, FUT_HOST_DIED);
	fut_executor *lost = open_url(d->unix_url, "p");
	ck_assert_int_eq(fut_executor_force_shutdown(x, how, PATIENCE_US), FUT_OK);
	ck_assert_int_eq(fut_executor_force_shutdown(x, how, PATIENCE_US), FUT_OK);
	must_fail_(f, FUT_HOST_DIED);
	must_be_shut();
	fut_future_unref(f);

	f = submit_on(lost, "hang", "", 0);
	tdaemon_signal(d, SIGKILL);
	must_fail_(f, FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_executor_force_shutdown(lost, how, PATIENCE_US), FUT_OK);
	fut_future_unref(f);
	fut_executor_unref(lost);
	fut_executor_unref(x);
	ck_assert_int_eq(tdaemon_wait_exit(d), -SIGKILL);
	tdaemon_forget(d);
}
END_TEST

/* Nothing was ever submitted. */
START_TEST(cf_pp_26_force_shutdown_workers_not_started_yet)
{
	start(_i % WAYS, 1);
	ck_assert_int_eq(fut_executor_force_shutdown(x, ways_of_force[_i / WAYS], PATIENCE_US),
			 FUT_OK);
	must_be_shut();
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	stop();
}
END_TEST

/* After jobs that ended well: their futures stay what they are, the executor takes no more,
 * and a wait for it returns at once. */
START_TEST(cf_pp_27_force_shutdown_workers_stops_pool)
{
	fut_force how = ways_of_force[_i / WAYS];

	start_pool(_i % WAYS, 1, task_modules, "");
	fut_future *f = submit("square", "8");
	must_be(f, "64");
	ck_assert_int_eq(fut_executor_force_shutdown(x, how, PATIENCE_US), FUT_OK);
	must_be_shut();
	must_be(f, "64");
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, 0), FUT_OK);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	fut_future_unref(f);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	enum { EACH = WAYS * (int)ARRAY_LEN(ways_of_force) };
	Suite *s = suite_create("contract: forced shutdown");
	TCase *tc = trun_case(s, "CF-PP");

	each_way(tc, cf_pp_21_terminate_workers);
	each_way(tc, cf_pp_22_kill_workers);
	each_way(tc, cf_pp_23_force_shutdown_workers_invalid_op);
	tcase_add_loop_test(tc, cf_pp_24_force_shutdown_workers, 0, EACH);
	tcase_add_loop_test(tc, cf_pp_25_force_shutdown_workers_dead_workers, 0, EACH);
	tcase_add_loop_test(tc, cf_pp_26_force_shutdown_workers_not_started_yet, 0, EACH);
	tcase_add_loop_test(tc, cf_pp_27_force_shutdown_workers_stops_pool, 0, EACH);
	return s;
}
