/*
 * What a program does around its futures: shuts down in the middle, forks in the middle, does
 * everything in callbacks, and has its clock set (CFX-01, 08, 10 and 11).
 */
#include "tests/contract/contract.h"
#include "tests/lib/wallclock.h"

#include <sys/wait.h>
#include <time.h>

/* ---- CFX-01: waits for what a shutdown cancels -------------------------- */

enum { WAITED = 20 };

/* Each of the ways to wait, in a thread that sleeps in it when the shutdown comes. */
struct waiting {
	struct sleeper sleeper;
	fut_future *const *f;
	unsigned how;
	fut_status status;
	size_t done;
};

static void wait_somehow(void *arg)
{
	struct waiting *w = arg;
	fut_as_completed *it;
	fut_future *next;
	fut_bytes value;

	switch (w->how) {
	case 0:
		w->status = fut_wait(w->f, WAITED, FUT_ALL_COMPLETED, FUT_FOREVER, &w->done);
		break;
	case 1:
		w->status = fut_result(w->f[WAITED - 1], FUT_FOREVER, &value, NULL);
		break;
	case 2:
		must(fut_as_completed_open(w->f, WAITED, FUT_FOREVER, &it) == FUT_OK);
		while ((w->status = fut_as_completed_next(it, &next)) == FUT_OK) {
			w->done += fut_cancelled(next);
			fut_future_unref(next);
		}
		fut_as_completed_close(it);
		break;
	}
}

/* CPython's wait() and as_completed() hang here: deviation 1. */
START_TEST(cfx_01_waits_for_what_is_cancelled)
{
	struct waiting w[3];
	fut_future *f[WAITED];

	start(_i, 1);
	fut_future *held = hold();
	for (int i = 0; i < WAITED; i++)
		f[i] = submit("mark", mark);
	for (unsigned how = 0; how < 3; how++) {
		w[how] = (struct waiting){.f = f, .how = how};
		sleeper_start(&w[how].sleeper, wait_somehow, &w[how]);
		sleeper_wait_asleep(&w[how].sleeper);
	}
	ck_assert_int_eq(fut_executor_shutdown(x, false, true, 0), FUT_OK);
	for (unsigned how = 0; how < 3; how++)
		sleeper_join(&w[how].sleeper);
	ck_assert_int_eq(w[0].status, FUT_OK);
	ck_assert_uint_eq(w[0].done, WAITED);
	ck_assert_int_eq(w[1].status, FUT_CANCELLED);
	ck_assert_int_eq(w[2].status, FUT_END);
	ck_assert_uint_eq(w[2].done, WAITED);
	/* And those who begin to wait now. */
	for (unsigned how = 0; how < 3; how++) {
		fut_status before = w[how].status;
		w[how] = (struct waiting){.f = f, .how = how};
		wait_somehow(&w[how]);
		ck_assert_int_eq(w[how].status, before);
	}
	ck_assert(!fut_done(held));
	release(held);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all(f, WAITED);
	stop();
}
END_TEST

/* ---- CFX-08: the clock is set ------------------------------------------- */

enum { HOUR_S = 3600, LONG_US = 900 * SECOND };

/* With the daemon and its hosts under the same clock as this program. */
static void start_with_wallclock(int way)
{
	char file[] = "/tmp/futured-clock-XXXXXX", library[4200];
	int fd = mkstemp(file);

	ck_assert_int_ge(fd, 0);
	close(fd);
	wallclock_share(file);
	snprintf(library, sizeof library, "%s/.libs/libwallclock.so", td_builddir());
	setenv(WALLCLOCK_FILE, file, 1);
	setenv("LD_PRELOAD", library, 1);
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
	start_with(way, 1, "", " environment = {'*', LD_PRELOAD}");
	unsetenv("LD_PRELOAD");
	remove(file);
	/* They are reached. */
	ck_assert_uint_gt(wallclock_calls(), 0);
}

struct patient {
	struct sleeper sleeper;
	fut_future *f;
	unsigned how;
	fut_status status;
};

/* With a limit that has not passed unless somebody reads the time of day. */
static void wait_patiently(void *arg)
{
	struct patient *p = arg;
	fut_as_completed *it;
	fut_future *next;
	fut_bytes value;

	switch (p->how) {
	case 0:
		p->status = fut_result(p->f, LONG_US, &value, NULL);
		break;
	case 1:
		p->status = fut_wait(&p->f, 1, FUT_ALL_COMPLETED, LONG_US, NULL);
		break;
	case 2:
		must(fut_as_completed_open(&p->f, 1, LONG_US, &it) == FUT_OK);
		p->status = fut_as_completed_next(it, &next);
		if (p->status == FUT_OK)
			fut_future_unref(next);
		fut_as_completed_close(it);
		break;
	}
}

/* Short ones end when they should, neither at once nor an hour later. */
static void short_limits_hold(fut_future *runs)
{
	uint64_t since_us = td_now_us();
	fut_bytes value;

	ck_assert_int_eq(fut_result(runs, 20 * MS, &value, NULL), FUT_TIMEOUT);
	ck_assert_uint_ge(td_now_us() - since_us, 20 * MS);
	since_us = td_now_us();
	fut_future *f = submit_limited("mark", mark, queue_limit, 40 * MS);
	must_fail_(f, FUT_QUEUE_LIMIT);
	ck_assert_uint_ge(td_now_us() - since_us, 40 * MS);
	fut_future_unref(f);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
}

static fut_future *submit_with_all_limits(const char *task, const char *payload)
{
	fut_future *f;
	fut_job *job;

	ck_assert_int_eq(fut_job_new(task, &job), FUT_OK);
	fut_job_set_queue_limit(job, LONG_US);
	fut_job_set_run_limit(job, LONG_US);
	fut_job_set_stall_limit(job, LONG_US);
	fut_job_set_deadline(job, LONG_US);
	ck_assert_int_eq(fut_submit_job(x, job, payload, strlen(payload), &f, NULL), FUT_OK);
	fut_job_free(job);
	return f;
}

START_TEST(cfx_08_clock_step)
{
	static const int64_t shifts_s[] = {HOUR_S, -HOUR_S, 0};
	struct patient p[3];

	start_with_wallclock(_i);
	time_t now_s = time(NULL);
	fut_future *f = submit_with_all_limits("gate", gate);
	wait_running(f);
	fut_future *waits = submit_with_all_limits("remaining", "");
	for (unsigned how = 0; how < 3; how++) {
		p[how] = (struct patient){.f = f, .how = how};
		sleeper_start(&p[how].sleeper, wait_patiently, &p[how]);
		sleeper_wait_asleep(&p[how].sleeper);
	}
	for (size_t i = 0; i < ARRAY_LEN(shifts_s); i++) {
		wallclock_shift(shifts_s[i]);
		ck_assert_int_le(llabs((long long)(time(NULL) - now_s - shifts_s[i])), HOUR_S / 2);
		short_limits_hold(f);
		for (unsigned how = 0; how < 3; how++)
			ck_assert(!p[how].sleeper.is_over);
		ck_assert(fut_running(f) && !fut_done(waits));
	}
	wallclock_shift(HOUR_S);
	tfile_touch(gate);
	for (unsigned how = 0; how < 3; how++) {
		sleeper_join(&p[how].sleeper);
		ck_assert_int_eq(p[how].status, FUT_OK);
	}
	must_be(f, "open");
	/* The task's own view: of the quarter of an hour most is left, and no more. */
	long left_us = number_of(waits);
	ck_assert_int_gt(left_us, LONG_US / 2);
	ck_assert_int_le(left_us, LONG_US);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all((fut_future *[]){f, waits}, 2);
	stop();
}
END_TEST

/* ---- CFX-10: forks ------------------------------------------------------ */

enum { TALKERS = 3, FORKS = 100 };

struct talker {
	pthread_t thread;
	_Atomic bool *over;
	unsigned jobs;
	bool failed;
};

/* Allocates and talks, as fast as it can. */
static void *talk(void *arg)
{
	struct talker *t = arg;
	fut_bytes value;

	for (; !*t->over; t->jobs++) {
		size_t n = 1 + t->jobs * 37 % 5000;
		char *payload = malloc(n);
		fut_future *f;
		memset(payload, 'x', n);
		t->failed |= fut_submit(x, "echo", payload, n, &f, NULL) != FUT_OK ||
			     fut_result(f, PATIENCE_US, &value, NULL) != FUT_OK || value.len != n;
		free(payload);
		fut_future_unref(f);
	}
	return NULL;
}

/* In a child every handle answers, at once, and memory can be had: whatever another thread
 * was doing when it was forked. Says with its exit status which line was wrong. */
static _Noreturn void live_as_child(fut_future *f)
{
#define child_must(cond)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			_exit(__LINE__ % 255 + 1);                                                 \
	} while (0)
	fut_future *none = NULL;
	fut_bytes value;
	fut_error *e;

	(void)alarm((unsigned)(PATIENCE_US / SECOND));
	child_must(fut_submit(x, "echo", "", 0, &none, &e) == FUT_FORKED);
	child_must(fut_error_status(e) == FUT_FORKED);
	fut_error_unref(e);
	child_must(fut_result(f, FUT_FOREVER, &value, NULL) == FUT_FORKED);
	child_must(fut_wait(&f, 1, FUT_ALL_COMPLETED, FUT_FOREVER, NULL) == FUT_FORKED);
	child_must(fut_cancel(f, FUT_FOREVER, NULL) == FUT_FORKED);
	child_must(fut_executor_ping(x, FUT_FOREVER, NULL) == FUT_FORKED);
	child_must(fut_executor_shutdown(x, true, true, FUT_FOREVER) == FUT_FORKED);
	for (size_t n = 1; n < 100000; n *= 3) {
		char *p = malloc(n);
		child_must(p != NULL);
		memset(p, 'c', n);
		free(p);
	}
	fut_future_unref(f);
	fut_executor_unref(x);
	_exit(0);
#undef child_must
}

START_TEST(cfx_10_fork_while_others_talk)
{
	struct talker t[TALKERS];
	_Atomic bool over = false;

	start(_i, 2);
	fut_future *f = submit("echo", "parent's");
	must_be(f, "parent's");
	for (int i = 0; i < TALKERS; i++) {
		t[i] = (struct talker){.over = &over};
		ck_assert_int_eq(pthread_create(&t[i].thread, NULL, talk, &t[i]), 0);
	}
	fflush(NULL);
	for (int i = 0; i < FORKS; i++) {
		int status;
		fut_future *one = submit("echo", "between");
		pid_t pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			live_as_child(f);
		must_be(one, "between");
		fut_future_unref(one);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			      "child %d: signal %d, line %d", i,
			      WIFSIGNALED(status) ? WTERMSIG(status) : 0,
			      WIFEXITED(status) ? WEXITSTATUS(status) - 1 : 0);
	}
	over = true;
	for (int i = 0; i < TALKERS; i++) {
		pthread_join(t[i].thread, NULL);
		ck_assert(!t[i].failed);
		ck_assert_uint_gt(t[i].jobs, 0);
	}
	must_be(f, "parent's");
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- CFX-11: callbacks that do everything ------------------------------- */

/* Longer than what a future has room for, so that it is memory of its own. */
#define LONG_VALUE "a value that a future keeps in memory of its own"

struct busy {
	_Atomic unsigned left, wrong;
};

static void expect(struct busy *b, bool holds)
{
	b->wrong += !holds;
}

/* It has the only reference that the program holds, and lets it go here. */
static void do_everything(fut_future *f, void *arg)
{
	struct busy *b = arg;
	fut_as_completed *it;
	fut_future *next = NULL, *none;
	fut_bytes value, again;
	size_t done = 9;

	expect(b, fut_result(f, 0, &value, NULL) == FUT_OK);
	expect(b, fut_wait(&f, 1, FUT_ALL_COMPLETED, 0, &done) == FUT_OK && done == 1);
	if (b->left > 1) {
		expect(b, fut_submit(x, "echo", value.data, value.len, &next, NULL) == FUT_OK);
		/* Nothing can have come of it: this thread would have to read it. */
		expect(b, fut_wait(&next, 1, FUT_ALL_COMPLETED, 0, &done) == FUT_TIMEOUT);
		expect(b, fut_result(next, 0, &again, NULL) == FUT_TIMEOUT);
		expect(b, fut_as_completed_open(&next, 1, 0, &it) == FUT_OK);
		expect(b, fut_as_completed_next(it, &none) == FUT_TIMEOUT);
		fut_as_completed_close(it);
		expect(b, fut_executor_ping(x, 1, NULL) == FUT_WOULD_DEADLOCK);
		expect(b, fut_add_done_callback(next, do_everything, b) == FUT_OK);
	}
	fut_future_unref(f);
	/* It lives until this function returns, and so does its value. */
	expect(b, fut_done(f) && value.len == strlen(LONG_VALUE) &&
			  memcmp(value.data, LONG_VALUE, value.len) == 0);
	b->left--;
}

START_TEST(cfx_11_callback_does_everything)
{
	enum { CHAINS = 4, LINKS = 250 };
	struct busy b[CHAINS];

	/* No job is done when its callback is added: all of them run on the I/O thread. */
	start(_i, 1);
	fut_future *holder = hold();
	for (int i = 0; i < CHAINS; i++) {
		b[i] = (struct busy){.left = LINKS};
		fut_future *f = submit("echo", LONG_VALUE);
		ck_assert_int_eq(fut_add_done_callback(f, do_everything, &b[i]), FUT_OK);
	}
	release(holder);
	for (int i = 0; i < CHAINS; i++) {
		twait_until(d, b[i].left == 0);
		ck_assert_uint_eq(b[i].wrong, 0);
	}
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CFX, the program");
	TCase *tc = trun_case(s, "waits");

	each_way(tc, cfx_01_waits_for_what_is_cancelled);
	tc = trun_case(s, "clock");
	each_way(tc, cfx_08_clock_step);
	tc = trun_case(s, "fork");
	/* glibc's malloc can be used in a child; a sanitizer's may be locked there for ever. */
	trun_add_unless(tc,
			td_is_sanitized() ? "a sanitizer forbids malloc in a forked child" : NULL,
			cfx_10_fork_while_others_talk, WAYS);
	tc = trun_case(s, "callbacks");
	each_way(tc, cfx_11_callback_does_everything);
	return s;
}
