/* A cancel takes a job back that has not started, and tells the truth about it. */
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

static void print_cancel(const char *which, fut_future *f)
{
	fut_verdict verdict;
	fut_status status = fut_cancel(f, FUT_FOREVER, &verdict);

	if (status != FUT_OK) {
		fprintf(stderr, "cancel: %s\n", fut_status_text(status));
		exit(1);
	}
	printf("cancel of %s: %s\n", which, fut_verdict_name(verdict));
}

int main(void)
{
	fut_executor *pool = open_pool("processes");
	unsigned slots = fut_executor_slots(pool);
	fut_future **busy = calloc(slots, sizeof *busy), *queued;
	fut_bytes value;
	fut_status status;
	fut_error *e;

	if (!busy)
		return 1;
	/* A job for every slot, so that one more has to wait. */
	for (unsigned i = 0; i < slots; i++) {
		if (fut_submit(pool, "sleep", "0.3", 3, &busy[i], &e) != FUT_OK)
			die("submit", e);
	}
	if (fut_submit(pool, "sleep", "0.3", 3, &queued, &e) != FUT_OK)
		die("submit", e);

	print_cancel("the one that waits", queued);
	status = fut_result(queued, FUT_FOREVER, &value, NULL);
	printf("its result: %s, %s\n", fut_status_name(status), fut_status_text(status));

	for (unsigned i = 0; i < slots; i++) {
		if (fut_result(busy[i], FUT_FOREVER, &value, &e) != FUT_OK)
			die("sleep", e);
	}
	printf("the others: done\n");
	print_cancel("one that is done", busy[0]);

	for (unsigned i = 0; i < slots; i++)
		fut_future_unref(busy[i]);
	free(busy);
	fut_future_unref(queued);
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
	return 0;
}
