/*
 * A program with an epoll loop of its own: all its jobs are behind one descriptor, beside
 * those it has anyway, and it needs no thread to wait for them.
 */
#include <futured/futured.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

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

static void submit(fut_executor *pool, fut_waitset *ws, const char *seconds, char *name)
{
	fut_future *f;
	fut_error *e;

	if (fut_submit(pool, "sleep", seconds, strlen(seconds), &f, &e) != FUT_OK)
		die("submit", e);
	if (fut_waitset_add(ws, f, name) != FUT_OK)
		exit(1);
	fut_future_unref(f); /* the set holds it now */
}

/* Something is done: takes all there is, and goes back to the loop. */
static void on_done(fut_waitset *ws)
{
	fut_future *f;
	fut_bytes value;
	fut_error *e;
	void *name;

	while (fut_waitset_next(ws, 0, &f, &name) == FUT_OK) {
		if (fut_result(f, 0, &value, &e) != FUT_OK)
			die(name, e);
		printf("%s: slept %.*s seconds\n", (char *)name, (int)value.len,
		       (const char *)value.data);
		fut_future_unref(f);
	}
}

int main(void)
{
	static const char *const seconds[JOBS] = {"0.30", "0.10", "0.20"};
	static char names[JOBS][8] = {"first", "second", "third"};
	fut_executor *pool = open_pool("threads");
	struct epoll_event event = {.events = EPOLLIN};
	int loop = epoll_create1(EPOLL_CLOEXEC);
	fut_waitset *ws;

	if (fut_waitset_new(&ws) != FUT_OK)
		return 1;
	event.data.ptr = ws;
	if (epoll_ctl(loop, EPOLL_CTL_ADD, fut_waitset_fd(ws), &event) < 0)
		return 1;
	for (int i = 0; i < JOBS; i++)
		submit(pool, ws, seconds[i], names[i]);

	while (fut_waitset_len(ws) > 0) {
		int n = epoll_wait(loop, &event, 1, -1);
		if (n > 0)
			on_done(event.data.ptr);
		else if (n < 0 && errno != EINTR)
			return 1;
	}

	close(loop);
	fut_waitset_free(ws);
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
	return 0;
}
