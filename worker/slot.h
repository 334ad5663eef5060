/*
 * A slot: takes one job after the other from its in ring, runs it, and says how it ended.
 *
 * One thread owns a slot. While work is queued it makes no system call, takes no lock and
 * allocates nothing; it sleeps when its in ring is empty or its out ring is full.
 */
#ifndef WORKER_SLOT_H
#define WORKER_SLOT_H

#include "proto/region.h"
#include "worker/answer.h"
#include "worker/call.h"
#include "worker/cpu.h"
#include "worker/outbox.h"
#include "worker/task_table.h"

struct slot {
	struct ring_consumer in;
	struct outbox out;
	const struct task_table *tasks;
	struct host_shared *host;
	const uint8_t *big;
	uint64_t big_bytes;

	uint64_t max_rss_bytes; /* 0: none */
	int statm_fd;           /* /proc/self/statm, when there is a limit */

	/* When the last job ended, if the next one starts at once; 0 after a pause. */
	uint64_t now_ns;
	struct cpu_meter cpu;

	struct answer answer;
	struct call call;
	uint8_t error[ERROR_ENCODED_MAX];
};

/* `host` is a mapped region; the slot uses its part number `n` of it. */
void slot_init(struct slot *s, unsigned n, struct host_shared *host,
	       const struct front_shared *front, int event_fd, const struct task_table *tasks);
void slot_done(struct slot *s);

/* From now on it looks after each job how large the process has become. The descriptor is of
 * /proc/self/statm and stays the caller's. */
void slot_watch_memory(struct slot *s, int statm_fd);

/* Runs jobs until the host is to quit and none is left, or none may be started: 0. -EPROTO when
 * a ring is broken. */
int slot_run(struct slot *s);

#endif
