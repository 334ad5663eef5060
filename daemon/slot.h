/*
 * The front's side of a slot: what lies in its rings, and in which order.
 *
 * The front keeps the list of jobs it put in, oldest first; the slot takes them in that
 * order, and whatever it says can only be about the oldest. So nothing that comes out of the
 * ring is looked up, and a host that says something else is lying and is killed.
 *
 * Loop thread only.
 */
#ifndef DAEMON_SLOT_H
#define DAEMON_SLOT_H

#include "daemon/job.h"
#include "proto/region.h"

struct host;

enum { SLOT_EXPECTED_MAX_NS = 1000 * 1000 * 1000 };

struct slot {
	LIST_ENTRY(slot) idle_node; /* of the pool's idle ones, when it has no job */
	LIST_ENTRY(slot) busy_node; /* of the daemon's busy ones, when it has one */
	struct host *host;
	unsigned index;
	bool is_idle, is_busy;
	uint64_t idle_since_us; /* while it is */
	bool big_used;

	struct slot_view view;
	struct ring_producer in;
	struct ring_consumer out;

	struct job_list jobs; /* in the ring, oldest first */
	unsigned njobs;
	uint32_t last_tag;
	uint64_t expected_ns; /* of the jobs in it, together */
};

LIST_HEAD(slot_list, slot);

void slot_init(struct slot *s, struct host *h, unsigned index);

/* Puts a job in, invisible until slot_publish(). False when it does not fit now. */
bool slot_assign(struct slot *s, struct job *j);

/* True when the slot has room in time: more work in it would not wait long to start. */
bool slot_wants_more(const struct slot *s);

/* Makes assigned jobs visible, and wakes the slot if it sleeps. */
void slot_publish(struct slot *s);

/* Takes back a job that the slot has not started. False when it has: then nothing changed. */
bool slot_revoke(struct slot *s, struct job *j);

/* Takes back everything it has not started, to the queue. */
void slot_revoke_all(struct slot *s);

/* True when the slot has started the job. */
bool slot_has_started(const struct slot *s, const struct job *j);

/* True when nothing about the busy slot is left to find out later: its oldest job is known to
 * run and nothing lies behind it, or its end can be read already. */
bool slot_is_settled(struct slot *s);

/* Handles what the slot has said since. False when that was not possible: the host is
 * lying, and must be killed. */
bool slot_collect(struct slot *s);

/* True when there is something to collect that could be collected now. */
bool slot_has_outcome(struct slot *s);

void slot_ask_to_stop(struct slot *s, const struct job *j);

/* Wakes it whether or not there is work: to look at host_shared.quit. */
void slot_wake(struct slot *s);

/* The oldest job, or NULL. */
static inline struct job *slot_oldest(const struct slot *s)
{
	return TAILQ_FIRST(&s->jobs);
}

/* Takes a job that it ran for so long off the slot's books; the caller decides what becomes
 * of it. */
void slot_forget(struct slot *s, struct job *j, uint64_t took_ns);

/* Puts it on the list its load says: idle, busy, or (its host does not take jobs) neither. */
void slot_enlist(struct slot *s);

#endif
