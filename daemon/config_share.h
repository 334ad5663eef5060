/* The key and task sections: how pools are shared, and what has a cap. */
#ifndef DAEMON_CONFIG_SHARE_H
#define DAEMON_CONFIG_SHARE_H

#include "daemon/config_file.h"

/* 0 or -ENOMEM. */
int config_add_shares(struct config *c, const struct config_text *text);

void config_shares_done(struct config *c);

#endif
