/* as_completed: results in the order in which they are ready. */
#include <futured/futured.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 3

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

int main(void)
{
	static const char *const seconds[JOBS] = {"0.30", "0.10", "0.20"};
	fut_executor *pool = open_pool("threads");
	fut_future *f[JOBS], *done;
	fut_as_completed *it;
	fut_bytes value;
	fut_error *e;

	for (int i = 0; i < JOBS; i++) {
		if (fut_submit(pool, "sleep", seconds[i], strlen(seconds[i]), &f[i], &e) != FUT_OK)
			die("submit", e);
	}

	if (fut_as_completed_open(f, JOBS, FUT_FOREVER, &it) != FUT_OK)
		return 1;
	while (fut_as_completed_next(it, &done) == FUT_OK) {
		if (fut_result(done, 0, &value, &e) != FUT_OK)
			die("sleep", e);
		printf("slept %.*s seconds\n", (int)value.len, (const char *)value.data);
		fut_future_unref(done);
	}
	fut_as_completed_close(it);

	for (int i = 0; i < JOBS; i++)
		fut_future_unref(f[i]);
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
	return 0;
}
