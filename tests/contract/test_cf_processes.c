/* Processes: how many, how they die, and what that costs (CF-PP). */
#include "tests/contract/pool.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* ---- a machine that keeps things to itself ------------------------------ */

/* From here on this process and its children are refused what says how many processors there
 * are. False where the kernel does not do that; and sanitizers need it. */
static bool hide_processors(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_getaffinity, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sysinfo, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = ARRAY_LEN(code), .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* And neither of /proc and /sys is there. */
static bool hide_files(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/proc", "tmpfs", 0, NULL) == 0 &&
	       mount("none", "/sys", "tmpfs", 0, NULL) == 0;
}

/* The daemon starts, and both kinds of pool work. */
START_TEST(cf_pp_02_sysconf_permission_error)
{
	static const char *const pools[] = {"threads", "processes"};

	if (!hide_files())
		printf("# only root can hide files\n");
	ck_assert(hide_processors());
	d = tdaemon_start("pool threads {\n kind = threads\n modules = {basic}\n}\n"
			  "pool processes {\n kind = processes\n modules = {basic}\n}\n");
	for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
		x = open_url(d->unix_url, pools[i]);
		ck_assert_uint_ge(fut_executor_slots(x), i == 0 ? 5 : 1);
		pass_through();
		close_executor(x);
	}
	tdaemon_stop(d);
}
END_TEST

/* ---- death -------------------------------------------------------------- */

static void must_have_died(fut_future *f, long pid, int signal)
{
	fut_error *e = must_fail(f, FUT_HOST_DIED);
	const fut_death *death = fut_error_death(e);

	ck_assert_ptr_nonnull(death);
	ck_assert_int_eq(death->pid, pid);
	ck_assert_int_eq(death->signal, signal);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	fut_error_unref(e);
}

/* The process that is killed costs what ran in it. The pool heals: what waited runs, and what
 * is submitted later. */
START_TEST(cf_pp_03_killed_child)
{
	enum { N = 20 };
	fut_future *f[2], *waits[N];

	start_pool(_i, 2, "testmod_place, testmod_crash", "");
	for (int i = 0; i < 2; i++)
		f[i] = submit("place", gate);
	long killed = place_now(f[0]).pid, other = place_now(f[1]).pid;
	for (int i = 0; i < N; i++)
		waits[i] = submit("mark", mark);
	ck_assert_int_eq(kill((pid_t)killed, SIGKILL), 0);
	must_have_died(f[0], killed, SIGKILL);
	if (_i & PROCESSES) {
		ck_assert_int_ne(killed, other);
		ck_assert(!fut_done(f[1]));
		tfile_touch(gate);
		ck_assert_int_eq(place_then(f[1]).pid, other);
	} else {
		ck_assert_int_eq(killed, other);
		must_have_died(f[1], killed, SIGKILL);
	}
	for (int i = 0; i < N; i++)
		must_be(waits[i], "");
	ck_assert_uint_eq(tfile_lines(mark), N);
	ck_assert_int_ne(place_of_one().pid, killed);
	unref_all(f, 2);
	unref_all(waits, N);
	stop();
}
END_TEST

/* Each job that died has an error of its own, and the same one each time it is asked. */
START_TEST(cf_pp_04_broken_process_pool_traceback)
{
	enum { N = 3 };
	fut_future *f[N];
	fut_error *e[N], *again;
	fut_bytes value;
	long pid[N];

	start_pool(_i, N, "testmod_place", "");
	for (int i = 0; i < N; i++)
		f[i] = submit("place", gate);
	for (int i = 0; i < N; i++)
		pid[i] = place_now(f[i]).pid;
	for (int i = 0; i < (_i & PROCESSES ? N : 1); i++)
		ck_assert_int_eq(kill((pid_t)pid[i], SIGKILL), 0);
	for (int i = 0; i < N; i++) {
		e[i] = must_fail(f[i], FUT_HOST_DIED);
		ck_assert_int_eq(fut_error_death(e[i])->pid, pid[i]);
		for (int before = 0; before < i; before++) {
			ck_assert_ptr_ne(e[i], e[before]);
			ck_assert_ptr_ne(fut_error_death(e[i]), fut_error_death(e[before]));
		}
		ck_assert_int_eq(fut_result(f[i], 0, &value, &again), FUT_HOST_DIED);
		ck_assert_ptr_eq(again, e[i]);
		fut_error_unref(again);
	}
	unref_all(f, N);
	/* They need neither their futures nor each other. */
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(fut_error_death(e[i])->signal, SIGKILL);
		fut_error_unref(e[i]);
	}
	stop();
}
END_TEST

/* ---- maps --------------------------------------------------------------- */

static void map_squares(unsigned n, size_t chunksize)
{
	struct numbers in = {.n = n};
	fut_map_item item;
	fut_map *m =
		open_map("square", next_number, &in, (fut_map_options){.chunksize = chunksize});

	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert(is_number(&item, i * i));
	}
	must_end(m);
}

/* The same results, in as many jobs as it says. Any number is a chunksize: -1 is as many as
 * there are. */
START_TEST(cf_pp_05_map_chunksize)
{
	static const struct {
		size_t chunksize;
		long jobs;
	} chunks[] = {{0, 40}, {1, 40}, {6, 7}, {40, 1}, {50, 1}, {(size_t)-1, 1}};

	start(_i, 2);
	long jobs = pool_number("done");
	for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
		map_squares(40, chunks[i].chunksize);
		jobs += chunks[i].jobs;
		ck_assert_int_eq(pool_number("done"), jobs);
	}
	stop();
}
END_TEST

/* ---- errors ------------------------------------------------------------- */

/* Everything the task said arrives: type, message, details, and where it was. */
START_TEST(cf_pp_06_traceback)
{
	start_pool(_i, 1, "testmod_stages", "");
	fut_future *f = submit("stages", "run error");
	fut_error *e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "StageError");
	ck_assert_str_eq(fut_error_message(e), "cannot run");
	fut_bytes details = fut_error_details(e);
	ck_assert_uint_eq(details.len, 3);
	ck_assert_mem_eq(details.data, "run", 3);
	/* Innermost first: where it failed, and what it passed on its way out. */
	const char *inner = strstr(fut_error_traceback(e), ": enter\n");
	ck_assert_ptr_nonnull(inner);
	ck_assert_ptr_nonnull(strstr(inner, ": stages, on its way out\n"));
	ck_assert(strncmp(fut_error_traceback(e), "stages.c:", 9) == 0);
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

static const struct end {
	const char *task, *payload;
	int signal, exit_code;
	const char *told;
} ends[] = {
	{"exit", "99", 0, 99, "exited with status 99"}, {"exit", "0", 0, 0, "exited with status 0"},
	{"segv", "", SIGSEGV, -1, "SIGSEGV"},           {"abort", "", SIGABRT, -1, "SIGABRT"},
	{"kill_self", "", SIGKILL, -1, "SIGKILL"},
};

/* How the process ended, for programs and for people. */
START_TEST(cf_pp_07_traceback_when_child_process_terminates_abruptly)
{
	char process[32];

	start(_i, 1);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		long pid = ask_number("pid");
		fut_future *f = submit(ends[i].task, ends[i].payload);
		fut_error *e = must_fail(f, FUT_HOST_DIED);
		const fut_death *death = fut_error_death(e);
		ck_assert_int_eq(death->pid, pid);
		ck_assert_int_eq(death->exit_code, ends[i].exit_code);
		ck_assert_int_eq(death->signal, ends[i].signal);
		snprintf(process, sizeof process, "process %ld ", pid);
		ck_assert_ptr_nonnull(strstr(fut_error_detail(e), process));
		ck_assert_ptr_nonnull(strstr(fut_error_detail(e), ends[i].told));
		fut_error_unref(e);
		fut_future_unref(f);
	}
	stop();
}
END_TEST

/* ---- what a job leaves behind ------------------------------------------- */

static long anonymous_kib(long pid)
{
	char path[64], line[128];
	long kib = -1;

	snprintf(path, sizeof path, "/proc/%ld/status", pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (kib < 0 && fgets(line, sizeof line, f))
		(void)sscanf(line, "RssAnon: %ld", &kib);
	fclose(f);
	ck_assert_int_gt(kib, 0);
	return kib;
}

/* A payload and a result go with their job: twenty of 8 MiB leave no more than the allocator
 * keeps of one. */
START_TEST(cf_pp_08_ressources_gced_in_workers)
{
	enum { LEN = 8 * 1024 * 1024, JOBS = 20 };
	char *bytes = malloc(LEN);
	long first_kib = 0;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'x', LEN);
	start(_i, 1);
	long pid = ask_number("pid");
	for (int i = 0; i < JOBS; i++) {
		fut_future *f = submit_on(x, "echo", bytes, LEN);
		must_be_at(f, bytes, LEN, __FILE__, __LINE__);
		fut_future_unref(f);
		pass_through();
		if (i == 0)
			first_kib = anonymous_kib(pid);
	}
	ck_assert_int_eq(ask_number("pid"), pid);
	/* A sanitizer keeps what was freed for a while. */
	if (!td_is_sanitized())
		ck_assert_int_lt(anonymous_kib(pid), first_kib + 2 * LEN / 1024);
	free(bytes);
	stop();
}
END_TEST

START_TEST(cf_pp_09_saturation)
{
	saturate(PROCESSES | (_i ? OVER_TCP : 0));
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("contract: processes");
	TCase *tc = trun_case(s, "CF-PP");

	trun_add_unless(tc, td_is_sanitized() ? "a sanitizer needs what is refused" : NULL,
			cf_pp_02_sysconf_permission_error, 1);
	each_way(tc, cf_pp_03_killed_child);
	each_way(tc, cf_pp_04_broken_process_pool_traceback);
	each_way(tc, cf_pp_05_map_chunksize);
	each_way(tc, cf_pp_06_traceback);
	each_way(tc, cf_pp_07_traceback_when_child_process_terminates_abruptly);
	each_way(tc, cf_pp_08_ressources_gced_in_workers);
	tcase_add_loop_test(tc, cf_pp_09_saturation, 0, 2);
	return s;
}
