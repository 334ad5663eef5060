/*
 * Tasks that misbehave on purpose, each in one way, for the tests of what the daemon
 * does about it; and tasks that tell where they run.
 */
#include "modules/input.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int return_i64(struct fut_call *call, int64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, n);

	return fut_call_return(call, text, (size_t)len);
}

static void write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

/* ---- dying ---- */

/* A sanitizer would report the bad write and exit; the tests want the signal. */
__attribute__((no_sanitize("address", "undefined"))) static int segv(struct fut_call *call)
{
	static const char last_words[] = "about to crash\n";
	volatile int *volatile nowhere = NULL;

	(void)call;
	write_all(STDERR_FILENO, last_words, sizeof(last_words) - 1);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)signal(SIGSEGV, SIG_DFL);
#endif
	*nowhere = 1;
	return 0;
}

static int abort_task(struct fut_call *call)
{
	(void)call;
	abort();
}

static int exit_task(struct fut_call *call)
{
	uint64_t code;

	if (input_u64(input_text(call), &code) < 0 || code > 255)
		return input_refuse(call, "ValueError", "not an exit code");
	exit((int)code);
}

static int kill_self(struct fut_call *call)
{
	(void)call;
	return raise(SIGKILL);
}

/* An echo, but for one payload. */
static int frail(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);

	if (in.len == 3 && memcmp(in.data, "die", 3) == 0)
		return kill_self(call);
	return fut_call_return(call, in.data, in.len);
}

/* ---- not coming back ---- */

static _Noreturn void wait_for_ever(void)
{
	for (;;)
		(void)pause();
}

static _Noreturn void burn_for_ever(void)
{
	for (;;)
		__asm__ volatile("");
}

static int hang(struct fut_call *call)
{
	(void)call;
	wait_for_ever();
}

static int spin(struct fut_call *call)
{
	(void)call;
	burn_for_ever();
}

static int stubborn(struct fut_call *call)
{
	(void)call;
	(void)signal(SIGTERM, SIG_IGN);
	wait_for_ever();
}

/* ---- results and failures to order ---- */

static int return_big(struct fut_call *call, struct fut_view size)
{
	uint64_t n;
	char *bytes;
	int r;

	if (input_u64(size, &n) < 0 || n >= SIZE_MAX)
		return input_refuse(call, "ValueError", "not a size");
	bytes = malloc(n + 1);
	if (!bytes)
		return input_refuse(call, "MemoryError", "no memory for the result");
	memset(bytes, 'x', n);
	r = fut_call_return(call, bytes, n);
	free(bytes);
	return r;
}

static int big(struct fut_call *call)
{
	return return_big(call, input_text(call));
}

/* "type|message|details"; what is missing is empty, and details may contain a '|'. */
static int fail(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);
	char *text = malloc(in.len + 1);
	int r;

	if (!text)
		return input_refuse(call, "MemoryError", "no memory to fail with");
	if (in.len > 0)
		memcpy(text, in.data, in.len);
	text[in.len] = '\0';

	char *rest = text, *end = text + in.len;
	const char *type = strsep(&rest, "|");
	const char *message = rest ? strsep(&rest, "|") : "";
	r = fut_call_fail(call, type, message, rest, rest ? (size_t)(end - rest) : 0);
	free(text);
	return r;
}

static int stderr_task(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);

	write_all(STDERR_FILENO, in.data, in.len);
	return fut_call_return(call, in.data, in.len);
}

/* ---- where and when am I ---- */

static int pid(struct fut_call *call)
{
	return return_i64(call, getpid());
}
static int tid(struct fut_call *call)
{
	return return_i64(call, syscall(SYS_gettid));
}
static int attempt(struct fut_call *call)
{
	return return_i64(call, fut_call_attempt(call));
}

static int remaining(struct fut_call *call)
{
	return return_i64(call, fut_call_remaining_us(call));
}

/* ---- leaving something behind ---- */

/* Keeps so many bytes, and tells who has them. */
static int keep(struct fut_call *call)
{
	static _Atomic(char *) kept; /* so that nobody calls it a leak */
	uint64_t n;

	if (input_u64(input_text(call), &n) < 0 || n == 0 || n > 1 << 30)
		return input_refuse(call, "ValueError", "not a size");
	char *bytes = malloc(n + sizeof(char *));
	if (!bytes)
		return input_refuse(call, "MemoryError", "no memory to keep");
	memset(bytes, 'k', n + sizeof(char *));
	char *before = atomic_exchange(&kept, bytes);
	memcpy(bytes, &before, sizeof before);
	return return_i64(call, getpid());
}

static int resident(struct fut_call *call)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (f) {
		if (fscanf(f, "%*d %ld", &pages) != 1)
			pages = 0;
		(void)fclose(f);
	}
	return return_i64(call, pages * sysconf(_SC_PAGESIZE));
}

/* ---- meeting the test at a file ---- */

static bool payload_path(const struct fut_call *call, char path[PATH_MAX])
{
	struct fut_view in = fut_call_payload(call);

	if (in.len == 0 || in.len >= PATH_MAX || memchr(in.data, '\0', in.len))
		return false;
	memcpy(path, in.data, in.len);
	path[in.len] = '\0';
	return true;
}

/* Leaves one line in a file. One write with O_APPEND: lines of two processes do not mix. */
static int mark(struct fut_call *call)
{
	char path[PATH_MAX], line[24];
	ssize_t written;
	int fd, len;

	if (!payload_path(call, path))
		return input_refuse(call, "ValueError", "not a path");
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return input_refuse(call, "OSError", "cannot open the file");
	len = snprintf(line, sizeof(line), "%d\n", (int)getpid());
	written = write(fd, line, (size_t)len);
	(void)close(fd);
	if (written != len)
		return input_refuse(call, "OSError", "cannot write to the file");
	return 0;
}

/* Leaves a given line in a file: "path line"; and then stays for a moment, so that a kill is
 * likely to find it between the line and the end. */
static int mark_line(struct fut_call *call)
{
	static const struct timespec moment = {.tv_nsec = 1000000};
	struct fut_view in = fut_call_payload(call);
	char text[PATH_MAX];

	if (in.len >= sizeof(text))
		return input_refuse(call, "ValueError", "too long");
	memcpy(text, in.data, in.len);
	text[in.len] = '\0';
	char *line = strchr(text, ' ');
	if (!line)
		return input_refuse(call, "ValueError", "no line");
	*line++ = '\0';
	size_t len = (size_t)(text + in.len - line);
	line[len++] = '\n'; /* instead of the NUL */
	int fd = open(text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return input_refuse(call, "OSError", "cannot open the file");
	ssize_t written = write(fd, line, len);
	(void)close(fd);
	if (written != (ssize_t)len)
		return input_refuse(call, "OSError", "cannot write to the file");
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	return 0;
}

/* Waits until the file exists. False when the job was stopped before. */
static bool wait_for_file(const struct fut_call *call, const char *path)
{
	static const struct timespec millisecond = {.tv_nsec = 1000000};

	while (access(path, F_OK) < 0) {
		if (fut_call_stopped(call))
			return false;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &millisecond, NULL);
	}
	return true;
}

static int gate(struct fut_call *call)
{
	char path[PATH_MAX];

	if (!payload_path(call, path))
		return input_refuse(call, "ValueError", "not a path");
	if (!wait_for_file(call, path))
		return input_stop(call);
	return fut_call_return(call, "open", 4);
}

/* "path n": waits for the file, and then returns n bytes. */
static int gate_big(struct fut_call *call)
{
	char text[PATH_MAX];

	if (!payload_path(call, text))
		return input_refuse(call, "ValueError", "not a path");
	char *size = strchr(text, ' ');
	if (!size)
		return input_refuse(call, "ValueError", "no size");
	*size++ = '\0';
	if (!wait_for_file(call, text))
		return input_stop(call);
	return return_big(call, (struct fut_view){size, strlen(size)});
}

static const struct fut_task tasks[] = {
	{.name = "segv", .run = segv},
	{.name = "abort", .run = abort_task},
	{.name = "exit", .run = exit_task},
	{.name = "kill_self", .run = kill_self},
	{.name = "hang", .run = hang},
	{.name = "stubborn", .run = stubborn},
	{.name = "spin", .run = spin},
	{.name = "big", .run = big},
	{.name = "fail", .run = fail},
	{.name = "stderr", .run = stderr_task},
	{.name = "pid", .run = pid},
	{.name = "tid", .run = tid},
	{.name = "attempt", .run = attempt},
	{.name = "remaining", .run = remaining},
	{.name = "keep", .run = keep},
	{.name = "resident", .run = resident},
	{.name = "mark", .run = mark},
	{.name = "mark_line", .run = mark_line},
	{.name = "frail", .run = frail},
	{.name = "gate", .run = gate},
	{.name = "gate_big", .run = gate_big},
	{.name = NULL},
};

FUT_MODULE(.name = "crash", .tasks = tasks);
