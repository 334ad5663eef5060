/* What clients make the daemon hold, and what was done about it, for the operator. */
#ifndef DAEMON_ADMIN_MEMORY_H
#define DAEMON_ADMIN_MEMORY_H

#include <jansson.h>

struct daemon;

/* The members are in PROTOCOL.md. NULL when memory is out. */
json_t *admin_memory(const struct daemon *d);

#endif
