/*
 * The daemon behind a local: URL: started by this process for one executor, and gone with
 * it.
 *
 * It is a child, and talks over a socket pair. What ends it is the end of that socket: when
 * the executor is done, when opening it fails, and when the program exits or is killed, for
 * whatever reason. It leads a session of its own, so that a terminal's ^C reaches the
 * program alone, which decides what becomes of its jobs.
 *
 * Invariants:
 * - Everything the library opens for it is close-on-exec from the first moment, and it gets
 *   its end of the pair, its configuration and the standard streams alone. So no process but
 *   this one holds the other end, however many daemons are started at once; and a child that
 *   this process forks cannot keep it alive, because it watches this process as well.
 * - Whoever ends it waits for it, by its pidfd: the I/O thread, or the caller whose open
 *   failed. The program's SIGCHLD is not touched. A program that ignores it, or waits for
 *   any child, may have been faster: then there is nothing left to wait for.
 * - It is signalled by its pidfd only, never by a number that may be another's by now.
 */
#ifndef CLIENT_PRIVATE_DAEMON_H
#define CLIENT_PRIVATE_DAEMON_H

#include "net/url.h"

#include <futured/futured.h>

struct private_daemon {
	int pidfd; /* -1: there is none */
};

/* Starts one as the URL says, and hands out a non-blocking socket to it, on which it will
 * answer once its pools are ready. NULL, or why not. Any thread. */
fut_error *private_daemon_start(struct private_daemon *d, const struct url *u, int *ret_fd);

/* Sees its end, after its socket was closed, and kills it when that takes too long: more
 * than `patience_us`. Does nothing where there is none. */
void private_daemon_end(struct private_daemon *d, uint64_t patience_us);

#endif
