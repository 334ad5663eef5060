#include "daemon/guard.h"

#include "common/log.h"
#include "common/random.h"
#include "common/util.h"
#include "daemon/daemon.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

enum {
	FDS_KEPT = 32,     /* for hosts that start: pipes, memory, a pidfd */
	FDS_KEPT_PART = 8, /* but no more than such a part of what there is */
	DROP_PERCENT = 30, /* of those that come when dropping begins; all at max_greeting */
	PERCENT = 100,
};

static const struct bucket_size line_rate = {.burst = 200, .interval_us = 50 * 1000};

void guard_init(struct guard *g)
{
	*g = (struct guard){0};
	sources_init(&g->sources, SOURCES_MAX);
}

void guard_done(struct guard *g)
{
	sources_done(&g->sources);
}

/* ---- descriptors --------------------------------------------------------- */

void guard_raise_fd_limit(struct guard *g)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return;
	if (lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
		(void)getrlimit(RLIMIT_NOFILE, &lim);
	}
	uint64_t n = min_u64(lim.rlim_cur, INT_MAX);
	g->fd_limit = (int)(n - min_u64(FDS_KEPT, n / FDS_KEPT_PART));
}

bool guard_is_short_of_fds(const struct guard *g, int fd)
{
	if (g->fd_limit == 0)
		return false;
	/* The kernel gives the lowest that is free. */
	int lowest = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	(void)close_fd(lowest);
	return lowest < 0 || lowest >= g->fd_limit;
}

/* ---- at the door --------------------------------------------------------- */

/* More and more likely, from `greeting_drop_from` to `max_greeting`. */
static bool drops_at_random(struct guard *g, const struct config *c)
{
	if (g->greeting < c->greeting_drop_from)
		return false;
	uint64_t over = g->greeting - c->greeting_drop_from;
	uint64_t room = c->max_greeting - c->greeting_drop_from;
	uint64_t percent = DROP_PERCENT + (PERCENT - DROP_PERCENT) * over / room;
	return random_next(&g->random) % PERCENT < percent;
}

const char *guard_refusal(struct guard *g, const struct config *c, const struct source_id *id,
			  uint64_t now_us)
{
	const struct source *s = source_find(&g->sources, id);

	if (source_is_punished(s, now_us))
		return "penalty";
	if (s && s->greeting >= c->max_greeting_per_source)
		return "max_greeting_per_source";
	if (g->greeting >= c->max_greeting)
		return "max_greeting";
	return drops_at_random(g, c) ? "greeting_drop_from" : NULL;
}

/* Those that have said hello meanwhile no longer count. */
static void hear_greeting(struct daemon *d, const struct source_id *id)
{
	struct session *s, *next;

	/* Hearing one may end it, but no other: nobody has jobs yet. */
	for (s = LIST_FIRST(&d->greeting); s; s = next) {
		next = LIST_NEXT(s, greeting_node);
		if (memcmp(&s->source, id, sizeof *id) == 0)
			session_read(s);
	}
}

static bool is_operator(const struct peer *p)
{
	return p->kind == PEER_UNIX && (p->uid == 0 || p->uid == geteuid());
}

static const char *place_refusal(struct session *s)
{
	const struct daemon *d = s->daemon;
	unsigned max = d->config->max_sessions;

	if (d->nsessions < max)
		return NULL;
	s->is_reserve = is_operator(&s->peer) && d->nsessions < max + GUARD_RESERVE;
	return s->is_reserve ? NULL : "max_sessions";
}

const char *guard_let_in(struct session *s)
{
	struct daemon *d = s->daemon;
	struct guard *g = &d->guard;
	const char *why;

	s->source = source_id_of(&s->peer);
	why = place_refusal(s);
	if (why)
		return why;
	why = guard_refusal(g, d->config, &s->source, d->now_us);
	if (why && !source_is_punished(source_find(&g->sources, &s->source), d->now_us)) {
		hear_greeting(d, &s->source);
		why = guard_refusal(g, d->config, &s->source, d->now_us);
	}
	if (why)
		return why;
	struct source *source = source_touch(&g->sources, &s->source, d->now_us);
	if (!source)
		return "out of memory";
	source->greeting++;
	g->greeting++;
	s->is_greeting = true;
	LIST_INSERT_HEAD(&d->greeting, s, greeting_node);
	return NULL;
}

void guard_leave(struct session *s)
{
	struct daemon *d = s->daemon;

	if (!s->is_greeting)
		return;
	s->is_greeting = false;
	LIST_REMOVE(s, greeting_node);
	d->guard.greeting--;
	source_leave(&d->guard.sources, &s->source, d->now_us);
}

void guard_blame(struct session *s, enum guard_fault fault)
{
	struct daemon *d = s->daemon;
	const struct config *c = d->config;
	const uint64_t penalty_us[] = {
		[GUARD_FAULT_FLOOD] = c->penalty_flood_us,
		[GUARD_FAULT_AUTH] = c->penalty_auth_us,
		[GUARD_FAULT_PROTOCOL] = c->penalty_protocol_us,
		[GUARD_FAULT_SILENCE] = c->penalty_silence_us,
	};

	if (!s->is_only)
		source_punish(&d->guard.sources, &s->source, penalty_us[fault], d->now_us);
}

/* ---- the log ------------------------------------------------------------- */

bool guard_may_log(struct daemon *d)
{
	struct guard *g = &d->guard;

	if (!bucket_take(&g->lines, &line_rate, 1, d->now_us)) {
		g->lines_left_out++;
		return false;
	}
	if (g->lines_left_out > 0)
		log_event(LOG_WARNING, "log.left_out", LOG_UINT("lines", g->lines_left_out));
	g->lines_left_out = 0;
	return true;
}
