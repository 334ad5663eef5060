/* How many threads there are, and what they do for others (CF-TP). */
#include "tests/contract/pool.h"

#include <sched.h>
#include <sys/wait.h>

/* ---- maps --------------------------------------------------------------- */

struct marks {
	unsigned next, n;
	char text[128];
};

/* "MARK 0", "MARK 1" ...: payloads of the task mark_line. */
static bool next_mark(void *arg, fut_bytes *ret)
{
	struct marks *in = arg;

	if (in->next == in->n)
		return false;
	int len = snprintf(in->text, sizeof in->text, "%s %u", mark, in->next++);
	*ret = (fut_bytes){in->text, (size_t)len};
	return true;
}

/* The numbers in the file: each of 0 to n - 1, once. */
static void check_marks(unsigned n)
{
	struct number_set seen = {.n = 0};
	FILE *f = fopen(mark, "re");
	long number;

	ck_assert_ptr_nonnull(f);
	while (fscanf(f, "%ld", &number) == 1)
		ck_assert(number >= 0 && number < n && number_set_add(&seen, number));
	fclose(f);
	ck_assert_uint_eq(seen.n, n);
}

/* All of them run though nobody asks for a result; with a buffersize, so many. */
START_TEST(cf_tp_01_map_submits_without_iteration)
{
	static const struct {
		fut_map_options options;
		unsigned expected;
	} maps[] = {
		{{.chunksize = 1}, 10},
		{{.chunksize = 3}, 10},
		{{.buffersize = 4}, 4},
	};

	start(_i, 2);
	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		struct marks in = {.n = 10};
		remove(mark);
		fut_map *m = open_map("mark_line", next_mark, &in, maps[i].options);
		ck_assert_uint_eq(in.next, maps[i].expected);
		twait_until(d, tfile_lines(mark) >= maps[i].expected);
		check_marks(maps[i].expected);
		fut_map_close(m);
	}
	/* The end of the executor waits for them, too. */
	struct marks in = {.n = 10};
	remove(mark);
	fut_map *m = open_map("mark_line", next_mark, &in, (fut_map_options){0});
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, PATIENCE_US), FUT_OK);
	check_marks(10);
	fut_map_close(m);
	stop();
}
END_TEST

/* The time of a map is over while it waits for the first item: that one is taken back, too,
 * and all the others; nothing of them ever runs. */
START_TEST(cf_tp_07_executor_map_current_future_cancel)
{
	enum { LIMIT_US = 30 * MS };
	fut_map_item item;

	start(_i, 1);
	for (size_t chunksize = 1; chunksize <= 3; chunksize += 2) {
		struct marks in = {.n = 10};
		fut_future *held = hold();
		uint64_t since_us = td_now_us();
		fut_map *m =
			open_map("mark_line", next_mark, &in,
				 (fut_map_options){.chunksize = chunksize, .timeout_us = LIMIT_US});
		ck_assert_int_eq(fut_map_next(m, FUT_FOREVER, &item), FUT_TIMEOUT);
		ck_assert_uint_ge(td_now_us() - since_us, LIMIT_US);
		ck_assert_int_eq(fut_map_next(m, FUT_FOREVER, &item), FUT_END);
		/* Behind the pong all of it is taken back, though the map is open still. */
		ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
		release(held);
		pass_through();
		ck_assert_uint_eq(tfile_lines(mark), 0);
		fut_map_close(m);
	}
	stop();
}
END_TEST

/* ---- how many ----------------------------------------------------------- */

static void check_slots(unsigned cpus)
{
	const struct {
		const char *pool;
		unsigned slots;
	} expected[] = {
		{"threads", cpus + 4 < 32 ? cpus + 4 : 32},
		{"processes", cpus < 256 ? cpus : 256},
	};

	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		fut_executor *on = open_url(d->unix_url, expected[i].pool);
		ck_assert_uint_eq(fut_executor_slots(on), expected[i].slots);
		close_executor(on);
	}
}

/* processors + 4 threads, a process per processor; those count that the daemon may use. */
START_TEST(cf_tp_02_default_workers)
{
	cpu_set_t all, one;

	ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
	d = tdaemon_start("pool threads {\n kind = threads\n modules = {basic}\n}\n"
			  "pool processes {\n kind = processes\n modules = {basic}\n}\n");
	check_slots((unsigned)CPU_COUNT(&all));
	tdaemon_stop(d);

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
	d = tdaemon_start("pool threads {\n kind = threads\n modules = {basic}\n}\n"
			  "pool processes {\n kind = processes\n modules = {basic}\n}\n");
	check_slots(1);
	tdaemon_stop(d);
}
END_TEST

START_TEST(cf_tp_03_saturation)
{
	saturate(_i);
}
END_TEST

START_TEST(cf_tp_04_idle_thread_reuse)
{
	reuse(_i);
}
END_TEST

/* ---- forks -------------------------------------------------------------- */

/* Keeps the I/O thread and the pool busy: each job that is done submits the next. */
struct chain {
	_Atomic bool stop;
	_Atomic unsigned done, failed;
};

static void submit_next(fut_future *f, void *arg)
{
	struct chain *c = arg;
	fut_bytes value;
	fut_future *next;

	c->failed += fut_result(f, 0, &value, NULL) != FUT_OK;
	c->done++;
	if (c->stop)
		return;
	if (fut_submit(x, "noop", "", 0, &next, NULL) != FUT_OK)
		abort();
	if (fut_add_done_callback(next, submit_next, c) != FUT_OK)
		abort();
	fut_future_unref(next);
}

static void chain_start(struct chain *c)
{
	fut_future *f = submit("noop", "");

	ck_assert_int_eq(fut_add_done_callback(f, submit_next, c), FUT_OK);
	fut_future_unref(f);
}

/* In a child, with locks as the other threads held them: an executor of its own. */
static _Noreturn void be_child(const char *url)
{
	fut_executor *own;
	fut_future *f;
	fut_bytes value;

	if (fut_executor_open(url, &own, NULL) != FUT_OK)
		_exit(1);
	if (fut_submit(own, "square", "9", 1, &f, NULL) != FUT_OK)
		_exit(2);
	if (fut_result(f, PATIENCE_US, &value, NULL) != FUT_OK || value.len != 2)
		_exit(3);
	fut_future_unref(f);
	if (fut_executor_shutdown(own, true, false, PATIENCE_US) != FUT_OK)
		_exit(4);
	fut_executor_unref(own);
	_exit(0);
}

static void fork_once(const char *url)
{
	int status;

	fflush(NULL);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		be_child(url);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

/* The program forks while its threads are busy with the library; and the pool gets new hosts,
 * which are forks too, while its threads are busy with jobs. */
START_TEST(cf_tp_05_hang_global_shutdown_lock)
{
	enum { FORKS = 50, DEATHS = 10 };
	struct chain c = {.done = 0};
	char url[160];

	start(_i, 2);
	snprintf(url, sizeof url, "%s?pool=p", url_of(_i));
	chain_start(&c);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
	/* Their own locks are not made for a fork at any moment. */
	for (int i = 0; i < FORKS; i++)
		fork_once(url);
#endif
	for (int i = 0; i < DEATHS; i++) {
		fut_future *f = submit("kill_self", "");
		must_fail_(f, FUT_HOST_DIED);
		fut_future_unref(f);
		pass_through();
	}
	ck_assert_uint_le(c.failed, DEATHS);
	unsigned before = c.done;
	twait_until(d, c.done > before + 10);
	c.stop = true;
	stop();
}
END_TEST

static const char *const ways_to_exit[] = {"_exit", "exit"};

/* The child of a pool's thread ends as any child does, and takes nothing with it. */
START_TEST(cf_tp_06_process_fork_from_a_threadpool)
{
	enum { N = 20 };
	/* At a polite exit the address sanitizer takes what the other threads had for lost. */
	const char *how = td_is_sanitized() ? "_exit" : ways_to_exit[_i / WAYS];
	fut_future *f[N];

	start_pool(_i % WAYS, 2, "testmod_place", "");
	long pid = place_of_one().pid;
	for (int i = 0; i < N; i++)
		f[i] = submit(i % 2 ? "echo" : "forks", i % 2 ? "beside" : how);
	for (int i = 0; i < N; i++)
		must_be(f[i], i % 2 ? "beside" : "0");
	unref_all(f, N);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	if (!(_i & PROCESSES))
		ck_assert_int_eq(place_of_one().pid, pid);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("contract: threads");
	TCase *tc = trun_case(s, "CF-TP");

	each_way(tc, cf_tp_01_map_submits_without_iteration);
	tcase_add_test(tc, cf_tp_02_default_workers);
	each_way(tc, cf_tp_03_saturation);
	each_way(tc, cf_tp_04_idle_thread_reuse);
	each_way(tc, cf_tp_05_hang_global_shutdown_lock);
	tcase_add_loop_test(tc, cf_tp_06_process_fork_from_a_threadpool, 0,
			    WAYS * (int)ARRAY_LEN(ways_to_exit));
	each_way(tc, cf_tp_07_executor_map_current_future_cancel);
	return s;
}
