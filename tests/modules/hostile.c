/*
 * A module that is no good for anybody, in the way that its build chose: what a constructor does
 * to the process that loads it, before anything of it can be looked at.
 */
#include <futured/task.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#ifdef HOSTILE_THREAD
static void *wait_for_ever(void *arg)
{
	for (;;)
		(void)pause();
	return arg;
}
#endif

__attribute__((constructor)) static void begin(void)
{
#if defined HOSTILE_CRASH
	(void)signal(SIGSEGV, SIG_DFL);
	(void)raise(SIGSEGV);
#elif defined HOSTILE_EXIT
	_exit(0);
#elif defined HOSTILE_HANG
	for (;;)
		(void)pause();
#elif defined HOSTILE_FORK
	(void)fork(); /* and both go on */
#elif defined HOSTILE_CHILD
	if (fork() == 0) {
		for (;;)
			(void)pause();
	}
#elif defined HOSTILE_THREAD
	pthread_t thread;
	(void)pthread_create(&thread, NULL, wait_for_ever, NULL);
#elif defined HOSTILE_CLOSE
	for (int fd = 4; fd < 64; fd++)
		(void)close(fd);
#elif defined HOSTILE_CLOSE_ALL
	for (int fd = 0; fd < 64; fd++)
		(void)close(fd);
#endif
}

static int never(struct fut_call *call)
{
	(void)call;
	return 0;
}

#ifdef HOSTILE_MANY
static struct fut_task tasks[10001];
static char names[10000][8];

__attribute__((constructor)) static void name_them(void)
{
	for (unsigned i = 0; i < 10000; i++) {
		unsigned n = i;
		for (int at = 6; at >= 0; at--, n /= 10)
			names[i][at] = (char)(at == 0 ? 't' : '0' + n % 10);
		tasks[i] = (struct fut_task){.name = names[i], .run = never};
	}
}
#else
static const struct fut_task tasks[] = {
	{.name = "hostile_never", .run = never},
	{.name = NULL},
};
#endif

FUT_MODULE(.name = "hostile", .tasks = tasks);
