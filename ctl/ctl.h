/*
 * What the commands of futurectl share: the table's row, the exit codes, and the way to
 * an executor.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <futured/futured.h>

/* The exit codes are an interface: scripts decide by them what to try again. */
enum ctl_exit {
	CTL_OK = 0,            /* everything succeeded */
	CTL_TASK = 1,          /* a job failed: what ran is to blame, or an unreadable file */
	CTL_USAGE = 2,         /* the command line is wrong */
	CTL_SYSTEM = 3,        /* no connection, busy, unknown task, a process died ... */
	CTL_CALLER = 4,        /* the wait timed out, or the job was cancelled or killed */
	CTL_INTERRUPTED = 130, /* Ctrl-C, as shells say it */
};

struct ctl;

struct command {
	const char *name;
	const char *summary;
	int (*run)(const struct ctl *ctl, int argc, char **argv); /* answers an exit code */
	bool may_start; /* a private daemon does as well as one that runs */
};

struct ctl {
	const char *url;  /* NULL: see url_make() */
	const char *pool; /* NULL: what the URL says */
	const struct command *command;
	int argc; /* of the command: argv[0] is "futurectl NAME" */
	char **argv;
};

/* The exit code for a job that ended so. */
int ctl_exit_code(fut_status status);

/* Likewise for a question to the daemon. There a TIMEOUT is no impatience of the user's:
 * the daemon does not answer. */
int ctl_answer_code(fut_status status);

/* Connects to the daemon and pool of the global options. CONNECT_FAILED without an error when
 * they name none, and there is none. */
fut_status ctl_open(const struct ctl *ctl, fut_executor **ret, fut_error **reterr);

/* Likewise, but says on stderr what went wrong. Answers an exit code. */
int ctl_open_or_report(const struct ctl *ctl, fut_executor **ret);

/* Lets go of it; NULL is none. Jobs that are not done are abandoned: the daemon stops them
 * when this program has gone, which does not wait for them. */
void ctl_close(fut_executor *x);

/* Ends the program: there is no memory left to go on with. */
_Noreturn void ctl_no_memory(void);

int submit_run(const struct ctl *ctl, int argc, char **argv);
int map_run(const struct ctl *ctl, int argc, char **argv);
int status_run(const struct ctl *ctl, int argc, char **argv);
int jobs_run(const struct ctl *ctl, int argc, char **argv);
int why_run(const struct ctl *ctl, int argc, char **argv);
int whoami_run(const struct ctl *ctl, int argc, char **argv);
int identities_run(const struct ctl *ctl, int argc, char **argv);
int reload_run(const struct ctl *ctl, int argc, char **argv);
int ping_run(const struct ctl *ctl, int argc, char **argv);
int cert_run(const struct ctl *ctl, int argc, char **argv);

#endif
