/* OpenSSL's errors as one line. The error queue is the calling thread's. */
#ifndef NET_TLS_ERROR_H
#define NET_TLS_ERROR_H

#include <stddef.h>

/* Writes what went wrong first, "certificate verify failed", and empties the queue; `otherwise`
 * when nothing is in it. */
void tls_error_take(char *ret, size_t size, const char *otherwise);

#endif
