/*
 * A task module: a shared object that proves itself before anything of it is called.
 *
 * Used by the zygote only, single-threaded. A module is never unloaded: its code may have
 * left things behind that the C library still calls.
 */
#ifndef WORKER_MODULE_H
#define WORKER_MODULE_H

#include <futured/task.h>

enum { MODULE_REASON_MAX = 512 };

struct module {
	const struct fut_module *def;
};

/* Loads and checks it; none of its own functions is called but what the loader runs. 0, or
 * -EINVAL and one line that says why. */
int module_open(struct module *m, const char *path, char reason[MODULE_REASON_MAX]);

/* Its init() and fini(). */
int module_start(const struct module *m, const char *pool, char reason[MODULE_REASON_MAX]);
void module_stop(const struct module *m);

#endif
