/*
 * The front: one loop thread that owns all state. No locks.
 *
 * Event callbacks record facts: bytes came, a host died, a timer is due. One function per
 * pass of the loop decides what follows from them, daemon_turn():
 *
 *   collect outcomes from slots → fire timers → give jobs to slots → write to sessions → bury
 *
 *   RUNNING → DRAINING   listeners closed, queued jobs answered, running ones finish
 *           → ENDING     nothing runs any more: sessions get their last bytes, pools end
 *           → ENDED
 *
 * A daemon with only one session goes from any of them to ENDING when that is over.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "daemon/audit.h"
#include "daemon/config.h"
#include "daemon/guard.h"
#include "daemon/job.h"
#include "daemon/listener.h"
#include "daemon/memory.h"
#include "daemon/only_session.h"
#include "daemon/pool.h"
#include "daemon/retry.h"
#include "daemon/secure.h"
#include "daemon/session.h"
#include "daemon/slot.h"
#include "daemon/timer.h"
#include "proto/arena.h"
#include "proto/message.h"

#include <limits.h>

struct account;
struct event;
struct event_base;

enum daemon_phase { DAEMON_RUNNING, DAEMON_DRAINING, DAEMON_ENDING, DAEMON_ENDED };

/* From the command line; lives as long as the daemon. */
struct daemon_options {
	const char *config_path; /* NULL: the default one, if it is there */
	const char *module_dir;  /* NULL: what the configuration says */
	const char *worker_path; /* of futured-worker */
	char *const *listen;     /* NULL-terminated; replaces the configuration's unless empty */
	int session_fd;          /* a connected socket to serve instead of listening; 0: none */
};

struct daemon {
	const struct daemon_options *options;
	struct config *config;
	struct event_base *base;
	struct event *on_signal[4];
	struct timers timers;
	enum daemon_phase phase;
	bool listening; /* or serving its only session */
	int exit_status;

	struct front_shared *front;
	int front_fd;
	char oom_path[PATH_MAX];  /* where the kernel counts; "": nowhere */
	uint64_t oom_kills_known; /* so many of what it counts were hosts that are buried */

	struct listener_list listeners;
	struct secure secure;
	struct only_session only_session;
	struct session_list sessions, dead_sessions;
	struct session_list greeting; /* those that have not said hello */
	struct session_list keepers;  /* those that hold buffers: memory.h */
	struct session_queue dirty;
	unsigned nsessions;
	uint64_t sessions_ever;
	struct account *accounts; /* uthash, by name */
	struct audit audit;
	uint64_t reader;            /* number of the session that was read last */
	uint64_t reader_changed_us; /* when that was not the one before */

	struct guard guard;
	struct memory memory;

	struct pool_list pools;
	struct slot_list busy; /* slots with jobs in them, of all pools */
	struct timer tick;     /* looks which jobs have started */
	struct timer drain_timer;

	struct job_store jobs;
	struct retries retries;
	uint64_t queued_bytes; /* of payloads of all live jobs */

	unsigned cpus;   /* of this machine */
	uint64_t now_us; /* of this turn */
	uint64_t started_us;
	uint8_t incarnation[INCARNATION_BYTES];
	uint8_t *scratch;       /* STREAM_SCRATCH_BYTES, for reading */
	uint8_t *error_scratch; /* 2 × ERROR_ENCODED_MAX */
	struct arena *arena;
};

/* Builds it: the loop, the front page, the pools' zygotes. Takes the configuration over in
 * any case. 0 and *ret, or -errno after reporting why. */
int daemon_new(const struct daemon_options *options, struct config *config, struct daemon **ret);
void daemon_free(struct daemon *d);

/* Runs until it has ended; the process's exit status. */
int daemon_run(struct daemon *d);

/* One pass of decisions, after callbacks recorded what happened. */
void daemon_turn(struct daemon *d);

/* Stops taking jobs, lets running ones finish; the second time, kills them. */
void daemon_drain(struct daemon *d);

/* A pool settled, failed, or ended. */
void daemon_on_pool_changed(struct daemon *d);

/* A pool's tasks are known, or known anew. */
void daemon_on_tasks_known(struct daemon *d);

struct pool *daemon_find_pool(const struct daemon *d, struct span name);

#endif
