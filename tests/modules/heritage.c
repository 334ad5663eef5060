/* What init() leaves to those that are forked later: data that all hosts share, and read. */
#include <futured/task.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WORDS = 64 * 1024 };

static uint64_t words[WORDS];
static char made_for[64];
static long made_by;
static unsigned made;

static int heritage_init(const char *pool_name)
{
	uint64_t word = 1;

	for (size_t i = 0; i < WORDS; i++) {
		words[i] = word;
		word = word * 6364136223846793005u + 1442695040888963407u;
	}
	(void)snprintf(made_for, sizeof made_for, "%s", pool_name);
	made_by = getpid();
	made++;
	return 0;
}

/* "POOL TIMES PID SUM": who made it, for whom, how often; and what it adds up to. */
static int heritage(struct fut_call *call)
{
	char text[160];
	uint64_t sum = 0;

	for (size_t i = 0; i < WORDS; i++)
		sum += words[i];
	int len = snprintf(text, sizeof text, "%s %u %ld %" PRIx64, made_for, made, made_by, sum);
	return fut_call_return(call, text, (size_t)len);
}

static const struct fut_task tasks[] = {
	{.name = "heritage", .run = heritage},
	{.name = NULL},
};

FUT_MODULE(.name = "heritage", .init = heritage_init, .tasks = tasks);
