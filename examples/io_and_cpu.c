/*
 * Threads for work that waits, processes for work that computes: the same function runs
 * both, and one word tells them apart.
 */
#include <futured/futured.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 4

/* Ends the program with what went wrong. */
static _Noreturn void die(const char *what, fut_error *e)
{
	fprintf(stderr, "%s: %s: %s\n", what, fut_error_type(e), fut_error_message(e));
	fut_error_unref(e);
	exit(1);
}

static fut_executor *open_pool(const char *name)
{
	const char *base = getenv("FUTURED_URL");
	char url[512];
	fut_executor *pool;
	fut_error *e;

	snprintf(url, sizeof url, "%s?pool=%s", base && *base ? base : "local:", name);
	if (fut_executor_open(url, &pool, &e) != FUT_OK)
		die(url, e);
	return pool;
}

/* Runs the task on every payload, all at once, and prints the results. */
static void run_all(const char *kind, const char *task, const char *const payloads[JOBS])
{
	fut_executor *pool = open_pool(kind);
	fut_future *f[JOBS];
	fut_bytes value;
	fut_error *e;

	for (int i = 0; i < JOBS; i++) {
		if (fut_submit(pool, task, payloads[i], strlen(payloads[i]), &f[i], &e) != FUT_OK)
			die("submit", e);
	}
	for (int i = 0; i < JOBS; i++) {
		if (fut_result(f[i], FUT_FOREVER, &value, &e) != FUT_OK)
			die(task, e);
		printf("%s: %s(%s) = %.*s\n", kind, task, payloads[i], (int)value.len,
		       (const char *)value.data);
		fut_future_unref(f[i]);
	}
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
}

int main(void)
{
	static const char *const seconds[JOBS] = {"0.2", "0.2", "0.2", "0.2"};
	static const char *const numbers[JOBS] = {"1000000", "2000000", "3000000", "4000000"};

	run_all("threads", "sleep", seconds); /* 0.2 seconds in all, not 0.8 */
	run_all("processes", "sum_of_squares", numbers);
	return 0;
}
