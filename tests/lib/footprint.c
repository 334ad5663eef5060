#include "tests/lib/footprint.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GONE_MS = 10000 };

static bool is_child_of(pid_t pid, pid_t parent)
{
	char path[48], line[256];
	int got = -1;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (f && fgets(line, sizeof line, f) && strrchr(line, ')'))
		(void)sscanf(strrchr(line, ')'), ") %*c %d", &got);
	if (f)
		fclose(f);
	return got == parent;
}

unsigned children_of(pid_t parent, pid_t *ret, unsigned max)
{
	char path[64];
	unsigned n = 0;
	int pid;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
	FILE *f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1) {
		if (ret && n < max)
			ret[n] = pid;
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

bool kill_child(pid_t pid, pid_t parent, bool wait)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0)
		return false;
	bool killed = is_child_of(pid, parent) &&
		      syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0;
	if (killed && wait)
		(void)poll(&p, 1, td_patience_ms(GONE_MS));
	close(pidfd);
	return killed;
}

uint64_t private_bytes_of(pid_t pid)
{
	unsigned long long resident = 0, shared = 0;
	char path[48];

	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	FILE *f = fopen(path, "re");
	if (f && fscanf(f, "%*u %llu %llu", &resident, &shared) != 2)
		resident = shared = 0;
	if (f)
		fclose(f);
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static unsigned fds_of(pid_t pid)
{
	char path[48];
	unsigned n = 0;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static unsigned regions_of(pid_t pid)
{
	char path[48], line[512];
	unsigned n = 0;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f))
		n += strstr(line, "memfd:futured-host") != NULL;
	fclose(f);
	return n;
}

struct footprint footprint_of(const struct tdaemon *d, pid_t zygote)
{
	return (struct footprint){
		.daemon_fds = tdaemon_fd_count(d),
		.zygote_fds = fds_of(zygote),
		.hosts = children_of(zygote, NULL, 0),
		.regions = regions_of(d->pid),
	};
}

bool footprint_is_same(struct footprint a, struct footprint b)
{
	return a.daemon_fds == b.daemon_fds && a.zygote_fds == b.zygote_fds && a.hosts == b.hosts &&
	       a.regions == b.regions;
}

void footprint_wait(const struct tdaemon *d, pid_t zygote, struct footprint before)
{
	struct twait w = twait_for(d, "the daemon to be as it was before");
	struct footprint now;

	while (!footprint_is_same(now = footprint_of(d, zygote), before)) {
		if (td_now_us() + 10000 >= w.end_us)
			fprintf(stderr,
				"# before: %u and %u descriptors, %u hosts, %u regions; "
				"now: %u, %u, %u, %u\n",
				before.daemon_fds, before.zygote_fds, before.hosts, before.regions,
				now.daemon_fds, now.zygote_fds, now.hosts, now.regions);
		twait_step(&w);
	}
}
