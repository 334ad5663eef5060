/*
 * A task that is a program: declared by the administrator with a fixed argument vector.
 *
 * The payload goes to its stdin, the result is what it writes to stdout, and the end of its
 * stderr explains a failure. Never a shell, never anything from the wire in the arguments.
 * Made by the zygote; run by any slot's thread, which has no part in another's run.
 */
#ifndef WORKER_COMMAND_H
#define WORKER_COMMAND_H

#include "worker/call.h"

#include <stddef.h>

enum { COMMAND_REASON_MAX = 256 };

struct command {
	const char *name;
	char **argv; /* argv[0] is an absolute path; ends with NULL */
	char *text;  /* where they lie */
};

/* Reads a declaration: name, argv[0], argv[1], ... each ended by NUL. 0, -ENOMEM, or -EINVAL;
 * with one line that says why. */
int command_parse(const char *text, size_t len, struct command **ret,
		  char reason[COMMAND_REASON_MAX]);
void command_free(struct command *c);

/* Returns what a task's run() returns. */
int command_run(const struct command *c, struct call *call);

#endif
