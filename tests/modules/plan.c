/*
 * Tasks that do what the test planned for each of their runs, and burn as much CPU time as
 * they are told.
 */
#include "modules/input.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BIG_BYTES = 3 * 1000 * 1000, RUNS_MAX = 256 };

/* Leaves a line in the file and answers how many it has now; -1 when that is not possible. */
static int count_run(const char *path)
{
	char bytes[RUNS_MAX];
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return -1;
	ssize_t n = write(fd, "\n", 1) == 1 ? pread(fd, bytes, sizeof bytes, 0) : -1;
	(void)close(fd);
	return (int)n;
}

/* The n-th of the words, or the last one. */
static const char *word_of(char *words, int n)
{
	char *rest = words, *word = words;

	while (n-- > 0 && rest)
		word = strsep(&rest, " ");
	return word;
}

static int wait_for(struct fut_call *call, const char *path)
{
	static const struct timespec millisecond = {.tv_nsec = 1000000};

	while (access(path, F_OK) < 0) {
		if (fut_call_stopped(call))
			return input_stop(call);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &millisecond, NULL);
	}
	return 0;
}

static int return_big(struct fut_call *call, char filling)
{
	char *bytes = malloc(BIG_BYTES);
	int r = -1;

	if (bytes) {
		memset(bytes, filling, BIG_BYTES);
		r = fut_call_return(call, bytes, BIG_BYTES);
	}
	free(bytes);
	return r;
}

/* One letter of a word. */
static int take_step(struct fut_call *call, char step, const char *path)
{
	static const struct timespec nap = {.tv_nsec = 300 * 1000 * 1000};
	char attempt = (char)('0' + fut_call_attempt(call) % 10), go[PATH_MAX + 8];

	switch (step) {
	case 'b': /* a big value */
		return return_big(call, attempt);
	case 'd':
		return raise(SIGKILL);
	case 'e':
		return fut_call_emit(call, &attempt, 1);
	case 'f':
		return fut_call_fail(call, "Planned", "it failed as planned", &attempt, 1);
	case 'p':
		return fut_call_progress(call, fut_call_attempt(call), 9, NULL);
	case 's':
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
		return 0;
	case 'v': /* the attempt's number for a value */
		return fut_call_return(call, &attempt, 1);
	case 'w': /* for the test */
		(void)snprintf(go, sizeof go, "%s.go", path);
		return wait_for(call, go);
	}
	return input_refuse(call, "ValueError", "an unknown step");
}

/* "PATH WORD WORD ...": its n-th run takes the steps of the n-th word, further ones those of
 * the last. Each run leaves a line in the file. */
static int plan(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);
	char path[PATH_MAX];
	int n, r = 0;

	if (in.len == 0 || in.len >= sizeof path)
		return input_refuse(call, "ValueError", "not a plan");
	memcpy(path, in.data, in.len);
	path[in.len] = '\0';
	char *words = path;
	(void)strsep(&words, " ");
	if (!words || (n = count_run(path)) < 0)
		return input_refuse(call, "ValueError", "not a plan");
	for (const char *step = word_of(words, n); *step && r == 0; step++)
		r = take_step(call, *step, path);
	return r;
}

static uint64_t cpu_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Spends so many microseconds of its thread's CPU time. */
static int burn(struct fut_call *call)
{
	uint64_t us, began_us = cpu_us();

	if (input_u64(input_text(call), &us) < 0)
		return input_refuse(call, "ValueError", "not a time");
	while (cpu_us() - began_us < us)
		;
	return 0;
}

static const struct fut_task tasks[] = {
	{.name = "plan", .run = plan},
	{.name = "burn", .run = burn},
	{.name = NULL},
};

FUT_MODULE(.name = "plan", .tasks = tasks);
