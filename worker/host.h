/*
 * A host: the process that runs task code, forked from the zygote.
 *
 * It leads its own process group, dies with the zygote, and catches no signal: a task that
 * crashes ends it with the signal that tells why. The main thread is slot 0; each other slot
 * is a thread of its own. They share nothing but what the zygote had made before.
 */
#ifndef WORKER_HOST_H
#define WORKER_HOST_H

#include "proto/region.h"
#include "worker/task_table.h"

#include <stdint.h>
#include <sys/types.h>

/* Exit statuses of a host that did not end because it was told to. */
enum { HOST_EXIT_SETUP = 70, HOST_EXIT_BROKEN = 71 };

struct host_start {
	uint32_t slots;
	int region_fd, stderr_fd, event_fd;
	pid_t zygote;
	const struct front_shared *front;
	const struct task_table *tasks;
};

/* Runs in the forked child. */
_Noreturn void host_run(const struct host_start *start);

#endif
