#include "daemon/admin_memory.h"

#include "daemon/daemon.h"

/* Jobs that wait for their clients to read, in all pools. */
static json_int_t held_jobs(const struct daemon *d)
{
	const struct pool *p;
	json_int_t n = 0;

	TAILQ_FOREACH(p, &d->pools, node)
		n += p->scheduler.held;
	return n;
}

static json_int_t sessions_bytes(const struct daemon *d)
{
	const struct session *s;
	uint64_t n = 0;

	LIST_FOREACH(s, &d->sessions, node)
		n += s->ledger.bytes;
	return (json_int_t)n;
}

json_t *admin_memory(const struct daemon *d)
{
	const struct memory *m = &d->memory;
	const struct guard *g = &d->guard;

	return json_pack("{s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:i, s:i}", "bytes",
			 (json_int_t)m->total.bytes, "sessions_bytes", sessions_bytes(d),
			 "peak_bytes", (json_int_t)m->peak_bytes, "budget_bytes",
			 (json_int_t)m->budget_bytes, "tight", m->is_tight, "stops",
			 (json_int_t)m->stops, "shed", (json_int_t)m->shed, "held_jobs",
			 held_jobs(d), "greeting", (int)g->greeting, "sources", (int)g->sources.n);
}
