/*
 * One client's conversation with the daemon.
 *
 *   OPENING   connected; only a Hello may come, and must come in time
 *   OPEN      welcomed: submits, cancels, pings
 *   CLOSING   what comes is thrown away; what is written goes out, and once the client has
 *             closed its side too, or was given time to, the socket closes
 *   DEAD      closed; freed at the end of the turn, when nobody is inside it
 *
 * Loop thread only. A session owns its socket and the table of its unanswered jobs.
 */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include "daemon/intake.h"
#include "daemon/job.h"
#include "daemon/ledger.h"
#include "daemon/output.h"
#include "daemon/secure.h"
#include "daemon/source.h"
#include "net/peer.h"
#include "net/stream.h"
#include "proto/message.h"

#include <futured/status.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct account;
struct config_identity;
struct daemon;
struct event;
struct listener;
struct pool;
struct share;
struct task;

enum session_phase { SESSION_OPENING, SESSION_OPEN, SESSION_CLOSING, SESSION_DEAD };

enum { SESSION_STARTED_MAX = 64 };

struct session {
	unsigned magic;
	LIST_ENTRY(session) node;                       /* of the daemon's live or dead ones */
	LIST_ENTRY(session) greeting_node, keeper_node; /* while it is one of them */
	TAILQ_ENTRY(session) dirty_node;                /* of those with bytes to write */
	struct daemon *daemon;
	struct pool *pool; /* since Hello */
	enum session_phase phase;
	bool dirty, write_blocked, congested, said_all;
	bool is_only;                /* of a private daemon: with the program that started it */
	bool is_greeting, is_keeper; /* in those lists of the daemon's */
	bool is_reserve;             /* beyond max_sessions: for questions only */

	struct stream stream;
	struct output output; /* of which stream.out is what is next */
	struct intake intake;
	struct ledger ledger;    /* of everything that it makes the daemon hold */
	uint64_t held_bytes;     /* of that, in buffers */
	uint64_t swept_at_bytes; /* memory.c */
	struct event *on_read, *on_write;
	struct timer phase_timer;  /* OPENING: the hello is overdue; CLOSING: its end is */
	struct timer output_timer; /* full, and takes nothing */
	uint64_t written_before;   /* bytes it had taken when the output timer was set */

	struct job **jobs; /* by the low half of their id; NULL where there is none */
	uint32_t jobs_cap;
	uint32_t njobs;
	struct job_list held; /* jobs that wait for this session to read */
	struct share *share;  /* of its jobs without a key; NULL before the first */
	struct task *task;    /* of the job before; tasks live as long as the pool */

	uint64_t started[SESSION_STARTED_MAX]; /* ids of a Started not sent yet */
	size_t nstarted;

	struct secure_session secure;
	struct tls_identity certificate; /* whom TLS has shown it to be; empty without TLS */

	uint64_t number; /* for logs */
	struct peer peer;
	struct account *account;             /* whose session it is, since Hello */
	const struct config_identity *rules; /* what it may; NULL: everything */
	bool may_run_task;                   /* the job before's */
	struct session *next_reviewed;       /* while a reload looks at all of them */
	struct source_id source;
};

LIST_HEAD(session_list, session);
TAILQ_HEAD(session_queue, session);

/* A new session on a socket, which it takes over in any case. It was accepted by `l`; NULL for
 * the only session of a private daemon. */
void session_open(struct daemon *d, const struct listener *l, int fd);

/* Ends the session now: jobs that have not started are dropped, running ones lose their
 * client. `why` is for the log. May be called from anywhere; the memory stays until the
 * end of the turn. */
void session_close(struct session *s, const char *why);
void session_free(struct session *s);

/* Reads what is there, and handles it. */
void session_read(struct session *s);

/* Gives memory back that is not used now. */
void session_trim(struct session *s);

/* The identity's account, which is charged with what the session holds as long as it is in it.
 * 0 or -ENOMEM. */
int session_join_account(struct session *s, const char *identity);
void session_leave_account(struct session *s); /* when it is in none, does nothing */

/* Says goodbye with a status (and a message), then closes when everything is written. */
void session_refuse(struct session *s, fut_status status, const struct error_info *error);

/* Nothing more comes for it: closes when everything is written. */
void session_finish(struct session *s);

/* Appends a message. A session that cannot take it is closed. */
void session_send(struct session *s, const struct message *m, struct span payload);

/* Writes what waits; called once per turn for each dirty session. */
void session_flush(struct session *s);
void session_mark_dirty(struct session *s);

/* True while it reads its results too slowly for more of its jobs to run. */
static inline bool session_is_congested(const struct session *s)
{
	return s->congested;
}

/* True when so much waits to be read that a stream of chunks is to wait, too. */
bool session_is_full(const struct session *s);

/* It has a pool: so much may wait to be read. */
void session_set_output_limit(struct session *s);

/* The place of an id in the table, or NULL when it is outside. */
struct job *session_find_job(const struct session *s, uint64_t id);
int session_add_job(struct session *s, struct job *j); /* 0 or -ENOMEM */
void session_remove_job(struct session *s, struct job *j);

/* Notes that a job runs; session_flush_started() tells the client of all of them at once. */
void session_note_started(struct session *s, uint64_t id);
void session_flush_started(struct session *s);

#endif
