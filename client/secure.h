/* TLS between an executor and its daemon: whose files, and whose name. The caller's thread. */
#ifndef CLIENT_SECURE_H
#define CLIENT_SECURE_H

#include "client/executor.h"
#include "net/url.h"

/* Puts TLS on the stream of an executor that is connected; NULL, or what is wrong. For a URL
 * without TLS it does nothing. */
fut_error *secure_begin(fut_executor *x, const struct url *u, const char *text);

/* What a connection died of, when that was TLS: for a daemon that was not reached. */
fut_error *secure_refusal(const fut_executor *x, const char *text, int r);

#endif
