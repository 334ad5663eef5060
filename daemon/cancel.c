#include "daemon/cancel.h"

#include "daemon/answer.h"
#include "daemon/daemon.h"
#include "daemon/retry.h"
#include "daemon/unique.h"

bool job_withdraw(struct job *j)
{
	if (j->place == JOB_ASSIGNED)
		return slot_revoke(j->slot, j);
	if (j->place == JOB_RETRYING)
		retry_remove(j);
	else
		scheduler_remove(&j->session->pool->scheduler, j);
	return true;
}

/* One that ran before cannot be as if it never had: it ends as its last attempt did. */
static fut_verdict remove_job(struct daemon *d, struct job *j)
{
	bool has_run = retry_last(j) != NULL;

	if (has_run)
		answer_last(j);
	else
		answer_nothing(j);
	job_drop(d, j);
	return has_run ? FUT_VERDICT_TOO_LATE : FUT_VERDICT_REMOVED;
}

/*
 * Ends the process of a job that runs alone in it. Nothing else may die: what waits behind
 * it is taken back first, so that the slot cannot start it, and then a job that is done by
 * now has said so in the ring.
 */
static fut_verdict kill_job(struct session *s, struct job *j)
{
	struct slot *slot = j->slot;
	struct host *h = slot->host;
	uint64_t id = j->id;

	host_retire(h);
	bool honest = slot_collect(slot);
	if (s->phase != SESSION_OPEN || session_find_job(s, id) != j) {
		host_settle(h);
		return FUT_VERDICT_TOO_LATE;
	}
	answer_error(j, FUT_KILLED, (struct error_info){.executed = FUT_EXECUTED_MAYBE});
	if (honest)
		host_kill(h, "a client asked for it");
	else
		host_expel(h);
	return FUT_VERDICT_KILLED;
}

static bool has_started(const struct job *run)
{
	return retry_last(run) || (run->place == JOB_ASSIGNED && slot_has_started(run->slot, run));
}

/* Takes one client away from a run that others wait for, too. */
static fut_verdict leave_run(struct job *j)
{
	struct daemon *d = j->session->daemon;

	if (has_started(unique_run(j)))
		return FUT_VERDICT_TOO_LATE;
	if (unique_hand_over(j))
		return FUT_VERDICT_REMOVED;
	unique_leave(j);
	return remove_job(d, j);
}

fut_verdict job_cancel(struct job *j, enum cancel_mode mode)
{
	struct session *s = j->session;

	if (unique_is_shared(j))
		return leave_run(j);
	if (job_withdraw(j))
		return remove_job(s->daemon, j);
	retry_stop(j); /* an attempt that has not started can still be taken back */
	if (mode == CANCEL_QUEUED)
		return FUT_VERDICT_TOO_LATE;
	if (mode == CANCEL_KILL && s->pool->config->kind == POOL_PROCESSES)
		return kill_job(s, j);
	slot_ask_to_stop(j->slot, j);
	return FUT_VERDICT_STOP_REQUESTED;
}
