/* Writes futured_errors(7), as scdoc reads it, from the table of statuses. */
#include "common/util.h"
#include "proto/status.h"

#include <stdio.h>

static const fut_status statuses[] = {
#define X(name, number, family, text) FUT_##name,
	FUT_STATUSES(X)
#undef X
};

static const struct {
	fut_family family;
	const char *heading, *text;
} families[] = {
	{FUT_FAMILY_TASK, "THE TASK FAILED", "The task's code ran, and it is what failed."},
	{FUT_FAMILY_SYSTEM, "THE SYSTEM FAILED",
	 "What carries the task failed: the daemon, a process, the network, or a limit. The "
	 "error's *executed* says whether the code ran."},
	{FUT_FAMILY_CALLER, "THE CALLER GAVE UP",
	 "The caller stopped waiting, took the job back, or asked for something that is not "
	 "valid."},
	{FUT_FAMILY_NONE, "NO FAILURE", "What functions return when nothing failed."},
};

static const char *retry_words(fut_retry retry)
{
	switch (retry) {
	case FUT_RETRY_NEVER:
		return "no: it would end in the same way";
	case FUT_RETRY_NOW:
		return "yes, at once";
	case FUT_RETRY_LATER:
		return "yes, after a pause";
	case FUT_RETRY_NEW_JOB:
		return "only if running twice does no harm";
	}
	return "";
}

/* scdoc takes underscores for markup. */
static void print_escaped(const char *text)
{
	for (; *text; text++)
		printf("%s%c", *text == '_' ? "\\" : "", *text);
}

/* What is the caller's own doing needs no advice. */
static void print_retry(fut_status status)
{
	fut_retry before = status_retry(status, FUT_EXECUTED_NO);
	fut_retry after = status_retry(status, FUT_EXECUTED_MAYBE);
	fut_family family = status_family(status);

	if (family == FUT_FAMILY_TASK)
		printf(" Submit again: %s.", retry_words(after));
	else if (family == FUT_FAMILY_SYSTEM && before == after)
		printf(" Submit again: %s.", retry_words(before));
	else if (family == FUT_FAMILY_SYSTEM)
		printf(" Submit again: %s if the code did not run; %s if it may have.",
		       retry_words(before), retry_words(after));
}

static void print_status(fut_status status)
{
	printf("*");
	print_escaped("FUT_");
	print_escaped(status_name(status));
	printf("* (%d)\n\t", (int)status);
	print_escaped(status_text(status));
	printf(".");
	print_retry(status);
	printf("\n\n");
}

int main(void)
{
	puts("futured_errors(7) \"futured\" \"futured manual\"\n\n"
	     "# NAME\n\n"
	     "futured\\_errors - how a job or a call of libfutured can fail\n\n"
	     "# DESCRIPTION\n\n"
	     "Each failure has a status, which belongs to one of three families: so a program can "
	     "tell without reading text whose failure it is (*fut\\_status\\_family*(3)). The "
	     "numbers are those of the wire, and never change.\n\n"
	     "An error says more than its status: *fut\\_error*(3) lists what. Two of its parts "
	     "tell whether it is safe to submit the job again: *executed*, whether the task's code "
	     "ran (no, maybe, yes), and *retry*, what a caller may do about it. Below is what "
	     "follows from the status and *executed*.\n");
	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		printf("# %s\n\n%s\n\n", families[f].heading, families[f].text);
		for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
			if (status_family(statuses[i]) == families[f].family)
				print_status(statuses[i]);
		}
	}
	puts("# SEE ALSO\n\n*libfutured*(3), *fut\\_error*(3)");
	return ferror(stdout) ? 1 : 0;
}
