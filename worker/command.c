#include "worker/command.h"

#include "common/clock.h"
#include "common/name.h"
#include "common/tail.h"
#include "common/util.h"
#include "worker/process.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LOOK_MS = 50,               /* how often to look at the stop flag and the time */
	LATE_US = 250 * 1000,       /* how long after its time is over it may still run */
	GRACE_US = 2 * 1000 * 1000, /* between SIGTERM and SIGKILL */
	READ_BYTES = 64 * 1024,
	LAST_READS = 32, /* after its end: more than pipes hold, less than for ever */
};

/* ---- the declaration ------------------------------------------------------------------- */

static size_t count_strings(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\0';
	return n;
}

static void command_freep(struct command **c)
{
	command_free(*c);
}

void command_free(struct command *c)
{
	if (!c)
		return;
	free(c->argv);
	free(c->text);
	free(c);
}

static int refuse(char reason[COMMAND_REASON_MAX], int r, const char *text)
{
	(void)snprintf(reason, COMMAND_REASON_MAX, "%s", text);
	return r;
}

int command_parse(const char *text, size_t len, struct command **ret,
		  char reason[COMMAND_REASON_MAX])
{
	size_t n = count_strings(text, len);

	if (n < 2 || text[len - 1] != '\0')
		return refuse(reason, -EINVAL, "a command needs a name and a program");
	if (!name_is_valid(span_str(text)))
		return refuse(reason, -EINVAL, "this is not a name for a task");
	if (text[strlen(text) + 1] != '/')
		return refuse(reason, -EINVAL, "the program's path is not absolute");
	CLEANUP(command_freep) struct command *c = calloc(1, sizeof *c);
	if (!c)
		return refuse(reason, -ENOMEM, "out of memory");
	c->text = malloc(len);
	c->argv = calloc(n, sizeof *c->argv);
	if (!c->text || !c->argv)
		return refuse(reason, -ENOMEM, "out of memory");
	memcpy(c->text, text, len);
	c->name = c->text;
	char *at = c->text;
	for (size_t i = 0; i + 1 < n; i++) {
		at += strlen(at) + 1;
		c->argv[i] = at;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

/* ---- one run --------------------------------------------------------------------------- */

struct run {
	const struct command *command;
	struct call *call;
	struct process process;
	struct span input; /* not written yet */
	struct tail errors;
	uint64_t late_at_us; /* 0: its time is not over */
	uint64_t kill_at_us;
	bool stopped; /* on request */
	bool refused; /* it wrote too much */
};

static void run_feed(struct run *r)
{
	ssize_t n = write(r->process.in, r->input.data, r->input.len);

	if (n > 0)
		r->input = span_of((const char *)r->input.data + n, r->input.len - (size_t)n);
	/* A command need not read all of its input. */
	if (r->input.len == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		r->process.in = close_fd(r->process.in);
}

/* Reads once. False when there is nothing now; the descriptor is closed at the end. */
static bool read_some(int *fd, uint8_t *to, size_t *ret_len)
{
	if (*fd < 0)
		return false;
	ssize_t n = read(*fd, to, READ_BYTES);
	if (n > 0) {
		*ret_len = (size_t)n;
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		*fd = close_fd(*fd);
	return false;
}

static bool run_take_output(struct run *r)
{
	uint8_t some[READ_BYTES];
	size_t n;

	if (!read_some(&r->process.out, some, &n))
		return false;
	if (!r->refused && call_add(r->call, some, n) < 0) {
		r->refused = true;
		process_signal(&r->process, SIGKILL);
	}
	return true;
}

static bool run_take_errors(struct run *r)
{
	uint8_t some[READ_BYTES];
	size_t n;

	if (!read_some(&r->process.err, some, &n))
		return false;
	tail_add(&r->errors, some, n);
	return true;
}

/* The front keeps the time, and says which limit it was: only when it does not come does a
 * command end here. */
static bool run_is_late(struct run *r)
{
	if (fut_call_remaining_us(&r->call->base) != 0)
		return false;
	if (r->late_at_us == 0)
		r->late_at_us = clock_after_us(LATE_US);
	return clock_now_us() >= r->late_at_us;
}

/* Asks it to end when it is to stop or its time is over, and ends it after the grace. */
static void run_look(struct run *r)
{
	if (r->kill_at_us != CLOCK_NEVER) {
		if (clock_now_us() >= r->kill_at_us)
			process_signal(&r->process, SIGKILL);
		return;
	}
	r->stopped = call_is_stopped(r->call);
	if (!r->stopped && !run_is_late(r))
		return;
	r->kill_at_us = clock_after_us(GRACE_US);
	process_signal(&r->process, SIGTERM);
}

static void run_converse(struct run *r)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = r->process.pid_fd, .events = POLLIN},
			{.fd = r->process.in, .events = POLLOUT},
			{.fd = r->process.out, .events = POLLIN},
			{.fd = r->process.err, .events = POLLIN},
		};

		(void)poll(fds, ARRAY_LEN(fds), LOOK_MS);
		if (fds[1].revents)
			run_feed(r);
		if (fds[2].revents)
			(void)run_take_output(r);
		if (fds[3].revents)
			(void)run_take_errors(r);
		if (fds[0].revents)
			break;
		run_look(r);
	}
	/* What it wrote is in the pipes now. Their end is not waited for: a child that it left
	 * behind may hold them open. */
	for (int i = 0; i < LAST_READS && run_take_output(r); i++)
		;
	for (int i = 0; i < LAST_READS && run_take_errors(r); i++)
		;
}

static int run_fail(struct run *r, const char *text)
{
	uint8_t errors[TAIL_MAX_BYTES];
	size_t n = tail_copy(&r->errors, errors);

	return fut_call_fail(&r->call->base, r->stopped ? "Stopped" : "CommandFailed", text, errors,
			     n);
}

static int run_cannot(struct run *r, int error)
{
	char text[512];

	(void)snprintf(text, sizeof text, "cannot run %.400s: %s", r->command->argv[0],
		       strerrordesc_np(error));
	return run_fail(r, text);
}

static int run_judge(struct run *r, const siginfo_t *end)
{
	char text[256];

	if (end->si_code == CLD_EXITED && end->si_status == 0)
		return 0;
	if (end->si_code == CLD_EXITED) {
		(void)snprintf(text, sizeof text, "%s exited with status %d", r->command->name,
			       end->si_status);
		return run_fail(r, text);
	}
	const char *name = sigabbrev_np(end->si_status);
	(void)snprintf(text, sizeof text, "%s was ended by signal %d (SIG%s)", r->command->name,
		       end->si_status, name ? name : "?");
	return run_fail(r, text);
}

int command_run(const struct command *c, struct call *call)
{
	struct run r = {
		.command = c,
		.call = call,
		.input = call->payload,
		.kill_at_us = CLOCK_NEVER,
	};
	siginfo_t end;
	uint64_t cpu_ns = 0;
	int error = process_start(&r.process, c->argv);

	if (error < 0)
		return run_cannot(&r, -error);
	if (r.input.len == 0)
		r.process.in = close_fd(r.process.in);
	run_converse(&r);
	error = process_end(&r.process, &end, &cpu_ns);
	call->child_cpu_ns += cpu_ns;
	if (error < 0)
		return run_cannot(&r, -error);
	return run_judge(&r, &end);
}
