/* futurectl map: runs a task on many items, and prints a line for each. */
#include "ctl/bar.h"
#include "ctl/ctl.h"
#include "ctl/input.h"
#include "ctl/json.h"
#include "ctl/limits.h"
#include "ctl/out.h"
#include "ctl/report.h"
#include "ctl/wait.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFERSIZE_DEFAULT 1024
#define COUNT_MAX          ((size_t)1 << 30)
#define GOODBYE_WAIT_US    1000000

enum { KEY_FILE = 0x300, KEY_CHUNKSIZE, KEY_BUFFERSIZE, KEY_UNORDERED, KEY_JSON, KEY_SUMMARY };

struct map {
	/* from the command line */
	const char *task;
	fut_map_options options;
	struct limits limits;
	bool json, summary;

	/* while it runs */
	struct input input;
	struct bar bar;
	uint64_t began_us;
	uint64_t items, failed;
	int code;         /* the worst so far */
	bool on_terminal; /* results share it with the bar */
};

static const struct argp_option options[] = {
	{"file", KEY_FILE, NULL, 0, "Items are names of files; their contents are the payloads", 0},
	{"null", '0', NULL, 0, "On standard input, items end with a NUL, not a newline", 0},
	{"chunksize", KEY_CHUNKSIZE, "N", 0, "Send N items as one job; limits are for all N", 0},
	{"buffersize", KEY_BUFFERSIZE, "N", 0,
	 "At most N jobs on their way or unprinted (default: 1024)", 0},
	{"unordered", KEY_UNORDERED, NULL, 0, "Print results as they come", 0},
	{"json", KEY_JSON, NULL, 0, "Print an object on each line", 0},
	{"summary", KEY_SUMMARY, NULL, 0, "At the end, print totals on stderr", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static const char doc[] =
	"Runs TASK on each ITEM, or on each line of standard input."
	"\v"
	"Prints `VALUE  ITEM' for each item that succeeds, as sha256sum does, less a newline that "
	"ends VALUE. An ITEM with a backslash or a line break in it is escaped, and its line "
	"begins "
	"with a backslash. An item that fails is told on stderr as `ITEM: MESSAGE'; the others go "
	"on.\n\n"
	"--json prints {\"index\", \"item\", \"status\", \"value\" or \"error\"}; bytes that are "
	"not UTF-8 are in \"value_base64\". A file that cannot be read has the status UNREADABLE, "
	"and is told at once.";

static size_t parse_count(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n == 0 || n > COUNT_MAX)
		argp_error(state, "'%s' is not a number from 1 to %zu", text, COUNT_MAX);
	return n;
}

/* The first argument is the task, the rest are items. */
static void take_arguments(struct map *m, char **args, size_t n)
{
	m->task = args[0];
	m->input.args = args + 1;
	m->input.nargs = n - 1;
	m->input.from_stdin = n == 1;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct map *m = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &m->limits;
		return 0;
	case KEY_FILE:
		m->input.are_files = true;
		return 0;
	case '0':
		m->input.delimiter = '\0';
		return 0;
	case KEY_CHUNKSIZE:
		m->options.chunksize = parse_count(arg, state);
		return 0;
	case KEY_BUFFERSIZE:
		m->options.buffersize = parse_count(arg, state);
		return 0;
	case KEY_UNORDERED:
		m->options.unordered = true;
		return 0;
	case KEY_JSON:
		m->json = true;
		return 0;
	case KEY_SUMMARY:
		m->summary = true;
		return 0;
	case ARGP_KEY_ARGS:
		take_arguments(m, state->argv + state->next, (size_t)(state->argc - state->next));
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which task?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The system's failures outweigh a task's, and those a cancelled job. */
static int worse(int a, int b)
{
	static const int by_weight[] = {CTL_SYSTEM, CTL_USAGE, CTL_TASK, CTL_CALLER};

	for (size_t i = 0; i < sizeof by_weight / sizeof *by_weight; i++) {
		if (a == by_weight[i] || b == by_weight[i])
			return by_weight[i];
	}
	return CTL_OK;
}

static bool needs_escape(fut_bytes name)
{
	return memchr(name.data, '\\', name.len) || memchr(name.data, '\n', name.len) ||
	       memchr(name.data, '\r', name.len);
}

static void print_escaped(fut_bytes name)
{
	const char *p = name.data;

	for (size_t i = 0; i < name.len; i++) {
		if (p[i] == '\\')
			fputs("\\\\", stdout);
		else if (p[i] == '\n')
			fputs("\\n", stdout);
		else if (p[i] == '\r')
			fputs("\\r", stdout);
		else
			putchar(p[i]);
	}
}

static void print_value(fut_bytes value, fut_bytes name)
{
	const char *p = value.data;

	if (needs_escape(name))
		putchar('\\');
	if (value.len > 0 && p[value.len - 1] == '\n')
		value.len--;
	out_bytes(value);
	fputs("  ", stdout);
	print_escaped(name);
	putchar('\n');
}

static void print_failure(fut_bytes name, const char *message)
{
	report_text(stderr, name.data, name.len);
	fputs(": ", stderr);
	report_text(stderr, message, strlen(message));
	putc('\n', stderr);
}

static json_t *item_json(uint64_t number, fut_bytes name)
{
	json_t *object = json_pack("{s:I}", "index", (json_int_t)number);

	json_set_bytes(object, "item", name);
	return object;
}

static void on_unreadable(void *arg, uint64_t number, fut_bytes name, int error)
{
	struct map *m = arg;

	m->items++;
	m->failed++;
	m->code = worse(m->code, CTL_TASK);
	bar_hide(&m->bar);
	if (m->json) {
		json_t *object = item_json(number, name);

		json_object_set_new(object, "status", json_string("UNREADABLE"));
		json_object_set_new(object, "error",
				    json_pack("{s:s}", "message", strerror(error)));
		out_json(object);
	} else {
		print_failure(name, strerror(error));
	}
}

static void print_item(struct map *m, const fut_map_item *item)
{
	uint64_t number;
	fut_bytes name = input_name(&m->input, item->index, &number);

	if (m->on_terminal || item->status != FUT_OK)
		bar_hide(&m->bar);
	if (m->json) {
		json_t *object = item_json(number, name);

		json_set_outcome(object, item->status, item->value, item->error);
		out_json(object);
	} else if (item->status == FUT_OK) {
		print_value(item->value, name);
	} else {
		const char *message = item->error ? fut_error_message(item->error) : "";

		print_failure(name, *message ? message : fut_status_text(item->status));
	}
	input_forget(&m->input, item->index);
}

static void take_item(struct map *m, const fut_map_item *item)
{
	print_item(m, item);
	m->items++;
	if (item->status != FUT_OK) {
		m->failed++;
		m->code = worse(m->code, ctl_exit_code(item->status));
	}
}

/* Output is sent only when there is nothing else to do: a line at a time to a patient
 * reader of slow results, many at a time when results come fast. */
static fut_status next_item(struct map *m, fut_map *map, fut_map_item *ret)
{
	fut_status status = fut_map_next(map, 0, ret);

	if (status != FUT_TIMEOUT)
		return status;
	bar_show(&m->bar, m->items, input_total(&m->input), "");
	if (!out_flush())
		return FUT_TIMEOUT;
	return fut_map_next(map, wait_slice_us(WAIT_FOREVER), ret);
}

static void print_items(struct map *m, fut_map *map)
{
	fut_map_item item;
	fut_status status;

	do {
		status = next_item(m, map, &item);
		if (status == FUT_OK)
			take_item(m, &item);
		bar_show(&m->bar, m->items, input_total(&m->input), "");
	} while ((status == FUT_OK || status == FUT_TIMEOUT) && !wait_interrupted() &&
		 !out_failed());

	bar_hide(&m->bar);
	if (status != FUT_OK && status != FUT_TIMEOUT && status != FUT_END) {
		report_error(m->task, status, NULL);
		m->code = worse(m->code, ctl_exit_code(status));
	}
}

static void run_map(struct map *m, fut_executor *x)
{
	fut_error *error = NULL;
	fut_map *map;
	fut_job *job;
	uint64_t ignored;
	fut_status status = limits_job(&m->limits, m->task, &job);

	if (status == FUT_OK) {
		status = fut_map_open(x, job, input_next, &m->input, &m->options, &map, &error);
		fut_job_free(job);
	}
	if (status != FUT_OK) {
		bar_hide(&m->bar);
		report_error(m->task, status, error);
		fut_error_unref(error);
		m->code = worse(m->code, ctl_exit_code(status));
		return;
	}
	print_items(m, map);
	fut_map_close(map);

	/* The cancels of a map that ended early are on their way; the answer to a ping, which
	 * is behind them, says that they arrived. */
	if (wait_interrupted() || out_failed())
		(void)fut_executor_ping(x, GOODBYE_WAIT_US, &ignored);
}

static void print_summary(const struct map *m)
{
	double seconds = (double)(wait_now_us() - m->began_us) / 1e6;

	fprintf(stderr,
		"items %" PRIu64 ", failed %" PRIu64 ", bytes %" PRIu64
		", seconds %.3f, items/s %.1f\n",
		m->items, m->failed, m->input.bytes, seconds,
		seconds > 0 ? (double)m->items / seconds : 0.0);
}

static int map_code(struct map *m)
{
	if (wait_interrupted())
		return CTL_INTERRUPTED;
	if (m->input.error < 0) {
		fprintf(stderr, "futurectl: standard input: %s\n", strerror(-m->input.error));
		return CTL_SYSTEM;
	}
	return m->code;
}

int map_run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct argp_child children[] = {{&limits_argp, 0, NULL, 0},
						     {NULL, 0, NULL, 0}};
	static const struct argp argp = {.options = options,
					 .parser = parse,
					 .args_doc = "TASK [ITEM...]",
					 .doc = doc,
					 .children = children};
	struct map m = {.options = {.buffersize = BUFFERSIZE_DEFAULT}};
	fut_executor *x;
	int code;

	m.input.delimiter = '\n';
	m.input.on_unreadable = on_unreadable;
	m.input.arg = &m;
	m.on_terminal = isatty(STDOUT_FILENO) != 0;
	argp_parse(&argp, argc, argv, 0, NULL, &m);

	code = ctl_open_or_report(ctl, &x);
	if (code != CTL_OK)
		return code;
	wait_catch_interrupt();
	bar_init(&m.bar, isatty(STDERR_FILENO) ? BAR_TERMINAL : BAR_NONE);
	m.began_us = wait_now_us();
	run_map(&m, x);
	if (m.summary)
		print_summary(&m);
	code = map_code(&m);
	input_done(&m.input);
	ctl_close(x);
	return code;
}
