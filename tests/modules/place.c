/*
 * Tasks that tell where they run while they run, and one that forks: for tests of who runs
 * what, and beside whom.
 */
#include "modules/input.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Says "PID TID" in a chunk, waits until the file of the payload's name is there, and returns
 * the same again. It does not wait without a payload, and not any more once it is stopped. */
static int place(struct fut_call *call)
{
	static const struct timespec millisecond = {.tv_nsec = 1000000};
	struct fut_view in = fut_call_payload(call);
	char path[PATH_MAX], where[32];
	int len = snprintf(where, sizeof where, "%d %ld", (int)getpid(), syscall(SYS_gettid));

	if (in.len >= sizeof path)
		return input_refuse(call, "ValueError", "not a path");
	memcpy(path, in.data ? in.data : "", in.len);
	path[in.len] = '\0';
	if (fut_call_emit(call, where, (size_t)len) < 0)
		return -1;
	while (in.len > 0 && access(path, F_OK) < 0) {
		if (fut_call_stopped(call))
			return input_stop(call);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &millisecond, NULL);
	}
	return fut_call_return(call, where, (size_t)len);
}

/* Forks a child that exits at once, the way the payload says, and returns its exit status. */
static int forks(struct fut_call *call)
{
	struct fut_view how = input_text(call);
	bool polite = how.len == 4 && memcmp(how.data, "exit", 4) == 0;
	char text[16];
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return input_refuse(call, "OSError", "no child");
	if (pid == 0) {
		if (polite)
			exit(0);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return input_refuse(call, "OSError", "the child is gone");
	if (!WIFEXITED(status))
		return input_refuse(call, "OSError", "the child died");
	int len = snprintf(text, sizeof text, "%d", WEXITSTATUS(status));
	return fut_call_return(call, text, (size_t)len);
}

static const struct fut_task tasks[] = {
	{.name = "place", .run = place},
	{.name = "forks", .run = forks},
	{.name = NULL},
};

FUT_MODULE(.name = "place", .tasks = tasks);
