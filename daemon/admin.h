/* What operators ask for: the state of the daemon as a JSON text. Loop thread only. */
#ifndef DAEMON_ADMIN_H
#define DAEMON_ADMIN_H

struct daemon;

/* The caller frees it; NULL when memory is out. Members: PROTOCOL.md. */
char *admin_status_json(struct daemon *d);

#endif
