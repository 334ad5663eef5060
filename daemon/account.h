/*
 * What an identity uses, in all its sessions together.
 *
 * There is one for each identity that is connected, or of which a job is left; so all its
 * numbers are 0 when it goes. Sessions and shares hold references. The numbers are counted where
 * they change:
 *
 *   sessions    account_join, account_leave
 *   inflight    the sessions' tables of unanswered jobs
 *   queued      the scheduler, of jobs that wait, in lanes or held
 *   ledger      whatever its sessions and jobs make the daemon hold, see ledger.h
 *   bytes       account_charge, account_discharge: of payloads, from a job's admission until it is
 *               freed, which is after its answer where a slot still runs it
 *
 * Loop thread only.
 */
#ifndef DAEMON_ACCOUNT_H
#define DAEMON_ACCOUNT_H

#include "daemon/identity.h"
#include "daemon/ledger.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct account {
	UT_hash_handle hh;
	struct account **table; /* that it is in */
	char name[IDENTITY_NAME_SIZE];
	struct ledger ledger;
	unsigned refs;
	unsigned sessions, inflight, queued;
	uint64_t bytes;
	uint64_t paid_until_ns; /* when all jobs so far would have come, one at each interval */
};

/* For a session of the identity: found in the table, or made, and what it holds is charged to
 * `total` too. NULL without memory. */
struct account *account_join(struct account **table, const char *name, struct ledger *total);
void account_leave(struct account *a); /* NULL: does nothing */

struct account *account_ref(struct account *a);
void account_unref(struct account *a);

static inline void account_charge(struct account *a, uint64_t bytes)
{
	a->bytes += bytes;
}

static inline void account_discharge(struct account *a, uint64_t bytes)
{
	assert(a->bytes >= bytes);
	a->bytes -= bytes;
}

/*
 * One job more, at a rate of one for each interval, and as many at once as are `burst_ns` worth of
 * intervals: a bucket of tokens, of which only the time is kept at which it is full again. False,
 * and nothing has changed, when there is none left.
 */
static inline bool account_take_token(struct account *a, uint64_t now_us, uint64_t interval_ns,
				      uint64_t burst_ns)
{
	uint64_t now_ns = now_us * 1000;
	uint64_t from_ns = a->paid_until_ns > now_ns ? a->paid_until_ns : now_ns;

	if (from_ns + interval_ns - now_ns > burst_ns)
		return false;
	a->paid_until_ns = from_ns + interval_ns;
	return true;
}

#endif
