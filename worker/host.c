#include "worker/host.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/memory.h"
#include "worker/sandbox.h"
#include "worker/slot.h"
#include "worker/title.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

struct host_thread {
	pthread_t thread;
	const struct host_start *start;
	struct host_shared *host;
	struct slot_shared *shared;
	unsigned number; /* in the pool */
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
	title_set("host", start->pool);
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

static void host_enter_sandbox(const struct host_start *start)
{
	int r = sandbox_enter_host(start->sandbox, start->sandbox_files);

	if (r < 0)
		host_give_up("sandbox", -r);
	close_fd(start->sandbox_files);
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

/* Says what the slot is at: for the front, should this be the end. */
static void host_note_step(struct host_thread *t, enum slot_stage stage, const char *step)
{
	(void)snprintf(t->shared->step, sizeof t->shared->step, "%.*s", REGION_STEP_MAX - 1, step);
	atomic_store(&t->shared->stage, (uint32_t)stage);
}

static void host_init_slot(struct host_thread *t)
{
	const struct host_start *start = t->start;
	char text[MODULE_REASON_MAX];

	for (size_t i = 0; i < start->nmodules; i++) {
		const struct module *m = &start->modules[i];
		(void)snprintf(text, sizeof text, "slot_init() of module %s", m->name);
		host_note_step(t, SLOT_STAGE_INIT, text);
		if (module_start_slot(m, start->pool, t->number, text) == 0)
			continue;
		host_note_step(t, SLOT_STAGE_REFUSED, text);
		log_event(LOG_ERROR, "host.failed", LOG_STR("step", "init"), LOG_STR("why", text));
		(void)fflush(stdout);
		_exit(HOST_EXIT_INIT);
	}
	host_note_step(t, SLOT_STAGE_READY, "");
	if (atomic_fetch_add(&t->host->ready, 1) + 1 == start->slots)
		(void)eventfd_write(start->event_fd, 1);
}

/* A module called pthread_exit(): its job would never end, nor would any behind it. */
static void on_thread_lost(void *arg)
{
	const struct host_thread *t = arg;

	log_event(LOG_ERROR, "host.failed", LOG_STR("step", "run"), LOG_UINT("slot", t->number),
		  LOG_STR("why", "a module ended the slot's thread"));
	(void)fflush(stdout);
	_exit(HOST_EXIT_THREAD);
}

static void host_run_slot(struct host_thread *t)
{
	char name[TITLE_THREAD_MAX];

	title_of_thread(t->start->pool, t->number, name);
	(void)prctl(PR_SET_NAME, name);
	pthread_cleanup_push(on_thread_lost, t);
	host_init_slot(t);
	if (slot_run(&t->slot) < 0) {
		log_event(LOG_ERROR, "host.failed", LOG_STR("step", "run"),
			  LOG_STR("why", "a ring is broken"));
		_exit(HOST_EXIT_BROKEN);
	}
	for (size_t i = t->start->nmodules; i-- > 0;)
		module_stop_slot(&t->start->modules[i]);
	pthread_cleanup_pop(0);
}

static void *on_thread_start(void *arg)
{
	host_run_slot(arg);
	return NULL;
}

static void host_start_thread(struct host_thread *t)
{
	char why[REGION_STEP_MAX];
	int r = pthread_create(&t->thread, NULL, on_thread_start, t);

	if (r != 0) {
		(void)snprintf(why, sizeof why, "thread: %s", strerrordesc_np(r));
		host_note_step(t, SLOT_STAGE_REFUSED, why);
		host_give_up("thread", r);
	}
}

static int host_open_memory(const struct host_shared *h)
{
	int fd = h->max_rss_bytes > 0 ? memory_open() : -1;

	if (h->max_rss_bytes > 0 && fd < 0)
		host_give_up("memory", -fd);
	return fd;
}

static void host_init_thread(struct host_thread *t, const struct host_start *start,
			     struct host_shared *h, unsigned i)
{
	t->start = start;
	t->host = h;
	t->shared = region_slot(h, h->big_bytes, i).shared;
	t->number = start->first_slot + i;
	slot_init(&t->slot, i, h, start->front, start->event_fd, start->tasks);
}

_Noreturn void host_run(const struct host_start *start)
{
	host_join_family(start);
	host_reset_signals();
	host_redirect(start->stderr_fd);
	host_enter_sandbox(start);
	struct host_shared *h = host_map(start);
	int statm_fd = host_open_memory(h);
	struct host_thread *threads = calloc(start->slots, sizeof *threads);
	if (!threads)
		host_give_up("memory", ENOMEM);
	for (unsigned i = 0; i < start->slots; i++) {
		host_init_thread(&threads[i], start, h, i);
		if (statm_fd >= 0)
			slot_watch_memory(&threads[i].slot, statm_fd);
	}
	for (unsigned i = 1; i < start->slots; i++)
		host_start_thread(&threads[i]);
	host_run_slot(&threads[0]);
	for (unsigned i = 1; i < start->slots; i++)
		(void)pthread_join(threads[i].thread, NULL);
	(void)fflush(stdout);
	_exit(0);
}
