/* The URL of a daemon and pool, from what the user said and what the machine has. */
#ifndef CTL_URL_H
#define CTL_URL_H

#include <stdbool.h>

/*
 * `url` may be NULL: $FUTURED_URL, else the socket of the daemon of this service, of this
 * machine, or of this user, whichever is there first; else a private daemon's if one may be
 * started, or NULL. `pool` replaces the pool in it unless NULL. The caller frees the answer.
 */
char *url_make(const char *url, const char *pool, bool may_start);

bool url_pool_is_valid(const char *name);

#endif
