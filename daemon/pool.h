/*
 * A pool: a queue of jobs, the slots that run them, and the processes behind the slots.
 *
 * Threads and processes differ in two numbers: hosts, and slots per host. The pool keeps so
 * many hosts alive, gives jobs to slots, and takes back what a slot has not started when
 * that helps (a cancel, an idle neighbour, a dead host).
 *
 * A reload starts a second zygote; once it is ready its hosts take over, and the old ones
 * finish what they run.
 *
 * Loop thread only.
 */
#ifndef DAEMON_POOL_H
#define DAEMON_POOL_H

#include "common/name.h"
#include "common/ratelimit.h"
#include "daemon/config.h"
#include "daemon/host.h"
#include "daemon/scheduler.h"
#include "daemon/zygote.h"

#include <uthash.h>

struct daemon;

/* A task of a pool, known by name for as long as the pool lives. */
struct task {
	UT_hash_handle hh;
	char name[NAME_MAX_BYTES + 1];
	int index;           /* in the current zygote's order; -1: not there any more */
	uint64_t service_ns; /* moving average of one call; 0: no call measured yet */
	uint64_t done, failed, deaths;
};

enum pool_phase {
	POOL_STARTING, /* no zygote was ready yet */
	POOL_READY,
	POOL_FAILED, /* it cannot start hosts; jobs are refused until it can again */
	POOL_ENDING,
	POOL_ENDED,
};

struct pool {
	TAILQ_ENTRY(pool) node;
	struct daemon *daemon;
	char name[NAME_MAX_BYTES + 1];
	const struct config_pool *config;
	enum pool_phase phase;
	unsigned failures; /* starts of a zygote that went wrong, in a row */

	struct zygote *zygote; /* whose hosts get new jobs; NULL before the first is ready */
	struct zygote *next;   /* starting */
	struct zygote_list old;
	struct timer restart_timer;

	struct host_list hosts;
	unsigned nhosts; /* that take jobs, or will when they are up */
	struct ratelimit spawns;
	struct timer spawn_timer;
	bool spawn_limited;

	struct slot_list idle; /* slots with nothing in them */
	struct scheduler scheduler;
	struct task *tasks; /* uthash, by name */

	bool *bad_modules; /* those of the configuration, in order, that killed a zygote */
	uint64_t done, failed, deaths;
};

TAILQ_HEAD(pool_list, pool);

/* Starts a pool. 0 or -ENOMEM; everything else that goes wrong is reported and tried again. */
int pool_new(struct daemon *d, const struct config_pool *config, struct pool **ret);
void pool_free(struct pool *p);

unsigned pool_hosts_wanted(const struct pool *p);
unsigned pool_slots_per_host(const struct pool *p);
struct task *pool_find_task(const struct pool *p, struct span name);

/* Makes up for hosts that are missing. */
void pool_maintain(struct pool *p);

/* A job that left a slot before it started: back to the head of the queue. */
void pool_take_back(struct pool *p, struct job *j);

/* Answers every job that has not started. */
void pool_refuse_queued(struct pool *p, fut_status status, const struct error_info *error);

/* Loads modules and configuration anew, behind the running hosts. */
void pool_reload(struct pool *p, const struct config_pool *config);

/* Ends its hosts and zygotes; POOL_ENDED when they are gone. With `now`, kills them. */
void pool_end(struct pool *p, bool now);

/* Whether a module killed a zygote that loaded it, and is left out since. */
bool pool_module_is_bad(const struct pool *p, size_t module);

/* What the zygote and the hosts report. */
void pool_on_zygote_ready(struct pool *p, struct zygote *z);
void pool_on_zygote_gone(struct pool *p, struct zygote *z, const char *why);
void pool_on_host_up(struct pool *p);
void pool_on_host_gone(struct pool *p);

#endif
