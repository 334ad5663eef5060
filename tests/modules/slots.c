/*
 * Slots that begin and end as files in $SLOTS_DIR say: "refuse", "crash", "exit", "hang"; each
 * beginning and end leaves a line in "log" there.
 */
#include <futured/task.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Thread_local struct {
	unsigned number, begun, jobs;
} me;

static const char *path_of(const char *name, char path[PATH_MAX])
{
	const char *dir = getenv("SLOTS_DIR");

	(void)snprintf(path, PATH_MAX, "%s/%s", dir ? dir : "/nowhere", name);
	return path;
}

static bool is_there(const char *name)
{
	char path[PATH_MAX];

	return access(path_of(name, path), F_OK) == 0;
}

static void note(const char *what)
{
	char path[PATH_MAX], line[64];
	int fd = open(path_of("log", path), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	int len = snprintf(line, sizeof line, "%s %u\n", what, me.number);
	ssize_t ignored = write(fd, line, (size_t)len);
	(void)ignored;
	(void)close(fd);
}

static int slot_begins(const char *pool_name, unsigned slot)
{
	static const struct timespec millisecond = {.tv_nsec = 1000000};

	(void)pool_name;
	me.number = slot;
	me.begun++;
	note("init");
	if (is_there("crash")) {
		(void)signal(SIGSEGV, SIG_DFL);
		(void)raise(SIGSEGV);
	}
	if (is_there("exit"))
		_exit(3);
	while (is_there("hang"))
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &millisecond, NULL);
	if (!is_there("refuse"))
		return 0;
	(void)fputs("there is no licence\n", stderr);
	return -1;
}

static void slot_ends(void)
{
	note("fini");
}

/* "its number, how often it began, its jobs so far" */
static int slot(struct fut_call *call)
{
	char text[64];
	int len = snprintf(text, sizeof text, "%u %u %u", me.number, me.begun, ++me.jobs);

	return fut_call_return(call, text, (size_t)len);
}

static const struct fut_task tasks[] = {
	{.name = "slot", .run = slot},
	{.name = NULL},
};

FUT_MODULE(.name = "slots", .tasks = tasks, .slot_init = slot_begins, .slot_fini = slot_ends);
