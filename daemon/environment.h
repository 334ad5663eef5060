/*
 * The environment that a pool's processes begin with: not the daemon's, where secrets and the
 * service manager's descriptors are, but a short list of names and what the operator adds.
 */
#ifndef DAEMON_ENVIRONMENT_H
#define DAEMON_ENVIRONMENT_H

#include <stdbool.h>

/* NAME, NAME=VALUE, or the beginning of names and a '*'. */
bool environment_is_entry(const char *text);

/*
 * What to run a worker with. The entries, which end with NULL, are besides the usual names: a NAME
 * is as the daemon has it, and so are all that a '*' stands for, but those that lead the loader
 * (LD_...), which count only by their full names. For another user the daemon's user has no part
 * in it. To be freed; the strings are the entries' and the daemon's. NULL: out of memory.
 */
char **environment_make(char *const *entries, bool for_other_user);

/* FUTURED_TRACEABLE is set, and not to nothing: debuggers may look into the daemon and its workers.
 */
bool environment_is_traceable(void);

#endif
