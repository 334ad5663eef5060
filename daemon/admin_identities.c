#include "daemon/admin_identities.h"

#include "daemon/account.h"
#include "daemon/daemon.h"
#include "daemon/policy.h"

static const char *const admin_names[] = {
	[ADMIN_NO] = "no",
	[ADMIN_READ] = "read",
	[ADMIN_YES] = "yes",
};

static json_t *list_of(char *const *patterns)
{
	json_t *list = json_array();

	for (; *patterns; patterns++)
		json_array_append_new(list, json_string(*patterns));
	return list;
}

/* What it may, when that is everything. */
static char *everything[] = {(char[]){"*"}, NULL};

static json_t *may_json(const struct config *c, const struct config_identity *rules)
{
	return json_pack("{s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s}", "tasks",
			 list_of(rules ? rules->tasks : everything), "pools",
			 list_of(rules ? rules->pools : everything), "max_connections",
			 (int)(rules ? rules->max_connections : 0), "max_inflight",
			 (int)(rules ? rules->max_inflight : 0), "max_queue",
			 (int)(rules ? rules->max_queue : 0), "max_payload",
			 (int)policy_max_payload_bytes(c, rules), "rate",
			 (int)(rules ? rules->rate : 0), "burst", (int)(rules ? rules->burst : 0),
			 "priority_max", rules ? rules->priority_max : PRIORITY_MAX, "admin",
			 admin_names[policy_admin(rules)]);
}

/* The identity of the session, and the section that the session has. */
static json_t *identity_json(const struct session *s)
{
	const struct account *a = s->account;

	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:I, s:I, s:o}", "identity", a->name, "section",
			 s->rules ? s->rules->name : "", "connections", (int)a->sessions,
			 "inflight", (int)a->inflight, "queued", (int)a->queued, "payload_bytes",
			 (json_int_t)a->bytes, "held_bytes", (json_int_t)a->ledger.bytes, "may",
			 may_json(s->daemon->config, s->rules));
}

/* The youngest of its sessions: an identity without any has nothing but jobs that end. */
static const struct session *session_of(const struct daemon *d, const struct account *a)
{
	const struct session *s;

	LIST_FOREACH(s, &d->sessions, node) {
		if (s->account == a && s->phase == SESSION_OPEN)
			return s;
	}
	return NULL;
}

json_t *admin_identities(const struct session *viewer)
{
	const struct daemon *d = viewer->daemon;
	json_t *list = json_array();
	json_int_t more = 0;

	for (const struct account *a = d->accounts; a; a = a->hh.next) {
		const struct session *s = session_of(d, a);

		if (s && json_array_size(list) < IDENTITIES_LISTED_MAX)
			json_array_append_new(list, identity_json(s));
		else
			more += s != NULL;
	}
	return json_pack("{s:o, s:I}", "identities", list, "more", more);
}

json_t *admin_whoami(const struct session *viewer)
{
	return identity_json(viewer);
}
