/* Whatever goes wrong, and wherever: each future is told, and nothing hangs (CF-DL). */
#include "proto/pack.h"
#include "tests/contract/pool.h"
#include "tests/lib/twire.h"

#include <signal.h>
#include <string.h>

/* ---- what cannot be sent ------------------------------------------------ */

/* It fails at the submit; what is on its way, before and behind, does not notice. */
START_TEST(cf_dl_01_error_at_task_pickle)
{
	enum { N = 50, LIMIT = 4096 };
	static char bytes[LIMIT + 1];
	fut_future *f[N], *none = NULL;
	fut_error *e;

	memset(bytes, 'x', sizeof bytes);
	start_with(_i, 1, "max_payload = 4K\n", "");
	fut_future *held = hold();
	for (int i = 0; i < N; i++) {
		f[i] = submit("mark", mark);
		ck_assert_int_eq(fut_submit(x, "mark", bytes, LIMIT + 1, &none, &e),
				 FUT_PAYLOAD_TOO_BIG);
		ck_assert_ptr_null(none);
		ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
		ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEVER);
		fut_error_unref(e);
		ck_assert_int_eq(fut_submit(x, "no such name", "", 0, &none, NULL), FUT_INVALID);
		ck_assert_int_eq(fut_submit(x, "", "", 0, &none, NULL), FUT_INVALID);
	}
	release(held);
	for (int i = 0; i < N; i++)
		must_be(f[i], "");
	ck_assert_uint_eq(tfile_lines(mark), N);
	unref_all(f, N);
	stop();
}
END_TEST

/* ---- a task that goes wrong --------------------------------------------- */

/* One slot runs a job that goes wrong and then others, each of which runs once; in a pool of
 * processes one beside it goes on as if nothing were. Returns the job's error. */
static fut_error *go_wrong(int way, const char *order, fut_status expected, fut_future **ret)
{
	enum { N = 20 };
	bool alone = way & PROCESSES;
	fut_future *behind[N], *beside = NULL;

	start_pool(way, alone ? 2 : 1, "testmod_stages, testmod_place, testmod_crash", "");
	if (alone) {
		beside = submit("gate", gate);
		wait_running(beside);
	}
	*ret = submit("stages", order);
	for (int i = 0; i < N; i++)
		behind[i] = submit("mark", mark);
	fut_error *e = must_fail(*ret, expected);
	for (int i = 0; i < N; i++)
		must_be(behind[i], "");
	ck_assert_uint_eq(tfile_lines(mark), N);
	unref_all(behind, N);
	if (beside) {
		tfile_touch(gate);
		must_be(beside, "open");
		fut_future_unref(beside);
	}
	return e;
}

/* What the task had sent before is there, and then it ends. */
static void check_chunks(fut_future *f, const char *order)
{
	fut_bytes chunk;

	if (strncmp(order, "encode", 6) == 0) {
		ck_assert_int_eq(fut_next_chunk(f, PATIENCE_US, &chunk), FUT_OK);
		ck_assert_uint_eq(chunk.len, 8);
		ck_assert_mem_eq(chunk.data, "half of ", 8);
	}
	ck_assert_int_eq(fut_next_chunk(f, PATIENCE_US, &chunk), FUT_END);
}

/* The process ends in the middle of it: with this signal, or with this exit code. */
static void die_at(int way, const char *order, int signal, int exit_code)
{
	fut_future *f;
	fut_error *e = go_wrong(way, order, FUT_HOST_DIED, &f);
	const fut_death *death = fut_error_death(e);

	ck_assert_ptr_nonnull(death);
	ck_assert_int_eq(death->signal, signal);
	ck_assert_int_eq(death->exit_code, exit_code);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	fut_error_unref(e);
	check_chunks(f, order);
	fut_future_unref(f);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 1);
	stop();
}

/* The task says so, and its process lives on. */
static void fail_at(int way, const char *order, const char *message)
{
	fut_future *f;
	fut_error *e = go_wrong(way, order, FUT_TASK_FAILED, &f);

	ck_assert_str_eq(fut_error_type(e), "StageError");
	ck_assert_str_eq(fut_error_message(e), message);
	ck_assert_ptr_null(fut_error_death(e));
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_YES);
	fut_error_unref(e);
	check_chunks(f, order);
	fut_future_unref(f);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	stop();
}

START_TEST(cf_dl_02_exit_at_task_unpickle)
{
	die_at(_i, "decode exit 0", 0, 0);
}
END_TEST

/* A pack that does not add up; only a client that is wrong itself sends one. */
static void bad_pack(void)
{
	uint8_t pack[2 * PACK_ITEM_HEADER_BYTES + 2];
	struct job_spec s = {.id = 1, .task = span_str("echo"), .items = 2};
	struct tw *w = tw_open(d->unix_url, "p");

	pack_put_header(pack, 0, 1);
	pack_put_header(pack + PACK_ITEM_HEADER_BYTES, 0, 5000);
	memcpy(pack + 2 * PACK_ITEM_HEADER_BYTES, "ab", 2);
	tw_put_job(w, &s, pack, sizeof pack);
	tw_flush(w);
	const struct error_info *e = tw_error(w, tw_expect_status(w, 1, FUT_PROTOCOL));
	ck_assert_int_eq(e->executed, FUT_EXECUTED_NO);
	/* It cost this job, and neither the session nor the process. */
	tw_submit(w, 2, "echo", "well");
	tw_expect_value(w, 2, "well");
	tw_close(w);
}

START_TEST(cf_dl_03_error_at_task_unpickle)
{
	start(_i, 1);
	long pid = ask_number("pid");
	bad_pack();
	ck_assert_int_eq(ask_number("pid"), pid);
	stop();
	fail_at(_i, "decode error", "cannot decode");
}
END_TEST

START_TEST(cf_dl_04_crash_at_task_unpickle)
{
	die_at(_i, "decode segv", SIGSEGV, -1);
}
END_TEST

START_TEST(cf_dl_05_crash_during_func_exec_on_worker)
{
	die_at(_i, "run segv", SIGSEGV, -1);
}
END_TEST

/* exit() in C really leaves, also with 0. */
START_TEST(cf_dl_06_exit_during_func_exec_on_worker)
{
	die_at(_i, "run exit 1", 0, 1);
	die_at(_i, "run exit 0", 0, 0);
}
END_TEST

START_TEST(cf_dl_07_error_during_func_exec_on_worker)
{
	fail_at(_i, "run error", "cannot run");
}
END_TEST

START_TEST(cf_dl_08_crash_during_result_pickle_on_worker)
{
	die_at(_i, "encode segv", SIGSEGV, -1);
}
END_TEST

START_TEST(cf_dl_09_exit_during_result_pickle_on_worker)
{
	die_at(_i, "encode exit 3", 0, 3);
}
END_TEST

START_TEST(cf_dl_10_error_during_result_pickle_on_worker)
{
	fail_at(_i, "encode error", "cannot encode");
}
END_TEST

/* ---- a shutdown meanwhile ----------------------------------------------- */

static void shut_down(void *arg)
{
	*(fut_status *)arg = fut_executor_shutdown(x, true, false, PATIENCE_US);
}

/* The process dies while the shutdown waits for its job. */
START_TEST(cf_dl_13_shutdown_deadlock)
{
	fut_status status = FUT_INTERNAL;
	struct sleeper s;

	start_pool(_i, 2, "testmod_place", "");
	fut_future *f = submit("place", gate);
	long pid = place_now(f).pid;
	sleeper_start(&s, shut_down, &status);
	sleeper_wait_asleep(&s);
	ck_assert(!fut_done(f));
	ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
	sleeper_join(&s);
	ck_assert_int_eq(status, FUT_OK);
	ck_assert(fut_done(f));
	must_fail_(f, FUT_HOST_DIED);
	fut_future_unref(f);
	stop();
}
END_TEST

/* A result that cannot be encoded, after the executor and the program's hold on it are gone:
 * the future is told, and the executor's thread ends by itself. */
START_TEST(cf_dl_14_shutdown_deadlock_pickle)
{
	start_pool(_i, 2, "testmod_stages, testmod_crash", "");
	unsigned threads = count_threads(getpid());
	fut_executor *own = open_url(url_of(_i), "p");
	ck_assert_uint_eq(count_threads(getpid()), threads + 1);
	fut_future *held[2];
	for (int i = 0; i < 2; i++) {
		held[i] = submit("gate", gate);
		wait_running(held[i]);
	}
	fut_future *f = submit_on(own, "stages", "encode error", 12);
	ck_assert_int_eq(fut_executor_shutdown(own, false, false, 0), FUT_OK);
	fut_executor_unref(own);
	ck_assert(!fut_done(f));
	tfile_touch(gate);
	fut_error *e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_message(e), "cannot encode");
	fut_error_unref(e);
	twait_until(d, count_threads(getpid()) == threads);
	unref_all((fut_future *[]){f, held[0], held[1]}, 3);
	stop();
}
END_TEST

/* ---- much data ---------------------------------------------------------- */

static bool next_ballast(void *arg, fut_bytes *ret)
{
	static const size_t len = 4 * MIB + 1;
	static char *bytes;
	unsigned *left = arg;

	if (!bytes) {
		bytes = malloc(len);
		ck_assert_ptr_nonnull(bytes);
		memset(bytes, 'x', len);
		memcpy(bytes, "run segv\n", 9);
	}
	*ret = (fut_bytes){bytes, len};
	return (*left)-- > 0;
}

/* Processes die with payloads on their way to them, ten of 4 MiB. */
static void crash_with_payloads(void)
{
	enum { N = 10 };
	unsigned left = N;
	fut_map_item item;
	fut_job *job;
	fut_map *m;

	ck_assert_int_eq(fut_job_new("stages", &job), FUT_OK);
	ck_assert_int_eq(fut_map_open(x, job, next_ballast, &left, NULL, &m, NULL), FUT_OK);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert_int_eq(item.status, FUT_HOST_DIED);
	}
	ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_END);
	fut_map_close(m);
	fut_job_free(job);
}

/* And with results on their way from them, at any moment: each is whole, or not there at all. */
static void crash_with_results(void)
{
	enum { ROUNDS = 20, LEN = 4 * MIB, SPREAD_US = 4000 };
	struct rng r = rng_of_run();
	unsigned whole = 0;
	fut_bytes value;

	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = (pid_t)ask_number("pid");
		fut_future *f = submit("big", "4194304");
		uint64_t at_us = td_now_us() + rng_below(&r, SPREAD_US);
		while (td_now_us() < at_us)
			continue;
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		fut_status status = fut_result(f, PATIENCE_US, &value, NULL);
		if (status == FUT_OK) {
			ck_assert_uint_eq(value.len, LEN);
			ck_assert(*(const char *)value.data == 'x');
			ck_assert(memcmp(value.data, (const char *)value.data + 1, LEN - 1) == 0);
			whole++;
		} else {
			ck_assert_int_eq(status, FUT_HOST_DIED);
		}
		fut_future_unref(f);
	}
	printf("# %u of %d results were whole\n", whole, (int)ROUNDS);
}

START_TEST(cf_dl_15_crash_big_data)
{
	start_pool(_i, 1, "testmod_stages, testmod_crash", "");
	crash_with_payloads();
	crash_with_results();
	pass_through();
	stop();
}
END_TEST

/* ---- nobody listens ----------------------------------------------------- */

struct stall {
	_Atomic bool stalls, over;
};

static void stall(fut_future *f, void *arg)
{
	struct stall *s = arg;
	struct twait w = twait_for(d, "the end of the stall");

	(void)f;
	s->stalls = true;
	while (!s->over)
		twait_step(&w);
}

/* Neither a callback that keeps the I/O thread nor a daemon that reads nothing keeps anyone
 * from submitting; and when they go on, so does everything. */
START_TEST(cf_dl_16_gh105829_should_not_deadlock_if_wakeup_pipe_full)
{
	enum { N = 300, LEN = 4096 };
	static char bytes[LEN];
	struct stall s = {.stalls = false};
	fut_future *f[2 * N];

	memset(bytes, 'x', sizeof bytes);
	start(_i, 2);
	fut_future *first = submit("gate", gate);
	ck_assert_int_eq(fut_add_done_callback(first, stall, &s), FUT_OK);
	tfile_touch(gate);
	twait_until(d, s.stalls);
	for (int i = 0; i < N; i++)
		f[i] = submit_on(x, "echo", bytes, LEN);
	tdaemon_signal(d, SIGSTOP);
	for (int i = N; i < 2 * N; i++)
		f[i] = submit_on(x, "echo", bytes, LEN);
	for (int i = 0; i < 2 * N; i++)
		ck_assert(!fut_done(f[i]));
	s.over = true;
	tdaemon_signal(d, SIGCONT);
	for (int i = 0; i < 2 * N; i++)
		must_be_at(f[i], bytes, LEN, __FILE__, __LINE__);
	unref_all(f, 2 * N);
	fut_future_unref(first);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("contract: deadlocks");
	TCase *tc = trun_case(s, "CF-DL");

	each_way(tc, cf_dl_01_error_at_task_pickle);
	each_way(tc, cf_dl_02_exit_at_task_unpickle);
	each_way(tc, cf_dl_03_error_at_task_unpickle);
	each_way(tc, cf_dl_04_crash_at_task_unpickle);
	each_way(tc, cf_dl_05_crash_during_func_exec_on_worker);
	each_way(tc, cf_dl_06_exit_during_func_exec_on_worker);
	each_way(tc, cf_dl_07_error_during_func_exec_on_worker);
	each_way(tc, cf_dl_08_crash_during_result_pickle_on_worker);
	each_way(tc, cf_dl_09_exit_during_result_pickle_on_worker);
	each_way(tc, cf_dl_10_error_during_result_pickle_on_worker);
	each_way(tc, cf_dl_13_shutdown_deadlock);
	each_way(tc, cf_dl_14_shutdown_deadlock_pickle);
	each_way(tc, cf_dl_15_crash_big_data);
	each_way(tc, cf_dl_16_gh105829_should_not_deadlock_if_wakeup_pipe_full);
	return s;
}
