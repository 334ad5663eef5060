/* The options with which submit and map limit their jobs. */
#ifndef CTL_LIMITS_H
#define CTL_LIMITS_H

#include <futured/futured.h>

#include <argp.h>
#include <stdint.h>

/* In microseconds; 0 is none. */
struct limits {
	uint64_t queue_us, run_us, stall_us, deadline_us;
};

/* A child parser; its input is a struct limits. */
extern const struct argp limits_argp;

/* Reads decimal seconds. A usage error ends the program. */
uint64_t limits_parse_seconds(const char *text, struct argp_state *state);

/* The description of a job for `task` with these limits. */
fut_status limits_job(const struct limits *l, const char *task, fut_job **ret);

#endif
