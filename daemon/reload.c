#include "daemon/reload.h"

#include "common/log.h"
#include "daemon/daemon.h"
#include "daemon/policy.h"
#include "daemon/review.h"

#include <string.h>

struct listener_of_errors {
	config_error_fn on_error; /* may be NULL */
	void *arg;
};

static void report_config_error(void *arg, const char *message)
{
	const struct listener_of_errors *also = arg;

	log_event(LOG_ERROR, "config.error", LOG_STR("message", message));
	if (also->on_error)
		also->on_error(also->arg, message);
}

static const struct config_pool *find_config_pool(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->npools; i++) {
		if (strcmp(c->pools[i].name, name) == 0)
			return &c->pools[i];
	}
	return NULL;
}

/* Pools come and go only with a restart; those that stay load their modules anew. */
static bool pools_match(const struct daemon *d, const struct config *c)
{
	const struct pool *p;

	TAILQ_FOREACH(p, &d->pools, node) {
		const struct config_pool *cp = find_config_pool(c, p->name);
		if (!cp || cp->kind != p->config->kind)
			return false;
	}
	return c->npools == d->config->npools;
}

/* What only a start can change. */
static bool needs_restart(const struct daemon *d, const struct config *c)
{
	return !pools_match(d, c) || c->max_payload_bytes != d->config->max_payload_bytes ||
	       c->max_result_bytes != d->config->max_result_bytes;
}

/* Takes the configuration over in any case. */
static bool change_config(struct daemon *d, struct config *c, struct listener_of_errors *also)
{
	struct config *before = d->config;
	const char *fault = NULL;
	struct pool *p;

	if (needs_restart(d, c))
		fault = "other pools or payload limits need a restart";
	else if (audit_open(&d->audit, c->audit_path) < 0)
		fault = "the audit log cannot be opened";
	else if (secure_reload(d, c) < 0)
		fault = "the certificates cannot be used";
	if (fault) {
		log_event(LOG_ERROR, "daemon.reload_failed", LOG_STR("reason", fault));
		if (also->on_error)
			also->on_error(also->arg, fault);
		config_free(c);
		return false;
	}
	d->config = c;
	memory_configure(d);
	log_set_level(c->log_level);
	TAILQ_FOREACH(p, &d->pools, node)
		pool_reload(p, find_config_pool(c, p->name));
	review_sessions(d);
	config_free(before);
	policy_warn_if_open(d);
	log_event(LOG_INFO, "daemon.reload");
	return true;
}

bool daemon_reload(struct daemon *d, config_error_fn on_error, void *arg)
{
	struct listener_of_errors also = {on_error, arg};
	struct config *c;
	bool done = false;

	if (d->phase != DAEMON_RUNNING)
		return false;
	if (config_load(d->options->config_path, d->options->module_dir, report_config_error, &also,
			&c) < 0)
		log_event(LOG_ERROR, "daemon.reload_failed",
			  LOG_STR("reason", "the configuration has errors"));
	else
		done = change_config(d, c, &also);
	audit_reload(d, done ? "done" : "failed");
	return done;
}
