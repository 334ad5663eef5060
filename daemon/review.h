/*
 * What a reload of the configuration takes away from the sessions that are open.
 *
 * Each gets the rules that its identity has now. Who has none any more, or may not use its pool, or
 * was among all others before there were sections, is sent away with a Goaway, after its jobs that
 * have not started were answered. Of the others, jobs
 * that have not started and may not run any more are answered; those that run go on, and do not run
 * again. Loop thread only.
 */
#ifndef DAEMON_REVIEW_H
#define DAEMON_REVIEW_H

struct daemon;

/* With the new configuration in place, and before the one before is freed. */
void review_sessions(struct daemon *d);

#endif
