/*
 * The front's side of a host: a process with slots.
 *
 *   FORKING → STARTING → UP → RETIRED
 *
 *   FORKING    the zygote was asked
 *   STARTING   it runs, and its slots prepare themselves
 *   UP         all of them can take jobs
 *   RETIRED    takes no new jobs, ends when its jobs have
 *
 * and gone from any of them. A host that ends before it was UP, and was not told to, is a
 * start that failed. One that dies later costs the jobs it had started; the others go back to
 * the queue. Loop thread only.
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

enum host_phase { HOST_FORKING, HOST_STARTING, HOST_UP, HOST_RETIRED };

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
	struct timer timer;     /* it must be up by then; RETIRED: it must have ended */
	const char *killed_for; /* why the front killed it, or NULL */
	bool was_up;
	bool is_planned; /* the front told it to end, and nothing is wrong with it */
	bool is_liar;    /* it wrote into a ring what cannot be true */

	/* Replaced while it still has jobs: its busy slots are the pool's nlingering. */
	bool is_lingering;
	uint32_t jobs_left; /* that may still be put into it, or HOST_ANY_JOBS */
	bool watches_memory;
	struct tail tail;
	uint64_t oom_kills; /* there had been when it was forked */

	struct host_shared *shared;
	uint64_t big_bytes;
	unsigned nslots, first_slot; /* first_slot: how it is counted in the pool */
	struct slot *slots;
};

TAILQ_HEAD(host_list, host);

enum { HOST_ANY_JOBS = UINT32_MAX };

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

/* A slot of it may have become ready. */
void host_look(struct host *h);

/* No new jobs; what it has not started goes back to the queue; it ends by itself when the
 * rest is done. Its end is planned. */
void host_retire(struct host *h);

/* Retires it because one of its jobs must not go on: with no other job running it is asked
 * to end at once, else when they are done, and killed after the grace. */
void host_condemn(struct host *h, const char *why);

/* Kills it now. */
void host_kill(struct host *h, const char *why);

/* The same for one that broke the protocol of its rings: that counts as a crash. */
void host_expel(struct host *h);

/* Called after a slot's jobs changed: ends a retired host that has nothing left to do. */
void host_settle(struct host *h);

/* True when it has run all the jobs it may, or has grown too large. */
bool host_is_spent(const struct host *h);

/* Retires one that is; what it still runs keeps as many slots of the next one idle. */
void host_replace(struct host *h);

/* A job was put into one of its slots, or taken back before it started. */
void host_spend_job(struct host *h);
void host_return_job(struct host *h);

static inline bool host_takes_jobs(const struct host *h)
{
	return h->phase == HOST_UP && h->jobs_left > 0;
}

/* Jobs that run and were not answered. */
unsigned host_running(const struct host *h);

/* Since when all of its slots have been idle; 0: they are not. */
uint64_t host_idle_since(const struct host *h);

#endif
