/*
 * What a session may send, and how fast: too slowly, too often, or not now.
 *
 * A frame that has begun must end: within `frame_timeout`, or as long as INTAKE_RATE_MIN of it
 * comes. So nobody makes the daemon keep half a frame for ever with a byte now and then.
 *
 * Pings, and cancels beyond a few for each job, cost the daemon something and the client nothing:
 * who sends too many is sent away. A question to the operator's interface costs the most: it is
 * charged by the time it took, and those that come too soon are answered with BUSY.
 *
 * Turns are fair: a session is read once in each, and all of what was read is handled. That is
 * STREAM_SCRATCH_BYTES for one that is alone, a few milliseconds of the smallest jobs; and
 * INTAKE_SHARE_BYTES while others are read too, so that none waits for more than a fraction of a
 * millisecond for each of the others.
 *
 * Reading pauses while there is a reason: memory is tight, the session is behind with reading its
 * own results and has sent much that waits for that, or others are shaking hands before it. Then
 * no deadline runs.
 *
 * Loop thread only. Part of a session.
 */
#ifndef DAEMON_INTAKE_H
#define DAEMON_INTAKE_H

#include "daemon/bucket.h"
#include "daemon/timer.h"

#include <stdbool.h>
#include <stdint.h>

struct session;

enum {
	INTAKE_SHARE_BYTES = 32 * 1024,
	INTAKE_ALONE_US = 10 * 1000, /* since another session was read */
	INTAKE_RATE_MIN = 1000,      /* bytes a second, of a frame that takes long */
	INTAKE_CANCELS_PER_JOB = 4,  /* each of the modes once, and one to ask what became of it */
};

/* Reasons for a pause, as bits. */
enum { INTAKE_MEMORY = 1, INTAKE_BEHIND = 2, INTAKE_TURN = 4 };

struct intake {
	unsigned paused;
	struct timer frame_timer;
	uint64_t bytes, frames;           /* that came, ever */
	uint64_t bytes_then, frames_then; /* when the timer was set */
	uint64_t spare_cancels;           /* some for each job that came */
	struct bucket pings, cancels, questions;
};

void intake_init(struct session *s);
void intake_done(struct session *s);

/* It is about to be read: sets how much of it. */
void intake_before_read(struct session *s);

/* So many bytes came, and were handled. */
void intake_after_read(struct session *s, uint64_t bytes);

void intake_pause(struct session *s, unsigned why);
void intake_resume(struct session *s, unsigned why);

/* A session that is ending is read, whatever was the matter. */
void intake_reopen(struct session *s);

/* False when there were too many. */
bool intake_takes_ping(struct session *s);
bool intake_takes_cancel(struct session *s);

/* False when they took too much time; which an answer is charged with. */
bool intake_takes_question(struct session *s);
void intake_charge_question(struct session *s, uint64_t took_us);

#endif
