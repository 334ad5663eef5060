/* Who is connected: what each identity uses, and what it may. Loop thread only. */
#ifndef DAEMON_ADMIN_IDENTITIES_H
#define DAEMON_ADMIN_IDENTITIES_H

#include <jansson.h>

enum { IDENTITIES_LISTED_MAX = 1000 };

struct session;

/* All of them, by age, and how many more there are; or the session's own. Members: PROTOCOL.md.
 * NULL without memory. */
json_t *admin_identities(const struct session *viewer);
json_t *admin_whoami(const struct session *viewer);

#endif
