/*
 * The front's side of a host: a process with slots.
 *
 *   FORKING → UP → RETIRED        RETIRED: takes no new jobs, ends when its jobs have
 *
 * and gone from any of them. A host that dies costs the jobs it had started; the others go
 * back to the queue. Loop thread only.
 */
#ifndef DAEMON_HOST_H
#define DAEMON_HOST_H

#include "common/tail.h"
#include "daemon/slot.h"
#include "daemon/timer.h"
#include "proto/error.h"

#include <sys/queue.h>
#include <sys/types.h>

struct control_message;
struct event;
struct pool;
struct zygote;

enum host_phase { HOST_FORKING, HOST_UP, HOST_RETIRED };

struct host {
	unsigned magic;
	TAILQ_ENTRY(host) node;
	struct pool *pool;
	struct zygote *zygote; /* NULL once that is gone */
	enum host_phase phase;
	uint32_t number; /* how the zygote's messages call it */
	pid_t pid;
	int pidfd;
	int stderr_fd;
	struct event *on_exit, *on_stderr;
	struct timer kill_timer; /* it was asked to end, and must have by then */
	const char *killed_for;  /* why the front killed it, or NULL */
	struct tail tail;

	struct host_shared *shared;
	uint64_t big_bytes;
	unsigned nslots;
	struct slot *slots;
};

TAILQ_HEAD(host_list, host);

/* Asks the zygote for one more host. 0 or -errno. */
int host_new(struct pool *pool, struct zygote *z);
void host_free(struct host *h);

/* By the number in a zygote's message; NULL when there is none. */
struct host *host_find(const struct pool *pool, uint32_t number);

/* What the zygote says of it. */
void host_forked(struct host *h, pid_t pid, int pidfd);
void host_fork_failed(struct host *h, int error);
void host_exited(struct host *h, const struct control_message *m);
void host_lost_zygote(struct host *h);

/* No new jobs; what it has not started goes back to the queue; it ends by itself when the
 * rest is done. */
void host_retire(struct host *h);

/* Retires it because one of its jobs must not go on: with no other job running it is asked
 * to end at once, else when they are done, and killed after the grace. */
void host_condemn(struct host *h, const char *why);

/* Kills it now. */
void host_kill(struct host *h, const char *why);

/* Called after a slot's jobs changed: ends a retired host that has nothing left to do. */
void host_settle(struct host *h);

/* Jobs that run and were not answered. */
unsigned host_running(const struct host *h);

#endif
