/* The pools that a configuration describes, and the commands that run on them. */
#ifndef DAEMON_CONFIG_POOL_H
#define DAEMON_CONFIG_POOL_H

#include "daemon/config_file.h"

/* The sections' pools, or the built-in two where no section is one. 0 or -ENOMEM. */
int config_add_pools(struct config *c, const struct config_text *text, const char *module_dir);

void config_pool_done(struct config_pool *pool);

#endif
