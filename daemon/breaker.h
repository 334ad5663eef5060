/*
 * When a pool must stop starting hosts, and when it may try again.
 *
 *   CLOSED → OPEN    so many starts failed in a row, or so many hosts died within a window
 *   OPEN → CLOSED    a host came up; where hosts were dying, after the pause
 *
 * A start that fails while it is closed is tried again after a moment, longer each time. Open,
 * it allows one attempt after each pause; the pause doubles when the attempt fails, or when it
 * has to open again soon after it closed.
 *
 * Knows no pool, no host and no clock: it is told what happened, and when.
 */
#ifndef DAEMON_BREAKER_H
#define DAEMON_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BREAKER_START_FAILURES = 5,              /* in a row */
	BREAKER_MOMENT_US = 10 * 1000,           /* after the first of them; doubled for each */
	BREAKER_PAUSE_MAX_US = 30 * 1000 * 1000, /* or the first pause, should that be longer */
	BREAKER_REASON_MAX = 512,
};

struct breaker_limits {
	unsigned crashes; /* 0: any number */
	uint64_t window_us, pause_us;
};

struct breaker {
	struct breaker_limits limits;
	bool open;
	bool by_crashes;   /* it is what opened it */
	unsigned failures; /* starts in a row */
	uint64_t retry_at_us;
	uint64_t pause_us;       /* the one that was last */
	uint64_t closed_at_us;   /* after it had been open; 0: never */
	uint64_t *crashed_at_us; /* the latest `crashes` of them, in a circle */
	uint64_t ncrashes;
	char reason[BREAKER_REASON_MAX]; /* of the last failure or crash; "" before one */
};

/* Closed, and without a past. 0, or -ENOMEM: then crashes are not counted. */
int breaker_init(struct breaker *b, const struct breaker_limits *limits);
void breaker_done(struct breaker *b);

/* What happened. True when it opened by it. */
bool breaker_start_failed(struct breaker *b, uint64_t now_us, const char *reason);
bool breaker_crashed(struct breaker *b, uint64_t now_us, const char *how);

/* A host came up. True when it closed by it. */
bool breaker_started(struct breaker *b, uint64_t now_us);

/* Closes it without a new host, where those that are up are enough. */
void breaker_close(struct breaker *b, uint64_t now_us);

/* Microseconds until a start may be tried: 0 when one may now. */
uint64_t breaker_wait_us(const struct breaker *b, uint64_t now_us);

/* True while starts go well: several may be under way at once. */
static inline bool breaker_is_calm(const struct breaker *b)
{
	return !b->open && b->failures == 0;
}

#endif
