/* futurectl status: what the daemon does, as a table or as the JSON it sends. */
#include "ctl/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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
	answer_print(answer_text(status, "version"));
	if (json_is_integer(incarnation))
		printf(", incarnation %" JSON_INTEGER_FORMAT, json_integer_value(incarnation));
	else if (json_is_string(incarnation)) {
		fputs(", incarnation ", stdout);
		answer_print(json_string_value(incarnation));
	}
	fputs(", up ", stdout);
	print_uptime(answer_number(status, "uptime_us"));
	puts(json_is_true(json_object_get(status, "draining")) ? ", draining" : "");
	printf("sessions %" JSON_INTEGER_FORMAT ", jobs queued %" JSON_INTEGER_FORMAT
	       ", running %" JSON_INTEGER_FORMAT "\n",
	       answer_number(status, "sessions"), answer_number(status, "jobs_queued"),
	       answer_number(status, "jobs_running"));
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
	answer_print_cell(answer_text(pool, "name"), name_width);
	printf("  %-9s", answer_text(pool, "kind"));
	for (size_t i = 0; i < NCOLUMNS; i++)
		printf(" %*" JSON_INTEGER_FORMAT, columns[i].width,
		       answer_number(pool, columns[i].member));
	putchar('\n');
}

static void print_tasks(const json_t *pool)
{
	const json_t *tasks = json_object_get(pool, "tasks");

	fputs("tasks of ", stdout);
	answer_print(answer_text(pool, "name"));
	putchar(':');
	for (size_t i = 0; i < json_array_size(tasks); i++) {
		const json_t *task = json_array_get(tasks, i);

		putchar(' ');
		answer_print(json_is_string(task) ? json_string_value(task)
						  : answer_text(task, "name"));
	}
	putchar('\n');
}

static void print_pools(const json_t *pools)
{
	size_t n = json_array_size(pools);
	int width = answer_width(pools, "name", "POOL");

	putchar('\n');
	print_titles(width);
	for (size_t i = 0; i < n; i++)
		print_pool(json_array_get(pools, i), width);
	putchar('\n');
	for (size_t i = 0; i < n; i++)
		print_tasks(json_array_get(pools, i));
}

static void print_status(const json_t *status)
{
	print_daemon(status);
	print_pools(json_object_get(status, "pools"));
}

int status_run(const struct ctl *ctl, int argc, char **argv)
{
	return answer_run(ctl, argc, argv, "Shows what the daemon does.", "status", print_status);
}
