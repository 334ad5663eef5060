#include "worker/rlimits.h"

#include <errno.h>
#include <sys/resource.h>

static const int resources[SANDBOX_NLIMITS] = {
	[SANDBOX_ADDRESS_SPACE] = RLIMIT_AS,  [SANDBOX_CORE] = RLIMIT_CORE,
	[SANDBOX_CPU] = RLIMIT_CPU,           [SANDBOX_FILE_SIZE] = RLIMIT_FSIZE,
	[SANDBOX_OPEN_FILES] = RLIMIT_NOFILE, [SANDBOX_PROCESSES] = RLIMIT_NPROC,
};

static int rlimit_set(int resource, uint64_t n)
{
	struct rlimit old, limit;

	if (getrlimit((__rlimit_resource_t)resource, &old) < 0)
		return -errno;
	/* The hard limit of CPU time kills without saying why: SIGXCPU comes a second before. */
	limit.rlim_cur = n < old.rlim_max ? n : old.rlim_max;
	limit.rlim_max = limit.rlim_cur + (resource == RLIMIT_CPU);
	if (limit.rlim_max > old.rlim_max)
		limit.rlim_max = old.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

int rlimits_apply(const uint64_t limits[SANDBOX_NLIMITS])
{
	for (int i = 0; i < SANDBOX_NLIMITS; i++) {
		int r = limits[i] == SANDBOX_INHERIT ? 0 : rlimit_set(resources[i], limits[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
