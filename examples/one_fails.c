/* One job of three fails. Its error says why; the others are not touched. */
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

static void print_outcome(const char *payload, fut_future *f)
{
	fut_bytes value;
	fut_error *e;
	fut_status status = fut_result(f, FUT_FOREVER, &value, &e);

	if (status == FUT_OK) {
		printf("square(%s) = %.*s\n", payload, (int)value.len, (const char *)value.data);
		return;
	}
	/* The family tells whose failure it is. This one is the task's, and handled; for the
	 * system's a program would look at fut_error_retry(). */
	if (fut_status_family(status) != FUT_FAMILY_TASK)
		die("square", e);
	printf("square(%s) failed with %s: %s\n", payload, fut_error_type(e), fut_error_message(e));
	fut_error_unref(e);
}

int main(void)
{
	static const char *const payloads[JOBS] = {"1", "two", "3"};
	fut_executor *pool = open_pool("processes");
	fut_future *f[JOBS];
	fut_error *e;

	for (int i = 0; i < JOBS; i++) {
		if (fut_submit(pool, "square", payloads[i], strlen(payloads[i]), &f[i], &e) !=
		    FUT_OK)
			die("submit", e);
	}
	for (int i = 0; i < JOBS; i++) {
		print_outcome(payloads[i], f[i]);
		fut_future_unref(f[i]);
	}
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
	return 0;
}
