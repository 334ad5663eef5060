#include "worker/module_guard.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of this process; -1 where that cannot be seen. */
static int count_threads(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) < 0 ? -1 : (int)st.st_nlink - 2;
}

/* "socket:[4711]", "anon_inode:[eventfd]"; "" where there is none. */
static void read_link(int fd, char ret[64])
{
	char path[40];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, ret, 63);
	ret[n < 0 ? 0 : n] = '\0';
}

/* One that has ended counts: the zygote reaps between modules, and here it has not. */
static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void module_guard_begin(struct module_guard *g, const int fds[MODULE_GUARD_FDS])
{
	*g = (struct module_guard){.pid = getpid(), .threads = count_threads()};
	for (int i = 0; i < MODULE_GUARD_FDS; i++) {
		g->fds[i] = fds[i];
		read_link(fds[i], g->links[i]);
	}
}

static int refuse(char reason[MODULE_GUARD_REASON_MAX], const char *text)
{
	(void)snprintf(reason, MODULE_GUARD_REASON_MAX, "%s", text);
	return -EINVAL;
}

int module_guard_check(const struct module_guard *g, char reason[MODULE_GUARD_REASON_MAX])
{
	char link[64];

	if (getpid() != g->pid)
		_exit(0);
	for (int i = 0; i < MODULE_GUARD_FDS; i++) {
		read_link(g->fds[i], link);
		if (strcmp(link, g->links[i]) != 0)
			return refuse(reason, "it closes descriptors that are not its own");
	}
	if (count_threads() > g->threads)
		return refuse(reason, "it starts threads, which no host would have");
	if (has_children())
		return refuse(reason, "it starts processes while it is loaded");
	return 0;
}
