/* What a forked child may do with its parent's handles: drop them, and open its own. */
#include "tests/lib/fake_daemon.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The thread sanitizer cannot follow threads of a forked child. */
#ifdef __SANITIZE_THREAD__
enum { IS_TSAN = 1 };
#else
enum { IS_TSAN = 0 };
#endif

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

#define MUST(expr)                                                                                 \
	do {                                                                                       \
		if (!(expr))                                                                       \
			_exit(__LINE__ & 0x7f ? __LINE__ & 0x7f : 1);                              \
	} while (0)

/* It says what is wrong, and what to do. */
static void must_be_forked(fut_error *e)
{
	MUST(fut_error_status(e) == FUT_FORKED);
	MUST(strcmp(fut_error_message(e), "the handle belongs to the parent process") == 0);
	MUST(strstr(fut_error_hint(e), "open an executor of the child's own"));
	MUST(fut_error_executed(e) == FUT_EXECUTED_NO);
	fut_error_unref(e);
}

static void be_a_child(fut_executor *x, fut_future *f, fut_map *m, fut_as_completed *it,
		       fut_waitset *ws)
{
	fut_future *g = NULL;
	fut_waitset *own;
	fut_bytes value;
	fut_error *e;
	fut_map_item item;
	fut_progress_info progress;
	fut_snapshot snapshot;
	fut_as_completed *all = NULL;
	fut_map *map = NULL;
	fut_job *job;
	char *text, name[16];

	MUST(fut_job_new("task", &job) == FUT_OK);
	MUST(fut_submit(x, "task", "", 0, &g, &e) == FUT_FORKED && !g);
	must_be_forked(e);
	MUST(fut_submit_job(x, job, "", 0, &g, &e) == FUT_FORKED && !g);
	must_be_forked(e);
	MUST(fut_result(f, FUT_FOREVER, &value, &e) == FUT_FORKED);
	must_be_forked(e);
	MUST(fut_map_open(x, job, (fut_next_item_fn)abort, NULL, NULL, &map, &e) == FUT_FORKED);
	must_be_forked(e);
	MUST(fut_exception(f, FUT_FOREVER, &e) == FUT_FORKED);
	MUST(fut_poll(f, &snapshot) == FUT_FORKED);
	MUST(fut_cancel(f, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_stop(f, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_kill(f, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_add_done_callback(f, (fut_done_fn)abort, NULL) == FUT_FORKED);
	MUST(fut_next_chunk(f, FUT_FOREVER, &value) == FUT_FORKED);
	MUST(fut_progress(f, &progress) == FUT_FORKED);
	MUST(fut_wait(&f, 1, FUT_ALL_COMPLETED, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_as_completed_open(&f, 1, FUT_FOREVER, &all) == FUT_FORKED && !all);
	MUST(fut_wait_n(&f, 1, 1, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_as_completed_next(it, &g) == FUT_FORKED);
	MUST(fut_as_completed_add(it, f) == FUT_FORKED);
	MUST(fut_waitset_add(ws, f, NULL) == FUT_FORKED);
	MUST(fut_waitset_remove(ws, f) == FUT_FORKED);
	MUST(fut_waitset_next(ws, FUT_FOREVER, &g, NULL) == FUT_FORKED);
	MUST(fut_waitset_new(&own) == FUT_OK);
	MUST(fut_waitset_add(own, f, NULL) == FUT_FORKED);
	fut_waitset_free(own);
	MUST(fut_map_next(m, FUT_FOREVER, &item) == FUT_FORKED);
	MUST(fut_executor_ping(x, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_executor_status(x, FUT_FOREVER, &text) == FUT_FORKED);
	MUST(fut_executor_ask(x, "status", NULL, FUT_FOREVER, &text) == FUT_FORKED);
	MUST(fut_executor_set_dispatch(x, FUT_DISPATCH_PUMP) == FUT_FORKED);
	MUST(fut_executor_pump(x, FUT_FOREVER, NULL) == FUT_FORKED);
	MUST(fut_executor_pump_fd(x) == -1);
	MUST(fut_executor_shutdown(x, true, true, FUT_FOREVER) == FUT_FORKED);
	MUST(fut_executor_shutdown(x, false, false, 0) == FUT_FORKED);
	MUST(fut_executor_force_shutdown(x, FUT_FORCE_KILL, FUT_FOREVER) == FUT_FORKED);
	/* What was known at the fork may be looked at. */
	MUST(!fut_done(f) && !fut_running(f) && !fut_cancelled(f));
	MUST(strcmp(fut_executor_pool(x), "cpu") == 0 && fut_executor_slots(x) == 2);
	MUST(strcmp(fut_executor_kind(x), "processes") == 0);
	MUST(fut_as_completed_unfinished(it) == 1 && fut_as_completed_total(it) == 1);
	MUST(fut_waitset_len(ws) == 1);
	MUST(fut_job_name(f, name, sizeof name) == 5 && strcmp(name, "7-0-1") == 0);
	MUST(fut_describe(f, name, sizeof name) == 7 && strcmp(name, "pending") == 0);
	fut_job_free(job);
	fut_executor_ref(x);
	fut_future_ref(f);
	fut_future_unref(f);
	fut_future_unref(f);
	fut_as_completed_close(it);
	fut_waitset_free(ws);
	fut_map_close(m);
	fut_executor_unref(x);
	_exit(0);
}

static bool one_item(void *arg, fut_bytes *ret)
{
	int *left = arg;

	*ret = (fut_bytes){"i", 1};
	return (*left)-- > 0;
}

START_TEST(child_may_only_let_go)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");
	fut_as_completed *it;
	fut_waitset *ws;
	fut_job *job;
	fut_map *m;
	int left = 1, status;

	ck_assert_int_eq(fut_waitset_new(&ws), FUT_OK);
	ck_assert_int_eq(fut_waitset_add(ws, f, NULL), FUT_OK);
	ck_assert_int_eq(fut_as_completed_open(&f, 1, FUT_FOREVER, &it), FUT_OK);
	ck_assert_int_eq(fut_job_new("task", &job), FUT_OK);
	ck_assert_int_eq(fut_map_open(x, job, one_item, &left, NULL, &m, NULL), FUT_OK);
	fut_job_free(job);
	pid_t pid = fork();
	if (pid == 0)
		be_a_child(x, f, m, it, ws);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "line %% 128 = %d",
		      WEXITSTATUS(status));

	/* The parent took no harm. */
	struct fake_job a = fake_expect_submit(d);
	fake_text(d, a.spec.id, "v");
	must_be_value(f, "v");
	a = fake_expect_submit(d);
	fake_text(d, a.spec.id, "w");
	fut_as_completed_close(it);
	fut_waitset_free(ws);
	fut_map_close(m);
	fut_future_unref(f);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
	fut_executor_unref(x);
	fake_free(d);
}
END_TEST

static int end_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static void leave_the_set_alone(fut_waitset *ws, fut_future *f)
{
	fut_future *g = NULL;
	fut_waitset *own;

	MUST(fut_waitset_add(ws, f, NULL) == FUT_FORKED);
	MUST(fut_waitset_remove(ws, f) == FUT_FORKED);
	MUST(fut_waitset_next(ws, 0, &g, NULL) == FUT_FORKED && !g);
	MUST(fut_waitset_len(ws) == 1);
	MUST(fut_waitset_new(&own) == FUT_OK);
	MUST(fut_waitset_add(own, f, NULL) == FUT_FORKED);
	MUST(fut_waitset_next(own, 0, &g, NULL) == FUT_END);
	fut_waitset_free(own);
	fut_waitset_free(ws);
	_exit(0);
}

/* The descriptor is the parent's too: what it has to say it says to the parent. */
START_TEST(child_leaves_wait_sets_alone)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a"), *g;
	fut_waitset *ws;

	ck_assert_int_eq(fut_waitset_new(&ws), FUT_OK);
	ck_assert_int_eq(fut_waitset_add(ws, f, NULL), FUT_OK);
	fake_text(d, fake_expect_submit(d).spec.id, "v");
	fake_settle(d);
	pid_t pid = fork();
	if (pid == 0)
		leave_the_set_alone(ws, f);
	ck_assert_int_eq(end_of(pid), 0);
	ck_assert(is_readable(fut_waitset_fd(ws)));
	ck_assert_int_eq(fut_waitset_next(ws, 0, &g, NULL), FUT_OK);
	ck_assert_ptr_eq(g, f);
	ck_assert(!is_readable(fut_waitset_fd(ws)));
	fut_future_unref(g);
	fut_future_unref(f);
	fut_waitset_free(ws);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

/* All that an executor is good for, in a child, with enough futures to meet every lock. */
static void use_its_own(fut_executor *inherited)
{
	enum { N = 300 };
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f[N];
	fut_progress_info progress;

	MUST(fut_executor_ping(inherited, 0, NULL) == FUT_FORKED);
	for (int i = 0; i < N; i++) {
		f[i] = must_submit(x, "a");
		MUST(fut_progress(f[i], &progress) == FUT_OK);
	}
	for (int i = 0; i < N; i++)
		fake_text(d, fake_expect_submit(d).spec.id, "mine");
	for (int i = 0; i < N; i++) {
		must_be_value(f[i], "mine");
		fut_future_unref(f[i]);
	}
	fake_goodbye(d, x);
	fake_free(d);
}

START_TEST(child_may_open_its_own)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);

	pid_t pid = fork();
	if (pid == 0) {
		use_its_own(x);
		_exit(0);
	}
	ck_assert_int_eq(end_of(pid), 0);
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

/* ---- a fork in the middle of something ------------------------------------ */

static _Atomic bool is_over;

/* Holds the locks of a few futures most of the time. */
static void *look_at_futures(void *arg)
{
	fut_future **f = arg;
	fut_progress_info progress;

	while (!atomic_load(&is_over)) {
		for (int i = 0; i < 4; i++)
			MUST(fut_progress(f[i], &progress) == FUT_OK);
	}
	return NULL;
}

/* What other threads held when the parent forked is not held in the child. */
START_TEST(child_finds_no_lock_held)
{
	enum { CHILDREN = 40 };
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f[4];
	pthread_t other;

	for (int i = 0; i < 4; i++)
		f[i] = must_submit(x, "a");
	ck_assert_int_eq(pthread_create(&other, NULL, look_at_futures, f), 0);
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			alarm(FAKE_PATIENCE_S);
			use_its_own(x);
			_exit(0);
		}
		ck_assert_int_eq(end_of(pid), 0);
	}
	atomic_store(&is_over, true);
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	for (int i = 0; i < 4; i++) {
		fake_text(d, fake_expect_submit(d).spec.id, "v");
		must_be_value(f[i], "v");
		fut_future_unref(f[i]);
	}
	fake_goodbye(d, x);
	fake_free(d);
}
END_TEST

static atomic_int child_end = -1;

static void fork_here(fut_future *f, void *arg)
{
	(void)f;
	pid_t pid = fork();
	if (pid == 0) {
		/* It is no I/O thread any more: its own waits are welcome. */
		use_its_own(arg);
		_exit(0);
	}
	atomic_store(&child_end, end_of(pid));
}

START_TEST(child_of_a_callback)
{
	struct fake *d = fake_new();
	fut_executor *x = fake_connect(d);
	fut_future *f = must_submit(x, "a");

	ck_assert_int_eq(fut_add_done_callback(f, fork_here, x), FUT_OK);
	fake_text(d, fake_expect_submit(d).spec.id, "v");
	must_be_value(f, "v");
	fut_future_unref(f);
	fake_goodbye(d, x); /* behind the callback */
	ck_assert_int_eq(atomic_load(&child_end), 0);
	fake_free(d);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("fork");

	tcase_add_test(tc, child_may_only_let_go);
	tcase_add_test(tc, child_leaves_wait_sets_alone);
	if (!IS_TSAN) {
		tcase_add_test(tc, child_may_open_its_own);
		tcase_add_test(tc, child_finds_no_lock_held);
		tcase_add_test(tc, child_of_a_callback);
	}
	return run_case(tc, "client_fork");
}
