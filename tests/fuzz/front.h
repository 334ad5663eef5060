/*
 * A whole daemon on one thread, for fuzz targets, in a world of their own.
 *
 * All of the daemon is real: the loop, sessions, requests, the scheduler, pools, zygotes,
 * hosts, slots, and the rings in shared memory. What is around it is played here: the clients
 * at the other ends of its sockets, the zygotes that it believes to have started, their hosts,
 * and the slots in them. The linker puts front_kernel.c between the daemon and the few calls
 * that make, watch and kill processes; the clock stands still until front_pass().
 *
 * One at a time. The same calls give the same each time.
 */
#ifndef TESTS_FUZZ_FRONT_H
#define TESTS_FUZZ_FRONT_H

#include "daemon/daemon.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

#include "tests/fuzz/front_kernel.h"

enum { FRONT_CLIENTS = 3, FRONT_TASKS = 3 };

extern struct daemon *front;
extern const char *const front_tasks[FRONT_TASKS]; /* what each zygote has: "a", "b", "one" */

/* Starts one with two pools, "threads" (2 slots in 1 host) and "processes" (2 hosts). When
 * `is_honest` its zygotes load, and fork hosts that come up, by themselves. */
void front_open(bool is_honest);

/* Everybody leaves, the daemon drains and ends: in bounded time, with nothing left of jobs,
 * sessions, bytes counted, descriptors. */
void front_close(void);

/* One pass of the daemon's loop, after the processes had theirs. */
void front_turn(void);
void front_pass(uint64_t us);

/* ---- clients ---- */

void front_connect(unsigned client); /* hangs up first, where it was connected */
void front_hang_up(unsigned client);
void front_say(unsigned client, const void *p, size_t n);
void front_say_message(unsigned client, const struct message *m);
size_t front_listen(unsigned client); /* reads and forgets what the daemon said */
void front_hello(unsigned client, const char *pool);

#endif
