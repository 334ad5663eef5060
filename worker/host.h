/*
 * A host: the process that runs task code, forked from the zygote.
 *
 * It leads its own process group, dies with the zygote, and catches no signal: a task that
 * crashes ends it with the signal that tells why. The main thread is its first slot; each other
 * slot is a thread of its own. They share nothing but what the zygote had made before.
 *
 * Each slot's thread calls slot_init() of every module, says that it is ready, runs jobs until
 * the host is to quit, and calls slot_fini() of every module. One slot that cannot go on ends
 * the whole host.
 */
#ifndef WORKER_HOST_H
#define WORKER_HOST_H

#include "proto/region.h"
#include "proto/sandbox.h"
#include "worker/module.h"
#include "worker/task_table.h"

#include <stdint.h>
#include <sys/types.h>

/* Exit statuses of a host that did not end because it was told to. */
enum {
	HOST_EXIT_SETUP = 70,  /* it could not be built */
	HOST_EXIT_BROKEN = 71, /* a ring is broken */
	HOST_EXIT_INIT = 72,   /* a module's slot_init() refused */
	HOST_EXIT_THREAD = 73, /* a module ended the thread of its slot */
};

struct host_start {
	const char *pool;
	uint32_t slots, first_slot;
	int region_fd, stderr_fd, event_fd;
	pid_t zygote;
	const struct sandbox *sandbox;
	int sandbox_files; /* rules, or -1 */
	const struct front_shared *front;
	const struct task_table *tasks;
	const struct module *modules;
	size_t nmodules;
};

/* Runs in the forked child. */
_Noreturn void host_run(const struct host_start *start);

#endif
