/* futurectl status: what the daemon does, as a table or as the JSON it sends. */
#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/report.h"

#include <argp.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_US 10000000

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
		argp_error(state, "status takes no arguments");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A daemon of another version may leave a member out, or give it another type. */
static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_text(const char *text)
{
	report_text(stdout, text, strlen(text));
}

static void print_uptime(json_int_t us)
{
	json_int_t seconds = us / 1000000;

	if (seconds >= 86400)
		printf("%" PRId64 "d ", (int64_t)(seconds / 86400));
	printf("%02d:%02d:%02d", (int)(seconds / 3600 % 24), (int)(seconds / 60 % 60),
	       (int)(seconds % 60));
}

static void print_daemon(const json_t *status)
{
	const json_t *incarnation = json_object_get(status, "incarnation");

	fputs("futured ", stdout);
	print_text(text_of(status, "version"));
	if (json_is_integer(incarnation))
		printf(", incarnation %" JSON_INTEGER_FORMAT, json_integer_value(incarnation));
	else if (json_is_string(incarnation)) {
		fputs(", incarnation ", stdout);
		print_text(json_string_value(incarnation));
	}
	fputs(", up ", stdout);
	print_uptime(number_of(status, "uptime_us"));
	puts(json_is_true(json_object_get(status, "draining")) ? ", draining" : "");
	printf("sessions %" JSON_INTEGER_FORMAT ", jobs queued %" JSON_INTEGER_FORMAT
	       ", running %" JSON_INTEGER_FORMAT "\n",
	       number_of(status, "sessions"), number_of(status, "jobs_queued"),
	       number_of(status, "jobs_running"));
}

static const struct {
	const char *member, *title;
	int width;
} columns[] = {
	{"slots", "SLOTS", 6},   {"hosts", "HOSTS", 6},     {"idle", "IDLE", 6},
	{"queued", "QUEUED", 8}, {"running", "RUNNING", 8}, {"done", "DONE", 10},
	{"failed", "FAILED", 8}, {"deaths", "DEATHS", 7},
};
#define NCOLUMNS (sizeof columns / sizeof *columns)

static void print_titles(int name_width)
{
	printf("%-*s  %-9s", name_width, "POOL", "KIND");
	for (size_t i = 0; i < NCOLUMNS; i++)
		printf(" %*s", columns[i].width, columns[i].title);
	putchar('\n');
}

static void print_pool(const json_t *pool, int name_width)
{
	printf("%-*s  %-9s", name_width, text_of(pool, "name"), text_of(pool, "kind"));
	for (size_t i = 0; i < NCOLUMNS; i++)
		printf(" %*" JSON_INTEGER_FORMAT, columns[i].width,
		       number_of(pool, columns[i].member));
	putchar('\n');
}

static void print_tasks(const json_t *pool)
{
	const json_t *tasks = json_object_get(pool, "tasks");

	fputs("tasks of ", stdout);
	print_text(text_of(pool, "name"));
	putchar(':');
	for (size_t i = 0; i < json_array_size(tasks); i++) {
		const json_t *task = json_array_get(tasks, i);

		putchar(' ');
		print_text(json_is_string(task) ? json_string_value(task) : text_of(task, "name"));
	}
	putchar('\n');
}

static void print_pools(const json_t *pools)
{
	size_t n = json_array_size(pools);
	int width = (int)strlen("POOL");

	for (size_t i = 0; i < n; i++) {
		int len = (int)strlen(text_of(json_array_get(pools, i), "name"));

		width = len > width ? len : width;
	}
	putchar('\n');
	print_titles(width);
	for (size_t i = 0; i < n; i++)
		print_pool(json_array_get(pools, i), width);
	putchar('\n');
	for (size_t i = 0; i < n; i++)
		print_tasks(json_array_get(pools, i));
}

static int print_status(const char *text)
{
	json_error_t why;
	json_t *status = json_loads(text, 0, &why);

	if (!json_is_object(status)) {
		fprintf(stderr, "futurectl: status: the daemon's answer is not a JSON object\n");
		json_decref(status);
		return CTL_SYSTEM;
	}
	print_daemon(status);
	print_pools(json_object_get(status, "pools"));
	json_decref(status);
	return CTL_OK;
}

int status_run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .doc = "Shows what the daemon does."};
	bool json = false;
	fut_executor *x;
	fut_status status;
	char *text = NULL;
	int code;

	argp_parse(&argp, argc, argv, 0, NULL, &json);
	code = ctl_open_or_report(ctl, &x);
	if (code != CTL_OK)
		return code;
	status = fut_executor_status(x, TIMEOUT_US, &text);
	fut_executor_unref(x);
	if (status != FUT_OK) {
		report_error("status", status, NULL);
		return ctl_answer_code(status);
	}
	if (json)
		puts(text);
	else
		code = print_status(text);
	free(text);
	return code;
}
