/* The public face of proto/status.h. */
#include "proto/status.h"

#include <futured/futured.h>

const char *fut_status_text(fut_status status)
{
	return status_text(status);
}
const char *fut_status_name(fut_status status)
{
	return status_name(status);
}
fut_family fut_status_family(fut_status status)
{
	return status_family(status);
}
