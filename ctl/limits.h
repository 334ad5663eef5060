/* The options with which submit and map limit their jobs, say whose turn it is, and let them
 * run again. */
#ifndef CTL_LIMITS_H
#define CTL_LIMITS_H

#include <futured/futured.h>

#include <argp.h>
#include <stdint.h>

/* In microseconds; 0 is none. */
struct limits {
	uint64_t queue_us, run_us, stall_us, deadline_us;
	unsigned crash_retries, error_retries;
	uint64_t retry_pause_us;
	const char *unique; /* NULL: it is */
	int priority;
	const char *key; /* NULL: the session's own share */
};

/* A child parser; its input is a struct limits. */
extern const struct argp limits_argp;

/* Reads decimal seconds. A usage error ends the program. */
uint64_t limits_parse_seconds(const char *text, struct argp_state *state);

/* The description of a job for `task` with all of that. */
fut_status limits_job(const struct limits *l, const char *task, fut_job **ret);

#endif
