#include "daemon/policy.h"

#include "common/glob.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/account.h"
#include "daemon/daemon.h"

static char *no_patterns[] = {NULL};

const struct config_identity policy_nothing = {
	.name = (char[]){""},
	.kind = IDENTITY_CERTIFICATE,
	.tasks = no_patterns,
	.pools = no_patterns,
	.priority_max = PRIORITY_MIN,
};

/* ---- whose rules --------------------------------------------------------- */

static bool fits(const struct config_identity *section, const struct session *s,
		 const struct identity *who)
{
	switch (section->kind) {
	case IDENTITY_USER:
		return who->kind == IDENTITY_USER && who->uid == section->id;
	case IDENTITY_GROUP:
		return who->kind == IDENTITY_USER && !who->is_owner &&
		       peer_is_in_group(&s->peer, s->stream.fd, section->id);
	case IDENTITY_TCP:
		return who->kind == IDENTITY_TCP;
	case IDENTITY_CERTIFICATE:
		return who->kind == IDENTITY_CERTIFICATE && strcmp(who->name, section->name) == 0;
	}
	return false;
}

const struct config_identity *policy_find(const struct config *c, const struct session *s,
					  const struct identity *who)
{
	if (c->nidentities == 0 || s->is_only)
		return NULL;
	for (size_t i = 0; i < c->nidentities; i++) {
		if (fits(&c->identities[i], s, who))
			return &c->identities[i];
	}
	return who->is_owner ? NULL : &policy_nothing;
}

void policy_warn_if_open(const struct daemon *d)
{
	if (d->config->nidentities == 0 && !only_session_exists(d))
		log_event(LOG_WARNING, "policy.open",
			  LOG_STR("reason", "the configuration has no identity section: whoever "
					    "connects may do everything"));
}

/* ---- what they allow ----------------------------------------------------- */

static bool any_matches(char *const *patterns, struct span name)
{
	for (; *patterns; patterns++) {
		if (glob_matches(*patterns, name))
			return true;
	}
	return false;
}

bool policy_may_run(const struct config_identity *rules, struct span task)
{
	return !rules || any_matches(rules->tasks, task);
}

bool policy_may_use(const struct config_identity *rules, struct span pool)
{
	return !rules || any_matches(rules->pools, pool);
}

enum config_admin policy_admin(const struct config_identity *rules)
{
	return rules ? rules->admin : ADMIN_YES;
}

struct pool *policy_default_pool(const struct daemon *d, const struct config_identity *rules)
{
	struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		if (policy_may_use(rules, span_str(p->name)))
			return p;
	}
	return NULL;
}

uint32_t policy_max_payload_bytes(const struct config *c, const struct config_identity *rules)
{
	if (!rules || rules->max_payload_bytes == 0)
		return c->max_payload_bytes;
	return (uint32_t)min_u64(c->max_payload_bytes, rules->max_payload_bytes);
}

unsigned policy_max_inflight(const struct config *c, const struct config_identity *rules)
{
	if (!rules || rules->max_inflight == 0)
		return c->max_inflight;
	return (unsigned)min_u64(c->max_inflight, rules->max_inflight);
}

/* ---- what is used of it -------------------------------------------------- */

const char *policy_limit_reached(const struct session *s, uint64_t *ret_limit)
{
	const struct config_identity *rules = s->rules;
	const struct account *a = s->account;

	if (rules->max_inflight > 0 && a->inflight >= rules->max_inflight) {
		*ret_limit = rules->max_inflight;
		return "max_inflight";
	}
	if (rules->max_queue > 0 && a->queued >= rules->max_queue) {
		*ret_limit = rules->max_queue;
		return "max_queue";
	}
	return NULL;
}

bool policy_take_rate(struct session *s)
{
	const struct config_identity *rules = s->rules;

	return rules->interval_ns == 0 || account_take_token(s->account, s->daemon->now_us,
							     rules->interval_ns, rules->burst_ns);
}
