#include "daemon/admin.h"

#include "common/util.h"
#include "daemon/account.h"
#include "daemon/admin_identities.h"
#include "daemon/admin_jobs.h"
#include "daemon/admin_memory.h"
#include "daemon/admin_status.h"
#include "daemon/admin_why.h"
#include "daemon/audit.h"
#include "daemon/daemon.h"
#include "daemon/policy.h"
#include "daemon/reload.h"

#include <jansson.h>
#include <string.h>

/* Takes the answer over. */
static fut_status tell(json_t *answer, char **ret)
{
	*ret = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	return *ret ? FUT_OK : FUT_NO_MEMORY;
}

static fut_status on_status(struct session *s, struct span argument, char **ret)
{
	(void)argument;
	return tell(admin_status(s), ret);
}

static fut_status on_jobs(struct session *s, struct span argument, char **ret)
{
	(void)argument;
	return tell(admin_jobs(s), ret);
}

static fut_status on_why(struct session *s, struct span argument, char **ret)
{
	bool valid;
	const struct job *j = admin_find_job(s, argument, &valid);

	if (j)
		return tell(admin_why(s, j), ret);
	*ret = strdup(valid ? "the daemon has no such job: it is done, or never was"
			    : "that is no name of a job: SESSION-PLACE-GENERATION, in decimal");
	return FUT_INVALID;
}

static fut_status on_memory(struct session *s, struct span argument, char **ret)
{
	(void)argument;
	return tell(admin_memory(s->daemon), ret);
}

static fut_status on_whoami(struct session *s, struct span argument, char **ret)
{
	(void)argument;
	return tell(admin_whoami(s), ret);
}

static fut_status on_identities(struct session *s, struct span argument, char **ret)
{
	(void)argument;
	return tell(admin_identities(s), ret);
}

/* ---- reload -------------------------------------------------------------- */

static void add_error(void *arg, const char *message)
{
	/* A message may repeat what a file says, which may be anything. */
	json_t *text = json_string(message);

	json_array_append_new(arg, text ? text : json_string("a line that is not UTF-8"));
}

/* That the configuration is bad is an answer, not a failure of the question. */
static fut_status on_reload(struct session *s, struct span argument, char **ret)
{
	json_t *errors = json_array();

	(void)argument;
	bool done = daemon_reload(s->daemon, add_error, errors);
	return tell(json_pack("{s:b, s:o}", "reloaded", done, "errors", errors), ret);
}

/* ---- the table ----------------------------------------------------------- */

/* With ADMIN_NO anybody may ask, and is told of what is their own. What needs more is audited. */
static const struct {
	const char *what;
	enum config_admin needs;
	fut_status (*answer)(struct session *s, struct span argument, char **ret);
} questions[] = {
	{"status", ADMIN_NO, on_status},
	{"jobs", ADMIN_NO, on_jobs},
	{"why", ADMIN_NO, on_why},
	{"whoami", ADMIN_NO, on_whoami},
	{"identities", ADMIN_READ, on_identities},
	{"reload", ADMIN_YES, on_reload},
	{"memory", ADMIN_READ, on_memory},
};

static fut_status deny(const struct session *s, struct span what, char **ret)
{
	audit_deny(s, "admin", what);
	*ret = strdup("not permitted: it takes an identity with admin in the configuration");
	return FUT_PERMISSION_DENIED;
}

fut_status admin_answer(struct session *s, struct span what, struct span argument, char **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		if (!span_equal(what, span_str(questions[i].what)))
			continue;
		if (policy_admin(s->rules) < questions[i].needs)
			return deny(s, what, ret);
		if (questions[i].needs > ADMIN_NO)
			audit_admin(s, questions[i].what);
		return questions[i].answer(s, argument, ret);
	}
	return FUT_UNSUPPORTED;
}
