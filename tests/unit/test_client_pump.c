/* Callbacks that a thread of the program's runs when it likes: fut_executor_pump(). */
#include "tests/lib/one_fake.h"
#include "tests/lib/trun.h"

#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

static char said[64];
static pthread_t said_on; /* by which thread, last */

static void setup(void)
{
	connect_fake();
	said[0] = '\0';
	ck_assert_int_eq(fut_executor_set_dispatch(x, FUT_DISPATCH_PUMP), FUT_OK);
}

/* Ends a job, and comes back when its callbacks are due. */
static void finish(uint64_t id)
{
	fake_text(d, id, "v");
	fake_settle(d);
}

static bool is_readable_within(int timeout_ms)
{
	struct pollfd p = {.fd = fut_executor_pump_fd(x), .events = POLLIN};
	int n = poll(&p, 1, timeout_ms);

	must(n >= 0 && (n == 0 || p.revents == POLLIN));
	return n > 0;
}

static bool is_readable(void)
{
	return is_readable_within(0);
}

#define TEXT(s) ((void *)(uintptr_t)(s))

static void say(fut_future *f, void *arg)
{
	ck_assert(fut_done(f));
	strcat(said, arg);
	said_on = pthread_self();
}

static void add(fut_future *f, const char *text)
{
	ck_assert_int_eq(fut_add_done_callback(f, say, TEXT(text)), FUT_OK);
}

/* Pumps once: so many run, and they say this. */
static void must_run(size_t n, const char *expected)
{
	size_t ran = 99;

	said[0] = '\0';
	ck_assert(is_readable());
	ck_assert_int_eq(fut_executor_pump(x, 0, &ran), FUT_OK);
	ck_assert_uint_eq(ran, n);
	ck_assert_str_eq(said, expected);
}

static void must_be_idle(void)
{
	size_t ran = 99;

	ck_assert(!is_readable());
	ck_assert_int_eq(fut_executor_pump(x, 0, &ran), FUT_TIMEOUT);
	ck_assert_int_eq(fut_executor_pump(x, 1000, &ran), FUT_TIMEOUT);
	ck_assert_uint_eq(ran, 99);
}

/* ---- what runs, and when ------------------------------------------------- */

START_TEST(only_when_pumped)
{
	uint64_t a, b;
	fut_future *f = job(&a), *g = job(&b);

	add(f, "1");
	add(g, "a");
	add(f, "2");
	add(g, "b");
	add(f, "3");
	must_be_idle();
	finish(b);
	must_be_value(g, "v"); /* who waits need not wait for the pump */
	ck_assert_str_eq(said, "");
	must_run(2, "ab");
	ck_assert(pthread_equal(said_on, pthread_self()));
	must_be_idle();
	finish(a);
	must_run(3, "123");
	must_be_idle();
	fut_future_unref(f);
	fut_future_unref(g);
}
END_TEST

START_TEST(all_that_is_due)
{
	enum { N = 3 };
	fut_future *f[N];
	uint64_t id[N];

	for (int i = 0; i < N; i++) {
		f[i] = job(&id[i]);
		add(f[i], i == 0 ? "a" : i == 1 ? "b" : "c");
		fut_future_unref(f[i]); /* the library holds what it needs */
	}
	for (int i = N - 1; i >= 0; i--)
		finish(id[i]);
	must_run(3, "cba");
	must_be_idle();
}
END_TEST

START_TEST(descriptor_of_a_late_comer)
{
	uint64_t id;
	fut_future *f = job(&id);

	add(f, "1");
	finish(id);
	int fd = fut_executor_pump_fd(x); /* the first time that anybody asks */
	ck_assert(is_readable());
	must_run(1, "1");
	must_be_idle();
	ck_assert_int_eq(fut_executor_pump_fd(x), fd);
	fut_future_unref(f);
}
END_TEST

START_TEST(at_once_or_in_line)
{
	uint64_t id;
	fut_future *f = job(&id);

	add(f, "1");
	finish(id);
	add(f, "2"); /* behind one that is due */
	ck_assert_str_eq(said, "");
	must_run(2, "12");
	said[0] = '\0';
	add(f, "3"); /* none before it */
	ck_assert_str_eq(said, "3");
	must_be_idle();
	fut_future_unref(f);
	/* Nor is there one before the first of a future that is done. */
	f = job(&id);
	finish(id);
	said[0] = '\0';
	add(f, "4");
	ck_assert_str_eq(said, "4");
	must_be_idle();
	fut_future_unref(f);
}
END_TEST

START_TEST(all_kinds_of_ends)
{
	uint64_t a, b, c;
	fut_future *f = job(&a), *g = job(&b), *h = job(&c);

	add(f, "error");
	add(g, "cancel");
	add(h, "lost");
	fake_error(d, a, FUT_TASK_FAILED, "no");
	ck_assert_int_eq(fut_cancel(g, 0, NULL), FUT_OK);
	fake_verdict(d, fake_expect(d, MESSAGE_CANCEL).cancel.id, FUT_VERDICT_REMOVED);
	fake_settle(d);
	must_run(2, "errorcancel");
	fake_hang_up(d);
	ck_assert_int_eq(fut_executor_pump(x, FUT_FOREVER, NULL), FUT_OK);
	ck_assert_str_eq(said, "errorcancellost");
	ck_assert_int_eq(fut_executor_pump(x, FUT_FOREVER, NULL), FUT_END);
	fut_future_unref(f);
	fut_future_unref(g);
	fut_future_unref(h);
}
END_TEST

/* ---- the choice ---------------------------------------------------------- */

START_TEST(chosen_before_the_first_callback)
{
	uint64_t id;
	fut_future *f = job(&id);

	ck_assert_int_eq(fut_executor_set_dispatch(x, FUT_DISPATCH_IO), FUT_OK);
	ck_assert_int_eq(fut_executor_pump(x, 0, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_executor_pump_fd(x), -1);
	ck_assert_int_eq(fut_executor_set_dispatch(x, (fut_dispatch)7), FUT_INVALID);
	ck_assert_int_eq(fut_executor_set_dispatch(NULL, FUT_DISPATCH_IO), FUT_INVALID);
	ck_assert_int_eq(fut_executor_pump(NULL, 0, NULL), FUT_INVALID);
	if (_i)
		ck_assert_int_eq(fut_executor_set_dispatch(x, FUT_DISPATCH_PUMP), FUT_OK);
	add(f, "1");
	for (int how = FUT_DISPATCH_IO; how <= FUT_DISPATCH_PUMP; how++)
		ck_assert_int_eq(fut_executor_set_dispatch(x, (fut_dispatch)how),
				 how == _i ? FUT_OK : FUT_INVALID);
	finish(id);
	if (_i)
		must_run(1, "1");
	else
		ck_assert_str_eq(said, "1");
	fut_future_unref(f);
}
END_TEST

/* ---- what a callback may do ---------------------------------------------- */

static void add_two(fut_future *f, void *arg)
{
	say(f, arg);
	add(f, "4");
	add(f, "5");
}

START_TEST(callback_adds_another)
{
	uint64_t id;
	fut_future *f = job(&id);

	add(f, "1");
	ck_assert_int_eq(fut_add_done_callback(f, add_two, TEXT("2")), FUT_OK);
	add(f, "3");
	finish(id);
	must_run(5, "12345");
	must_be_idle();
	fut_future_unref(f);
}
END_TEST

static void answer_and_wait(fut_future *f, void *arg)
{
	fut_future *g = must_submit(x, "more");
	struct fake_job more = fake_expect_submit(d);

	(void)f, (void)arg;
	add(g, "more");
	fake_text(d, more.spec.id, "answer");
	must_be_value(g, "answer");
	fut_future_unref(g);
	ck_assert_int_eq(fut_executor_pump(x, 0, NULL), FUT_WOULD_DEADLOCK);
	ck_assert_int_eq(fut_executor_pump(x, FUT_FOREVER, NULL), FUT_WOULD_DEADLOCK);
	strcat(said, "waited");
}

/* Unlike on the I/O thread it may wait; but one callback does not run in another. */
START_TEST(callback_submits_and_waits)
{
	uint64_t id;
	fut_future *f = job(&id);

	ck_assert_int_eq(fut_add_done_callback(f, answer_and_wait, NULL), FUT_OK);
	finish(id);
	must_run(1, "waited");
	fake_settle(d);
	must_run(1, "more");
	must_be_idle();
	ck_assert_int_eq(fut_add_done_callback(f, answer_and_wait, NULL), FUT_OK); /* at once */
	fake_settle(d);
	must_run(1, "more");
	fut_future_unref(f);
}
END_TEST

static void drop(fut_future *f, void *arg)
{
	strcat(said, arg);
	fut_future_unref(f);
}

START_TEST(callback_drops_the_last_reference)
{
	uint64_t id;
	fut_future *f = job(&id);

	ck_assert_int_eq(fut_add_done_callback(f, drop, TEXT("dropped")), FUT_OK);
	add(f, " and on");
	finish(id);
	must_run(2, "dropped and on");
	must_be_idle();
}
END_TEST

static void shut_down(fut_future *f, void *arg)
{
	(void)f;
	strcat(said, arg);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
}

START_TEST(callback_shuts_down)
{
	uint64_t id;
	fut_future *f = job(&id);

	ck_assert_int_eq(fut_add_done_callback(f, shut_down, TEXT("down")), FUT_OK);
	add(f, " and out");
	finish(id);
	must_run(2, "down and out");
	ck_assert_int_eq(fut_executor_pump(x, 0, NULL), FUT_END);
	fut_future_unref(f);
}
END_TEST

/* ---- ends ---------------------------------------------------------------- */

START_TEST(shutdown_keeps_what_is_due)
{
	uint64_t a, b;
	fut_future *f = job(&a), *g = job(&b);

	add(f, "f");
	add(g, "g");
	finish(a);
	finish(b);
	ck_assert_int_eq(fut_executor_shutdown(x, true, true, patience_us), FUT_OK);
	ck_assert_str_eq(said, "");
	must_run(2, "fg");
	ck_assert(!is_readable());
	ck_assert_int_eq(fut_executor_pump(x, 0, NULL), FUT_END);
	ck_assert_int_eq(fut_executor_pump(x, FUT_FOREVER, NULL), FUT_END);
	fut_future_unref(f);
	fut_future_unref(g);
}
END_TEST

static void *unref_it(void *arg)
{
	fut_executor_unref(arg);
	return NULL;
}

/* What is due runs inside the last unref, on its thread; what comes later, on the I/O thread. */
START_TEST(last_unref_runs_what_is_due)
{
	struct fake *other = fake_new();
	fut_executor *y = fake_connect(other);
	fut_future *f, *g;
	pthread_t thread;

	ck_assert_int_eq(fut_executor_set_dispatch(y, FUT_DISPATCH_PUMP), FUT_OK);
	f = must_submit(y, "f");
	g = must_submit(y, "g");
	uint64_t a = fake_expect_submit(other).spec.id, b = fake_expect_submit(other).spec.id;
	add(f, "due");
	add(g, " later");
	fake_text(other, a, "v");
	fake_settle(other);
	ck_assert_ptr_eq(fut_executor_ref(y), y);
	fut_executor_unref(y);
	ck_assert_str_eq(said, ""); /* that was not the last one */
	ck_assert_int_eq(pthread_create(&thread, NULL, unref_it, y), 0);
	pthread_t unref_thread = thread;
	pthread_join(thread, NULL);
	ck_assert_str_eq(said, "due");
	ck_assert(pthread_equal(said_on, unref_thread));
	fake_text(other, b, "v");
	fake_expect(other, MESSAGE_BYE); /* behind the callback */
	fake_expect_end(other);
	ck_assert_str_eq(said, "due later");
	ck_assert(!pthread_equal(said_on, pthread_self()));
	fut_future_unref(f);
	fut_future_unref(g);
	fake_free(other);
}
END_TEST

static void drop_executor(fut_future *f, void *arg)
{
	strcat(said, "dropping");
	fut_executor_unref(arg);
	ck_assert(fut_done(f));
	strcat(said, ".");
}

START_TEST(callback_drops_the_executor)
{
	struct fake *other = fake_new();
	fut_executor *y = fake_connect(other);
	uint64_t id[2];
	size_t ran;

	ck_assert_int_eq(fut_executor_set_dispatch(y, FUT_DISPATCH_PUMP), FUT_OK);
	for (int i = 0; i < 2; i++) {
		fut_future *f = must_submit(y, "f");
		id[i] = fake_expect_submit(other).spec.id;
		if (i == 0)
			ck_assert_int_eq(fut_add_done_callback(f, drop_executor, y), FUT_OK);
		add(f, i == 0 ? "own" : "other");
		fut_future_unref(f);
	}
	fake_text(other, id[0], "v");
	fake_text(other, id[1], "v");
	fake_settle(other);
	ck_assert_int_eq(fut_executor_pump(y, 0, &ran), FUT_OK);
	ck_assert_uint_eq(ran, 2); /* the third ran inside the first */
	ck_assert_str_eq(said, "droppingother.own");
	fake_expect_end(other);
	fake_free(other);
}
END_TEST

/* ---- threads ------------------------------------------------------------- */

static void *pump_to_the_end(void *arg)
{
	size_t *total = arg, ran;
	fut_status status;

	while ((status = fut_executor_pump(x, FUT_FOREVER, &ran)) == FUT_OK) {
		must(ran > 0);
		*total += ran;
	}
	must(status == FUT_END);
	return NULL;
}

static void post(fut_future *f, void *arg)
{
	(void)f;
	sem_post(arg);
}

/* Who sleeps in the pump is woken by what is due, and by the end. */
START_TEST(pump_sleeps)
{
	enum { ROUNDS = 200 };
	pthread_t thread;
	size_t total = 0;
	uint64_t id;
	sem_t called;

	ck_assert_int_eq(sem_init(&called, 0, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, pump_to_the_end, &total), 0);
	for (int i = 0; i < ROUNDS; i++) {
		fut_future *f = job(&id);
		ck_assert_int_eq(fut_add_done_callback(f, post, &called), FUT_OK);
		fake_text(d, id, "v");
		must(sem_wait(&called) == 0);
		fut_future_unref(f);
	}
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
	pthread_join(thread, NULL);
	sem_destroy(&called);
	ck_assert_uint_eq(total, ROUNDS);
}
END_TEST

enum { JOBS = 3000, CALLS = 4, PUMPS = 3 };

static struct {
	atomic_int next[JOBS]; /* which of its callbacks is to come */
	atomic_int running[JOBS];
	fut_executor *executor;
} crowd;

struct call {
	int job, number;
};

static void check_order(fut_future *f, void *arg)
{
	struct call *c = arg;

	must(fut_done(f));
	must(atomic_exchange(&crowd.running[c->job], 1) == 0); /* one at a time */
	must(atomic_load(&crowd.next[c->job]) == c->number);
	atomic_store(&crowd.running[c->job], 0);
	atomic_store(&crowd.next[c->job], c->number + 1);
	free(c);
}

static void add_call(fut_future *f, int job_number, int number)
{
	struct call *c = malloc(sizeof *c);

	*c = (struct call){job_number, number};
	must(fut_add_done_callback(f, check_order, c) == FUT_OK);
}

static void *pump_the_crowd(void *arg)
{
	size_t *total = arg, ran;
	fut_status status;

	while ((status = fut_executor_pump(crowd.executor, FUT_FOREVER, &ran)) == FUT_OK)
		*total += ran;
	must(status == FUT_END);
	return NULL;
}

/* Added while they end and while they run, from one thread: each once, and in that order. */
START_TEST(many_pump)
{
	struct fake *other = fake_new();
	size_t ran[PUMPS] = {0}, total = 0;
	pthread_t threads[PUMPS];

	crowd.executor = fake_connect(other);
	ck_assert_int_eq(fut_executor_set_dispatch(crowd.executor, FUT_DISPATCH_PUMP), FUT_OK);
	for (int i = 0; i < PUMPS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, pump_the_crowd, &ran[i]), 0);
	fake_run(other, fake_echo);
	for (int i = 0; i < JOBS; i++) {
		fut_future *f = must_submit(crowd.executor, "p");
		for (int k = 0; k < CALLS; k++)
			add_call(f, i, k);
		fut_future_unref(f);
	}
	ck_assert_int_eq(fut_executor_shutdown(crowd.executor, true, false, patience_us), FUT_OK);
	for (int i = 0; i < PUMPS; i++) {
		pthread_join(threads[i], NULL);
		total += ran[i];
	}
	ck_assert_uint_le(total, JOBS * CALLS); /* some ran at once */
	for (int i = 0; i < JOBS; i++)
		must(atomic_load(&crowd.next[i]) == CALLS);
	fut_executor_unref(crowd.executor);
	fake_join(other);
	fake_free(other);
}
END_TEST

static fut_executor *dropped;

static void *drop_soon(void *arg)
{
	(void)arg;
	fut_executor_unref(dropped);
	return NULL;
}

/* The pump closes while futures end: each callback runs, here or there. */
START_TEST(closing_races_with_ends)
{
	enum { ROUNDS = 200, EACH = 8 };

	for (int round = 0; round < ROUNDS; round++) {
		struct fake *other = fake_new();
		fut_future *f[EACH];
		pthread_t thread;

		dropped = fake_connect(other);
		ck_assert_int_eq(fut_executor_set_dispatch(dropped, FUT_DISPATCH_PUMP), FUT_OK);
		for (int i = 0; i < EACH; i++) {
			atomic_store(&crowd.next[i], 0);
			f[i] = must_submit(dropped, "p");
			add_call(f[i], i, 0);
			add_call(f[i], i, 1);
		}
		fake_run(other, fake_echo);
		if (round % 2)
			must_be_value(f[0], "p");
		ck_assert_int_eq(pthread_create(&thread, NULL, drop_soon, NULL), 0);
		pthread_join(thread, NULL);
		fake_join(other); /* it saw the end of the stream: the I/O thread is done */
		for (int i = 0; i < EACH; i++) {
			must(atomic_load(&crowd.next[i]) == 2);
			fut_future_unref(f[i]);
		}
		fake_free(other);
	}
}
END_TEST

/* ---- fork ---------------------------------------------------------------- */

START_TEST(child_does_not_pump)
{
	uint64_t id;
	fut_future *f = job(&id);
	int status;

	add(f, "parent's");
	finish(id);
	ck_assert(is_readable());
	pid_t pid = fork();
	if (pid == 0)
		_exit(fut_executor_pump(x, 0, NULL) != FUT_FORKED ||
		      fut_executor_set_dispatch(x, FUT_DISPATCH_IO) != FUT_FORKED ||
		      fut_executor_pump_fd(x) != -1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	must_run(1, "parent's");
	fut_future_unref(f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pump");

	tcase_add_checked_fixture(tc, setup, disconnect_fake);
	tcase_add_test(tc, only_when_pumped);
	tcase_add_test(tc, all_that_is_due);
	tcase_add_test(tc, descriptor_of_a_late_comer);
	tcase_add_test(tc, at_once_or_in_line);
	tcase_add_test(tc, all_kinds_of_ends);
	tcase_add_loop_test(tc, chosen_before_the_first_callback, 0, 2);
	tcase_add_test(tc, callback_adds_another);
	tcase_add_test(tc, callback_submits_and_waits);
	tcase_add_test(tc, callback_drops_the_last_reference);
	tcase_add_test(tc, callback_shuts_down);
	tcase_add_test(tc, shutdown_keeps_what_is_due);
	tcase_add_test(tc, last_unref_runs_what_is_due);
	tcase_add_test(tc, callback_drops_the_executor);
	tcase_add_test(tc, pump_sleeps);
	tcase_add_test(tc, many_pump);
	tcase_add_test(tc, closing_races_with_ends);
	tcase_add_test(tc, child_does_not_pump);
	return run_case(tc, "client_pump");
}
