/*
 * How many hosts a pool should have: as many as its jobs need, within its limits, and for as
 * long as they do.
 *
 * A job that finds no idle slot gets a host of its own, up to as many as the pool may have;
 * until that is up it waits in the queue, where the first slot that becomes free gets it.
 * Hosts that had nothing to do for the pool's idle_timeout end, but for the least it keeps.
 *
 * Loop thread only.
 */
#ifndef DAEMON_DEMAND_H
#define DAEMON_DEMAND_H

#include "daemon/timer.h"

struct pool;

/* How many there should be now, of the pool's zygote. */
unsigned demand_hosts(const struct pool *p);

/* One more is up: from now on idle ones are looked for, should they be too many. */
void demand_watch_idle(struct pool *p);

/* The pool's idle_timer is due: ends those that were idle for too long. */
void demand_on_idle_due(struct timer *t);

#endif
