/*
 * A program around libevent: the library's jobs are one more event of its loop, and what a
 * job says can be answered with another job right there.
 */
#include <futured/futured.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQUARES 5

struct program {
	fut_executor *pool;
	fut_waitset *ws;
	struct event_base *loop;
	int left; /* squares still to ask for */
};

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

static void submit(struct program *p, const char *number, size_t len)
{
	fut_future *f;
	fut_error *e;

	p->left--;
	if (fut_submit(p->pool, "square", number, len, &f, &e) != FUT_OK)
		die("submit", e);
	if (fut_waitset_add(p->ws, f, NULL) != FUT_OK)
		exit(1);
	fut_future_unref(f); /* the set holds it now */
}

/* The set's descriptor is readable: something is done. */
static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;
	fut_status status;
	fut_future *f;
	fut_bytes value;
	fut_error *e;

	(void)fd, (void)what;
	while ((status = fut_waitset_next(p->ws, 0, &f, NULL)) == FUT_OK) {
		if (fut_result(f, 0, &value, &e) != FUT_OK)
			die("square", e);
		printf("%.*s\n", (int)value.len, (const char *)value.data);
		if (p->left > 0)
			submit(p, value.data, value.len);
		fut_future_unref(f);
	}
	if (status == FUT_END)
		event_base_loopbreak(p->loop);
}

int main(void)
{
	struct program p = {.pool = open_pool("processes"), .left = SQUARES};

	p.loop = event_base_new();
	if (!p.loop || fut_waitset_new(&p.ws) != FUT_OK)
		return 1;
	struct event *done =
		event_new(p.loop, fut_waitset_fd(p.ws), EV_READ | EV_PERSIST, on_done, &p);
	if (!done || event_add(done, NULL) < 0)
		return 1;

	submit(&p, "3", 1);
	event_base_dispatch(p.loop);

	event_free(done);
	event_base_free(p.loop);
	fut_waitset_free(p.ws);
	fut_executor_shutdown(p.pool, true, false, FUT_FOREVER);
	fut_executor_unref(p.pool);
	return 0;
}
