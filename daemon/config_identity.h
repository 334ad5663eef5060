/* The identity sections: who may do what. */
#ifndef DAEMON_CONFIG_IDENTITY_H
#define DAEMON_CONFIG_IDENTITY_H

#include "daemon/config_file.h"

/* Users and groups are looked up now: 0 or -ENOMEM. */
int config_add_identities(struct config *c, const struct config_text *text);

void config_identities_done(struct config *c);

#endif
