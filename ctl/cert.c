/* futurectl cert: what a daemon and its clients need to speak TLS, in one command. */
#include "ctl/cert.h"

#include "ctl/ctl.h"

#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAYS_DEFAULT = 365, DAYS_MAX = 36500, PORT = 7311 };
enum { OPT_SERVER = 256, OPT_CLIENT, OPT_DAYS };

static const struct argp_option options[] = {
	{"server", OPT_SERVER, "NAME", 0,
	 "A name or an address that clients connect to; may be given again (default: localhost, "
	 "127.0.0.1 and ::1)",
	 0},
	{"client", OPT_CLIENT, "NAME", 0,
	 "Who may connect, known to the daemon as futured:NAME; may be given again (default: "
	 "client)",
	 0},
	{"days", OPT_DAYS, "N", 0, "How long the certificates are valid (default: 365)", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static bool is_among(const char *name, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Something that is one name to OpenSSL, and a file's. */
static bool is_name(const char *name, const char *more)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";

	for (const char *p = name; *p; p++) {
		if (!strchr(letters, *p) && !strchr(more, *p))
			return false;
	}
	return *name && *name != '-' && *name != '.';
}

static void add(struct argp_state *state, const char **names, unsigned *n, const char *name)
{
	if (is_among(name, names, *n))
		argp_error(state, "'%s' is named twice", name);
	if (*n == CERT_NAMES_MAX)
		argp_error(state, "more than %d names", CERT_NAMES_MAX);
	else
		names[(*n)++] = name;
}

static void add_client(struct cert_plan *plan, struct argp_state *state, const char *name)
{
	if (!is_name(name, "") || strlen(name) > CERT_NAME_MAX || strcmp(name, "ca") == 0 ||
	    strcmp(name, "server") == 0)
		argp_error(state, "'%s' cannot be the name of a client", name);
	add(state, plan->clients, &plan->nclients, name);
}

static int parse_days(struct argp_state *state, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < 1 || n > DAYS_MAX)
		argp_error(state, "'%s' is not a number of days from 1 to %d", text, DAYS_MAX);
	return (int)n;
}

static void add_defaults(struct cert_plan *plan)
{
	static const char *const here[] = {"localhost", "127.0.0.1", "::1"};

	if (plan->nservers == 0) {
		memcpy(plan->servers, here, sizeof here);
		plan->nservers = sizeof here / sizeof here[0];
	}
	if (plan->nclients == 0)
		plan->clients[plan->nclients++] = "client";
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct cert_plan *plan = state->input;

	switch (key) {
	case OPT_SERVER:
		if (!is_name(arg, ":"))
			argp_error(state, "'%s' is no name or address of a server", arg);
		add(state, plan->servers, &plan->nservers, arg);
		return 0;
	case OPT_CLIENT:
		add_client(plan, state, arg);
		return 0;
	case OPT_DAYS:
		plan->days = parse_days(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0 && strcmp(arg, "new") != 0)
			argp_error(state, "there is no 'cert %s'; there is 'cert new DIR'", arg);
		else if (state->arg_num == 1)
			plan->dir = arg;
		else if (state->arg_num > 1)
			argp_error(state, "one directory is enough");
		return 0;
	case ARGP_KEY_END:
		if (!plan->dir)
			argp_error(state, "where to? cert new DIR");
		add_defaults(plan);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void tell(const struct cert_plan *plan, const char *dir)
{
	bool is_v6 = strchr(plan->servers[0], ':') != NULL;

	printf("Made in %s. Keep ca.key elsewhere: whoever has it can make more clients.\n\n"
	       "In futured.conf, on the daemon's machine:\n\n"
	       "listen = {\"tls://0.0.0.0:%d\"}\n"
	       "tls {\n"
	       "  certificate = \"%s/server.crt\"\n"
	       "  key = \"%s/server.key\"\n"
	       "  ca = \"%s/ca.crt\"\n"
	       "}\n\n"
	       "The daemon's user must own server.key. Where clients are:\n",
	       dir, PORT, dir, dir, dir);
	for (unsigned i = 0; i < plan->nclients; i++)
		printf("\nFUTURED_URL='tls://%s%s%s:%d?ca=%s/ca.crt&cert=%s/%s.crt&key=%s/"
		       "%s.key'\n",
		       is_v6 ? "[" : "", plan->servers[0], is_v6 ? "]" : "", PORT, dir, dir,
		       plan->clients[i], dir, plan->clients[i]);
}

int cert_run(const struct ctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "new DIR",
		.doc = "Makes a certification authority, and certificates of a daemon and its "
		       "clients, in DIR, and says how to use them.\v"
		       "No file that exists is written to. All keys are ECDSA P-256."};
	struct cert_plan plan = {.days = DAYS_DEFAULT};
	char dir[PATH_MAX];

	(void)ctl;
	argp_parse(&argp, argc, argv, 0, NULL, &plan);
	if (!cert_make(&plan))
		return CTL_SYSTEM;
	tell(&plan, realpath(plan.dir, dir) ? dir : plan.dir);
	return CTL_OK;
}
