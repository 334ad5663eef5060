/*
 * What clients ask for: one row for each kind of message, whether a client may send it or not.
 *
 * A row says when the kind may come, what it takes to be allowed it, and which limit of the
 * identity it counts against. What is not about the message but about what is in it (which task,
 * which job, which question) is decided by its handler: admission.c, the session's own table of
 * jobs, and the table of questions in admin.c.
 */
#ifndef DAEMON_REQUESTS_H
#define DAEMON_REQUESTS_H

#include "daemon/session.h"
#include "proto/frame.h"

enum request_phase {
	REQUEST_NEVER = 1, /* only the daemon says it */
	REQUEST_FIRST,     /* before Welcome */
	REQUEST_OPEN,      /* after it: so only from who was let in */
};

enum request_permission {
	MAY_TRY = 1,   /* anybody who connected; whether they are let in is the answer */
	MAY_TALK,      /* who was let in */
	MAY_OWN_JOBS,  /* likewise; about jobs of the session, and others are as if not there */
	MAY_RUN_TASKS, /* likewise; for each job, who may run its task */
	MAY_ASK,       /* likewise; for each question, who may ask it */
};

enum request_quota {
	QUOTA_NONE,
	QUOTA_CONNECTIONS, /* max_connections */
	QUOTA_JOBS,        /* each job: max_inflight, max_queue, max_payload, rate */
};

struct request_row {
	enum request_phase phase; /* 0: there is no such row */
	enum request_permission permission;
	enum request_quota quota;
	/* One of these, where a client may send it. The second decodes the message itself, and may
	 * have a payload. */
	int (*handle)(struct session *s, const struct message *m);
	int (*handle_raw)(struct session *s, struct span message, struct span payload);
};

/* NULL for a number that is no kind of message. */
const struct request_row *request_row(uint32_t kind);

/* Handles one frame. 0, or a negative number when the session was closed or refused and
 * nothing more of it is to be read. */
int request_handle(struct session *s, const struct frame *f);

#endif
