/*
 * Processes that are replaced in the midst of it all, on purpose and otherwise; and machines
 * that have none to spare (CF-PP-10 to 20, CF-SH-12, 13, 19, 20).
 */
#include "tests/contract/flags.h"
#include "tests/contract/pool.h"

#include <pthread.h>
#include <signal.h>

static const char task_modules[] = "testmod_place, testmod_crash";

/* ---- as many as are needed ---------------------------------------------- */

/* One after the other needs one process, of the four there could be. */
START_TEST(cf_pp_10_idle_process_reuse_one)
{
	struct number_set pids = {.n = 0};

	start_pool(_i, 4, task_modules, "");
	for (int i = 0; i < 10; i++)
		(void)number_set_add(&pids, place_of_one().pid);
	ck_assert_uint_eq(pids.n, 1);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.up pool=p"), 1);
	ck_assert_int_eq(pool_number("hosts"), 1);
	ck_assert_uint_eq(fut_executor_slots(x), 4);
	stop();
}
END_TEST

/* Two at a time need two. They are used again, and no third one comes. */
START_TEST(cf_pp_11_idle_process_reuse_multiple)
{
	struct number_set pids = {.n = 0};
	fut_future *f[2];

	start_pool(_i, 4, task_modules, "");
	for (int round = 0; round < 3; round++) {
		remove(gate);
		(void)number_set_add(&pids, place_of_one().pid);
		for (int i = 0; i < 2; i++)
			f[i] = submit("place", gate);
		for (int i = 0; i < 2; i++)
			(void)number_set_add(&pids, place_now(f[i]).pid);
		tfile_touch(gate);
		for (int i = 0; i < 2; i++)
			(void)place_then(f[i]);
		unref_all(f, 2);
	}
	ck_assert_uint_eq(pids.n, _i & PROCESSES ? 2 : 1);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.up pool=p"), pids.n);
	stop();
}
END_TEST

/* ---- so many jobs, and then another ------------------------------------- */

/* A host is replaced after its third job: by another process, and there is one at a time. It
 * is no death. */
START_TEST(cf_pp_12_max_tasks_per_child)
{
	enum { JOBS = 3, HOSTS = 4 };
	struct number_set pids = {.n = 0};
	pid_t hosts[TD_HOSTS_MAX];

	start_pool(_i, 1, task_modules, "  max_tasks = 3");
	for (int host = 0; host < HOSTS; host++) {
		long pid = place_of_one().pid;
		ck_assert(number_set_add(&pids, pid));
		for (int i = 1; i < JOBS; i++)
			ck_assert_int_eq(place_of_one().pid, pid);
	}
	tdaemon_wait_log_count(d, "event=host.ended pool=p", HOSTS);
	twait_until(d, tdaemon_hosts(d, "p", hosts, TD_HOSTS_MAX) <= 1);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	stop();
}
END_TEST

static const unsigned recycled_slots[] = {1, 3};

/* A hundred jobs wait, and each needs a process of its own. All of them run, each in another
 * one. */
START_TEST(cf_pp_14_max_tasks_per_child_pending_tasks_gh115634)
{
	enum { N = 100 };
	struct number_set pids = {.n = 0};
	fut_future *f[N];

	start_pool(_i % WAYS, recycled_slots[_i / WAYS], task_modules, "  max_tasks = 1");
	for (int i = 0; i < N; i++)
		f[i] = submit("place", "");
	for (int i = 0; i < N; i++)
		ck_assert(number_set_add(&pids, place_then(f[i]).pid));
	unref_all(f, N);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	stop();
}
END_TEST

/* The executor is shut down behind N jobs, in this way; they run to the last. */
static void leave_early(int way, void (*leave)(fut_executor *own))
{
	enum { N = 40 };
	fut_future *f[N];

	start_pool(way, 2, task_modules, "  max_tasks = 1");
	fut_executor *own = open_url(url_of(way), "p");
	for (int i = 0; i < N; i++)
		f[i] = submit_on(own, "mark", mark, strlen(mark));
	leave(own);
	for (int i = 0; i < N; i++)
		must_be(f[i], "");
	ck_assert_uint_eq(tfile_lines(mark), N);
	unref_all(f, N);
	stop();
}

static void without_waiting(fut_executor *own)
{
	ck_assert_int_eq(fut_executor_shutdown(own, false, false, 0), FUT_OK);
	fut_executor_unref(own);
}

START_TEST(cf_pp_15_shutdown_no_wait_max_tasks_gh119592)
{
	leave_early(_i, without_waiting);
}
END_TEST

/* Nobody holds the executor; and once more, nor the futures. */
START_TEST(cf_pp_16_gc_during_max_tasks_worker_exit_gh152967)
{
	enum { N = 40 };

	leave_early(_i, fut_executor_unref);
	start_pool(_i, 2, task_modules, "  max_tasks = 1");
	fut_executor *own = open_url(url_of(_i), "p");
	for (int i = 0; i < N; i++)
		fut_future_unref(submit_on(own, "mark", mark, strlen(mark)));
	fut_executor_unref(own);
	twait_until(d, tfile_lines(mark) == N);
	pass_through();
	ck_assert_uint_eq(tfile_lines(mark), N);
	stop();
}
END_TEST

/* By force, while one process after the other is replaced: each future is told one thing, what
 * ran has left its mark, and when it returns nothing of ours runs any more. */
START_TEST(cf_pp_17_force_shutdown_during_max_tasks_worker_exit)
{
	enum { N = 300 };
	fut_future *f[N];
	unsigned ran = 0, killed = 0;
	fut_bytes value;

	start_pool(_i, 2, task_modules, "  max_tasks = 1");
	fut_executor *own = open_url(url_of(_i), "p");
	for (int i = 0; i < N; i++)
		f[i] = submit_on(own, "mark", mark, strlen(mark));
	must_be(f[5], "");
	ck_assert_int_eq(fut_executor_force_shutdown(own, FUT_FORCE_KILL, PATIENCE_US), FUT_OK);
	for (int i = 0; i < N; i++) {
		fut_status status = fut_result(f[i], 0, &value, NULL);
		ck_assert(status == FUT_OK || status == FUT_CANCELLED || status == FUT_KILLED);
		ran += status == FUT_OK;
		killed += status == FUT_KILLED;
	}
	unsigned marks = tfile_lines(mark);
	ck_assert_uint_ge(marks, ran);
	ck_assert_uint_le(marks, ran + killed);
	ck_assert_uint_lt(ran, N);
	/* Another program's jobs go through all slots; none of ours has been left in them. */
	for (int i = 0; i < 4; i++)
		pass_through();
	ck_assert_uint_eq(tfile_lines(mark), marks);
	unref_all(f, N);
	fut_executor_unref(own);
	stop();
}
END_TEST

static void with_waiting(fut_executor *own)
{
	ck_assert_int_eq(fut_executor_shutdown(own, true, false, PATIENCE_US), FUT_OK);
	fut_executor_unref(own);
}

START_TEST(cf_pp_19_max_tasks_early_shutdown)
{
	leave_early(_i, with_waiting);
}
END_TEST

/* Each job a process of its own, one of them fails, and a shutdown that does not wait. */
static void fail_and_leave(int way, unsigned slots)
{
	start_pool(way, slots, task_modules, "  max_tasks = 1");
	unsigned threads = count_threads(getpid());
	fut_executor *own = open_url(url_of(way), "p");
	fut_future *f[] = {
		submit_on(own, "sleep", "0.01", 4),
		submit_on(own, "fail", "ValueError|failing task", 23),
		submit_on(own, "sleep", "0.03", 4),
	};
	must_be(f[0], "0.01");
	fut_error *e = must_fail(f[1], FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "ValueError");
	fut_error_unref(e);
	without_waiting(own);
	must_be(f[2], "0.03");
	twait_until(d, count_threads(getpid()) == threads);
	unref_all(f, 3);
	stop();
}

START_TEST(cf_sh_19_shutdown_gh_132969_case_1)
{
	fail_and_leave(_i, 2);
}
END_TEST

START_TEST(cf_sh_20_shutdown_gh_132969_case_2)
{
	fail_and_leave(_i, 4);
}
END_TEST

/* ---- names -------------------------------------------------------------- */

static void read_line(const char *path, char *ret, size_t size)
{
	FILE *f = fopen(path, "re");

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(ret, (int)size, f));
	ret[strcspn(ret, "\n")] = '\0';
	fclose(f);
}

/* The names of the slots of a pool, each of them at work: PREFIX_0, PREFIX_1 ... in any order;
 * and what ps shows of their process. */
static void check_names(const char *pool, const char *prefix, const char *title)
{
	enum { SLOTS = 3 };
	fut_executor *on = open_url(d->unix_url, pool);
	struct number_set numbers = {.n = 0};
	size_t len = strlen(prefix);
	char path[96], line[256];
	fut_future *f[SLOTS];

	remove(gate);
	for (int i = 0; i < SLOTS; i++)
		f[i] = submit_on(on, "place", gate, strlen(gate));
	for (int i = 0; i < SLOTS; i++) {
		struct place p = place_now(f[i]);
		snprintf(path, sizeof path, "/proc/%ld/task/%ld/comm", p.pid, p.tid);
		read_line(path, line, sizeof line);
		if (strncmp(line, prefix, len) != 0 || line[len] != '_' || line[len + 2] != '\0')
			ck_abort_msg("'%s'", line);
		ck_assert(line[len + 1] >= '0' && line[len + 1] < '0' + SLOTS);
		ck_assert(number_set_add(&numbers, line[len + 1]));
		snprintf(path, sizeof path, "/proc/%ld/cmdline", p.pid);
		read_line(path, line, sizeof line);
		ck_assert_str_eq(line, title);
	}
	tfile_touch(gate);
	for (int i = 0; i < SLOTS; i++)
		(void)place_then(f[i]);
	unref_all(f, SLOTS);
	close_executor(on);
}

static void start_named(int way, const char *name)
{
	char text[400];

	snprintf(text, sizeof text,
		 "pool %s {\n  kind = %s\n  slots = 3\n  modules = {testmod_place}\n}\n"
		 "pool other {\n  kind = %s\n  slots = 3\n  modules = {testmod_place}\n}\n",
		 name, kind_of(way), kind_of(way));
	d = tdaemon_start(text);
	tdaemon_path(d, "gate", gate, sizeof gate);
}

/* A slot is called after its pool, and has a number in it; a long name is cut before that. */
START_TEST(cf_sh_12_thread_names_assigned)
{
	start_named(_i, "SpecialPool");
	check_names("SpecialPool", "SpecialPool", "futured-worker: host of SpecialPool");
	tdaemon_stop(d);
	start_named(_i, "a.name.of.more.than.15.bytes");
	check_names("a.name.of.more.than.15.bytes", "a.name.of.mor",
		    "futured-worker: host of a.name.of.more.than.15.bytes");
	tdaemon_stop(d);
}
END_TEST

/* Nobody has to choose a name for threads: two pools have different ones as they are. */
START_TEST(cf_sh_13_thread_names_default)
{
	start_named(_i, "p");
	check_names("p", "p", "futured-worker: host of p");
	check_names("other", "other", "futured-worker: host of other");
	tdaemon_stop(d);
}
END_TEST

/* ---- nothing to spare --------------------------------------------------- */

/* Sooner or later a job runs. */
static void must_heal(void)
{
	struct twait w = twait_for(d, "the pool to heal");
	fut_status status = FUT_POOL_BROKEN;
	fut_bytes value;

	while (status != FUT_OK) {
		fut_future *f = submit("echo", "");
		status = fut_result(f, PATIENCE_US, &value, NULL);
		ck_assert(status == FUT_OK || status == FUT_POOL_BROKEN);
		fut_future_unref(f);
		twait_step(&w);
	}
}

/* The host dies and no other can be had: what ran died with it, and each job that waits is told
 * why it will not run. When there is one again, the pool works as before. */
static void lose_the_host(int way, const char *flag, const char *why)
{
	enum { N = 30 };
	fut_future *f[N];

	start_pool(way, way & PROCESSES ? 1 : 2, task_modules, "  breaker_pause = 20ms");
	fut_future *runs = submit("place", gate);
	pid_t host = (pid_t)place_now(runs).pid;
	fut_future *beside = way & PROCESSES ? NULL : submit("place", gate);
	if (beside)
		(void)place_now(beside);
	for (int i = 0; i < N; i++)
		f[i] = submit("mark", mark);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	flag_set(flag);
	ck_assert_int_eq(kill(host, SIGKILL), 0);
	must_fail_(runs, FUT_HOST_DIED);
	for (int i = 0; i < N; i++) {
		fut_error *e = must_fail(f[i], FUT_POOL_BROKEN);
		ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
		ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_LATER);
		if (!strstr(fut_error_detail(e), why))
			ck_abort_msg("'%s' is not in '%s'", why, fut_error_detail(e));
		fut_error_unref(e);
	}
	flag_clear(flag);
	must_heal();
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all(f, N);
	unref_all((fut_future *[]){runs, beside}, 2);
	stop();
}

START_TEST(cf_pp_18_failed_worker_replacement_breaks_pool)
{
	preload("testmod_fork_fails", "FORK_FAILS", "no_fork");
	lose_the_host(_i, "no_fork", "fork: Resource temporarily unavailable");
}
END_TEST

/* No thread can be made in the daemon's hosts: a pool of threads says so; one of processes does
 * not need any. */
START_TEST(cf_pp_20_python_finalization_error)
{
	preload("testmod_threads_fail", "THREADS_FAIL", "no_thread");
	if (!(_i & PROCESSES)) {
		lose_the_host(_i, "no_thread", "thread: Resource temporarily unavailable");
		return;
	}
	flag_set("no_thread");
	start_pool(_i, 2, task_modules, "");
	pass_through();
	stop();
}
END_TEST

/* And none here: the executor is not opened, and nothing of it is left. */
START_TEST(cf_pp_20_python_finalization_error_of_the_program)
{
	fut_executor *own = NULL;
	pthread_attr_t usual, huge;
	char url[160];
	fut_error *e;

	start(_i, 1);
	snprintf(url, sizeof url, "%s?pool=p", url_of(_i));
	ck_assert_int_eq(pthread_getattr_default_np(&usual), 0);
	ck_assert_int_eq(pthread_attr_init(&huge), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&huge, (size_t)1 << 46), 0);
	unsigned fds = count_files();
	ck_assert_int_eq(pthread_setattr_default_np(&huge), 0);
	fut_status status = fut_executor_open(url, &own, &e);
	ck_assert_int_eq(pthread_setattr_default_np(&usual), 0);
	ck_assert_int_eq(status, FUT_NO_MEMORY);
	ck_assert_ptr_null(own);
	ck_assert_ptr_nonnull(strstr(fut_error_message(e), "thread"));
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	ck_assert_uint_eq(count_files(), fds);
	own = open_url(url_of(_i), "p");
	close_executor(own);
	pthread_attr_destroy(&usual);
	pthread_attr_destroy(&huge);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("contract: recycling");
	TCase *tc = trun_case(s, "CF-PP");

	tcase_add_checked_fixture(tc, flags_begin, flags_end);
	each_way(tc, cf_pp_10_idle_process_reuse_one);
	each_way(tc, cf_pp_11_idle_process_reuse_multiple);
	each_way(tc, cf_pp_12_max_tasks_per_child);
	tcase_add_loop_test(tc, cf_pp_14_max_tasks_per_child_pending_tasks_gh115634, 0,
			    WAYS * (int)ARRAY_LEN(recycled_slots));
	each_way(tc, cf_pp_15_shutdown_no_wait_max_tasks_gh119592);
	each_way(tc, cf_pp_16_gc_during_max_tasks_worker_exit_gh152967);
	each_way(tc, cf_pp_17_force_shutdown_during_max_tasks_worker_exit);
	each_way(tc, cf_pp_18_failed_worker_replacement_breaks_pool);
	each_way(tc, cf_pp_19_max_tasks_early_shutdown);
	each_way(tc, cf_pp_20_python_finalization_error);
	each_way(tc, cf_pp_20_python_finalization_error_of_the_program);
	tc = trun_case(s, "CF-SH");
	tcase_add_checked_fixture(tc, flags_begin, flags_end);
	tcase_add_loop_test(tc, cf_sh_12_thread_names_assigned, 0, KINDS);
	tcase_add_loop_test(tc, cf_sh_13_thread_names_default, 0, KINDS);
	each_way(tc, cf_sh_19_shutdown_gh_132969_case_1);
	each_way(tc, cf_sh_20_shutdown_gh_132969_case_2);
	return s;
}
