#include "daemon/memory.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	BUDGET_PART = 4, /* of what there is */
	/* A job with a payload of its own also costs what malloc() puts before it; not counted. */
	SWEEP_US = 1000 * 1000,
	SHED_US = 1000 * 1000,
};

static void on_shed_due(struct timer *t);
static void on_sweep_due(struct timer *t);

void memory_init(struct memory *m)
{
	*m = (struct memory){.budget_bytes = UINT64_MAX};
	timer_init(&m->shed_timer, on_shed_due);
	timer_init(&m->sweep_timer, on_sweep_due);
}

/* ---- the budget ---------------------------------------------------------- */

/* "max", and what version 1 says instead, is more than there is. */
static uint64_t read_limit(const char *folder, const char *name)
{
	char path[PATH_MAX + 32], text[32];
	uint64_t n;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "re");
	bool is_number = f && fgets(text, sizeof text, f) && sscanf(text, "%" SCNu64, &n) == 1;
	if (f)
		(void)fclose(f);
	return is_number ? n : UINT64_MAX;
}

uint64_t memory_limit(const char *events, uint64_t ram_bytes)
{
	static const char *const names[] = {"memory.high", "memory.max", "memory.limit_in_bytes"};
	char folder[PATH_MAX];
	uint64_t limit = ram_bytes;
	char *slash;

	(void)snprintf(folder, sizeof folder, "%s", events);
	/* Upwards for as long as it is a group: the first of all has no limits. */
	while ((slash = strrchr(folder, '/'))) {
		*slash = '\0';
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			limit = min_u64(limit, read_limit(folder, names[i]));
	}
	return limit;
}

void memory_configure(struct daemon *d)
{
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	uint64_t ram =
		pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : UINT64_MAX;

	d->memory.budget_bytes = d->config->memory_budget_bytes;
	if (d->memory.budget_bytes == 0)
		d->memory.budget_bytes = memory_limit(d->oom_path, ram) / BUDGET_PART;
}

static uint64_t percent_of(const struct memory *m, unsigned percent)
{
	return m->budget_bytes / 100 * percent;
}

/* ---- too much ------------------------------------------------------------ */

/* From the newest: who was there before is not to suffer for who came. */
static void shed(struct daemon *d)
{
	struct memory *m = &d->memory;
	struct session *s, *next;

	for (s = LIST_FIRST(&d->sessions); s && m->total.bytes >= m->budget_bytes; s = next) {
		next = LIST_NEXT(s, node);
		if (s->ledger.bytes == 0)
			continue;
		m->shed++;
		session_close(s, "memory is short");
	}
}

/* One frame that is not whole, and cannot become so. */
static void on_shed_due(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, memory.shed_timer);
	struct session *s;

	LIST_FOREACH(s, &d->sessions, node) {
		if (sink_is_mid_frame(&s->stream.in)) {
			d->memory.shed++;
			session_close(s, "memory is short, and its frame not whole");
			break;
		}
	}
	(void)timer_set(&d->timers, t, d->now_us + SHED_US);
}

static void stop_reading(struct daemon *d)
{
	struct session *s;

	d->memory.is_tight = true;
	d->memory.stops++;
	log_event(LOG_WARNING, "memory.tight", LOG_UINT("bytes", d->memory.total.bytes),
		  LOG_UINT("budget", d->memory.budget_bytes), LOG_UINT("sessions", d->nsessions));
	LIST_FOREACH(s, &d->sessions, node)
		intake_pause(s, INTAKE_MEMORY);
	(void)timer_set(&d->timers, &d->memory.shed_timer, d->now_us + SHED_US);
}

static void resume_reading(struct daemon *d)
{
	struct session *s, *next;

	d->memory.is_tight = false;
	log_event(LOG_WARNING, "memory.eased", LOG_UINT("bytes", d->memory.total.bytes));
	timer_cancel(&d->timers, &d->memory.shed_timer);
	for (s = LIST_FIRST(&d->sessions); s; s = next) {
		next = LIST_NEXT(s, node);
		intake_resume(s, INTAKE_MEMORY);
	}
}

void memory_review(struct daemon *d)
{
	struct memory *m = &d->memory;

	m->peak_bytes = max_u64(m->peak_bytes, m->total.bytes);
	if (m->total.bytes >= m->budget_bytes)
		shed(d);
	if (!m->is_tight && m->total.bytes >= percent_of(m, 90))
		stop_reading(d);
	else if (m->is_tight && m->total.bytes < percent_of(m, 85))
		resume_reading(d);
}

/* ---- sessions ------------------------------------------------------------ */

static void keep(struct session *s)
{
	struct daemon *d = s->daemon;

	s->is_keeper = true;
	LIST_INSERT_HEAD(&d->keepers, s, keeper_node);
	if (!timer_is_set(&d->memory.sweep_timer))
		(void)timer_set(&d->timers, &d->memory.sweep_timer, d->now_us + SWEEP_US);
}

static void stop_keeping(struct session *s)
{
	if (s->is_keeper)
		LIST_REMOVE(s, keeper_node);
	s->is_keeper = false;
}

void memory_charge_session(struct session *s)
{
	uint64_t held = s->stream.in.stash.cap + s->stream.out.cap + s->output.behind.cap +
			s->jobs_cap * sizeof(struct job *);

	if (held == s->held_bytes)
		return;
	ledger_update(&s->ledger, &s->held_bytes, held);
	if (!s->is_keeper)
		keep(s);
}

void memory_release_session(struct session *s)
{
	stop_keeping(s);
	ledger_update(&s->ledger, &s->held_bytes, 0);
	assert(s->ledger.bytes == 0);
}

/* True when nothing has come or gone since the last sweep. */
static bool was_quiet(struct session *s)
{
	uint64_t moved = s->stream.sent + s->intake.bytes;
	bool quiet = moved == s->swept_at_bytes;

	s->swept_at_bytes = moved;
	return quiet;
}

static void on_sweep_due(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, memory.sweep_timer);
	struct session *s, *next;

	for (s = LIST_FIRST(&d->keepers); s; s = next) {
		next = LIST_NEXT(s, keeper_node);
		if (!was_quiet(s))
			continue;
		session_trim(s);
		memory_charge_session(s);
		if (s->held_bytes == 0)
			stop_keeping(s);
	}
	if (!LIST_EMPTY(&d->keepers))
		(void)timer_set(&d->timers, t, d->now_us + SWEEP_US);
}

/* ---- jobs ---------------------------------------------------------------- */

static uint32_t bytes_of(const struct job *j)
{
	uint64_t payload = j->payload_len > JOB_INLINE_MAX ? j->payload_len : 0;
	uint64_t error = j->retry ? j->retry->last.error.len : 0;

	return (uint32_t)(sizeof *j + payload + error); /* a payload has 1 GiB at most */
}

void memory_charge_job(struct job *j, struct session *s)
{
	memory_release_job(j);
	j->payer = &s->ledger;
	j->charged_bytes = bytes_of(j);
	ledger_charge(j->payer, j->charged_bytes);
}

void memory_hand_up_job(struct job *j)
{
	if (j->payer)
		j->payer = ledger_hand_up(j->payer, j->charged_bytes);
}

void memory_release_job(struct job *j)
{
	ledger_release(TAKE_PTR(j->payer), j->charged_bytes);
	j->charged_bytes = 0;
}

void memory_update_job(struct job *j)
{
	uint64_t charged = j->charged_bytes;

	if (!j->payer)
		return;
	ledger_update(j->payer, &charged, bytes_of(j));
	j->charged_bytes = (uint32_t)charged;
}
