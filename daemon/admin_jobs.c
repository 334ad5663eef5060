#include "daemon/admin_jobs.h"

#include "common/util.h"
#include "daemon/account.h"
#include "daemon/daemon.h"
#include "daemon/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- names --------------------------------------------------------------- */

void admin_job_name(const struct job *j, char text[JOB_NAME_SIZE])
{
	(void)snprintf(text, JOB_NAME_SIZE, "%" PRIu64 "-%" PRIu32 "-%" PRIu32, j->session->number,
		       job_id_place(j->id), (uint32_t)(j->id >> 32));
}

/* Decimal digits, and `end` behind them. */
static bool take_number(struct span *s, uint64_t max, char end, uint64_t *ret)
{
	const char *p = s->data;
	uint64_t n = 0;
	size_t i = 0;

	for (; i < s->len && p[i] >= '0' && p[i] <= '9'; i++) {
		unsigned digit = (unsigned)(p[i] - '0');
		if (n > (max - digit) / 10)
			return false;
		n = 10 * n + digit;
	}
	if (i == 0 || (end ? i == s->len || p[i] != end : i < s->len))
		return false;
	i += end != '\0';
	*s = span_of(p + i, s->len - i);
	*ret = n;
	return true;
}

bool admin_sees_all(const struct session *viewer)
{
	return policy_admin(viewer->rules) >= ADMIN_READ;
}

bool admin_sees(const struct session *viewer, const struct session *s)
{
	return s->account && (s->account == viewer->account || admin_sees_all(viewer));
}

struct job *admin_find_job(const struct session *viewer, struct span name, bool *ret_valid)
{
	uint64_t number, place, generation;
	const struct session *s;

	*ret_valid = take_number(&name, UINT64_MAX, '-', &number) &&
		     take_number(&name, UINT32_MAX, '-', &place) &&
		     take_number(&name, UINT32_MAX, '\0', &generation);
	if (!*ret_valid)
		return NULL;
	LIST_FOREACH(s, &viewer->daemon->sessions, node) {
		if (s->number == number && admin_sees(viewer, s))
			return session_find_job(s,
						job_id_of((uint32_t)place, (uint32_t)generation));
	}
	return NULL;
}

/* ---- one job ------------------------------------------------------------- */

static bool is_running(const struct job *j)
{
	return j->place == JOB_ASSIGNED && slot_has_started(j->slot, j);
}

static const char *state_of(const struct job *j)
{
	switch ((enum job_place)j->place) {
	case JOB_QUEUED:
		return "queued";
	case JOB_HELD:
		return "held";
	case JOB_PARKED:
		return "parked";
	case JOB_ASSIGNED:
		return is_running(j) ? "running" : "assigned";
	case JOB_RETRYING:
		return "retrying";
	case JOB_FOLLOWING:
		return "following";
	case JOB_NOWHERE:
		break;
	}
	return "unknown";
}

json_t *admin_job(const struct daemon *d, const struct job *j)
{
	/* That it started is only known some time after. */
	uint64_t started_us = max_u64(j->started_us, j->dispatched_us);
	uint64_t waits_until_us = is_running(j) ? started_us : d->now_us;
	/* A follower has no place of its own in any lane. */
	int level = j->lane ? j->lane->level + PRIORITY_MIN : j->priority;
	const char *key = j->lane ? j->lane->share->key : "";
	char name[JOB_NAME_SIZE];

	admin_job_name(j, name);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:I, s:I, s:i}", "job", name, "identity",
		j->session->account->name, "pool", j->session->pool->name, "task", j->task->name,
		"state", state_of(j), "priority", (int)j->priority, "level", level, "key", key,
		"waited_us", (json_int_t)(waits_until_us - min_u64(j->accepted_us, waits_until_us)),
		"running_us",
		(json_int_t)(is_running(j) ? d->now_us - min_u64(started_us, d->now_us) : 0),
		"attempt", (int)j->attempt);
}

/* ---- the list ------------------------------------------------------------ */

/* The oldest of what was added, once it is sorted: the younger half goes when it is full. */
struct oldest {
	const struct job *jobs[2 * JOBS_LISTED_MAX];
	size_t n;
};

static int by_age(const void *a, const void *b)
{
	const struct job *x = *(const struct job *const *)a, *y = *(const struct job *const *)b;

	if (x->accepted_us != y->accepted_us)
		return x->accepted_us < y->accepted_us ? -1 : 1;
	if (x->session != y->session)
		return x->session->number < y->session->number ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void sort(struct oldest *o)
{
	qsort(o->jobs, o->n, sizeof *o->jobs, by_age);
	if (o->n > JOBS_LISTED_MAX)
		o->n = JOBS_LISTED_MAX;
}

static void add_session(struct oldest *o, const struct session *s)
{
	for (uint32_t i = 0, left = s->njobs; left > 0; i++) {
		if (!s->jobs[i])
			continue;
		left--;
		if (o->n == ARRAY_LEN(o->jobs))
			sort(o);
		o->jobs[o->n++] = s->jobs[i];
	}
}

json_t *admin_jobs(const struct session *viewer)
{
	const struct daemon *d = viewer->daemon;
	json_t *list = json_array();
	struct oldest o = {.n = 0};
	const struct session *s;
	json_int_t all = 0;

	LIST_FOREACH(s, &d->sessions, node) {
		if (!admin_sees(viewer, s))
			continue;
		add_session(&o, s);
		all += s->njobs;
	}
	sort(&o);
	for (size_t i = 0; i < o.n; i++)
		json_array_append_new(list, admin_job(d, o.jobs[i]));
	return json_pack("{s:o, s:I}", "jobs", list, "more", all - (json_int_t)o.n);
}
