/*
 * A task module: a shared object that proves itself before anything of it is called.
 *
 * Loaded by the zygote, single-threaded, and read-only in the hosts that it forks. A module is
 * never unloaded: its code may have left things behind that the C library still calls.
 */
#ifndef WORKER_MODULE_H
#define WORKER_MODULE_H

#include <futured/task.h>

#include <sys/types.h>

enum { MODULE_REASON_MAX = 512, MODULE_NAME_MAX = 64, MODULE_TASKS_MAX = 1024 };

struct module {
	const struct fut_module *def;
	char name[MODULE_NAME_MAX]; /* of its file, for a person */
};

/* Loads and checks it; none of its own functions is called but what the loader runs. Its file must
 * be root's or the owner's. 0, or -EINVAL and one line that says why. */
int module_open(struct module *m, const char *path, uid_t owner, char reason[MODULE_REASON_MAX]);

/* Its init() and fini(). */
int module_start(const struct module *m, const char *pool, char reason[MODULE_REASON_MAX]);
void module_stop(const struct module *m);

/* Its slot_init() and slot_fini(), on the slot's own thread. */
int module_start_slot(const struct module *m, const char *pool, unsigned slot,
		      char reason[MODULE_REASON_MAX]);
void module_stop_slot(const struct module *m);

#endif
