/*
 * The sandbox of a pool, put on by its processes.
 *
 * In two steps: the zygote confines itself, once and before it loads a module, so that no line
 * of a module ever runs outside; its hosts inherit that with the fork, and put the limits on
 * themselves, which count by process. A host costs a few system calls by it and no filter is
 * built again.
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "proto/sandbox.h"

enum { SANDBOX_REASON_MAX = 256 };

/* What the pool is to run in spite of it. Both end with NULL; absolute paths. */
struct sandbox_needs {
	const char *const *modules;
	const char *const *programs;
};

/*
 * In the zygote, which has no thread but this one. *ret_files is the rules for files, for its
 * hosts, or -1. 0; or -errno and one line that says why the pool is not to start. What the kernel
 * cannot do is a reason where the mode is strict, and a line in the log where it is not.
 */
int sandbox_enter(const struct sandbox *s, const struct sandbox_needs *needs, const char *pool,
		  int *ret_files, char reason[SANDBOX_REASON_MAX]);

/* In a host, after the fork. 0 or -errno. */
int sandbox_enter_host(const struct sandbox *s, int files);

#endif
