#include "daemon/oom.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "4:cpu,memory:/path" has the controller "memory". */
static bool has_memory(const char *controllers, size_t len)
{
	static const char memory[] = "memory";
	const char *end = controllers + len;

	while (controllers < end) {
		const char *comma = memchr(controllers, ',', (size_t)(end - controllers));
		size_t n = (size_t)((comma ? comma : end) - controllers);
		if (n == sizeof memory - 1 && memcmp(controllers, memory, n) == 0)
			return true;
		controllers += n + 1;
	}
	return false;
}

/* What a line of /proc/self/cgroup leads to: false when it is not about memory, or the file
 * is not there. Inside a container the group may be mounted as the root. */
static bool path_of_line(const char *line, const char *mount, char ret_path[PATH_MAX])
{
	const char *controllers = strchr(line, ':');
	const char *group = controllers ? strchr(controllers + 1, ':') : NULL;
	const char *folder = "", *file = "memory.events";

	if (!group)
		return false;
	size_t len = (size_t)(group - controllers) - 1;
	if (len > 0) {
		folder = "/memory";
		file = "memory.oom_control";
		if (!has_memory(controllers + 1, len))
			return false;
	}
	for (int is_root = 0; is_root < 2; is_root++) {
		int n = snprintf(ret_path, PATH_MAX, "%s%s%s/%s", mount, folder,
				 is_root ? "" : group + 1, file);
		if (n < PATH_MAX && access(ret_path, R_OK) == 0)
			return true;
	}
	return false;
}

int oom_find(const char *cgroup, const char *mount, char ret_path[PATH_MAX])
{
	FILE *f = fopen(cgroup, "re");
	char line[PATH_MAX];
	bool found = false;

	while (f && !found && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		found = path_of_line(line, mount, ret_path);
	}
	if (f)
		fclose(f);
	if (!found)
		ret_path[0] = '\0';
	return found ? 0 : -ENOENT;
}

uint64_t oom_kills(const char *path)
{
	FILE *f = path[0] ? fopen(path, "re") : NULL;
	uint64_t kills = 0;
	char line[128];

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "oom_kill %" SCNu64, &kills) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kills;
}
