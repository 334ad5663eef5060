#include "daemon/review.h"

#include "daemon/account.h"
#include "daemon/answer.h"
#include "daemon/audit.h"
#include "daemon/cancel.h"
#include "daemon/daemon.h"
#include "daemon/policy.h"
#include "daemon/retry.h"
#include "daemon/unique.h"

/* There were no sections before: its jobs are among those of all, and have to stay there. */
static bool has_another_name(const struct session *s, const struct identity *who)
{
	return s->rules && strcmp(s->account->name, who->name) != 0;
}

/* All sessions before any answer: that can make one session's job another's. */
static struct session *renew_rules(struct daemon *d)
{
	struct session *s, *list = NULL;
	struct identity who;

	LIST_FOREACH(s, &d->sessions, node) {
		if (s->phase != SESSION_OPEN)
			continue;
		s->rules = identity_of(s, &who) == 0 ? policy_find(d->config, s, &who)
						     : &policy_nothing;
		if (!policy_may_use(s->rules, span_str(s->pool->name)) || has_another_name(s, &who))
			s->rules = &policy_nothing;
		s->task = NULL; /* and what was found out about it */
		s->next_reviewed = list;
		list = s;
	}
	return list;
}

static void deny_job(struct job *j)
{
	struct daemon *d = j->session->daemon;

	if (j->place == JOB_FOLLOWING)
		unique_leave(j);
	else if (!job_withdraw(j)) {
		retry_stop(j);
		return;
	}
	answer_error(j, FUT_PERMISSION_DENIED,
		     (struct error_info){
			     .detail = span_str("a reload of the configuration took it away"),
			     .executed = FUT_EXECUTED_NO,
		     });
	job_drop(d, j);
}

static void review_jobs(struct session *s)
{
	for (uint32_t i = 0; i < s->jobs_cap && s->phase == SESSION_OPEN; i++) {
		struct job *j = s->jobs[i];

		if (j && !policy_may_run(s->rules, span_str(j->task->name)))
			deny_job(j);
	}
}

static void send_away(struct session *s)
{
	const struct error_info e = {
		.detail = span_str("a reload of the configuration took the permission away"),
		.hint = span_str("ask the operator of the daemon"),
	};

	audit_deny(s, "session", SPAN_EMPTY);
	session_refuse(s, FUT_PERMISSION_DENIED, &e);
}

void review_sessions(struct daemon *d)
{
	struct session *s = renew_rules(d), *next;
	struct slot *slot, *after;

	/* What lies ready in slots has not started either. */
	for (slot = LIST_FIRST(&d->busy); slot && d->config->nidentities > 0; slot = after) {
		after = LIST_NEXT(slot, busy_node);
		slot_revoke_all(slot);
	}
	/* One that is closed on the way stays in memory until the end of the turn. */
	for (; s; s = next) {
		next = s->next_reviewed;
		review_jobs(s);
		if (s->phase == SESSION_OPEN && s->rules == &policy_nothing)
			send_away(s);
	}
}
