#include "proto/status.h"

fut_status status_from_wire(uint32_t number)
{
	switch (number) {
#define X(name, value, family, text) case value:
		FUT_STATUSES(X)
#undef X
		return (fut_status)number;
	}
	return FUT_INTERNAL;
}

const char *status_text(fut_status status)
{
	switch (status) {
#define X(name, value, family, text)                                                               \
	case FUT_##name:                                                                           \
		return text;
		FUT_STATUSES(X)
#undef X
	}
	return "unknown status";
}

const char *status_name(fut_status status)
{
	switch (status) {
#define X(name, value, family, text)                                                               \
	case FUT_##name:                                                                           \
		return #name;
		FUT_STATUSES(X)
#undef X
	}
	return "UNKNOWN";
}

fut_family status_family(fut_status status)
{
	switch (status) {
#define X(name, value, family, text)                                                               \
	case FUT_##name:                                                                           \
		return FUT_FAMILY_##family;
		FUT_STATUSES(X)
#undef X
	}
	return FUT_FAMILY_SYSTEM;
}

/* These end the same way however often the job is submitted. */
static bool is_permanent(fut_status status)
{
	return status == FUT_UNKNOWN_TASK || status == FUT_UNKNOWN_POOL ||
	       status == FUT_PAYLOAD_TOO_BIG || status == FUT_RESULT_TOO_BIG ||
	       status == FUT_UNSUPPORTED || status == FUT_PROTOCOL || status == FUT_INVALID ||
	       status == FUT_DEADLINE || status == FUT_QUARANTINED ||
	       status == FUT_PERMISSION_DENIED || status == FUT_SHUTDOWN || status == FUT_FORKED ||
	       status == FUT_WOULD_DEADLOCK;
}

fut_retry status_retry(fut_status status, fut_executed executed)
{
	if (status_family(status) == FUT_FAMILY_NONE || is_permanent(status))
		return FUT_RETRY_NEVER;
	if (executed != FUT_EXECUTED_NO)
		return FUT_RETRY_NEW_JOB;
	if (status == FUT_BUSY || status == FUT_QUOTA || status == FUT_CONNECT_FAILED ||
	    status == FUT_POOL_BROKEN || status == FUT_DRAINING || status == FUT_NO_MEMORY)
		return FUT_RETRY_LATER;
	return FUT_RETRY_NOW;
}
