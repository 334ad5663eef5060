/*
 * Built, as it says, against a header that does not exist yet. A loader that reads past
 * the ABI number calls an init() that ends the process.
 */
#include <futured/task.h>

#include <stdlib.h>

static int trap(const char *pool_name)
{
	(void)pool_name;
	abort();
}

static int never(struct fut_call *call)
{
	(void)call;
	return 0;
}

static const struct fut_task tasks[] = {
	{.name = "wrong_abi_never", .run = never},
	{.name = NULL},
};

extern const struct fut_module fut_module;
__attribute__((visibility("default"))) const struct fut_module fut_module = {
	.abi = 999,
	.module_size = sizeof(struct fut_module),
	.task_size = sizeof(struct fut_task),
	.name = "wrong_abi",
	.init = trap,
	.tasks = tasks,
};
