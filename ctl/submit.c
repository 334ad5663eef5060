/* futurectl submit: runs a task once, and prints what comes back. */
#include "ctl/bar.h"
#include "ctl/ctl.h"
#include "ctl/files.h"
#include "ctl/json.h"
#include "ctl/limits.h"
#include "ctl/out.h"
#include "ctl/report.h"
#include "ctl/wait.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How long an interrupted submit waits for the daemon to take the job back. */
#define CANCEL_WAIT_US 1000000

enum { KEY_FILE = 0x200, KEY_TIMEOUT, KEY_STREAM, KEY_PROGRESS, KEY_JSON };

struct submit {
	/* from the command line */
	const char *task, *data, *file;
	struct limits limits;
	bool has_timeout, stream, progress, json, verbose;
	uint64_t timeout_us;

	/* while it runs */
	fut_future *future;
	uint64_t until_us;
	struct bar bar;
	uint64_t reports_shown;
};

static const struct argp_option options[] = {
	{"file", KEY_FILE, "PATH", 0, "The payload is what the file holds", 0},
	{"timeout", KEY_TIMEOUT, "SECONDS", 0, "How long to wait; the job itself is not limited",
	 0},
	{"stream", KEY_STREAM, NULL, 0, "Print what the task emits as it comes", 0},
	{"progress", KEY_PROGRESS, NULL, 0, "Show on stderr how far the task is", 0},
	{"json", KEY_JSON, NULL, 0,
	 "Print an object with the job's name, status, value or error, and timeline", 0},
	{"verbose", 'v', NULL, 0,
	 "Tell on stderr what the daemon calls the job, and at the end where the time went", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static const char doc[] =
	"Runs TASK once and prints its result."
	"\v"
	"The payload is DATA, or what --file holds. Without both, or when DATA is `-', it is "
	"what standard input holds; nothing, when that is a terminal.\n\n"
	"--json prints {\"job\", \"status\", \"value\" or \"error\", \"timeline\"}; bytes that "
	"are not UTF-8 are in \"value_base64\", and a time that never came is null. With --stream, "
	"each chunk is an object {\"chunk\"} before it. Without a daemon that took the job, it has "
	"no name.";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct submit *s = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &s->limits;
		return 0;
	case KEY_FILE:
		s->file = arg;
		return 0;
	case KEY_TIMEOUT:
		s->timeout_us = limits_parse_seconds(arg, state);
		s->has_timeout = true;
		return 0;
	case KEY_STREAM:
		s->stream = true;
		return 0;
	case KEY_PROGRESS:
		s->progress = true;
		return 0;
	case KEY_JSON:
		s->json = true;
		return 0;
	case 'v':
		s->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "there is more than one DATA");
		*(state->arg_num == 0 ? &s->task : &s->data) = arg;
		return 0;
	case ARGP_KEY_END:
		if (!s->task)
			argp_error(state, "which task?");
		if (s->data && s->file)
			argp_error(state, "either DATA or --file");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Points *ret at the payload, which `c` may hold. Answers an exit code. */
static int read_payload(const struct submit *s, struct content *c, fut_bytes *ret)
{
	bool from_file = s->file && strcmp(s->file, "-") != 0;
	int r = 0;

	*ret = (fut_bytes){"", 0};
	if (s->data && strcmp(s->data, "-") != 0) {
		*ret = (fut_bytes){s->data, strlen(s->data)};
		return CTL_OK;
	}
	if (from_file)
		r = content_read_file(c, s->file);
	else if (s->data || s->file || !isatty(STDIN_FILENO))
		r = content_read_fd(c, STDIN_FILENO);
	if (r < 0) {
		fprintf(stderr, "futurectl: %s: %s\n", from_file ? s->file : "standard input",
			strerror(-r));
		return CTL_USAGE;
	}
	if (c->len > 0)
		*ret = (fut_bytes){c->data, c->len};
	return CTL_OK;
}

static void show_progress(struct submit *s)
{
	fut_progress_info p;

	if (!s->progress || fut_progress(s->future, &p) != FUT_OK || p.reports == s->reports_shown)
		return;
	s->reports_shown = p.reports;
	bar_show(&s->bar, p.done, p.total, p.text);
}

/* Called between slices of the wait: is it worth going on? */
static bool goes_on(struct submit *s)
{
	show_progress(s);
	return !wait_interrupted() && !out_failed() && wait_now_us() < s->until_us;
}

static void print_chunk(struct submit *s, fut_bytes chunk)
{
	bar_hide(&s->bar);
	if (s->json) {
		json_t *object = json_object();

		json_set_bytes(object, "chunk", chunk);
		out_json(object);
	} else {
		out_bytes(chunk);
	}
	out_flush();
}

static void print_stream(struct submit *s)
{
	fut_bytes chunk;
	fut_status status;

	do {
		status = fut_next_chunk(s->future, wait_slice_us(s->until_us), &chunk);
		if (status == FUT_OK)
			print_chunk(s, chunk);
	} while ((status == FUT_OK || status == FUT_TIMEOUT) && goes_on(s));
}

/* TIMEOUT is the caller's time, or its patience. */
static fut_status wait_for_result(struct submit *s, fut_bytes *ret, fut_error **reterr)
{
	fut_status status;

	for (;;) {
		status = fut_result(s->future, wait_slice_us(s->until_us), ret, reterr);
		if (status != FUT_TIMEOUT || !goes_on(s))
			return status;
		fut_error_unref(*reterr);
		*reterr = NULL;
	}
}

static int print_outcome(struct submit *s, fut_status status, fut_bytes value,
			 const fut_error *error)
{
	fut_timeline t;
	bool is_timed = s->future && fut_timeline_of(s->future, &t) == FUT_OK;

	bar_hide(&s->bar);
	if (s->json) {
		json_t *object = json_object();

		if (s->future)
			json_set_job(object, s->future);
		json_set_outcome(object, status, value, error);
		if (is_timed)
			json_set_timeline(object, &t);
		out_json(object);
	} else if (status == FUT_OK) {
		out_bytes(value);
		out_end_line();
	} else {
		out_end_line(); /* of what was streamed */
		out_flush();
		report_error(s->task, status, error);
	}
	if (s->verbose && is_timed) {
		out_flush();
		report_timeline(&t);
	}
	return s->future ? ctl_exit_code(status) : ctl_answer_code(status);
}

/* Submits, and waits for the end; the future is s->future in any case. */
static fut_status run_job(struct submit *s, fut_executor *x, fut_bytes payload, fut_bytes *ret,
			  fut_error **reterr)
{
	fut_job *job;
	fut_status status = limits_job(&s->limits, s->task, &job);

	if (status != FUT_OK)
		return status;
	status = fut_submit_job(x, job, payload.data, payload.len, &s->future, reterr);
	fut_job_free(job);
	if (status != FUT_OK)
		return status;
	if (s->verbose)
		report_job(s->future);
	if (s->stream)
		print_stream(s);
	return wait_for_result(s, ret, reterr);
}

/* Nobody waits or reads any more: a job that has not started need not run. */
static int give_up(struct submit *s)
{
	bar_hide(&s->bar);
	(void)fut_cancel(s->future, CANCEL_WAIT_US, NULL);
	return wait_interrupted() ? CTL_INTERRUPTED : CTL_SYSTEM;
}

static int run_and_print(struct submit *s, const struct ctl *ctl, fut_bytes payload)
{
	fut_executor *x = NULL;
	fut_error *error = NULL;
	fut_bytes value = {"", 0};
	fut_status status = ctl_open(ctl, &x, &error);
	int code;

	if (status == FUT_OK) {
		wait_catch_interrupt();
		if (s->has_timeout)
			s->until_us = wait_now_us() + s->timeout_us;
		status = run_job(s, x, payload, &value, &error);
	}
	if (status == FUT_TIMEOUT && s->future && (wait_interrupted() || out_failed()))
		code = give_up(s);
	else
		code = print_outcome(s, status, value, error);
	fut_error_unref(error);
	fut_future_unref(s->future);
	ctl_close(x);
	return code;
}

int submit_run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct argp_child children[] = {{&limits_argp, 0, NULL, 0},
						     {NULL, 0, NULL, 0}};
	static const struct argp argp = {.options = options,
					 .parser = parse,
					 .args_doc = "TASK [DATA]",
					 .doc = doc,
					 .children = children};
	struct submit s = {.until_us = WAIT_FOREVER};
	struct content content = {.data = NULL};
	enum bar_kind kind = isatty(STDERR_FILENO) ? BAR_TERMINAL : BAR_LINES;
	fut_bytes payload;
	int code;

	argp_parse(&argp, argc, argv, 0, NULL, &s);
	bar_init(&s.bar, s.progress ? kind : BAR_NONE);
	code = read_payload(&s, &content, &payload);
	if (code == CTL_OK)
		code = run_and_print(&s, ctl, payload);
	content_done(&content);
	return code;
}
