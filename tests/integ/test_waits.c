/* Futures, end to end: waits for several of them, chunks as they come, and limits of time. */
#include "tests/integ/e2e.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>

/* ---- wait and as_completed ---------------------------------------------- */

START_TEST(test_wait)
{
	fut_future *f[5], *mix[8];
	size_t done = 99;

	start(_i, 1);
	f[0] = submit("echo", "value");
	must_be(f[0], "value");
	f[1] = submit("gate", gate);
	f[2] = submit("echo", "cancelled");
	must_cancel(f[2], FUT_VERDICT_REMOVED);
	f[3] = submit("fail", "E");
	f[4] = submit("gate", gate2);

	ck_assert_int_eq(fut_wait(NULL, 0, FUT_ALL_COMPLETED, FUT_FOREVER, &done), FUT_OK);
	ck_assert_uint_eq(done, 0);
	ck_assert_int_eq(fut_wait(f, 5, FUT_FIRST_COMPLETED, FUT_FOREVER, &done), FUT_OK);
	ck_assert_uint_eq(done, 2);
	ck_assert_int_eq(fut_wait(f + 2, 1, FUT_ALL_COMPLETED, FUT_FOREVER, &done), FUT_OK);
	/* A cancelled one and a value are no exceptions. */
	ck_assert_int_eq(fut_wait(f, 5, FUT_FIRST_EXCEPTION, 10 * MS, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 2);
	ck_assert_int_eq(fut_wait(f, 3, FUT_ALL_COMPLETED, 0, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 2);
	ck_assert_int_eq(fut_wait(f, 5, (fut_return_when)9, 0, &done), FUT_INVALID);
	for (int i = 0; i < 8; i++)
		mix[i] = f[i % 3]; /* 0 1 2 0 1 2 0 1 */
	ck_assert_int_eq(fut_wait(mix, 8, FUT_ALL_COMPLETED, 10 * MS, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 5);

	tfile_touch(gate);
	ck_assert_int_eq(fut_wait(mix, 8, FUT_ALL_COMPLETED, PATIENCE_US, &done), FUT_OK);
	ck_assert_uint_eq(done, 8);
	ck_assert_int_eq(fut_wait(f, 5, FUT_FIRST_EXCEPTION, PATIENCE_US, &done), FUT_OK);
	ck_assert_uint_eq(done, 4);
	ck_assert(fut_done(f[3]) && !fut_done(f[4]));
	ck_assert_int_eq(fut_wait(f + 4, 1, FUT_FIRST_COMPLETED, 0, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 0);
	tfile_touch(gate2);
	ck_assert_int_eq(fut_wait(f, 5, FUT_ALL_COMPLETED, PATIENCE_US, &done), FUT_OK);
	ck_assert_uint_eq(done, 5);
	unref_all(f, 5);
	stop();
}
END_TEST

START_TEST(test_wait_n)
{
	fut_future *f[5];
	size_t done = 99;

	start(_i, 2);
	f[0] = submit("gate", gate);
	f[1] = submit("gate", gate2);
	for (int i = 2; i < 5; i++)
		f[i] = submit(i == 3 ? "fail" : "echo", "E");
	ck_assert_int_eq(fut_wait_n(f, 5, 1, 10 * MS, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 0);
	tfile_touch(gate2);
	/* An error is an end like any other; the first gate is closed all the while. */
	ck_assert_int_eq(fut_wait_n(f, 5, 4, PATIENCE_US, &done), FUT_OK);
	ck_assert_uint_eq(done, 4);
	ck_assert(!fut_done(f[0]));
	ck_assert_int_eq(fut_wait_n(f, 5, 5, 10 * MS, &done), FUT_TIMEOUT);
	ck_assert_uint_eq(done, 4);
	tfile_touch(gate);
	ck_assert_int_eq(fut_wait_n(f, 5, 5, PATIENCE_US, &done), FUT_OK);
	ck_assert_int_eq(fut_wait_n(f, 5, 6, PATIENCE_US, &done), FUT_INVALID);
	unref_all(f, 5);
	stop();
}
END_TEST

/* Every future is woken, however it ends: the wait with a cancel may not hang. */
START_TEST(test_wait_with_cancel)
{
	enum { N = 50 };
	fut_future *f[N + 1];
	size_t done;

	start(_i, 1);
	f[N] = submit("gate", gate);
	wait_running(f[N]);
	for (int i = 0; i < N; i++)
		f[i] = submit("mark", mark);
	ck_assert_int_eq(fut_executor_shutdown(x, false, true, 0), FUT_OK);
	ck_assert_int_eq(fut_wait(f, N, FUT_ALL_COMPLETED, PATIENCE_US, &done), FUT_OK);
	ck_assert_uint_eq(done, N);
	for (int i = 0; i < N; i++)
		ck_assert(fut_cancelled(f[i]));
	tfile_touch(gate);
	must_be(f[N], "open");
	unref_all(f, N + 1);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	stop();
}
END_TEST

static fut_future *next_of(fut_as_completed *it)
{
	fut_future *f = NULL;

	ck_assert_int_eq(fut_as_completed_next(it, &f), FUT_OK);
	fut_future_unref(f); /* the test holds another */
	return f;
}

START_TEST(test_as_completed_order)
{
	static const char *const seconds[] = {"0.50", "0.05", "0.30"};
	fut_future *f[3], *done;
	fut_as_completed *it;

	start(_i, 3);
	/* Each slot has been used: nothing but the sleeping takes time. */
	for (int i = 0; i < 3; i++)
		f[i] = submit("gate", gate);
	for (int i = 0; i < 3; i++)
		wait_running(f[i]);
	tfile_touch(gate);
	ck_assert_int_eq(fut_wait(f, 3, FUT_ALL_COMPLETED, PATIENCE_US, NULL), FUT_OK);
	unref_all(f, 3);

	for (int i = 0; i < 3; i++)
		f[i] = submit("sleep", seconds[i]);
	ck_assert_int_eq(fut_as_completed_open(f, 3, PATIENCE_US, &it), FUT_OK);
	ck_assert_ptr_eq(next_of(it), f[1]);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 2);
	ck_assert_ptr_eq(next_of(it), f[2]);
	ck_assert_ptr_eq(next_of(it), f[0]);
	ck_assert_int_eq(fut_as_completed_next(it, &done), FUT_END);
	ck_assert_int_eq(fut_as_completed_next(it, &done), FUT_END);
	fut_as_completed_close(it);
	unref_all(f, 3);
	stop();
}
END_TEST

START_TEST(test_as_completed)
{
	fut_future *f[6], *done;
	fut_as_completed *it;

	start(_i, 1);
	f[0] = submit("gate", gate);
	f[1] = submit("echo", "");
	f[2] = submit("fail", "E");
	f[3] = submit("echo", "");
	f[4] = f[0];
	f[5] = f[3];
	must_cancel(f[3], FUT_VERDICT_REMOVED);
	uint64_t since_us = td_now_us();
	ck_assert_int_eq(fut_as_completed_open(f, 6, 50 * MS, &it), FUT_OK);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 4);
	ck_assert_ptr_eq(next_of(it), f[3]); /* what is done comes first */
	ck_assert_int_eq(fut_as_completed_next(it, &done), FUT_TIMEOUT);
	ck_assert_uint_ge(td_now_us() - since_us, 50 * MS);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 3);
	/* The time is for the whole; what is done by then is still handed out. */
	tfile_touch(gate);
	must_be(f[1], "");
	must_fail_(f[2], FUT_TASK_FAILED);
	/* Who waits for a result may hear of it before the iterator does; not before a pong. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(next_of(it), f[i]);
	ck_assert_int_eq(fut_as_completed_next(it, &done), FUT_END);
	fut_as_completed_close(it);
	/* One that is closed early leaves its futures alone. */
	fut_future *late = submit("sleep", "0.02");
	ck_assert_int_eq(fut_as_completed_open(&late, 1, FUT_FOREVER, &it), FUT_OK);
	fut_as_completed_close(it);
	must_be(late, "0.02");
	ck_assert_int_eq(fut_as_completed_open(NULL, 0, FUT_FOREVER, &it), FUT_OK);
	ck_assert_int_eq(fut_as_completed_next(it, &done), FUT_END);
	fut_as_completed_close(it);
	fut_future_unref(late);
	unref_all(f, 4);
	stop();
}
END_TEST

/* A crawl: what comes back says what to ask next, and so on for ever. */
START_TEST(test_as_completed_add)
{
	enum { AT_ONCE = 8, JOBS = 400 };
	fut_future *f[AT_ONCE], *done;
	fut_as_completed *it;
	fut_bytes value;
	unsigned next = AT_ONCE, sum = 0;
	char text[16];

	start(_i, 2);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		snprintf(text, sizeof text, "%u", i);
		f[i] = submit("echo", text);
	}
	ck_assert_int_eq(fut_as_completed_open(f, AT_ONCE, PATIENCE_US, &it), FUT_OK);
	unref_all(f, AT_ONCE);
	while (fut_as_completed_next(it, &done) == FUT_OK) {
		ck_assert_int_eq(fut_result(done, 0, &value, NULL), FUT_OK);
		memcpy(text, value.data, value.len);
		text[value.len] = '\0';
		sum += (unsigned)strtoul(text, NULL, 10);
		fut_future_unref(done);
		if (next == JOBS)
			continue;
		snprintf(text, sizeof text, "%u", next++);
		done = submit("echo", text);
		ck_assert_int_eq(fut_as_completed_add(it, done), FUT_OK);
		fut_future_unref(done);
	}
	ck_assert_uint_eq(sum, JOBS * (JOBS - 1) / 2);
	ck_assert_uint_eq(fut_as_completed_total(it), JOBS);
	ck_assert_uint_eq(fut_as_completed_unfinished(it), 0);
	fut_as_completed_close(it);
	stop();
}
END_TEST

/* ---- wait sets ---------------------------------------------------------- */

static bool is_readable(const fut_waitset *ws, int timeout_ms)
{
	struct pollfd p = {.fd = fut_waitset_fd(ws), .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0;
}

static void must_be_next(fut_waitset *ws, fut_future *expected, void *expected_tag)
{
	fut_future *f = NULL;
	void *tag = NULL;

	ck_assert(is_readable(ws, td_patience_ms(20000)));
	ck_assert_int_eq(fut_waitset_next(ws, 0, &f, &tag), FUT_OK);
	ck_assert_ptr_eq(f, expected);
	ck_assert_ptr_eq(tag, expected_tag);
	fut_future_unref(f); /* the test holds another */
}

START_TEST(test_waitset)
{
	fut_future *f[5], *none;
	fut_waitset *ws;

	start(_i, 1);
	ck_assert_int_eq(fut_waitset_new(&ws), FUT_OK);
	f[0] = submit("gate", gate);
	wait_running(f[0]);
	f[1] = submit("fail", "E");
	f[2] = submit("mark", mark);
	f[3] = submit("gate", gate2);
	f[4] = submit("echo", "");
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(fut_waitset_add(ws, f[i], &f[i]), FUT_OK);
	ck_assert(!is_readable(ws, 0));
	ck_assert_int_eq(fut_waitset_next(ws, 10 * MS, &none, NULL), FUT_TIMEOUT);
	must_cancel(f[2], FUT_VERDICT_REMOVED);
	must_be_next(ws, f[2], &f[2]);
	ck_assert(!is_readable(ws, 0));
	tfile_touch(gate);
	must_be_next(ws, f[0], &f[0]);
	must_be_next(ws, f[1], &f[1]);
	ck_assert_int_eq(fut_waitset_remove(ws, f[3]), FUT_OK);
	tfile_touch(gate2);
	must_be_next(ws, f[4], &f[4]);
	ck_assert(fut_done(f[3]) && !is_readable(ws, 0));
	ck_assert_int_eq(fut_waitset_next(ws, FUT_FOREVER, &none, NULL), FUT_END);
	/* One that is freed leaves its futures alone. */
	fut_future *late = submit("sleep", "0.02");
	ck_assert_int_eq(fut_waitset_add(ws, late, NULL), FUT_OK);
	fut_waitset_free(ws);
	must_be(late, "0.02");
	fut_future_unref(late);
	unref_all(f, 5);
	stop();
}
END_TEST

/* A job of the loop below: what it asks, and where it goes. */
struct errand {
	char text[16];
	unsigned number;
};

static void send_errand(fut_waitset *ws, fut_executor *on, struct errand *e, unsigned number)
{
	e->number = number;
	snprintf(e->text, sizeof e->text, "%u", number);
	fut_future *f = submit_on(on, "echo", e->text, strlen(e->text));
	must(fut_waitset_add(ws, f, e) == FUT_OK);
	fut_future_unref(f);
}

/* A program with a loop of its own: two daemons' jobs behind one descriptor of its epoll. */
START_TEST(test_waitset_in_a_loop)
{
	enum { AT_ONCE = 32, JOBS = 4000 };
	static struct errand errands[AT_ONCE];
	struct epoll_event ev = {.events = EPOLLIN | (_i % 2 ? EPOLLET : 0)};
	unsigned next = 0, came = 0;
	fut_waitset *ws;
	fut_future *f;
	void *tag;

	start(_i, 2);
	struct tdaemon *other = tdaemon_start(NULL);
	fut_executor *y = open_url(other->unix_url, "threads");
	int ep = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_eq(fut_waitset_new(&ws), FUT_OK);
	ck_assert_int_eq(epoll_ctl(ep, EPOLL_CTL_ADD, fut_waitset_fd(ws), &ev), 0);
	for (; next < AT_ONCE; next++)
		send_errand(ws, next % 2 ? x : y, &errands[next], next);
	while (came < JOBS) {
		must(epoll_wait(ep, &ev, 1, td_patience_ms(20000)) == 1);
		while (fut_waitset_next(ws, 0, &f, &tag) == FUT_OK) {
			struct errand *e = tag;
			must(number_of(f) == (long)e->number);
			fut_future_unref(f);
			came++;
			if (next < JOBS)
				send_errand(ws, next % 2 ? x : y, e, next);
			next++;
		}
	}
	ck_assert_uint_eq(fut_waitset_len(ws), 0);
	fut_waitset_free(ws);
	close(ep);
	close_executor(y);
	close_executor(x);
	tdaemon_signal(d, SIGTERM);
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	tdaemon_stop(other);
	tdaemon_forget(d);
}
END_TEST

/* ---- streaming ---------------------------------------------------------- */

START_TEST(test_streaming)
{
	enum { N = 5000 };
	fut_progress_info p;
	fut_bytes chunk;
	fut_status status;
	char text[16];
	int n = 0;

	start(_i, 1);
	fut_future *f = submit("count", "5000");
	while ((status = fut_next_chunk(f, PATIENCE_US, &chunk)) == FUT_OK) {
		int len = snprintf(text, sizeof text, "%d", n++);
		must((int)chunk.len == len && memcmp(chunk.data, text, chunk.len) == 0);
	}
	ck_assert_int_eq(status, FUT_END);
	ck_assert_int_eq(n, N);
	ck_assert_int_eq(fut_next_chunk(f, 0, &chunk), FUT_END);
	must_be(f, "5000");
	ck_assert_int_eq(fut_progress(f, &p), FUT_OK);
	ck_assert_uint_eq(p.reports, N);
	ck_assert_uint_eq(p.done, N);
	ck_assert_uint_eq(p.total, N);
	ck_assert_str_eq(p.text, "");
	fut_future_unref(f);

	f = submit("gate", gate);
	ck_assert_int_eq(fut_next_chunk(f, 0, &chunk), FUT_TIMEOUT);
	ck_assert_int_eq(fut_next_chunk(f, 10 * MS, &chunk), FUT_TIMEOUT);
	ck_assert_int_eq(fut_progress(f, &p), FUT_OK);
	ck_assert_uint_eq(p.reports, 0);
	tfile_touch(gate);
	ck_assert_int_eq(fut_next_chunk(f, PATIENCE_US, &chunk), FUT_END);
	must_be(f, "open");
	fut_future_unref(f);
	/* Nobody looks at the chunks: no harm. */
	f = submit("count", "2000");
	must_be(f, "2000");
	fut_future_unref(f);
	/* How it ended is told behind the chunks. */
	f = submit("square", "x");
	ck_assert_int_eq(fut_next_chunk(f, PATIENCE_US, &chunk), FUT_END);
	must_fail_(f, FUT_TASK_FAILED);
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- limits ------------------------------------------------------------- */

START_TEST(test_limits)
{
	start(_i, 1);
	fut_future *f = submit("gate", gate);
	wait_running(f);
	fut_future *queued = submit_limited("mark", mark, queue_limit, 30 * MS);
	fut_future *late = submit_limited("mark", mark, deadline, 30 * MS);
	fut_error *e = must_fail(queued, FUT_QUEUE_LIMIT);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NOW);
	ck_assert_uint_eq(fut_error_attempt(e), 0);
	fut_error_unref(e);
	e = must_fail(late, FUT_DEADLINE);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	tfile_touch(gate);
	must_be(f, "open");
	unref_all((fut_future *[]){f, queued, late}, 3);

	fut_future *runs = submit_limited("hang", "", run_limit, 50 * MS);
	e = must_fail(runs, FUT_RUN_LIMIT);
	ck_assert_int_eq(fut_status_family(FUT_RUN_LIMIT), FUT_FAMILY_TASK);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	fut_error_unref(e);
	fut_future *stalls = submit_limited("sleep", "30", stall_limit, 50 * MS);
	must_fail_(stalls, FUT_STALL_LIMIT);
	fut_future *ends = submit_limited("hang", "", deadline, 50 * MS);
	e = must_fail(ends, FUT_DEADLINE);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	fut_error_unref(e);
	fut_future *fine = submit_limited("echo", "fine", run_limit, 30 * SECOND);
	must_be(fine, "fine");
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all((fut_future *[]){runs, stalls, ends, fine}, 4);
	stop();
}
END_TEST

/* ---- more than one ------------------------------------------------------ */

START_TEST(test_two_executors)
{
	fut_future *f[4];
	size_t done;
	fut_as_completed *it;

	start(_i, 1);
	char pool_gate[96];
	tdaemon_path(d, "pool_gate", pool_gate, sizeof pool_gate);
	struct tdaemon *other = tdaemon_start(NULL);
	fut_executor *threads = open_url(other->unix_url, "threads");
	fut_executor *processes = open_url(other->tcp_url, "processes");
	f[0] = submit_on(x, "gate", gate, strlen(gate));
	f[1] = submit_on(threads, "gate", gate2, strlen(gate2));
	f[2] = submit_on(processes, "gate", pool_gate, strlen(pool_gate));
	f[3] = f[1];
	ck_assert_int_eq(fut_wait(f, 4, FUT_FIRST_COMPLETED, 10 * MS, &done), FUT_TIMEOUT);
	ck_assert_int_eq(fut_as_completed_open(f, 4, PATIENCE_US, &it), FUT_OK);
	tfile_touch(pool_gate);
	ck_assert_ptr_eq(next_of(it), f[2]);
	ck_assert_int_eq(fut_wait(f, 4, FUT_FIRST_COMPLETED, PATIENCE_US, &done), FUT_OK);
	ck_assert_uint_eq(done, 1);
	tfile_touch(gate);
	ck_assert_ptr_eq(next_of(it), f[0]);
	tfile_touch(gate2);
	ck_assert_ptr_eq(next_of(it), f[1]);
	ck_assert_int_eq(fut_wait(f, 4, FUT_ALL_COMPLETED, PATIENCE_US, &done), FUT_OK);
	ck_assert_uint_eq(done, 4);
	fut_as_completed_close(it);
	unref_all(f, 3);
	close_executor(threads);
	close_executor(processes);
	close_executor(x);
	/* Each daemon's end looks for lost processes, which must be its own. */
	tdaemon_signal(d, SIGTERM);
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	tdaemon_stop(other);
	tdaemon_forget(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("waits");
	TCase *tc = trun_case(s, "waits");

	tcase_add_loop_test(tc, test_wait, 0, WAYS);
	tcase_add_loop_test(tc, test_wait_n, 0, WAYS);
	tcase_add_loop_test(tc, test_wait_with_cancel, 0, WAYS);
	tcase_add_loop_test(tc, test_as_completed_order, 0, WAYS);
	tcase_add_loop_test(tc, test_as_completed, 0, WAYS);
	tcase_add_loop_test(tc, test_as_completed_add, 0, WAYS);
	tcase_add_loop_test(tc, test_streaming, 0, WAYS);
	tcase_add_loop_test(tc, test_limits, 0, WAYS);
	tc = trun_case(s, "waitset");
	tcase_add_loop_test(tc, test_waitset, 0, WAYS);
	tcase_add_loop_test(tc, test_waitset_in_a_loop, 0, WAYS);
	tc = trun_case(s, "two executors");
	tcase_add_loop_test(tc, test_two_executors, 0, WAYS);
	return s;
}
