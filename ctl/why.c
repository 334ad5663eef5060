/* futurectl why: what a job waits for. */
#include "ctl/answer.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct why {
	const char *job;
	bool json;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "Print the daemon's JSON as it is", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static const char doc[] =
	"Says why a job does not run yet, or that it does."
	"\v"
	"JOB is its name, SESSION-PLACE-GENERATION: 7-3-1. `futurectl jobs' has it, and `futurectl "
	"submit --verbose'.";

/* Three numbers; whether they are too large is for the daemon to say. */
static bool is_name(const char *text)
{
	for (int i = 0; i < 3; i++) {
		size_t n = strspn(text, "0123456789");

		if (n == 0 || text[n] != (i < 2 ? '-' : '\0'))
			return false;
		text += n + 1;
	}
	return true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct why *w = state->input;

	switch (key) {
	case 'j':
		w->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (w->job)
			argp_error(state, "one job at a time");
		if (!is_name(arg))
			argp_error(state, "'%s' is no name of a job: it is like 7-3-1", arg);
		w->job = arg;
		return 0;
	case ARGP_KEY_END:
		if (!w->job)
			argp_error(state, "which job?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int print_why(const struct ctl *ctl, char *text)
{
	json_t *answer = answer_parse(ctl, text);

	if (!answer)
		return CTL_SYSTEM;
	answer_print(answer_text(answer, "job"));
	fputs(", ", stdout);
	answer_print(answer_text(answer, "task"));
	fputs(": ", stdout);
	answer_print(answer_text(answer, "text"));
	putchar('\n');
	json_decref(answer);
	return CTL_OK;
}

int why_run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "JOB", .doc = doc};
	struct why w = {.job = NULL};
	char *text;
	int code;

	argp_parse(&argp, argc, argv, 0, NULL, &w);
	fut_status status = answer_ask(ctl, "why", w.job, &text, &code);
	if (status == FUT_INVALID) {
		fprintf(stderr,
			"futurectl: why: the daemon has no job %s: it is done, or never was\n",
			w.job);
		return CTL_SYSTEM;
	}
	if (status != FUT_OK)
		return code;
	return w.json ? answer_print_json(text) : print_why(ctl, text);
}
