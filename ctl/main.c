/*
 * futurectl: the command line of futured. Reads the global options and hands over to the
 * command, one file each.
 */
#include "ctl/ctl.h"
#include "ctl/out.h"
#include "ctl/report.h"
#include "ctl/url.h"

#include <argp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_abandoned; /* a job that is not done */

static const struct command commands[] = {
	{"submit", "run a task once and print its result", submit_run, true},
	{"map", "run a task on many items, many at a time", map_run, true},
	{"status", "show what the daemon does", status_run, false},
	{"jobs", "list what waits and what runs", jobs_run, false},
	{"why", "say why a job does not run yet", why_run, false},
	{"whoami", "say who you are to the daemon, and what you may", whoami_run, false},
	{"identities", "list who is connected, what they use and what they may", identities_run,
	 false},
	{"reload", "make the daemon read its configuration again", reload_run, false},
	{"ping", "measure the way to the daemon and back", ping_run, false},
	{"cert", "make the certificates of a first TLS set-up", cert_run, false},
	{NULL, NULL, NULL, false},
};

static const struct argp_option options[] = {
	{"url", 'u', "URL", 0,
	 "Where the daemon is: unix:/PATH?pool=NAME, tcp://HOST:PORT/NAME or "
	 "tls://HOST:PORT/NAME; local: starts one "
	 "that ends with this command (default: $FUTURED_URL, else the daemon's socket on this "
	 "machine, else local: for submit and map)",
	 0},
	{"pool", 'p', "NAME", 0, "The pool to use, instead of the one in the URL", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static const char doc[] =
	"Runs tasks on a futured daemon, and looks after it."
	"\v"
	"`futurectl COMMAND --help' tells more about a command.\n\n"
	"Exit codes:\n"
	"  0    everything succeeded\n"
	"  1    a job failed: the task's own failure, or its run or stall limit;\n"
	"       or a map could not read a file\n"
	"  2    the command line is wrong\n"
	"  3    the system failed: connection, busy, unknown task, a process died ...\n"
	"  4    the wait timed out, or the job was cancelled or killed\n"
	"  130  interrupted with Ctrl-C\n"
	"A map exits with 3 if the system failed any of its items, else with 1 if a task did.";

static const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

/* The first argument names the command; everything behind it is the command's. */
static void take_command(struct ctl *ctl, const char *name, struct argp_state *state)
{
	ctl->command = command_find(name);
	if (!ctl->command)
		argp_error(state, "there is no command '%s'", name);
	ctl->argc = state->argc - state->next + 1;
	ctl->argv = state->argv + state->next - 1;
	if (asprintf(&ctl->argv[0], "%s %s", state->name, name) < 0)
		ctl_no_memory();
	state->next = state->argc;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ctl *ctl = state->input;

	switch (key) {
	case 'u':
		ctl->url = arg;
		return 0;
	case 'p':
		if (!url_pool_is_valid(arg))
			argp_error(state, "'%s' cannot be the name of a pool", arg);
		ctl->pool = arg;
		return 0;
	case ARGP_KEY_ARG:
		take_command(ctl, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!ctl->command)
			argp_error(state, "which command?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Puts the table of commands in front of the help's last part. argp frees the answer. */
static char *help_with_commands(int key, const char *text, void *input)
{
	char *help = NULL;
	size_t len;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	out = open_memstream(&help, &len);
	if (!out)
		ctl_no_memory();
	fputs("Commands:\n", out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-10s %s\n", c->name, c->summary);
	fprintf(out, "\n%s", text);
	fclose(out);
	return help;
}

static void print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "futurectl %s\n", FUTURECTL_VERSION);
}

/*
 * A standard descriptor that is closed would be taken by the next socket, and output would
 * go there. Each is opened the wrong way round instead, so that using it fails.
 */
static void keep_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
}

int ctl_exit_code(fut_status status)
{
	if (status == FUT_INVALID)
		return CTL_USAGE;
	switch (fut_status_family(status)) {
	case FUT_FAMILY_NONE:
		return CTL_OK;
	case FUT_FAMILY_TASK:
		return CTL_TASK;
	case FUT_FAMILY_SYSTEM:
		return CTL_SYSTEM;
	case FUT_FAMILY_CALLER:
		return CTL_CALLER;
	}
	return CTL_SYSTEM;
}

int ctl_answer_code(fut_status status)
{
	return status == FUT_TIMEOUT ? CTL_SYSTEM : ctl_exit_code(status);
}

fut_status ctl_open(const struct ctl *ctl, fut_executor **ret, fut_error **reterr)
{
	char *url = url_make(ctl->url, ctl->pool, ctl->command->may_start);

	if (!url) {
		*reterr = NULL;
		return FUT_CONNECT_FAILED;
	}
	fut_status status = fut_executor_open(url, ret, reterr);
	free(url);
	return status;
}

int ctl_open_or_report(const struct ctl *ctl, fut_executor **ret)
{
	fut_error *error = NULL;
	fut_status status = ctl_open(ctl, ret, &error);

	if (status != FUT_OK && error)
		report_error(ctl->command->name, status, error);
	else if (status != FUT_OK)
		fprintf(stderr,
			"futurectl: %s: %s: no daemon is named, and none has its socket here\n"
			"hint: name it with --url or in FUTURED_URL\n",
			ctl->command->name, fut_status_name(status));
	fut_error_unref(error);
	return ctl_answer_code(status);
}

void ctl_close(fut_executor *x)
{
	if (x && fut_executor_shutdown(x, true, false, 0) == FUT_TIMEOUT)
		has_abandoned = true;
	fut_executor_unref(x);
}

void ctl_no_memory(void)
{
	fputs("futurectl: out of memory\n", stderr);
	exit(CTL_SYSTEM);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {.options = options,
					 .parser = parse,
					 .args_doc = "COMMAND [ARGUMENT...]",
					 .doc = doc,
					 .help_filter = help_with_commands};
	struct ctl ctl = {.url = NULL};
	int code;

	keep_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* else each character is a system call */
	argp_err_exit_status = CTL_USAGE;
	argp_program_version_hook = print_version;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &ctl);

	code = ctl.command->run(&ctl, ctl.argc, ctl.argv);
	free(ctl.argv[0]);
	code = out_finish(code);
	if (has_abandoned) {
		/* exit() would wait for it. */
		(void)fflush(stderr);
		_exit(code);
	}
	return code;
}
