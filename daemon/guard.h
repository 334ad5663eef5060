/*
 * Who may come in, before anything is known of them but where they come from.
 *
 * A connection that has not said hello costs the daemon a descriptor and its patience, and
 * whoever can reach a socket can have many. So there may be `max_greeting` of them in all and
 * `max_greeting_per_source` of one source (source.h); from `greeting_drop_from` on, more and
 * more of those that come are dropped at random, so that an honest one among a flood has a
 * chance. Whoever did wrong is punished: while its source has a penalty, what comes from there
 * is dropped. A dropped connection is closed without a word, which would need memory too.
 *
 * Honest clients often come together and say hello at once: before one of them is dropped for
 * the others, those of its source are heard.
 *
 * Some places are kept for the operator: GUARD_RESERVE sessions beyond `max_sessions`, for the
 * daemon's own user and root on a Unix socket. Jobs of those are refused, questions answered.
 * And some descriptors are kept for the daemon itself: accepting pauses before they are gone.
 *
 * What strangers make the daemon log is bounded, too: guard_may_log(), which says later how many
 * lines were left out.
 *
 * Loop thread only.
 */
#ifndef DAEMON_GUARD_H
#define DAEMON_GUARD_H

#include "daemon/bucket.h"
#include "daemon/source.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct daemon;
struct session;

enum { GUARD_RESERVE = 8 };

/* What a source did. How long it is punished for is in the configuration, penalty_... */
enum guard_fault {
	GUARD_FAULT_FLOOD,    /* far more of something than anybody needs */
	GUARD_FAULT_AUTH,     /* it is not who it says, or may not come in */
	GUARD_FAULT_PROTOCOL, /* not the protocol, or broken */
	GUARD_FAULT_SILENCE,  /* no hello in time */
};

struct guard {
	struct sources sources;
	unsigned greeting; /* connections that have not said hello */
	uint64_t random;
	int fd_limit; /* descriptors from here on are the daemon's own; 0: not known */
	struct bucket lines;
	uint64_t lines_left_out;
};

/* Its random numbers come from `random`, which may be set: 0 at first. */
void guard_init(struct guard *g);
void guard_done(struct guard *g);

/* Raises the number of descriptors to what the system allows, and keeps some of them. */
void guard_raise_fd_limit(struct guard *g);

/* True when nobody may be let in for want of descriptors; `fd` is any that is open. */
bool guard_is_short_of_fds(const struct guard *g, int fd);

/* Whether one more of this source may begin to greet: NULL, or the reason why not. It is not
 * counted by this. */
const char *guard_refusal(struct guard *g, const struct config *c, const struct source_id *id,
			  uint64_t now_us);

/* The same for a connection that has just been accepted; hears those of its source where that
 * decides. When it is let in it counts as greeting, until it leaves: welcomed, or closed. */
const char *guard_let_in(struct session *s);
void guard_leave(struct session *s);

/* Holds it against the session's source. */
void guard_blame(struct session *s, enum guard_fault fault);

/* True when a line about what a stranger did may be logged now. */
bool guard_may_log(struct daemon *d);

#endif
