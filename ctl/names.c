#include "ctl/names.h"

#include <stdio.h>
#include <string.h>

const char *name_of_executed(fut_executed executed)
{
	switch (executed) {
	case FUT_EXECUTED_NO:
		return "no";
	case FUT_EXECUTED_MAYBE:
		return "maybe";
	case FUT_EXECUTED_YES:
		return "yes";
	}
	return "unknown";
}

const char *name_of_retry(fut_retry retry)
{
	switch (retry) {
	case FUT_RETRY_NEVER:
		return "never";
	case FUT_RETRY_NOW:
		return "now";
	case FUT_RETRY_LATER:
		return "later";
	case FUT_RETRY_NEW_JOB:
		return "new_job";
	}
	return "unknown";
}

const char *name_of_signal(int number, char *scratch)
{
	const char *name = sigabbrev_np(number);

	if (name)
		snprintf(scratch, NAME_SIGNAL_SIZE, "SIG%s", name);
	else
		snprintf(scratch, NAME_SIGNAL_SIZE, "signal %d", number);
	return scratch;
}
