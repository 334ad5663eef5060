/*
 * The zygote: loads a pool's modules once, and forks hosts from there on request.
 *
 * Single-threaded, one per pool. It does what the front says over the control socket
 * (proto/control.h), watches its hosts, and tells the front how each one ended. It never
 * runs a task.
 */
#ifndef WORKER_ZYGOTE_H
#define WORKER_ZYGOTE_H

/* Until the front says QUIT or is gone. Returns the status to exit with. */
int zygote_run(int control_fd);

#endif
