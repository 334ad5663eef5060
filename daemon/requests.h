/* What clients ask for: one handler per message that a client may send. */
#ifndef DAEMON_REQUESTS_H
#define DAEMON_REQUESTS_H

#include "daemon/session.h"
#include "proto/frame.h"

/* Handles one frame. 0, or a negative number when the session was closed or refused and
 * nothing more of it is to be read. */
int request_handle(struct session *s, const struct frame *f);

#endif
