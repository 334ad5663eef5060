/*
 * Whether the kernel has killed processes of the daemon's control group for want of memory.
 *
 * The kernel counts them in a file of the group, which hosts share with the daemon: version 2
 * has memory.events, version 1 memory.oom_control. A host that a signal 9 ended, which nobody
 * here had sent, while the count rose, is taken for one of them.
 */
#ifndef DAEMON_OOM_H
#define DAEMON_OOM_H

#include <limits.h>
#include <stdint.h>

/* Finds the file for the group that `cgroup` (/proc/self/cgroup) names, below `mount`
 * (/sys/fs/cgroup). 0, or -ENOENT: then there is no telling. */
int oom_find(const char *cgroup, const char *mount, char ret_path[PATH_MAX]);

/* How many it has killed since the group was made; 0 when the file does not say. An empty
 * path is one of which nothing is known. */
uint64_t oom_kills(const char *path);

#endif
