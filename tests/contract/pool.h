/*
 * Pools with other modules, and looks at what a pool is made of: for the cases that are about
 * its threads and processes.
 */
#ifndef TESTS_CONTRACT_POOL_H
#define TESTS_CONTRACT_POOL_H

#include "tests/contract/contract.h"
#include "tests/integ/e2e_map.h"

#include <dirent.h>

/* As start_with(), with modules beside basic and math; and a pool q that has nothing special. */
static inline void start_pool(int way, unsigned slots, const char *modules, const char *in_pool)
{
	char text[800];

	snprintf(text, sizeof text,
		 "kill_grace = 500ms\npool p {\n  kind = %s\n  slots = %u\n%s\n"
		 " environment = {'*', LD_PRELOAD}\n"
		 "  modules = {basic, math, %s}\n}\n"
		 "pool q {\n  kind = threads\n  slots = 1\n  modules = {basic}\n}\n",
		 kind_of(way), slots, in_pool, modules);
	d = tdaemon_start(text);
	tdaemon_path(d, "mark", mark, sizeof mark);
	tdaemon_path(d, "gate", gate, sizeof gate);
	tdaemon_path(d, "gate2", gate2, sizeof gate2);
	x = open_url(url_of(way), "p");
}

/* ---- who runs a job ----------------------------------------------------- */

struct place {
	long pid, tid;
};

static inline struct place place_from(fut_bytes text)
{
	struct place p;
	char line[64];

	ck_assert_uint_lt(text.len, sizeof line);
	memcpy(line, text.data, text.len);
	line[text.len] = '\0';
	ck_assert_int_eq(sscanf(line, "%ld %ld", &p.pid, &p.tid), 2);
	return p;
}

/* Where a job of the task `place` runs; waits until it does. */
static inline struct place place_now(fut_future *f)
{
	fut_bytes chunk;

	ck_assert_int_eq(fut_next_chunk(f, PATIENCE_US, &chunk), FUT_OK);
	return place_from(chunk);
}

/* Where it ran; waits until it did. */
static inline struct place place_then(fut_future *f)
{
	fut_bytes value;

	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, NULL), FUT_OK);
	return place_from(value);
}

/* Where one more job runs, by itself. */
static inline struct place place_of_one(void)
{
	fut_future *f = submit("place", "");
	struct place p = place_then(f);

	fut_future_unref(f);
	return p;
}

/* A set of numbers, of which the tests have few. */
struct number_set {
	long number[512];
	size_t n;
};

/* True when it was not there before. */
static inline bool number_set_add(struct number_set *set, long number)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->number[i] == number)
			return false;
	}
	ck_assert_uint_lt(set->n, ARRAY_LEN(set->number));
	set->number[set->n++] = number;
	return true;
}

/* ---- what the pool is made of ------------------------------------------- */

/* Two numbers of the first pool's at the same moment, by their names in the daemon's status. */
static inline void pool_numbers(const char *const members[2], long ret[2])
{
	char key[40], *text, *pool, *at;

	ck_assert_int_eq(fut_executor_status(x, PATIENCE_US, &text), FUT_OK);
	pool = strstr(text, "\"pools\":");
	for (int i = 0; i < 2; i++) {
		snprintf(key, sizeof key, "\"%s\":", members[i]);
		at = pool ? strstr(pool, key) : NULL;
		if (!at || sscanf(at + strlen(key), "%ld", &ret[i]) != 1)
			ck_abort_msg("the status of the pool has no number %s", members[i]);
	}
	free(text);
}

static inline long pool_number(const char *member)
{
	long n[2];

	pool_numbers((const char *const[]){member, member}, n);
	return n[0];
}

/* Every host of the pool is up and has nothing to do. */
static inline bool is_settled(int way)
{
	long per_host = way & PROCESSES ? 1 : (long)fut_executor_slots(x), n[2];

	pool_numbers((const char *const[]){"hosts", "idle"}, n);
	return n[0] > 0 && n[1] == n[0] * per_host;
}

/* The entries of a folder, without those that begin with a dot. */
static inline unsigned count_entries(const char *path)
{
	const struct dirent *entry;
	unsigned n = 0;
	DIR *dir = opendir(path);

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* The threads of a process. */
static inline unsigned count_threads(long pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/task", pid);
	return count_entries(path);
}

/* The descriptors of this program. */
static inline unsigned count_files(void)
{
	return count_entries("/proc/self/fd");
}

/* ---- steps of more than one case ---------------------------------------- */

/* Fifteen times as many jobs as slots, all of which would wait: as many run as there are
 * slots, on as many threads, and never on others. */
static inline void saturate(int way)
{
	enum { SLOTS = 3, N = 15 * SLOTS };
	fut_future *f[N];
	struct number_set tids = {.n = 0}, pids = {.n = 0};

	start_pool(way, SLOTS, "testmod_place", "");
	for (int i = 0; i < N; i++)
		f[i] = submit("place", gate);
	for (int i = 0; i < SLOTS; i++) {
		struct place p = place_now(f[i]);
		ck_assert(number_set_add(&tids, p.tid));
		(void)number_set_add(&pids, p.pid);
	}
	ck_assert_uint_eq(pids.n, way & PROCESSES ? SLOTS : 1);
	ck_assert_int_eq(pool_number("running"), SLOTS);
	ck_assert_int_eq(pool_number("queued"), N - SLOTS);
	for (int i = 0; i < N; i++)
		ck_assert(fut_running(f[i]) == (i < SLOTS) && !fut_done(f[i]));
	tfile_touch(gate);
	for (int i = 0; i < N; i++)
		ck_assert(!number_set_add(&tids, place_then(f[i]).tid));
	ck_assert_uint_eq(tids.n, SLOTS);
#ifndef __SANITIZE_THREAD__ /* which has a thread of its own in each process */
	for (size_t i = 0; i < pids.n; i++)
		ck_assert_uint_eq(count_threads(pids.number[i]), way & PROCESSES ? 1 : SLOTS);
#endif
	unref_all(f, N);
	stop();
}

/* One after the other: one thread does them all, though three others are there. */
static inline void reuse(int way)
{
	struct number_set tids = {.n = 0};

	start_pool(way, 4, "testmod_place", "");
	twait_until(d, is_settled(way));
	for (int i = 0; i < 20; i++)
		(void)number_set_add(&tids, place_of_one().tid);
	ck_assert_uint_eq(tids.n, 1);
	stop();
}

#endif
