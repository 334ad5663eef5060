/*
 * TLS on the daemon's side: the context of its listeners, handshakes, and how long what they
 * proved stays true.
 *
 *	accept ─▶ waits ─▶ shakes hands ─▶ ready ─▶ leaving ─▶ closed
 *	          unread,   max_handshakes  has a     goaway: no new jobs, those that
 *	          in order  at a time       name      it has are answered; drain_timeout
 *
 * A handshake costs a millisecond or two of the loop, so a turn does a few of them, and the
 * connections beyond max_handshakes are not even read until one ends; all have to be done
 * within handshake_timeout of being accepted. A session leaves when its certificate expires,
 * is revoked by what a reload reads, or when it has reached max_session_age.
 *
 * Loop thread only. The key is in memory of this process alone that no core dump has; workers
 * are other programs.
 */
#ifndef DAEMON_SECURE_H
#define DAEMON_SECURE_H

#include "daemon/timer.h"
#include "net/tls_peer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct config;
struct daemon;
struct session;
struct tls_context;

TAILQ_HEAD(secure_queue, session);

/* The daemon's. */
struct secure {
	struct tls_context *context; /* NULL: nobody speaks TLS here */
	unsigned generation;         /* of contexts */
	unsigned shaking_hands;      /* sessions */
	unsigned steps;              /* of handshakes, in this turn */
	struct secure_queue waiting; /* sessions, in the order they came */
};

/* A session's. */
struct secure_session {
	bool is_waiting, is_shaking_hands, is_reported, is_leaving;
	TAILQ_ENTRY(session) node; /* while it waits */
	struct timer timer;        /* to look whether its time is over */
	uint64_t age_end_us;
	int64_t not_after_s; /* of the certificate, in the time of day */
	unsigned generation; /* of the context that let it in, or has looked at it since */
};

/* Reads the files that the configuration names, if it does. 0, or -errno after saying why. */
int secure_init(struct daemon *d);
void secure_done(struct daemon *d);

/* Whether the files are good, and nothing else: says why not. */
bool secure_check(const struct config *c, void (*say)(void *arg, const char *message), void *arg);

/* Reads them again as another configuration says, and has everybody looked at who is here. On
 * an error everything stays as it was: -errno after saying why. */
int secure_reload(struct daemon *d, const struct config *c);

/* A session of a tls:// listener begins: it speaks nothing but TLS from its first byte on. */
int secure_begin(struct session *s);

/* Whether to read from it now; false is for this turn only. */
bool secure_may_read(struct session *s);

/* Reading failed. False when that is the end of it; else it is seen off with an alert. */
bool secure_see_off(struct session *s, int error);

/* It is being closed. */
void secure_end(struct session *s, const char *why);

/* Once per flush: ends a session that leaves and has nothing left to do. */
void secure_flush(struct session *s);

#endif
