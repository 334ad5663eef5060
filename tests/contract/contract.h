/*
 * Steps that the programs of the contract share, on top of those of tests/integ/e2e.h.
 *
 * A case is a test whose name begins with its id, cf_ex_03_map for CF-EX-03, and README.md
 * has a row for it: tests/scripts/test_contract.sh compares the two.
 */
#ifndef TESTS_CONTRACT_H
#define TESTS_CONTRACT_H

#include "tests/integ/e2e.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* Adds the case once for each way to a pool, or once for each kind of pool. */
#define each_way(tc, test)  tcase_add_loop_test((tc), test, 0, WAYS)
#define each_kind(tc, test) tcase_add_loop_test((tc), test, 0, KINDS)
enum { KINDS = 2 };

/* Takes a slot, and keeps it until release(): with one slot, what is submitted in between
 * does not start. */
static inline fut_future *hold(void)
{
	fut_future *f;

	remove(gate);
	f = submit("gate", gate);
	wait_running(f);
	return f;
}

/* Gives it back: the job that held it ends well, and its future goes. */
static inline void release(fut_future *holder)
{
	tfile_touch(gate);
	must_be(holder, "open");
	fut_future_unref(holder);
}

/* One job's way through the pool: behind it, what one slot was given before is over. */
static inline void pass_through(void)
{
	fut_future *f = submit("echo", "through");

	must_be(f, "through");
	fut_future_unref(f);
}

/* ---- a future in each state --------------------------------------------- */

/* CPython has six: its CANCELLED and CANCELLED_AND_NOTIFIED are one here, the second. */
enum state { PENDING, RUNNING, CANCELLED, FAILED, SUCCEEDED, STATES };

static fut_future *in_state[STATES];

/* Needs a pool of one slot that is idle; call states_end() before stop(). */
static inline void states_begin(void)
{
	in_state[FAILED] = submit("fail", "OSError|it failed");
	must_fail_(in_state[FAILED], FUT_TASK_FAILED);
	in_state[SUCCEEDED] = submit("echo", "42");
	must_be(in_state[SUCCEEDED], "42");
	in_state[RUNNING] = hold();
	in_state[CANCELLED] = submit("mark", mark);
	must_cancel(in_state[CANCELLED], FUT_VERDICT_REMOVED);
	in_state[PENDING] = submit("echo", "pending");
}

/* Those that were not done go on as if nobody had looked. */
static inline void states_end(void)
{
	release(in_state[RUNNING]);
	must_be(in_state[PENDING], "pending");
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all((fut_future *[]){in_state[FAILED], in_state[SUCCEEDED], in_state[CANCELLED],
				   in_state[PENDING]},
		  4);
}

/* ---- memory -------------------------------------------------------------- */

enum { MIB = 1024 * 1024 };

/* Of a host. */
static inline uint64_t rss_of(pid_t pid)
{
	return tdaemon_rss_bytes(&(struct tdaemon){.pid = pid});
}

/* Bytes that this program has from malloc(). A sanitizer keeps its own books, and keeps what
 * was freed: with one the cases about memory only run, and its report on leaks is the answer. */
static inline size_t allocated(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* ---- waiting in another thread ------------------------------------------ */

/* Runs fn(arg) on a thread; sleeper_wait_asleep() returns when that thread sleeps in the
 * kernel, so that what happens then happens to one that waits. It must be woken by that:
 * sleeper_join() has less patience than the waits of tests. */
struct sleeper {
	pthread_t thread;
	_Atomic pid_t tid;
	_Atomic bool is_over;
	void (*fn)(void *arg);
	void *arg;
};

static inline void *sleeper_main(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	s->fn(s->arg);
	s->is_over = true;
	return NULL;
}

static inline void sleeper_start(struct sleeper *s, void (*fn)(void *arg), void *arg)
{
	*s = (struct sleeper){.fn = fn, .arg = arg};
	ck_assert_int_eq(pthread_create(&s->thread, NULL, sleeper_main, s), 0);
}

static inline bool thread_sleeps(pid_t pid, pid_t tid)
{
	char path[64], line[256], state = '?';

	snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	FILE *f = fopen(path, "re");
	if (f && fgets(line, sizeof line, f) && strrchr(line, ')'))
		(void)sscanf(strrchr(line, ')'), ") %c", &state);
	if (f)
		fclose(f);
	return state == 'S';
}

static inline void sleeper_wait_asleep(const struct sleeper *s)
{
	twait_until(d, s->tid != 0 && thread_sleeps(getpid(), s->tid));
}

static inline void sleeper_join(struct sleeper *s)
{
	twait_until(d, s->is_over);
	ck_assert_int_eq(pthread_join(s->thread, NULL), 0);
}

#endif
