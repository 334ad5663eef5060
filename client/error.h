/* Errors that the library makes: from the wire, or on its own. Any thread. */
#ifndef CLIENT_ERROR_H
#define CLIENT_ERROR_H

#include "proto/error.h"

#include <futured/futured.h>

/* A copy of what the daemon said. Never NULL: without memory it is the error that says so. */
fut_error *error_from_wire(fut_status status, unsigned attempt, const struct error_info *info);

/* An error of the library's own; `message` NULL stands for the status' text, and `hint` may
 * be NULL. The detail is formatted. Never NULL. */
fut_error *error_make(fut_status status, fut_executed executed, const char *message,
		      const char *hint, const char *detail_format, ...)
	__attribute__((format(printf, 5, 6)));

/* The error that says nothing but the status. It belongs to nobody and is never freed. */
fut_error *error_plain(fut_status status);

/* Hands an error to a caller who may not want it; takes the reference. Returns its status,
 * so that a function can end with it. */
fut_status error_give(fut_error **reterr, fut_error *e);

static inline fut_status error_give_plain(fut_error **reterr, fut_status status)
{
	return error_give(reterr, error_plain(status));
}

#endif
