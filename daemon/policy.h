/*
 * What a session may, as the configuration has it for its identity. Loop thread only.
 *
 * The rules of a session are a section of the configuration that is loaded, or NULL: it may do
 * everything. That is so for all without any section, and with sections for who owns the daemon:
 * root and the daemon's user over a Unix socket, unless a section names that very user, and the
 * program of a private daemon. This file is the only one that knows.
 */
#ifndef DAEMON_POLICY_H
#define DAEMON_POLICY_H

#include "common/span.h"
#include "daemon/config.h"
#include "daemon/identity.h"

#include <futured/status.h>

struct daemon;
struct job_spec;
struct pool;
struct session;

/* What somebody without a section may: nothing. */
extern const struct config_identity policy_nothing;

/* Logs that everybody may do everything, where that is so for others than a program's own daemon.
 */
void policy_warn_if_open(const struct daemon *d);

/* The rules for a session of this identity; &policy_nothing when it has none. */
const struct config_identity *policy_find(const struct config *c, const struct session *s,
					  const struct identity *who);

bool policy_may_run(const struct config_identity *rules, struct span task);
bool policy_may_use(const struct config_identity *rules, struct span pool);

enum config_admin policy_admin(const struct config_identity *rules);

/* The first pool that it may use, or NULL. */
struct pool *policy_default_pool(const struct daemon *d, const struct config_identity *rules);

/* The smaller of what everybody may and what it may. */
uint32_t policy_max_payload_bytes(const struct config *c, const struct config_identity *rules);
unsigned policy_max_inflight(const struct config *c, const struct config_identity *rules);

/* What is reached of its limits when one job more comes, as the configuration calls it, and how
 * much that is; NULL when nothing is. */
const char *policy_limit_reached(const struct session *s, uint64_t *ret_limit);

/* Takes one from its rate: false when there is none left. */
bool policy_take_rate(struct session *s);

#endif
