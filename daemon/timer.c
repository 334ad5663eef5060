#include "daemon/timer.h"

#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <event2/event.h>

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct timers *ts = arg;

	(void)fd, (void)what;
	ts->armed_us = CLOCK_NEVER;
}

int timers_init(struct timers *ts, struct event_base *base)
{
	heap_init(&ts->heap);
	ts->armed_us = CLOCK_NEVER;
	ts->wake = event_new(base, -1, 0, on_wake, ts);
	return ts->wake ? 0 : -ENOMEM;
}

void timers_done(struct timers *ts)
{
	if (ts->wake)
		event_free(ts->wake);
	ts->wake = NULL;
	heap_done(&ts->heap);
}

int timer_set(struct timers *ts, struct timer *t, uint64_t at_us)
{
	if (at_us == CLOCK_NEVER) {
		timer_cancel(ts, t);
		return 0;
	}
	return heap_set(&ts->heap, &t->entry, at_us);
}

void timer_cancel(struct timers *ts, struct timer *t)
{
	heap_remove(&ts->heap, &t->entry);
}

void timers_run(struct timers *ts, uint64_t now_us)
{
	struct heap_entry *e;

	while ((e = heap_top(&ts->heap)) && e->key <= now_us) {
		struct timer *t = container_of(e, struct timer, entry);
		heap_remove(&ts->heap, e);
		t->fire(t);
	}
}

void timers_arm(struct timers *ts, uint64_t now_us)
{
	struct heap_entry *e = heap_top(&ts->heap);

	/* One that is armed too early only costs a turn. */
	if (!e || e->key >= ts->armed_us)
		return;
	uint64_t wait_us = e->key > now_us ? e->key - now_us : 0;
	struct timeval tv = {(time_t)(wait_us / 1000000), (suseconds_t)(wait_us % 1000000)};
	if (event_add(ts->wake, &tv) == 0)
		ts->armed_us = e->key;
}
