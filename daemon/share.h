/*
 * A share: in whose name jobs use a pool. The jobs of an identity with one key have one together,
 * whichever of its sessions they come from; the jobs of a session that name no key have their
 * session's own. So nobody meets, or can guess, the keys of another identity; what the
 * configuration says of a key holds for that key of each of them.
 *
 * A share's jobs wait in lanes, one for each priority level; scheduler.h says when a lane is
 * served.
 *
 * It is made with its first job. Each job holds a reference from its admission until it is
 * freed, and a session holds one to its own. Without references it goes; one of a key stays
 * until it has paid its debts, or a client that sends one job after the other would come
 * back without them each time.
 *
 * Loop thread only.
 */
#ifndef DAEMON_SHARE_H
#define DAEMON_SHARE_H

#include "common/name.h"
#include "daemon/job.h"
#include "proto/submit.h"

#include <uthash.h>

struct account;
struct config;
struct scheduler;
struct task;

/* Jobs of a lane whose task runs as often as it may: they wait here for it, oldest first,
 * and out of the way of those behind them. */
struct parking {
	LIST_ENTRY(parking) lane_node;
	TAILQ_ENTRY(parking) task_node;
	struct lane *lane;
	struct task *task;
	struct job_list jobs; /* never empty */
};

LIST_HEAD(parking_list, parking);
TAILQ_HEAD(parking_queue, parking);

/* The jobs of a share that wait at one level. */
struct lane {
	TAILQ_ENTRY(lane) node;         /* of its level's rotation, when it is in that */
	TAILQ_ENTRY(lane) waiting_node; /* of its level's, when it has jobs */
	struct share *share;
	struct job_list queue;        /* oldest first */
	struct parking_list parkings; /* what stood before all in the queue */
	uint64_t last_turn;           /* the number of its last; 0: none since it waits */
	int64_t deficit_ns;           /* what it may still use in its turn; less than 0: a debt */
	uint8_t level;
	bool is_waiting; /* it has jobs */
	bool is_ready;   /* and one of them may run */
	bool is_rotating, in_turn;
};

TAILQ_HEAD(lane_list, lane);

/* The lanes of all shares at one priority. */
struct level {
	struct lane_list rotation;  /* the first has its turn, or comes next */
	uint64_t turns;             /* that have ended */
	struct lane_list waiting;   /* those that have jobs, whether they may run or not */
	unsigned nrotating, nready; /* lanes that are */
};

struct share {
	UT_hash_handle hh; /* of its scheduler's, when it has a key: by account and key */
	struct scheduler *scheduler;
	struct account *account;      /* whose jobs they are; a reference */
	char key[NAME_MAX_BYTES + 1]; /* right behind that. "": a session's own */
	int64_t quantum_ns;           /* of service, for each turn */
	unsigned running, cap;        /* jobs in slots; how many may be, 0: any number */
	unsigned refs;
	unsigned nrotating; /* of its lanes */
	struct lane lanes[PRIORITY_LEVELS];
};

/* One without a key, with a reference for the caller; NULL when memory is out. */
struct share *share_new(struct scheduler *s, struct account *account);

/* That of an account's key, made when it is not there; NULL when memory is out. Without a
 * reference: a job must enter at once. */
struct share *share_of_key(struct scheduler *s, struct account *account, struct span key);

void share_unref(struct share *share);

/* Frees what has no references, debts or not: the end of the scheduler. */
void share_free_all(struct scheduler *s);

/* Called when one of its lanes has left the rotation: may free it. */
void share_free_if_unused(struct share *share);

/* Reads weight and cap anew; its lanes are the caller's to update. */
void share_configure(struct share *share, const struct config *config);

/* The job is the share's from now on, at the level of its priority, until it leaves. */
static inline void share_enter(struct share *share, struct job *j, int priority)
{
	if (priority < PRIORITY_MIN)
		priority = PRIORITY_MIN;
	if (priority > PRIORITY_MAX)
		priority = PRIORITY_MAX;
	j->priority = (int8_t)priority;
	j->lane = &share->lanes[priority - PRIORITY_MIN];
	share->refs++;
}

/* Also one that never entered. */
static inline void share_leave(struct job *j)
{
	struct share *share = j->lane ? j->lane->share : NULL;

	j->lane = NULL;
	if (share && --share->refs == 0)
		share_free_if_unused(share);
}

static inline bool share_is_full(const struct share *share)
{
	return share->cap > 0 && share->running >= share->cap;
}

#endif
