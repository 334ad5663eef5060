/*
 * A task in three stages, as most real ones are: it decodes its payload, does its work, and
 * encodes its result. The payload says in which of them it goes wrong, and how:
 *
 *	"decode segv", "run exit 7", "encode error" ...; anything else goes well
 *
 * A line end and whatever lies behind it is ballast.
 */
#include "modules/input.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct order {
	char stage[16], fault[16];
	int exit_code;
};

/* A sanitizer would report the bad write and exit; the tests want the signal. */
__attribute__((no_sanitize("address", "undefined"))) static void crash(void)
{
	volatile int *volatile nowhere = NULL;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)signal(SIGSEGV, SIG_DFL);
#endif
	*nowhere = 1;
}

/* What every stage does first. -1 when this is where it goes wrong, and it can say so. */
static int enter(struct fut_call *call, const struct order *o, const char *stage)
{
	char message[64];

	if (strcmp(o->stage, stage) != 0)
		return 0;
	if (strcmp(o->fault, "segv") == 0)
		crash();
	if (strcmp(o->fault, "exit") == 0)
		exit(o->exit_code);
	(void)snprintf(message, sizeof message, "cannot %s", stage);
	return fut_call_fail(call, "StageError", message, stage, strlen(stage));
}

static struct order read_order(const struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);
	struct order o = {.exit_code = 0};
	char line[64];
	size_t len = in.len < sizeof line - 1 ? in.len : sizeof line - 1;

	if (len > 0)
		memcpy(line, in.data, len);
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	(void)sscanf(line, "%15s %15s %d", o.stage, o.fault, &o.exit_code);
	return o;
}

static int encode(struct fut_call *call, const struct order *o)
{
	/* The first half is on its way when the second goes wrong. */
	if (fut_call_emit(call, "half of ", 8) < 0 || enter(call, o, "encode") < 0)
		return -1;
	return fut_call_return(call, "well", 4);
}

static int stages(struct fut_call *call)
{
	struct order o = read_order(call);

	if (enter(call, &o, "decode") < 0 || enter(call, &o, "run") < 0 || encode(call, &o) < 0) {
		fut_call_trace(call, FUT_TASK_FILE, __LINE__, "stages, on its way out");
		return -1;
	}
	return 0;
}

static const struct fut_task tasks[] = {
	{.name = "stages", .run = stages},
	{.name = NULL},
};

FUT_MODULE(.name = "stages", .tasks = tasks);
