/*
 * What matters to security, a line each, in a file that is only appended to, or in the log.
 *
 *   time=2026-01-31T23:59:59.000Z level=warning event=audit.deny session=7 peer=... what=task ...
 *
 *   connect    a connection            identity   who it is, and by which section
 *   deny       what was refused        admin      a question that not all may ask, or a change
 *   reload     the configuration was   submit     a job was admitted; with log_level = debug
 *
 * Values are escaped, so that a line is one event whatever a client calls itself. Of each kind
 * AUDIT_BURST may come at once and AUDIT_PER_SECOND over time; what is more is counted, and the
 * count is a line (audit.omitted) as soon as there may be one again: a flood of one kind neither
 * fills a disk nor hides another kind. Writing blocks the loop for as long as the file does.
 *
 * Loop thread only.
 */
#ifndef DAEMON_AUDIT_H
#define DAEMON_AUDIT_H

#include "common/span.h"

#include <stdint.h>

enum audit_kind {
	AUDIT_CONNECT,
	AUDIT_IDENTITY,
	AUDIT_DENY,
	AUDIT_ADMIN,
	AUDIT_RELOAD,
	AUDIT_SUBMIT,
	AUDIT_NKINDS,
};

enum { AUDIT_BURST = 100, AUDIT_PER_SECOND = 20 };

struct audit {
	int fd; /* -1: the log */
	struct {
		uint64_t paid_until_us; /* when all lines so far would have had their time */
		uint64_t omitted;       /* since the last line */
	} kinds[AUDIT_NKINDS];
};

struct daemon;
struct session;

void audit_init(struct audit *a);
/* Says what was left out, and closes the file. */
void audit_done(struct audit *a);

/* Goes on in this file, made where it is not there, or in the log (NULL). 0; or -errno after
 * reporting it, and goes on where it was. */
int audit_open(struct audit *a, const char *path);

void audit_connect(const struct session *s);
void audit_identity(const struct session *s);
void audit_submit(const struct session *s, const char *task);

/* The session was refused something of this sort, which it called so. */
void audit_deny(const struct session *s, const char *what, struct span name);

/* It asked for it, and it was done. */
void audit_admin(const struct session *s, const char *what);

/* `how` it went. */
void audit_reload(struct daemon *d, const char *how);

#endif
