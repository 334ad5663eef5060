/*
 * The processes that a fuzzed daemon believes to have: zygotes, and the hosts they forked.
 *
 * A process is a pipe, which its pidfd reads: it has ended when there is something in it. The
 * functions that begin with __wrap_ take the place of the C library's in the daemon's code.
 */
#ifndef TESTS_FUZZ_FRONT_KERNEL_H
#define TESTS_FUZZ_FRONT_KERNEL_H

#include "proto/control.h"
#include "proto/region.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESSES_MAX = 32, PROCESS_SLOTS_MAX = 2 };

/* What a host's slot is at. */
struct fake_slot {
	struct slot_view view;
	struct ring_consumer in;
	struct ring_producer out;
	uint32_t tag; /* of the job that it runs; 0: none */
};

struct process {
	bool exists, has_ended, was_told_to_quit, was_reaped;
	bool is_spoilt; /* its slots wrote what they must not: it cannot be relied upon */
	pid_t pid;
	int pidfd, ended_fd; /* the pipe's two ends */
	ino_t pipe;
	int how; /* it ended, as wait() says */

	/* a zygote */
	int control, wake_fd;

	/* a host */
	struct process *zygote; /* NULL: it is one */
	uint32_t number, nslots;
	uint64_t big_bytes;
	int stderr_fd;
	struct host_shared *shared;
	struct fake_slot slots[PROCESS_SLOTS_MAX];
};

extern struct process processes[PROCESSES_MAX];

void kernel_open(bool is_honest);
void kernel_close(void);

/* Lets each do what it has to: zygotes answer, hosts that were told to quit do. */
void kernel_run(void);

/* The n-th that lives, modulo their number; NULL: there is none. */
struct process *kernel_host(unsigned n);
struct process *kernel_zygote(unsigned n);

/* `how` is as wait() says it: 9 is SIGKILL. */
void process_end(struct process *p, int how);

/* What a zygote says, as it is. With `fd_of`, a descriptor of that process comes along. */
void zygote_say(struct process *z, const struct control_message *m, const struct process *fd_of);

/* Wakes the front as a host's slot does. */
void host_notify(struct process *h);

/* What a slot does: takes the next job, as it must; says something of it. False when it is not
 * able to. */
bool slot_take(struct fake_slot *s);
bool slot_say(struct fake_slot *s, const struct outcome_record *o, const void *bytes, size_t n);

#endif
