#include "daemon/cancel.h"

#include "daemon/answer.h"
#include "daemon/daemon.h"

bool job_withdraw(struct job *j)
{
	if (j->place == JOB_ASSIGNED)
		return slot_revoke(j->slot, j);
	scheduler_remove(&j->session->pool->scheduler, j);
	return true;
}

static fut_verdict remove_job(struct daemon *d, struct job *j)
{
	answer_nothing(j);
	job_drop(d, j);
	return FUT_VERDICT_REMOVED;
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
	host_kill(h, honest ? "a client asked for it" : "it lied");
	return FUT_VERDICT_KILLED;
}

fut_verdict job_cancel(struct job *j, enum cancel_mode mode)
{
	struct session *s = j->session;

	if (job_withdraw(j))
		return remove_job(s->daemon, j);
	if (mode == CANCEL_QUEUED)
		return FUT_VERDICT_TOO_LATE;
	if (mode == CANCEL_KILL && s->pool->config->kind == POOL_PROCESSES)
		return kill_job(s, j);
	slot_ask_to_stop(j->slot, j);
	return FUT_VERDICT_STOP_REQUESTED;
}
