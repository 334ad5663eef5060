/*
 * Where connections come from, and what is held against it: an IPv4 address, an IPv6 /64 (what
 * one customer gets, whole), or a Unix user.
 *
 * A source is remembered while it has connections that have not said hello, or a penalty; no
 * more than SOURCES_MAX of them. When there are more, penalties are forgotten, the one that was
 * touched longest ago first: who has 65,536 addresses is not stopped by penalties anyway.
 *
 * Loop thread only. Given the time.
 */
#ifndef DAEMON_SOURCE_H
#define DAEMON_SOURCE_H

#include "net/peer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

enum {
	SOURCES_MAX = 65536,
	SOURCE_PENALTY_MAX_US = 10 * 60 * 1000 * 1000,
};

struct source_id {
	uint64_t kind, high, low; /* no padding: it is hashed as it lies */
};

struct source {
	UT_hash_handle hh;
	TAILQ_ENTRY(source) node; /* by the time it was touched */
	struct source_id id;
	unsigned greeting; /* connections that have not said hello */
	uint64_t penalty_until_us;
};

TAILQ_HEAD(source_queue, source);

struct sources {
	struct source *table; /* uthash */
	struct source_queue touched;
	unsigned n, max;
};

void sources_init(struct sources *ss, unsigned max);
void sources_done(struct sources *ss);

struct source_id source_id_of(const struct peer *p);

/* NULL when nothing is known of it. */
struct source *source_find(struct sources *ss, const struct source_id *id);

static inline bool source_is_punished(const struct source *s, uint64_t now_us)
{
	return s && s->penalty_until_us > now_us;
}

/* The same, made where it is not there; NULL when memory is out, or everything is in use. */
struct source *source_touch(struct sources *ss, const struct source_id *id, uint64_t now_us);

/* Adds to what it still has to wait, up to SOURCE_PENALTY_MAX_US. */
void source_punish(struct sources *ss, const struct source_id *id, uint64_t us, uint64_t now_us);

/* One connection less that has not said hello. */
void source_leave(struct sources *ss, const struct source_id *id, uint64_t now_us);

#endif
