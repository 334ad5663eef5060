/* futured: reads the command line and the configuration, and runs the daemon. */
#include "common/log.h"
#include "common/util.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/environment.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sysexits.h>

enum { LISTEN_MAX = 16 };
enum { OPT_CHECK = 256, OPT_WORKER, OPT_MODULE_DIR, OPT_SESSION_FD };

struct arguments {
	struct daemon_options daemon;
	char *listen[LISTEN_MAX + 1];
	size_t nlisten;
	char *module_dir;
	bool check_only;
};

const char *argp_program_version = PACKAGE_STRING;

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0,
	 "Read FILE and FILE.d/*.conf instead of " SYSCONFDIR "/futured/futured.conf", 0},
	{"check-config", OPT_CHECK, NULL, 0,
	 "Read the configuration, say what is wrong with it, and exit", 0},
	{"listen", 'l', "URL", 0,
	 "Listen on unix:PATH, tcp://HOST:PORT or tls://HOST:PORT instead of where the "
	 "configuration says; may be "
	 "given again",
	 0},
	{"worker", OPT_WORKER, "PATH", 0,
	 "The worker program (default " PKGLIBEXECDIR "/futured-worker)", 0},
	{"module-dir", OPT_MODULE_DIR, "DIR", 0,
	 "Where modules are that the configuration names without a slash", 0},
	{"session-fd", OPT_SESSION_FD, "N", 0,
	 "Listen nowhere: serve the client at the other end of descriptor N, a connected stream "
	 "socket, and end with it",
	 0},
	{0},
};

static int parse_session_fd(const char *text, struct argp_state *state)
{
	char *end;
	long n = strtol(text, &end, 10);
	int r = *text < '0' || *text > '9' || *end || n <= STDERR_FILENO || n > INT_MAX
			? -EBADF
			: only_session_prepare((int)n);

	if (r < 0)
		argp_failure(state, EX_USAGE, -r, "--session-fd=%s", text);
	return (int)n;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'c':
		a->daemon.config_path = arg;
		return 0;
	case OPT_CHECK:
		a->check_only = true;
		return 0;
	case 'l':
		if (a->nlisten == LISTEN_MAX)
			argp_error(state, "more than %d --listen", LISTEN_MAX);
		else
			a->listen[a->nlisten++] = arg;
		return 0;
	case OPT_WORKER:
		a->daemon.worker_path = arg;
		return 0;
	case OPT_MODULE_DIR:
		free(a->module_dir);
		a->module_dir = realpath(arg, NULL); /* workers take absolute paths only */
		if (!a->module_dir)
			argp_failure(state, EX_USAGE, errno, "%s", arg);
		a->daemon.module_dir = a->module_dir;
		return 0;
	case OPT_SESSION_FD:
		a->daemon.session_fd = parse_session_fd(arg, state);
		return 0;
	case ARGP_KEY_ARG:
		argp_usage(state);
		return 0;
	case ARGP_KEY_END:
		if (a->nlisten > 0 && a->daemon.session_fd > 0)
			argp_error(state, "--session-fd listens nowhere, --listen does");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_config_error(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "futured: %s\n", message);
}

static int run(const struct arguments *a)
{
	struct config *config;
	struct daemon *d;

	if (config_load(a->daemon.config_path, a->daemon.module_dir, print_config_error, NULL,
			&config) < 0)
		return EX_CONFIG;
	if (a->check_only) {
		bool is_fine = secure_check(config, print_config_error, NULL);
		config_free(config);
		if (is_fine)
			puts("the configuration is fine");
		return is_fine ? EXIT_SUCCESS : 2;
	}
	/* Workers get the standard streams, and nothing else that is open here. */
	(void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	/* A peer that is gone is an error of a write, not the end of the daemon. */
	signal(SIGPIPE, SIG_IGN);
	if (daemon_new(&a->daemon, config, &d) < 0)
		return EXIT_FAILURE;
	int status = daemon_run(d);
	daemon_free(d);
	return status;
}

int main(int argc, char **argv)
{
	const struct argp argp = {
		options,
		parse_option,
		NULL,
		"Runs jobs that clients submit over TCP, TLS or a Unix socket on pools of threads "
		"and "
		"processes.\v"
		"SIGTERM and SIGINT drain: what runs is finished, what is queued is answered; a "
		"second one kills what runs. SIGHUP reads the configuration and the modules "
		"again.\n"
		"Exit status: 0 after a drain, and when its only session is over; 1 when it could "
		"not start, 64 when the command line has errors, 78 when the configuration has.",
		NULL,
		NULL,
		NULL,
	};
	struct arguments a = {.daemon = {.worker_path = PKGLIBEXECDIR "/futured-worker"}};

	/* Keys, sessions and other clients' jobs are in here: not for a task of the same user, nor
	 * for a core. */
	if (!environment_is_traceable())
		(void)prctl(PR_SET_DUMPABLE, 0);
	a.daemon.listen = a.listen;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	int status = run(&a);
	free(a.module_dir);
	return status;
}
