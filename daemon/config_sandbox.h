/* What a pool's section says of its processes' rights, limits and environment. */
#ifndef DAEMON_CONFIG_SANDBOX_H
#define DAEMON_CONFIG_SANDBOX_H

#include "daemon/config_file.h"

struct config_pool;

/* Behind the pool's commands, which some of it is checked against. 0 or -ENOMEM. */
int config_set_sandbox(const struct config_text *text, const struct config_section *s,
		       struct config_pool *pool);

#endif
