/*
 * A pool: a queue of jobs, the slots that run them, and the processes behind the slots.
 *
 * Threads and processes differ in two numbers: hosts at most, and slots per host. The pool
 * starts hosts as its jobs need them (demand.h), gives jobs to slots, and takes back what a
 * slot has not started when that helps (a cancel, an idle neighbour, a dead host).
 *
 * A reload starts a second zygote; once it is ready its hosts take over, and the old ones
 * finish what they run.
 *
 * What goes wrong is counted by the breaker. While that is open and no host is up (or hosts
 * were dying), the pool is POOL_FAILED: what waits is answered, what comes is refused, and one
 * host at a time tries whether it works again. No other pool is touched by it.
 *
 * Loop thread only.
 */
#ifndef DAEMON_POOL_H
#define DAEMON_POOL_H

#include "common/name.h"
#include "daemon/breaker.h"
#include "daemon/config.h"
#include "daemon/host.h"
#include "daemon/scheduler.h"
#include "daemon/zygote.h"
#include "proto/error.h"
#include "proto/region.h"

#include <uthash.h>

struct daemon;

/* A task of a pool, known by name for as long as the pool lives. */
struct task {
	UT_hash_handle hh;
	char name[NAME_MAX_BYTES + 1];
	uint8_t name_len;
	int index;           /* in the current zygote's order; -1: not there any more */
	uint64_t service_ns; /* moving average of one call; 0: no call measured yet */
	uint64_t done, failed, deaths;
	unsigned running, cap;         /* jobs in slots; how many may be, 0: any number */
	struct parking_queue parkings; /* where jobs wait for that; whose turn came first, first */
};

static inline bool task_is_full(const struct task *t)
{
	return t->cap > 0 && t->running >= t->cap;
}

enum pool_phase {
	POOL_STARTING, /* no host was up yet */
	POOL_READY,
	POOL_FAILED, /* jobs are refused until it can run some again */
	POOL_ENDING,
	POOL_ENDED,
};

struct pool {
	TAILQ_ENTRY(pool) node;
	struct daemon *daemon;
	char name[NAME_MAX_BYTES + 1];
	const struct config_pool *config;
	enum pool_phase phase;

	struct zygote *zygote; /* whose hosts get new jobs; NULL before the first is ready */
	struct zygote *next;   /* starting */
	struct zygote_list old;
	bool is_outdated; /* the zygote is not of this configuration */

	struct host_list hosts;
	bool has_spent;                  /* there may be one to replace */
	unsigned nhosts;                 /* that take jobs, or will when they are up: */
	unsigned nstarting, nup;         /* so many of each */
	bool has_slot[REGION_MAX_SLOTS]; /* the numbers of their slots */
	struct breaker breaker;
	struct timer idle_timer;  /* some host may have been idle for too long by then */
	struct timer retry_timer; /* a start was put off until then */
	uint64_t rest_until_us;   /* the zygote is behind with what it was asked */

	struct slot_list idle; /* slots with nothing in them that may have a job */
	unsigned nidle;
	unsigned nlingering; /* slots that are busy in hosts which were replaced meanwhile */
	struct scheduler scheduler;
	struct timer ageing_timer;
	struct task *tasks;     /* uthash, by name */
	struct unique *uniques; /* uthash: runs that other jobs may join */

	bool *bad_modules; /* those of the configuration, in order, that killed a zygote */
	uint64_t done, failed, deaths;
};

TAILQ_HEAD(pool_list, pool);

enum { POOL_DETAIL_MAX = BREAKER_REASON_MAX + NAME_MAX_BYTES + 16 };

/* A pool, which pool_maintain() starts. 0 or -ENOMEM; everything else that goes wrong is
 * reported and tried again. */
int pool_new(struct daemon *d, const struct config_pool *config);
void pool_free(struct pool *p);

/* True once it is known whether it starts well. */
static inline bool pool_has_settled(const struct pool *p)
{
	return p->phase != POOL_STARTING || !breaker_is_calm(&p->breaker);
}

struct task *pool_find_task(const struct pool *p, struct span name);

/* Both once per turn: retires hosts that are spent, before jobs are placed; starts what is
 * missing and refuses what cannot run, after. */
void pool_review(struct pool *p);
void pool_maintain(struct pool *p);

/* True when an idle slot may take a job: those that linger keep as many others waiting, so that
 * no more jobs run than the pool has slots. */
static inline bool pool_has_room(const struct pool *p)
{
	return p->nidle > p->nlingering;
}

/* Jobs that may wait. Those that only wait for their host to start do not count. */
uint64_t pool_max_queued(const struct pool *p);

/* True while hosts come up: jobs are better off in the queue than behind another one. */
static inline bool pool_is_growing(const struct pool *p)
{
	return p->nstarting > 0 && breaker_is_calm(&p->breaker);
}

/* What the jobs of a failed pool are told; the detail lies in `detail`. */
struct error_info pool_failure(const struct pool *p, char detail[POOL_DETAIL_MAX]);

/* A job that left a slot before it started: back to the head of the queue. */
void pool_take_back(struct pool *p, struct job *j);

/* Answers every job that has not started. */
void pool_refuse_queued(struct pool *p, fut_status status, const struct error_info *error);

/* Loads modules and configuration anew, behind the running hosts. */
void pool_reload(struct pool *p, const struct config_pool *config);

/* Ends its hosts and zygotes; POOL_ENDED when they are gone. With `now`, kills them; what hosts
 * have started can be left behind. */
void pool_end(struct pool *p, bool now);

/* Likewise, but kills its hosts with all that they started. */
void pool_hurry(struct pool *p);

/* Likewise, when nobody wants results any more: hosts that run something are killed; the
 * others end by themselves. */
void pool_abandon(struct pool *p);

/* Whether a module killed a zygote that loaded it, and is left out since. */
bool pool_module_is_bad(const struct pool *p, size_t module);

/* What the zygote and the hosts report. */
void pool_on_zygote_ready(struct pool *p, struct zygote *z);
void pool_on_zygote_gone(struct pool *p, struct zygote *z, const char *why);
void pool_on_wake(struct pool *p);
void pool_on_host_up(struct pool *p, struct host *h);
void pool_on_host_gone(struct pool *p);
void pool_on_start_failed(struct pool *p, const char *reason);
void pool_on_crash(struct pool *p, const char *how);

#endif
