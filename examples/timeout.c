/* A timeout ends a wait, never the job: the result can still be had later. */
#include <futured/futured.h>

#include <stdio.h>
#include <stdlib.h>

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
	fut_executor *pool = open_pool("threads");
	fut_future *f;
	fut_bytes value;
	fut_error *e;
	fut_status status;

	if (fut_submit(pool, "sleep", "0.5", 3, &f, &e) != FUT_OK)
		die("submit", e);

	status = fut_result(f, 50000, &value, NULL); /* microseconds */
	if (status == FUT_TIMEOUT)
		printf("timed out: %s\n", fut_status_text(status));

	if (fut_result(f, FUT_FOREVER, &value, &e) != FUT_OK)
		die("sleep", e);
	printf("and then: %.*s\n", (int)value.len, (const char *)value.data);

	fut_future_unref(f);
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
	return 0;
}
