/*
 * The front's side of a zygote: a process that loaded a pool's modules and forks its hosts.
 *
 * STARTING → READY → ENDING, and gone from any of them. Loop thread only.
 */
#ifndef DAEMON_ZYGOTE_H
#define DAEMON_ZYGOTE_H

#include "common/name.h"
#include "daemon/timer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct control_message;
struct event;
struct host;
struct pool;

struct zygote_task {
	char name[NAME_MAX_BYTES + 1];
};

enum zygote_phase { ZYGOTE_STARTING, ZYGOTE_READY, ZYGOTE_ENDING };

struct zygote {
	unsigned magic;
	LIST_ENTRY(zygote) node; /* of a pool's old ones */
	struct pool *pool;
	enum zygote_phase phase;
	pid_t pid;
	int pidfd;
	int control;
	int wake_fd; /* eventfd by which its hosts wake the front */
	struct event *on_control, *on_exit, *on_wake;
	struct timer start_timer;  /* loading must end by then */
	char loading[4096];        /* the module it is at, while STARTING */
	char refused[256];         /* why it did not even begin, or "" */
	struct zygote_task *tasks; /* announced so far */
	size_t ntasks;
	unsigned most_hosts, slots_per_host; /* of the configuration it was started for */
	bool is_proven;                      /* a host of it came up */
	bool is_spent;                       /* it forks no more hosts */
	const char *killed_for;              /* why the front killed it, or NULL */
};

LIST_HEAD(zygote_list, zygote);

/* Starts one for the pool. 0 and *ret, or -errno. */
int zygote_start(struct pool *pool, struct zygote **ret);

/* Asks it to fork a host. 0 or -errno: then the host will never come. */
int zygote_fork(struct zygote *z, struct host *h, int region_fd, int stderr_fd);

/* Asks it to end; `now` kills it, and with it its hosts. It reports through
 * pool_on_zygote_gone(). */
void zygote_end(struct zygote *z, bool now);

/* Kills it because it is no good. */
void zygote_kill(struct zygote *z, const char *why);

void zygote_free(struct zygote *z);

#endif
