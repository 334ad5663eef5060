#include "ctl/limits.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 1e12

enum {
	KEY_QUEUE = 0x100,
	KEY_RUN,
	KEY_STALL,
	KEY_DEADLINE,
	KEY_RETRIES,
	KEY_PAUSE,
	KEY_UNIQUE,
	KEY_PRIORITY,
	KEY_KEY,
};
enum { RETRIES_MAX = 100 };

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "Limits of a job:", 8},
	{"queue-limit", KEY_QUEUE, "SECONDS", 0, "Not started by then: it never runs", 0},
	{"run-limit", KEY_RUN, "SECONDS", 0, "Started, and not done by then: it is killed", 0},
	{"stall-limit", KEY_STALL, "SECONDS", 0, "No progress for so long: it is killed", 0},
	{"deadline", KEY_DEADLINE, "SECONDS", 0, "For all of it, from the submit on", 0},
	{"unique", KEY_UNIQUE, "NAME", 0,
	 "Be one run with unfinished jobs of the same task and NAME", 0},
	{NULL, 0, NULL, 0, "Whose turn it is:", 9},
	{"priority", KEY_PRIORITY, "N", 0, "-4 to 3; 0 is the normal one, a higher one goes first",
	 0},
	{"key", KEY_KEY, "NAME", 0, "Use the fair share of NAME, not one for this command", 0},
	{NULL, 0, NULL, 0, "For a job that may run twice:", 10},
	{"retries", KEY_RETRIES, "N[,M]", 0,
	 "Run it again: N times after its process died, M (or N) times after the task failed", 0},
	{"retry-pause", KEY_PAUSE, "SECONDS", 0,
	 "Wait so long before it runs again, twice as long each time (default: not at all)", 0},
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

/* Reads a number, moves *text behind it, and says what ended it. */
static char parse_count(const char **text, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(*text, &end, 10);

	if (**text < '0' || **text > '9' || n > RETRIES_MAX)
		return '?';
	*text = end;
	*ret = (unsigned)n;
	return *end;
}

static void parse_retries(struct limits *l, const char *text, struct argp_state *state)
{
	const char *at = text;
	char end = parse_count(&at, &l->crash_retries);

	l->error_retries = l->crash_retries;
	if (end == ',') {
		at++;
		end = parse_count(&at, &l->error_retries);
	}
	if (end != '\0')
		argp_error(state, "'%s' is not N or N,M with numbers up to %d", text, RETRIES_MAX);
}

static int parse_priority(const char *text, struct argp_state *state)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!*text || text[strspn(text, "-0123456789")] || *end || n < FUT_PRIORITY_MIN ||
	    n > FUT_PRIORITY_MAX)
		argp_error(state, "'%s' is not a number from %d to %d", text, FUT_PRIORITY_MIN,
			   FUT_PRIORITY_MAX);
	return (int)n;
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
	case KEY_RETRIES:
		parse_retries(l, arg, state);
		return 0;
	case KEY_PRIORITY:
		l->priority = parse_priority(arg, state);
		return 0;
	case KEY_KEY:
		l->key = arg;
		return 0;
	case KEY_UNIQUE:
		l->unique = arg;
		return 0;
	case KEY_PAUSE:
		l->retry_pause_us = limits_parse_seconds(arg, state);
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
	fut_job_set_repeatable(job, l->crash_retries, l->error_retries, l->retry_pause_us);
	status = fut_job_set_unique(job, l->unique);
	if (status == FUT_OK)
		status = fut_job_set_priority(job, l->priority);
	if (status == FUT_OK)
		status = fut_job_set_key(job, l->key);
	if (status == FUT_OK)
		*ret = job;
	else
		fut_job_free(job);
	return status;
}
