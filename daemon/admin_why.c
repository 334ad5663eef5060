#include "daemon/admin_why.h"

#include "common/util.h"
#include "daemon/admin_jobs.h"
#include "daemon/daemon.h"
#include "daemon/retry.h"
#include "daemon/unique.h"
#include "proto/status.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	TEXT_MAX = 256 + BREAKER_REASON_MAX,
	AHEAD_MAX = 10000, /* so far a queue is walked */
};

/* What there is to say. */
struct why {
	bool is_of_all; /* who asks may know of the jobs of others, which are between the lines */
	const struct daemon *daemon;
	const struct job *job;
	const struct pool *pool;
	const char *reason;
	char text[TEXT_MAX];
	json_t *facts;
};

static void say(struct why *w, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct why *w, const char *reason, const char *fmt, ...)
{
	va_list ap;

	w->reason = reason;
	va_start(ap, fmt);
	(void)vsnprintf(w->text, sizeof w->text, fmt, ap);
	va_end(ap);
}

static void add_fact(struct why *w, const char *name, uint64_t n)
{
	json_object_set_new(w->facts, name, json_integer((json_int_t)n));
}

/* ---- what is counted ----------------------------------------------------- */

static unsigned busy_slots(const struct why *w)
{
	const struct slot *s;
	unsigned n = 0;

	LIST_FOREACH(s, &w->daemon->busy, busy_node)
		n += s->host->pool == w->pool;
	return n;
}

/* Those before it in the list it is in. */
static unsigned ahead_of(const struct job *j)
{
	const struct job *before = j;
	unsigned n = 0;

	while (n < AHEAD_MAX && (before = TAILQ_PREV(before, job_list, node)))
		n++;
	return n;
}

/* Of its level, besides its own. */
static unsigned other_shares(const struct why *w)
{
	const struct lane *lane = w->job->lane;

	return w->pool->scheduler.levels[lane->level].nready - lane->is_ready;
}

static bool has_turn(const struct why *w)
{
	const struct lane *lane = w->job->lane;

	return lane == TAILQ_FIRST(&w->pool->scheduler.levels[lane->level].rotation);
}

static bool has_higher(const struct why *w)
{
	return w->pool->scheduler.ready >> (w->job->lane->level + 1) != 0;
}

/* ---- in a lane ----------------------------------------------------------- */

static void explain_cap(struct why *w, const char *reason, const char *what, const char *name,
			unsigned running, unsigned cap)
{
	add_fact(w, "running", running);
	add_fact(w, "cap", cap);
	say(w, reason, "waiting: %s '%s' has %u of at most %u jobs in slots", what, name, running,
	    cap);
}

/* It may run, and slots are what it waits for. */
static void explain_turn(struct why *w)
{
	unsigned ahead = ahead_of(w->job), others = other_shares(w);
	const char *whose = w->job->lane->share->key[0] ? "key" : "session";
	unsigned busy = busy_slots(w), slots = w->pool->config->slots;

	add_fact(w, "ahead_of_it", ahead);
	if (!w->is_of_all) {
		say(w, "slots_busy",
		    "waiting: behind %u job%s of its %s and level for a slot of pool '%s'", ahead,
		    ahead == 1 ? "" : "s", whose, w->pool->name);
		return;
	}
	add_fact(w, "other_shares", others);
	if (!LIST_EMPTY(&w->pool->idle))
		say(w, "about_to_start", "about to be handed to a slot of pool '%s'",
		    w->pool->name);
	else if (has_higher(w))
		say(w, "higher_priority",
		    "waiting: jobs of a higher level go first, pool '%s' has %u of %u slots busy",
		    w->pool->name, busy, slots);
	else if (ahead > 0)
		say(w, "slots_busy",
		    "waiting: behind %s%u job%s of its %s and level, pool '%s' has %u of %u slots "
		    "busy",
		    ahead == AHEAD_MAX ? "more than " : "", ahead, ahead == 1 ? "" : "s", whose,
		    w->pool->name, busy, slots);
	else if (others > 0 && !has_turn(w))
		say(w, "others_turn",
		    "waiting: the next of its %s and level, takes turns with %u other%s, pool "
		    "'%s' has %u of %u slots busy",
		    whose, others, others == 1 ? "" : "s", w->pool->name, busy, slots);
	else
		say(w, "slots_busy", "waiting: the next, pool '%s' has %u of %u slots busy",
		    w->pool->name, busy, slots);
}

/* Without a pool that works nothing else matters; then caps, which come before turns. */
static void explain_queued(struct why *w)
{
	const struct share *share = w->job->lane->share;
	const struct task *task = w->job->task;

	if (w->daemon->phase != DAEMON_RUNNING)
		say(w, "draining", "waiting: the daemon is shutting down");
	else if (w->pool->nup == 0 && w->pool->breaker.open)
		say(w, "pool_broken", "waiting: pool '%s' cannot run jobs%s%s", w->pool->name,
		    w->is_of_all ? ": " : "", w->is_of_all ? w->pool->breaker.reason : "");
	else if (w->pool->nup == 0)
		say(w, "pool_starting", "waiting: pool '%s' starts its processes", w->pool->name);
	else if (w->job->place == JOB_HELD || session_is_congested(w->job->session))
		say(w, "slow_reader", "waiting: its client reads its results too slowly");
	else if (share_is_full(share))
		explain_cap(w, "key_cap", "key", share->key, share->running, share->cap);
	else if (task_is_full(task) && !w->is_of_all)
		say(w, "task_cap", "waiting: as many jobs of task '%s' run as may", task->name);
	else if (task_is_full(task))
		explain_cap(w, "task_cap", "task", task->name, task->running, task->cap);
	else
		explain_turn(w);
}

/* ---- elsewhere ----------------------------------------------------------- */

static void explain_assigned(struct why *w)
{
	const struct job *j = w->job, *first = slot_oldest(j->slot);
	int pid = (int)j->slot->host->pid;
	char name[JOB_NAME_SIZE];
	unsigned ahead = ahead_of(j);

	if (!w->is_of_all) {
		if (slot_has_started(j->slot, j))
			say(w, "running", "running");
		else
			say(w, "ready_in_slot", "ready in a slot");
		return;
	}
	json_object_set_new(w->facts, "pid", json_integer(pid));
	if (slot_has_started(j->slot, j)) {
		say(w, "running", "running in process %d", pid);
		return;
	}
	add_fact(w, "ahead_of_it", ahead);
	if (ahead == 0) {
		say(w, "ready_in_slot", "ready in a slot of process %d, which starts it now", pid);
		return;
	}
	if (first->session)
		admin_job_name(first, name);
	say(w, "ready_in_slot", "ready in a slot of process %d, behind %s%s%s", pid,
	    first->session ? "job " : "one whose client has left", first->session ? name : "",
	    ahead > 1 ? " and others" : "");
}

static void explain_retrying(struct why *w)
{
	const struct job_retry *r = w->job->retry;
	uint64_t due_us = max_u64(r->timer.entry.key, w->daemon->now_us);

	add_fact(w, "retry_in_us", due_us - w->daemon->now_us);
	say(w, "retry_pause", "waiting: attempt %u ended with %s, the next is queued in %.3f s",
	    r->last.attempt, status_name(status_from_wire(r->last.status)),
	    (double)(due_us - w->daemon->now_us) / 1e6);
}

static void explain_following(struct why *w)
{
	char name[JOB_NAME_SIZE];

	admin_job_name(unique_run(w->job), name);
	json_object_set_new(w->facts, "run", json_string(name));
	say(w, "same_run", "waiting: it is one run with job %s", name);
}

static void explain(struct why *w)
{
	switch ((enum job_place)w->job->place) {
	case JOB_QUEUED:
	case JOB_HELD:
	case JOB_PARKED:
		explain_queued(w);
		return;
	case JOB_ASSIGNED:
		explain_assigned(w);
		return;
	case JOB_RETRYING:
		explain_retrying(w);
		return;
	case JOB_FOLLOWING:
		explain_following(w);
		return;
	case JOB_NOWHERE:
		break;
	}
	say(w, "unknown", "it is between two states");
}

json_t *admin_why(const struct session *viewer, const struct job *j)
{
	const struct daemon *d = viewer->daemon;
	struct why w = {.is_of_all = admin_sees_all(viewer),
			.daemon = d,
			.job = j,
			.pool = j->session->pool,
			.facts = json_object()};
	json_t *root = admin_job(d, j);

	add_fact(&w, "slots", w.pool->config->slots);
	if (w.is_of_all)
		add_fact(&w, "busy", busy_slots(&w));
	explain(&w);
	json_object_set_new(root, "reason", json_string(w.reason));
	/* A breaker's reason may hold what a host said. */
	json_t *text = json_string(w.text);
	json_object_set_new(root, "text", text ? text : json_string(w.reason));
	json_object_set_new(root, "facts", w.facts);
	return root;
}
