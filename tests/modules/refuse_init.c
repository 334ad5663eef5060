/* Refuses to be used: its tasks must not appear in the pool. */
#include <futured/task.h>

static int refuse_init(const char *pool_name)
{
	(void)pool_name;
	return -1;
}

static int never(struct fut_call *call)
{
	(void)call;
	return 0;
}

static const struct fut_task tasks[] = {
	{.name = "refuse_init_never", .run = never},
	{.name = NULL},
};

FUT_MODULE(.name = "refuse_init", .init = refuse_init, .tasks = tasks);
