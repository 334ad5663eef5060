/* Another configuration for a daemon that runs: on SIGHUP, or asked for by an administrator. Loop
 * thread only. */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "daemon/config.h"

struct daemon;

/* Reads the configuration again. False when it has errors, or needs a restart: then it changes
 * nothing, and each error is in the log, and told to `on_error` if there is one. */
bool daemon_reload(struct daemon *d, config_error_fn on_error, void *arg);

#endif
