#include "ctl/limits.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 1e12

enum { KEY_QUEUE = 0x100, KEY_RUN, KEY_STALL, KEY_DEADLINE };

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "Limits of a job:", 8},
	{"queue-limit", KEY_QUEUE, "SECONDS", 0, "Not started by then: it never runs", 0},
	{"run-limit", KEY_RUN, "SECONDS", 0, "Started, and not done by then: it is killed", 0},
	{"stall-limit", KEY_STALL, "SECONDS", 0, "No progress for so long: it is killed", 0},
	{"deadline", KEY_DEADLINE, "SECONDS", 0, "For all of it, from the submit on", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

uint64_t limits_parse_seconds(const char *text, struct argp_state *state)
{
	char *end = NULL;
	double seconds = strtod(text, &end);
	uint64_t us;

	/* strtod also takes hexadecimal, signs and "inf". */
	if (!*text || text[strspn(text, "0123456789.")] || *end || !(seconds <= SECONDS_MAX))
		argp_error(state, "'%s' is not a number of seconds", text);
	us = (uint64_t)(seconds * 1e6 + 0.5);
	return us == 0 && seconds > 0 ? 1 : us; /* 0 would be no limit at all */
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct limits *l = state->input;

	switch (key) {
	case KEY_QUEUE:
		l->queue_us = limits_parse_seconds(arg, state);
		return 0;
	case KEY_RUN:
		l->run_us = limits_parse_seconds(arg, state);
		return 0;
	case KEY_STALL:
		l->stall_us = limits_parse_seconds(arg, state);
		return 0;
	case KEY_DEADLINE:
		l->deadline_us = limits_parse_seconds(arg, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp limits_argp = {.options = options, .parser = parse};

fut_status limits_job(const struct limits *l, const char *task, fut_job **ret)
{
	fut_job *job;
	fut_status status = fut_job_new(task, &job);

	if (status != FUT_OK)
		return status;
	fut_job_set_queue_limit(job, l->queue_us);
	fut_job_set_run_limit(job, l->run_us);
	fut_job_set_stall_limit(job, l->stall_us);
	fut_job_set_deadline(job, l->deadline_us);
	*ret = job;
	return FUT_OK;
}
