/*
 * What a module's constructors and its init() may not do to the zygote, found out afterwards.
 *
 * A fork of it has the zygote's one thread and its descriptors and nothing else: a module that
 * starts threads or processes, or closes what is not its own, is no use to any host.
 */
#ifndef WORKER_MODULE_GUARD_H
#define WORKER_MODULE_GUARD_H

#include <sys/types.h>

enum { MODULE_GUARD_FDS = 3, MODULE_GUARD_REASON_MAX = 128 };

struct module_guard {
	pid_t pid;
	int threads;
	int fds[MODULE_GUARD_FDS];
	char links[MODULE_GUARD_FDS][64]; /* what they are */
};

/* Before a module is touched; the descriptors are those the zygote cannot do without. */
void module_guard_begin(struct module_guard *g, const int fds[MODULE_GUARD_FDS]);

/* 0, or -EINVAL and one line: then this process is not fit to go on. Where the module has forked
 * and this is the child, it ends here. */
int module_guard_check(const struct module_guard *g, char reason[MODULE_GUARD_REASON_MAX]);

#endif
