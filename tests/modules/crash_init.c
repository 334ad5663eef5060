/* Dies of a bad write before it is ready. */
#include <futured/task.h>

#include <signal.h>

/* A sanitizer would report the bad write and exit; the tests want the signal. */
__attribute__((no_sanitize("address", "undefined"))) static int crash_init(const char *pool_name)
{
	volatile int *volatile nowhere = NULL;

	(void)pool_name;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)signal(SIGSEGV, SIG_DFL);
#endif
	*nowhere = 1;
	return 0;
}

static int never(struct fut_call *call)
{
	(void)call;
	return 0;
}

static const struct fut_task tasks[] = {
	{.name = "crash_init_never", .run = never},
	{.name = NULL},
};

FUT_MODULE(.name = "crash_init", .init = crash_init, .tasks = tasks);
