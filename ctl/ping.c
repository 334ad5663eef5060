/* futurectl ping: how long the daemon takes to answer. */
#include "ctl/ctl.h"
#include "ctl/report.h"
#include "ctl/wait.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT_DEFAULT 10
#define COUNT_MAX     1000000
#define TIMEOUT_US    10000000

struct times {
	uint64_t n, min_us, max_us, sum_us;
};

static const struct argp_option options[] = {
	{"count", 'c', "COUNT", 0, "How many pings to send (default: 10)", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	unsigned long *count = state->input;
	char *end;

	switch (key) {
	case 'c':
		*count = strtoul(arg, &end, 10);
		if (*arg < '0' || *arg > '9' || *end || *count == 0 || *count > COUNT_MAX)
			argp_error(state, "'%s' is not a number from 1 to %d", arg, COUNT_MAX);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "ping takes no arguments");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void add(struct times *t, uint64_t us)
{
	t->min_us = t->n == 0 || us < t->min_us ? us : t->min_us;
	t->max_us = us > t->max_us ? us : t->max_us;
	t->sum_us += us;
	t->n++;
}

static fut_status measure(fut_executor *x, unsigned long count, struct times *t)
{
	for (unsigned long i = 0; i < count && !wait_interrupted(); i++) {
		uint64_t us;
		fut_status status = fut_executor_ping(x, TIMEOUT_US, &us);

		if (status != FUT_OK)
			return status;
		add(t, us);
	}
	return FUT_OK;
}

int ping_run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {.options = options,
					 .parser = parse,
					 .doc = "Measures the time to the daemon and back."};
	unsigned long count = COUNT_DEFAULT;
	struct times t = {.n = 0};
	fut_executor *x;
	fut_status status;
	int code;

	argp_parse(&argp, argc, argv, 0, NULL, &count);
	code = ctl_open_or_report(ctl, &x);
	if (code != CTL_OK)
		return code;
	wait_catch_interrupt();
	status = measure(x, count, &t);
	ctl_close(x);
	if (status != FUT_OK)
		report_error("ping", status, NULL);
	if (t.n > 0)
		printf("%" PRIu64 " pings: min %" PRIu64 " avg %" PRIu64 " max %" PRIu64 " us\n",
		       t.n, t.min_us, t.sum_us / t.n, t.max_us);
	if (status == FUT_OK && wait_interrupted())
		return CTL_INTERRUPTED;
	return ctl_answer_code(status);
}
