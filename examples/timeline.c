/* Where the time of each job went. With an argument it prints the numbers, too. */
#include <futured/futured.h>

#include <inttypes.h>
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

	snprintf(url, sizeof url, "%s?pool=%s", base ? base : "unix:/run/futured.sock", name);
	if (fut_executor_open(url, &pool, &e) != FUT_OK)
		die("open", e);
	return pool;
}

static fut_future *submit(fut_executor *pool, const char *task, const char *payload, size_t len)
{
	fut_future *f;
	fut_error *e;

	if (fut_submit(pool, task, payload, len, &f, &e) != FUT_OK)
		die("submit", e);
	return f;
}

static void print_step(const char *name, uint64_t us)
{
	if (us == FUT_NEVER)
		printf("  %-12s never\n", name);
	else
		printf("  %-12s %8" PRIu64 " us\n", name, us);
}

/* Waits for it, and says what it did most of its time. */
static void tell(const char *what, fut_future *f, bool with_numbers)
{
	fut_timeline t;
	fut_bytes value;
	fut_error *e;

	if (fut_result(f, FUT_FOREVER, &value, &e) != FUT_OK)
		die(what, e);
	if (fut_timeline_of(f, &t) != FUT_OK)
		exit(1);
	uint64_t ran_us = t.finished_us - t.started_us;
	if (t.transit_us > t.finished_us)
		printf("%s: it mostly travelled\n", what);
	else if (t.started_us > ran_us)
		printf("%s: it mostly waited for a slot\n", what);
	else
		printf("%s: it mostly ran, %s\n", what,
		       t.cpu_us > ran_us / 2 ? "and worked" : "and slept");
	fut_future_unref(f);
	if (!with_numbers)
		return;
	print_step("dispatched", t.dispatched_us);
	print_step("started", t.started_us);
	print_step("first chunk", t.first_chunk_us);
	print_step("finished", t.finished_us);
	print_step("transit", t.transit_us);
	print_step("total", t.total_us);
	print_step("CPU time", t.cpu_us);
}

int main(int argc, char **argv)
{
	fut_executor *pool = open_pool("processes");
	unsigned slots = fut_executor_slots(pool);
	fut_future *first = NULL;

	(void)argv;
	for (unsigned i = 0; i < slots; i++) { /* all of them are taken then */
		fut_future_unref(first);
		first = submit(pool, "sleep", "0.5", 3);
	}
	fut_future *behind = submit(pool, "sleep", "0.01", 4);
	tell("one that sleeps", first, argc > 1);
	tell("one behind it", behind, argc > 1);
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
	return 0;
}
