#include "ctl/answer.h"

#include "ctl/report.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_US 10000000

fut_status answer_ask(const struct ctl *ctl, const char *what, const char *argument, char **ret,
		      int *ret_code)
{
	fut_executor *x;
	fut_status status;

	*ret_code = ctl_open_or_report(ctl, &x);
	if (*ret_code != CTL_OK)
		return FUT_CONNECT_FAILED;
	status = fut_executor_ask(x, what, argument, TIMEOUT_US, ret);
	ctl_close(x);
	*ret_code = ctl_answer_code(status);
	/* Only the caller knows what was wrong with the argument. */
	if (status != FUT_OK && status != FUT_INVALID)
		report_error(ctl->command->name, status, NULL);
	return status;
}

json_t *answer_parse(const struct ctl *ctl, char *text)
{
	json_error_t why;
	json_t *answer = json_loads(text, 0, &why);

	free(text);
	if (json_is_object(answer))
		return answer;
	fprintf(stderr, "futurectl: %s: the daemon's answer is not a JSON object\n",
		ctl->command->name);
	json_decref(answer);
	return NULL;
}

const char *answer_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "?";
}

json_int_t answer_number(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

int answer_width(const json_t *array, const char *member, const char *title)
{
	int width = (int)strlen(title);

	for (size_t i = 0; i < json_array_size(array); i++) {
		int len = (int)strlen(answer_text(json_array_get(array, i), member));

		width = len > width ? len : width;
	}
	return width;
}

void answer_print(const char *text)
{
	report_text(stdout, text, strlen(text));
}

void answer_print_cell(const char *text, int width)
{
	answer_print(text);
	printf("%*s", width - (int)strlen(text) > 0 ? width - (int)strlen(text) : 0, "");
}

int answer_print_json(char *text)
{
	puts(text);
	free(text);
	return CTL_OK;
}

/* ---- a command that asks one thing ---- */

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "Print the daemon's JSON as it is", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	(void)arg;
	switch (key) {
	case 'j':
		*json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "it takes no arguments");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

bool answer_wants_json(int argc, char **argv, const char *doc)
{
	const struct argp argp = {.options = options, .parser = parse, .doc = doc};
	bool json = false;

	argp_parse(&argp, argc, argv, 0, NULL, &json);
	return json;
}

int answer_run(const struct ctl *ctl, int argc, char **argv, const char *doc, const char *what,
	       void (*print)(const json_t *answer))
{
	bool json = answer_wants_json(argc, argv, doc);
	char *text;
	int code;

	if (answer_ask(ctl, what, NULL, &text, &code) != FUT_OK)
		return code;
	if (json)
		return answer_print_json(text);
	json_t *answer = answer_parse(ctl, text);
	if (!answer)
		return CTL_SYSTEM;
	print(answer);
	json_decref(answer);
	return CTL_OK;
}
