#include "worker/module.h"

#include "common/name.h"
#include "worker/module_file.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int refuse(char reason[MODULE_REASON_MAX], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int refuse(char reason[MODULE_REASON_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(reason, MODULE_REASON_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The loader's words, without the path that it mostly starts with. */
static const char *loader_error(const char *path)
{
	const char *text = dlerror();
	size_t n = strlen(path);

	if (!text)
		return "the loader gives no reason";
	if (strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0)
		return text + n + 2;
	return text;
}

static int module_check_tasks(const struct fut_module *def, char reason[MODULE_REASON_MAX])
{
	size_t n = 0;

	if (!def->tasks)
		return refuse(reason, "it has no table of tasks");
	for (const struct fut_task *t = def->tasks; t->name; t++) {
		if (++n > MODULE_TASKS_MAX)
			return refuse(reason, "it has more than %d tasks", MODULE_TASKS_MAX);
		/* Not strlen(): what is there may not be a string at all. */
		size_t len = strnlen(t->name, NAME_MAX_BYTES + 1);

		if (!name_is_valid(span_of(t->name, len)))
			return refuse(reason, "\"%.*s\" is not a name for a task",
				      NAME_MAX_BYTES + 1, t->name);
		if (!t->run)
			return refuse(reason, "task %s has no function", t->name);
	}
	return 0;
}

static int module_check(const struct fut_module *def, char reason[MODULE_REASON_MAX])
{
	/* First: the rest of the struct means something only when this is right. */
	if (def->abi != FUT_TASK_ABI)
		return refuse(reason, "it was built for task ABI %u, and this is ABI %u", def->abi,
			      FUT_TASK_ABI);
	if (def->module_size != sizeof(struct fut_module) ||
	    def->task_size != sizeof(struct fut_task))
		return refuse(reason, "its structures have %u and %u bytes instead of %zu and %zu",
			      def->module_size, def->task_size, sizeof(struct fut_module),
			      sizeof(struct fut_task));
	return module_check_tasks(def, reason);
}

/* "/usr/lib/futured/modules/hash.so" is "hash". */
static void module_take_name(struct module *m, const char *path)
{
	const char *file = strrchr(path, '/') + 1;
	size_t len = strlen(file);

	if (len > 3 && strcmp(file + len - 3, ".so") == 0)
		len -= 3;
	(void)snprintf(m->name, sizeof m->name, "%.*s", (int)len, file);
}

int module_open(struct module *m, const char *path, uid_t owner, char reason[MODULE_REASON_MAX])
{
	_Static_assert((int)MODULE_FILE_REASON_MAX <= (int)MODULE_REASON_MAX,
		       "it is written to the same");
	int r = module_file_check(path, owner, reason);

	if (r < 0)
		return r;
	if (access(path, R_OK) < 0)
		return refuse(reason, "it cannot be read: %s", strerror(errno));
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return refuse(reason, "it cannot be loaded: %s", loader_error(path));
	const struct fut_module *def = dlsym(handle, "fut_module");
	if (!def)
		return refuse(reason, "it has no symbol fut_module: is it a task module?");
	r = module_check(def, reason);
	if (r < 0)
		return r;
	m->def = def;
	module_take_name(m, path);
	return 0;
}

int module_start(const struct module *m, const char *pool, char reason[MODULE_REASON_MAX])
{
	int r = m->def->init ? m->def->init(pool) : 0;

	if (r != 0)
		return refuse(reason, "its init() refused: it returned %d", r);
	return 0;
}

void module_stop(const struct module *m)
{
	if (m->def->fini)
		m->def->fini();
}

int module_start_slot(const struct module *m, const char *pool, unsigned slot,
		      char reason[MODULE_REASON_MAX])
{
	int r = m->def->slot_init ? m->def->slot_init(pool, slot) : 0;

	if (r != 0)
		return refuse(reason, "slot_init() of module %s refused: it returned %d", m->name,
			      r);
	return 0;
}

void module_stop_slot(const struct module *m)
{
	if (m->def->slot_fini)
		m->def->slot_fini();
}
