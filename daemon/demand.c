#include "daemon/demand.h"

#include "common/util.h"
#include "daemon/daemon.h"

unsigned demand_hosts(const struct pool *p)
{
	const struct zygote *z = p->zygote;
	uint64_t n = p->nhosts;

	if (scheduler_has_job(&p->scheduler) && !pool_has_room(p)) {
		uint64_t coming = (uint64_t)p->nstarting * z->slots_per_host;
		if (p->scheduler.queued > coming)
			n += p->scheduler.queued - coming; /* the limits make up for too many */
	}
	if (p->breaker.open) /* to find out whether it works again */
		n = max_u64(n, p->nup + 1);
	return (unsigned)min_u64(max_u64(n, p->config->min_hosts), z->most_hosts);
}

void demand_watch_idle(struct pool *p)
{
	struct daemon *d = p->daemon;

	if (p->nhosts > p->config->min_hosts && !timer_is_set(&p->idle_timer))
		(void)timer_set(&d->timers, &p->idle_timer, d->now_us + p->config->idle_timeout_us);
}

void demand_on_idle_due(struct timer *t)
{
	struct pool *p = container_of(t, struct pool, idle_timer);
	uint64_t now_us = p->daemon->now_us, timeout_us = p->config->idle_timeout_us;
	uint64_t next_us = now_us + timeout_us;
	struct host *h, *next;

	/* One that just came up for a job that waits is idle, too, until the turn has placed it. */
	bool waiting = scheduler_has_job(&p->scheduler);

	for (h = TAILQ_FIRST(&p->hosts); h; h = next) {
		uint64_t since_us = host_idle_since(h);
		next = TAILQ_NEXT(h, node);
		if (since_us == 0 || waiting || p->nhosts <= p->config->min_hosts)
			continue;
		if (since_us + timeout_us <= now_us)
			host_retire(h);
		else
			next_us = min_u64(next_us, since_us + timeout_us);
	}
	if (p->nhosts > p->config->min_hosts)
		(void)timer_set(&p->daemon->timers, &p->idle_timer, next_us);
}
