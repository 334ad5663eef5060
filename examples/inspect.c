/* What a future tells about its job: running, done, cancelled; and a call when it is done. */
#include <futured/futured.h>

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

/* Runs on the executor's I/O thread. */
static void on_done(fut_future *f, void *arg)
{
	sem_t *called = arg;

	printf("callback: done %d\n", fut_done(f));
	sem_post(called);
}

static void print_state(const char *when, const fut_future *f)
{
	printf("%s: running %d, done %d, cancelled %d\n", when, fut_running(f), fut_done(f),
	       fut_cancelled(f));
}

int main(void)
{
	static const struct timespec moment = {.tv_nsec = 1000000};
	fut_executor *pool = open_pool("threads");
	fut_future *f;
	fut_bytes value;
	fut_error *e;
	sem_t called;

	sem_init(&called, 0, 0);
	if (fut_submit(pool, "sleep", "0.5", 3, &f, &e) != FUT_OK)
		die("submit", e);
	if (fut_add_done_callback(f, on_done, &called) != FUT_OK)
		return 1;

	/* A submit does not wait: a moment passes until a slot has the job. */
	while (!fut_running(f) && !fut_done(f))
		nanosleep(&moment, NULL);
	print_state("before", f);

	if (fut_result(f, FUT_FOREVER, &value, &e) != FUT_OK)
		die("sleep", e);
	while (sem_wait(&called) != 0)
		;
	print_state("after", f);
	printf("result: %.*s\n", (int)value.len, (const char *)value.data);

	fut_future_unref(f);
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
	sem_destroy(&called);
	return 0;
}
