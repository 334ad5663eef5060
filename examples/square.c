/* The smallest program: one job, one result. */
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

int main(void)
{
	fut_executor *pool;
	fut_future *f;
	fut_bytes value;
	fut_error *e;

	/* NULL is $FUTURED_URL, or a daemon of our own; and there the first pool. */
	if (fut_executor_open(NULL, &pool, &e) != FUT_OK)
		die("open", e);
	if (fut_submit(pool, "square", "7", 1, &f, &e) != FUT_OK)
		die("submit", e);
	if (fut_result(f, FUT_FOREVER, &value, &e) != FUT_OK)
		die("square", e);
	printf("%.*s\n", (int)value.len, (const char *)value.data);

	fut_future_unref(f);
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
	return 0;
}
