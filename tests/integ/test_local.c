/* local: executors whose daemon is theirs alone: what the URL asks for, and what is shared. */
#include "tests/integ/local.h"

#include <dirent.h>
#include <pthread.h>

/* ---- what the URL asks for ------------------------------------------------ */

START_TEST(test_pools)
{
	enum { N = 200 };
	fut_future *f[N];

	begin();
	x = open_url("local:", kinds[_i]);
	ck_assert_str_eq(fut_executor_pool(x), kinds[_i]);
	ck_assert_str_eq(fut_executor_kind(x), kinds[_i]);
	ck_assert_uint_gt(fut_executor_slots(x), 0);
	for (int i = 0; i < N; i++)
		f[i] = submit("square", "12");
	for (int i = 0; i < N; i++)
		must_be(f[i], "144");
	unref_all(f, N);
	close_executor(x);
	end();
}
END_TEST

/* $FUTURED_URL; what it is, and whether the URL is NULL. */
static const struct {
	const char *variable, *url, *pool;
} nowhere_named[] = {
	{NULL, NULL, "threads"},
	{"", NULL, "threads"},
	{"local:?pool=processes", NULL, "processes"},
	{"unix:/nowhere", "local:", "threads"},
};

START_TEST(test_default)
{
	begin();
	if (nowhere_named[_i].variable)
		ck_assert_int_eq(setenv("FUTURED_URL", nowhere_named[_i].variable, 1), 0);
	ck_assert_int_eq(fut_executor_open(nowhere_named[_i].url, &x, NULL), FUT_OK);
	ck_assert_str_eq(fut_executor_pool(x), nowhere_named[_i].pool);
	fut_future *f = submit("echo", "nothing set up");
	must_be(f, "nothing set up");
	fut_future_unref(f);
	close_executor(x);
	end();
}
END_TEST

START_TEST(test_workers)
{
	enum { N = 3 };
	char parameters[64];
	fut_future *f[N];

	begin();
	snprintf(parameters, sizeof parameters, "workers=%d&pool=%s", N, kinds[_i]);
	x = open_local(parameters);
	ck_assert_uint_eq(fut_executor_slots(x), N);
	for (int i = 0; i < N; i++)
		f[i] = submit("gate", gate);
	for (int i = 0; i < N; i++)
		wait_running(f[i]);
	tfile_touch(gate);
	for (int i = 0; i < N; i++)
		must_be(f[i], "open");
	unref_all(f, N);
	close_executor(x);
	end();
}
END_TEST

START_TEST(test_modules)
{
	char url[600];
	fut_future *f;

	begin();
	/* One by its path, and two that are not there. */
	snprintf(url, sizeof url,
		 "local:?pool=%s&modules=basic,%s/.libs/math.so,nonesuch,/no/such.so", kinds[_i],
		 td_builddir());
	ck_assert_int_eq(fut_executor_open(url, &x, NULL), FUT_OK);
	f = submit("echo", "here");
	must_be(f, "here");
	fut_future_unref(f);
	f = submit("sum_of_squares", "3");
	must_be(f, "5");
	fut_future_unref(f);
	f = submit("sha256", "is in a module that was not asked for");
	must_fail_(f, FUT_UNKNOWN_TASK);
	fut_future_unref(f);
	close_executor(x);
	ck_assert_uint_eq(count_err("level=error event=module.failed module=/no/such.so"), 2);
	end_with(4); /* each pool says so of both */
}
END_TEST

/* ---- what cannot be -------------------------------------------------------- */

static fut_error *must_not_open(const char *url, fut_status want)
{
	fut_error *e = NULL;

	x = NULL;
	ck_assert_int_eq(fut_executor_open(url, &x, &e), want);
	ck_assert_ptr_null(x);
	ck_assert_int_eq(fut_error_status(e), want);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	return e;
}

START_TEST(test_bad_url)
{
	begin();
	fut_error *e = must_not_open("local:?workers=0", FUT_INVALID);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "workers is not a number from 1 to 256"));
	fut_error_unref(e);
	fut_error_unref(must_not_open("local:?pool=gpu", FUT_INVALID));
	fut_error_unref(must_not_open("", FUT_INVALID));
	end();
}
END_TEST

static unsigned count_fds(void)
{
	DIR *fds = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(fds);
	while (readdir(fds))
		n++;
	closedir(fds);
	return n;
}

static const struct {
	const char *program;
	const char *detail, *hint; /* have this in them */
} no_daemons[] = {
	{"/nowhere/futured", "/nowhere/futured: No such file or directory", "FUTURED_DAEMON"},
	{"/tmp", "/tmp: Permission denied", "FUTURED_DAEMON"},
	{"/bin/true", "it ended before it was ready", "stderr"},
};

START_TEST(test_no_daemon)
{
	begin();
	setenv("FUTURED_DAEMON", no_daemons[_i].program, 1);
	unsigned fds = count_fds();
	fut_error *e = must_not_open("local:", FUT_CONNECT_FAILED);
	ck_assert_str_eq(fut_error_message(e), "the private daemon does not start");
	if (!strstr(fut_error_detail(e), no_daemons[_i].detail))
		ck_abort_msg("%s", fut_error_detail(e));
	ck_assert_ptr_nonnull(strstr(fut_error_hint(e), no_daemons[_i].hint));
	fut_error_unref(e);
	ck_assert_uint_eq(count_fds(), fds);
	end();
}
END_TEST

/* What is started, and says nothing, is killed. */
START_TEST(test_not_in_time)
{
	char script[96];

	begin();
	snprintf(script, sizeof script, "%s/sleeper", dir);
	tfile_write(script, "#!/bin/sh\nexec sleep 1000\n");
	ck_assert_int_eq(chmod(script, 0700), 0);
	setenv("FUTURED_DAEMON", script, 1);
	fut_error_unref(must_not_open("local:?connect_timeout_us=100000", FUT_TIMEOUT));
	ck_assert(is_childless());
	/* The daemon itself, while its pools load: they end with it, but not before it. */
	set_path("FUTURED_DAEMON", "futured");
	fut_error_unref(must_not_open("local:?connect_timeout_us=300000&modules=testmod_hang_init",
				      FUT_TIMEOUT));
	bury_orphans();
	end();
}
END_TEST

/* ---- what is shared -------------------------------------------------------- */

/* Whether a process has a file open, of those that are one file and nobody else's. */
static bool has_file(pid_t pid, const struct stat *file)
{
	char path[300];
	struct dirent *entry;
	struct stat st;
	bool found = false;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *fds = opendir(path);
	ck_assert_ptr_nonnull(fds);
	while ((entry = readdir(fds))) {
		snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, entry->d_name);
		found |= stat(path, &st) == 0 && st.st_dev == file->st_dev &&
			 st.st_ino == file->st_ino;
	}
	closedir(fds);
	return found;
}

/* Nothing that is open here is open there, but for stderr. */
static void check_nothing_shared(pid_t pid)
{
	struct stat st;

	for (int fd = STDERR_FILENO + 1; fd < 100; fd++) {
		if (fstat(fd, &st) < 0 || !(S_ISSOCK(st.st_mode) || S_ISFIFO(st.st_mode)))
			continue;
		if (has_file(pid, &st))
			ck_abort_msg("process %d has our descriptor %d", (int)pid, fd);
	}
}

START_TEST(test_nothing_is_inherited)
{
	enum { N = 3 };
	fut_executor *all[N];
	int pipes[2];

	begin();
	ck_assert_int_eq(pipe(pipes), 0); /* inherited by any child that does not see to it */
	for (int i = 0; i < N; i++)
		all[i] = open_kind(i % 2);
	for (int i = 0; i < N; i++) {
		pid_t host = host_of(all[i]);
		check_nothing_shared(host);
		check_nothing_shared(parent_of(host));
		check_nothing_shared(parent_of(parent_of(host)));
	}
	/* So each ends with its own executor, whatever becomes of the others. */
	for (int i = 0; i < N; i++) {
		int pidfd = watch_process(daemon_of(all[i]));
		close_executor(all[i]);
		ck_assert(has_ended(pidfd));
		close(pidfd);
		if (i + 1 < N)
			ck_assert_int_gt(host_of(all[i + 1]), 0);
	}
	close(pipes[0]), close(pipes[1]);
	end();
}
END_TEST

static pthread_barrier_t together;
static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;

static void *open_and_close(void *arg)
{
	enum { ROUNDS = 5 };
	int kind = *(const int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&together);
		fut_executor *mine = open_kind(kind);
		pthread_barrier_wait(&together);
		/* It looks at all descriptors, so the other one may not open any now. */
		pthread_mutex_lock(&looking);
		check_nothing_shared(daemon_of(mine));
		pthread_mutex_unlock(&looking);
		pthread_barrier_wait(&together);
		close_executor(mine);
	}
	return NULL;
}

START_TEST(test_two_at_once)
{
	static const int both[] = {0, 1};
	pthread_t threads[2];

	begin();
	pthread_barrier_init(&together, NULL, 2);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, open_and_close,
						(void *)(uintptr_t)&both[i]),
				 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&together);
	end();
}
END_TEST

START_TEST(test_again_and_again)
{
	enum { CYCLES = 20 };
	unsigned fds = 0;

	begin();
	for (int i = 0; i < CYCLES; i++) {
		x = open_kind(i % 2);
		fut_future *f = submit("echo", "again");
		must_be(f, "again");
		fut_future_unref(f);
		close_executor(x);
		ck_assert(is_childless());
		if (i == 0)
			fds = count_fds();
		ck_assert_uint_eq(count_fds(), fds);
	}
	end();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("local");
	TCase *tc = trun_case(s, "asked");

	trun_add_each(tc, test_pools, kinds);
	trun_add_each(tc, test_default, nowhere_named);
	trun_add_each(tc, test_workers, kinds);
	trun_add_each(tc, test_modules, kinds);
	tc = trun_case(s, "cannot_be");
	tcase_add_test(tc, test_bad_url);
	trun_add_each(tc, test_no_daemon, no_daemons);
	tcase_add_test(tc, test_not_in_time);
	tc = trun_case(s, "shared");
	tcase_add_test(tc, test_nothing_is_inherited);
	tcase_add_test(tc, test_two_at_once);
	tcase_add_test(tc, test_again_and_again);
	return s;
}
