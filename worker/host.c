#include "worker/host.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct host_thread {
	pthread_t thread;
	struct slot slot;
};

static _Noreturn void host_give_up(const char *what, int error)
{
	log_event(LOG_ERROR, "host.failed", LOG_STR("step", what),
		  LOG_STR("why", strerrordesc_np(error)));
	_exit(HOST_EXIT_SETUP);
}

/* A group of its own, so that whatever it starts can be killed with it. */
static void host_join_family(const struct host_start *start)
{
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != start->zygote)
		_exit(HOST_EXIT_SETUP);
	(void)prctl(PR_SET_NAME, "futured-host");
}

/* Nothing that the zygote or the daemon ignores is to be ignored by task code; but a broken
 * pipe is an error there and not the end. */
static void host_reset_signals(void)
{
	struct sigaction old;
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			(void)signal(sig, SIG_DFL);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void host_redirect(int stderr_fd)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(stderr_fd, STDOUT_FILENO) < 0 ||
	    dup2(stderr_fd, STDERR_FILENO) < 0)
		host_give_up("redirect", errno);
	close_fd(null_fd);
	close_fd(stderr_fd);
}

static struct host_shared *host_map(const struct host_start *start)
{
	struct host_shared *h;
	int r = region_map(start->region_fd, &h);

	if (r < 0)
		host_give_up("region", -r);
	if (h->nslots != start->slots)
		host_give_up("slots", EINVAL);
	close_fd(start->region_fd);
	return h;
}

/* One slot that cannot go on ends them all: the front starts another host. */
static void host_run_slot(struct slot *s)
{
	if (slot_run(s) == 0)
		return;
	log_event(LOG_ERROR, "host.failed", LOG_STR("step", "run"),
		  LOG_STR("why", "a ring is broken"));
	_exit(HOST_EXIT_BROKEN);
}

static void *on_thread_start(void *arg)
{
	struct host_thread *t = arg;

	host_run_slot(&t->slot);
	return NULL;
}

static void host_start_thread(struct host_thread *t, unsigned n)
{
	char name[16];
	int r = pthread_create(&t->thread, NULL, on_thread_start, t);

	if (r != 0)
		host_give_up("thread", r);
	(void)snprintf(name, sizeof name, "slot-%u", n);
	(void)pthread_setname_np(t->thread, name);
}

_Noreturn void host_run(const struct host_start *start)
{
	host_join_family(start);
	host_reset_signals();
	host_redirect(start->stderr_fd);
	struct host_shared *h = host_map(start);
	struct host_thread *threads = calloc(start->slots, sizeof *threads);
	if (!threads)
		host_give_up("memory", ENOMEM);
	for (unsigned i = 0; i < start->slots; i++)
		slot_init(&threads[i].slot, i, h, start->front, start->event_fd, start->tasks);
	for (unsigned i = 1; i < start->slots; i++)
		host_start_thread(&threads[i], i);
	host_run_slot(&threads[0].slot);
	for (unsigned i = 1; i < start->slots; i++)
		(void)pthread_join(threads[i].thread, NULL);
	(void)fflush(stdout);
	_exit(0);
}
