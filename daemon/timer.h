/*
 * Any number of timers behind one event of the loop.
 *
 * Runs on the loop thread. A timer is embedded in what it is for; firing takes it out
 * first, so it may be set again from its own function.
 */
#ifndef DAEMON_TIMER_H
#define DAEMON_TIMER_H

#include "common/heap.h"

#include <stdint.h>

struct event_base;
struct event;

struct timer {
	struct heap_entry entry;
	void (*fire)(struct timer *t);
};

struct timers {
	struct heap heap;
	struct event *wake; /* does nothing but end the loop's sleep */
	uint64_t armed_us;  /* for when; CLOCK_NEVER when it is not */
};

int timers_init(struct timers *ts, struct event_base *base);
void timers_done(struct timers *ts);

static inline void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	heap_entry_init(&t->entry);
	t->fire = fire;
}

/* 0 or -ENOMEM. CLOCK_NEVER cancels. */
int timer_set(struct timers *ts, struct timer *t, uint64_t at_us);
void timer_cancel(struct timers *ts, struct timer *t);
static inline bool timer_is_set(const struct timer *t)
{
	return heap_holds(&t->entry);
}

/* Fires what is due. */
void timers_run(struct timers *ts, uint64_t now_us);

/* Called before the loop sleeps: makes it wake for the next one. */
void timers_arm(struct timers *ts, uint64_t now_us);

#endif
