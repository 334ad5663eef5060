/* Is never ready. Makes the file $HANG_INIT_MARK, for who wants to know that it hangs. */
#include <futured/task.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int hang_init(const char *pool_name)
{
	const char *mark = getenv("HANG_INIT_MARK");

	(void)pool_name;
	if (mark)
		(void)close(open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	while (pause() != 0)
		continue;
	return 0;
}

static int never(struct fut_call *call)
{
	(void)call;
	return 0;
}

static const struct fut_task tasks[] = {
	{.name = "hang_init_never", .run = never},
	{.name = NULL},
};

FUT_MODULE(.name = "hang_init", .init = hang_init, .tasks = tasks);
