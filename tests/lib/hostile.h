/*
 * The frame of a hostile case: a daemon, an enemy who does something to it, and a witness.
 *
 * While the enemy does it the witness, another session that was there before, is served: a ping
 * and a job within HOSTILE_SERVED_MS. That is measured as the best of some tries, since any one
 * of them may meet a machine that does something else; each try has the bound of every wait. In
 * the end nothing may be left of the enemy: no session, no job, no byte in a ledger, no
 * descriptor. The daemon itself asserts that a session's ledger is 0 when it closes, and its own
 * when it ends.
 *
 * One test at a time; each starts its own.
 */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include "common/util.h"
#include "tests/lib/tdaemon.h"
#include "tests/lib/trun.h"
#include "tests/lib/twire.h"

enum { HOSTILE_SERVED_MS = 50, HOSTILE_TRANSPORTS = 2 };

extern struct tdaemon *hostile_daemon;

/* Small limits, short patience, no penalties, a pool `p` of threads. `more` comes before it. */
void hostile_start(const char *more);

/* Another configuration. */
void hostile_start_with(const char *config);

/* An enemy, by the number of its transport: nothing is said yet; or it has a session. */
struct tw *hostile_connect(int transport);
struct tw *hostile_open(int transport);

/* The witness is served while this goes on. */
void hostile_check_served(const char *what);

/* Says what was put, and expects a goaway of this status, or (0) nothing but the end. Then the
 * enemy is gone, and the witness served. */
void hostile_expect_refusal(struct tw *enemy, uint32_t status, const char *what);

/* A job is refused before it ran, in a session that goes on. */
void hostile_expect_refused_job(struct tw *enemy, uint64_t id, uint32_t status, const char *what);

/* Nothing is left; the daemon ends well. */
void hostile_stop(void);

/* For tables: the bytes and their number. */
#define BYTES_OF(s) (s), sizeof(s) - 1

/* Adds a case for each transport. */
#define hostile_add(tc, test) tcase_add_loop_test((tc), test, 0, HOSTILE_TRANSPORTS)

#endif
