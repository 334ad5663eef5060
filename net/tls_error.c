#include "net/tls_error.h"

#include <openssl/err.h>
#include <stdio.h>

void tls_error_take(char *ret, size_t size, const char *otherwise)
{
	unsigned long first = ERR_get_error();
	const char *reason = first ? ERR_reason_error_string(first) : NULL;

	if (reason)
		(void)snprintf(ret, size, "%s", reason);
	else if (first && ERR_SYSTEM_ERROR(first))
		(void)snprintf(ret, size, "system error %d", (int)ERR_GET_REASON(first));
	else
		(void)snprintf(ret, size, "%s", otherwise);
	ERR_clear_error();
}
