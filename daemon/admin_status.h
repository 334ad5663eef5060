/* What the daemon does, as far as the one who asks may know. Loop thread only. */
#ifndef DAEMON_ADMIN_STATUS_H
#define DAEMON_ADMIN_STATUS_H

#include <jansson.h>

struct session;

/* Of the whole daemon; or, for who does not see all, the pools that it may use, and only what it
 * does in them itself. Members: PROTOCOL.md. NULL without memory. */
json_t *admin_status(const struct session *viewer);

#endif
