/* The section `tls`: whose certificates, and how long one takes to say hello. */
#ifndef DAEMON_CONFIG_TLS_H
#define DAEMON_CONFIG_TLS_H

#include "daemon/config.h"
#include "daemon/config_file.h"

/* After the listeners: complains when one of them needs a section that is not there. 0 or
 * -ENOMEM. */
int config_add_tls(struct config *c, const struct config_text *text);
void config_tls_done(struct config_tls *t);

/* What the section says, for tls_context_new(); it borrows the paths. */
struct tls_settings config_tls_settings(const struct config_tls *t);

#endif
