/* One task has a name that nobody could write in a config. The other is in order. */
#include <futured/task.h>

static int never(struct fut_call *call)
{
	(void)call;
	return 0;
}

static const struct fut_task tasks[] = {
	{.name = "bad_name_neighbour", .run = never},
	{.name = "no spaces please", .run = never},
	{.name = NULL},
};

FUT_MODULE(.name = "bad_name", .tasks = tasks);
