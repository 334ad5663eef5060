/* Sockets on which sessions begin. Loop thread only. */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include "daemon/timer.h"

#include <stdbool.h>
#include <sys/queue.h>

struct daemon;
struct event;

struct listener {
	LIST_ENTRY(listener) node;
	struct daemon *daemon;
	int fd;
	bool is_tls;
	char *unlink_path; /* of a Unix socket, removed at the end; or NULL */
	struct event *on_accept;
	struct timer retry_timer; /* after an accept that failed */
};

LIST_HEAD(listener_list, listener);

/* Opens one and reports it (event=listener.open). 0, or -errno after reporting that. */
int listener_open(struct daemon *d, const char *url);
void listener_close(struct listener *l);

#endif
