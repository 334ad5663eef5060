/*
 * Runs test programs again and again, each time with another call failing: see interpose.c.
 *
 *	run INTERPOSER MOST PROGRAM RANGES [PROGRAM RANGES]...
 *
 * MOST is how many calls of a program are made to fail, spread over all of them; each fails once
 * by itself, and once together with all that follow. A test may fail then: what it asked for was
 * refused. It may not crash in the product, not go on for ever, and, where it passed, not keep
 * more memory than it does when nothing fails. Speaks TAP, a case for each program.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_S = 60, SHOWN_MAX = 10 };

struct outcome {
	unsigned long calls, live;
	char verdict; /* of the interposer; 'h': it went on for ever; 'k': it said nothing */
	char name[64];
	int status; /* as wait() says it */
};

static const char *interposer;

static void set_number(const char *name, unsigned long n)
{
	char text[32];

	snprintf(text, sizeof text, "%lu", n);
	setenv(name, text, 1);
}

static _Noreturn void become(const char *program, const char *ranges, unsigned long at, bool sticky,
			     int report_fd)
{
	int null = open("/dev/null", O_RDWR);

	(void)setpgid(0, 0);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	set_number("TORTURE_AT", at);
	set_number("TORTURE_STICKY", sticky);
	set_number("TORTURE_REPORT", (unsigned long)report_fd);
	setenv("TORTURE_RANGES", ranges, 1);
	setenv("LD_PRELOAD", interposer, 1);
	setenv("CK_FORK", "no", 1);
	setenv("FUTURED_TEST_SEED", "1", 1);
	execl(program, program, (char *)NULL);
	_exit(127);
}

static struct outcome run(const char *program, const char *ranges, unsigned long at, bool sticky)
{
	struct outcome o = {.verdict = 'k'};
	char line[256] = "";
	int fds[2];

	if (pipe(fds) < 0) {
		perror("pipe");
		exit(2);
	}
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		become(program, ranges, at, sticky, fds[1]);
	}
	(void)close(fds[1]);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	if (poll(&p, 1, LIMIT_S * 1000) == 0)
		o.verdict = 'h';
	else if (read(fds[0], line, sizeof line - 1) > 0)
		(void)sscanf(line, "%lu %lu %c %63s", &o.calls, &o.live, &o.verdict, o.name);
	(void)close(fds[0]);
	/* What it has started goes with it, and it itself, should it hang in its last steps. */
	if (o.verdict == 'h')
		(void)kill(-pid, SIGKILL);
	while (waitpid(pid, &o.status, 0) < 0 && errno == EINTR)
		;
	(void)kill(-pid, SIGKILL);
	return o;
}

/* What is wrong with it, or NULL. */
static const char *judge(const struct outcome *o, const struct outcome *undisturbed)
{
	switch (o->verdict) {
	case 'h':
		return "goes on for ever";
	case 'p':
		return "crashes in the product";
	case 'k':
		/* A _exit() is a test's or a child's; a signal is not. */
		return WIFSIGNALED(o->status) ? "is killed by a signal" : NULL;
	case 'e':
		/* Check says 0 or 1; the product has no business to end a program. */
		if (WIFEXITED(o->status) && WEXITSTATUS(o->status) > 1)
			return "ends the program";
		if (o->status == 0 && o->live > undisturbed->live)
			return "keeps memory";
		return NULL;
	default:
		return NULL;
	}
}

static bool torture(unsigned number, const char *program, const char *ranges, unsigned long most)
{
	const char *name = strrchr(program, '/') ? strrchr(program, '/') + 1 : program;
	const struct outcome undisturbed = run(program, ranges, 0, false);
	unsigned long runs = 0, findings = 0;

	if (strncmp(name, "lt-", 3) == 0)
		name += 3;
	if (undisturbed.verdict != 'e' || undisturbed.status != 0) {
		printf("ok %u - %s # SKIP it does not run in one process\n", number, name);
		return true;
	}
	unsigned long step = undisturbed.calls > most ? undisturbed.calls / most : 1;
	for (unsigned long at = 1; at <= undisturbed.calls; at += step) {
		for (int sticky = 0; sticky <= 1; sticky++, runs++) {
			struct outcome o = run(program, ranges, at, sticky);
			const char *why = judge(&o, &undisturbed);
			if (why && findings++ < SHOWN_MAX)
				printf("# %s %s when call %lu fails, %s (%s; %lu live, not %lu)\n",
				       name, why, at, sticky ? "and all after it" : "once", o.name,
				       o.live, undisturbed.live);
			fflush(stdout);
		}
	}
	printf("%s %u - %s: %lu of %lu calls failed, %lu runs, %lu findings\n",
	       findings ? "not ok" : "ok", number, name, (runs + 1) / 2, undisturbed.calls, runs,
	       findings);
	fflush(stdout);
	return findings == 0;
}

int main(int argc, char **argv)
{
	unsigned number = 0;
	bool good = true;

	if (argc < 5 || argc % 2 == 0) {
		fprintf(stderr, "usage: %s INTERPOSER MOST PROGRAM RANGES [PROGRAM RANGES]...\n",
			argv[0]);
		return 2;
	}
	interposer = argv[1];
	for (int i = 3; i + 1 < argc; i += 2)
		good &= torture(++number, argv[i], argv[i + 1], strtoul(argv[2], NULL, 10));
	printf("1..%u\n", number);
	return good ? 0 : 1;
}
