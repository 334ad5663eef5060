/* Programs of this folder that leave with jobs on their way, and how they end. */
#ifndef TESTS_LEAVING_H
#define TESTS_LEAVING_H

#include "tests/integ/e2e.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARKS = 10 }; /* of each executor that leaver.c opens */

static char leaving[96]; /* there once it is about to go */

static inline void start_leaving(int way, unsigned slots)
{
	start(way, slots);
	tdaemon_path(d, "leaving", leaving, sizeof leaving);
}

/* Starts a program of this folder's, with its stderr in a file. */
static inline pid_t spawn(const char *program, const char *a, const char *b, const char *c)
{
	char file[400], complaints[96];

	snprintf(file, sizeof file, "%s/tests/integ/%s", td_builddir(), program);
	tdaemon_path(d, "stderr", complaints, sizeof complaints);
	fflush(NULL);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	int fd = open(complaints, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)dup2(fd, STDERR_FILENO);
	execl(file, file, a, b, c, (char *)NULL);
	_exit(127);
}

/* The address sanitizer looks for leaks at the end of a child that was forked beside other
 * threads, too: it takes what they had for lost, or waits for a lock that they held. */
static inline void forget_leaks(void)
{
	const char *given = getenv("ASAN_OPTIONS");
	char options[200];

	snprintf(options, sizeof options, "%s:detect_leaks=0", given ? given : "");
	setenv("ASAN_OPTIONS", options, 1);
}

static inline pid_t spawn_leaver(const char *how, int way)
{
	char url[192];

	if (strncmp(how, "fork", 4) == 0)
		forget_leaks();
	snprintf(url, sizeof url, "%s?pool=p", url_of(way));
	return spawn("leaver", how, url, d->dir);
}

/* Its exit code, or minus the signal that ended it; it complained of nothing. */
static inline int end_of(pid_t pid)
{
	char complaints[96];
	struct twait w = twait_for(d, "the program to end");
	int status;
	pid_t r;

	while ((r = waitpid(pid, &status, WNOHANG)) == 0)
		twait_step(&w);
	ck_assert_int_eq(r, pid);
	tdaemon_path(d, "stderr", complaints, sizeof complaints);
	if (tfile_lines(complaints) > 0) {
		fprintf(stderr, "# see %s\n", complaints);
		tdaemon_fail(d, __FILE__, __LINE__, "the program complained");
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

#endif
