/*
 * What a daemon and one of its pools hold of the system: to see that nothing is left behind.
 *
 * Read from /proc, by the process that started the daemon.
 */
#ifndef TESTS_FOOTPRINT_H
#define TESTS_FOOTPRINT_H

#include "tests/lib/tdaemon.h"

struct footprint {
	unsigned daemon_fds, zygote_fds, hosts;
	unsigned regions; /* shared with hosts, mapped by the daemon */
};

struct footprint footprint_of(const struct tdaemon *d, pid_t zygote);
bool footprint_is_same(struct footprint a, struct footprint b);

/* Waits until it is the same as before. */
void footprint_wait(const struct tdaemon *d, pid_t zygote, struct footprint before);

/* The living and the dead that nobody waited for. At most `max` pids go to *ret, which may be
 * NULL. */
unsigned children_of(pid_t parent, pid_t *ret, unsigned max);

/* Kills a process if it is a child of that one: a pid alone may be another's by now. False
 * when it was not. With `wait` it is gone when this returns. */
bool kill_child(pid_t pid, pid_t parent, bool wait);

/* Resident memory that is its own: without what is shared with other processes. */
uint64_t private_bytes_of(pid_t pid);

#endif
