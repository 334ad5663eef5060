/* Questions to the daemon that are no jobs. */
#ifndef CLIENT_REPLY_H
#define CLIENT_REPLY_H

#include "client/executor.h"

/* The answer to the question with this nonce; the I/O thread. An unknown nonce is that of
 * somebody who waits no more. */
void reply_arrived(fut_executor *x, uint64_t nonce, bool is_pong, fut_status status,
		   struct span payload);

/* There will be no more answers. */
void reply_fail_all(fut_executor *x, fut_status status);

#endif
