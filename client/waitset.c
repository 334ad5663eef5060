#include "client/waitset.h"

#include "client/io.h"
#include "common/clock.h"
#include "common/futex.h"
#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

void waitset_init(struct waitset *s)
{
	*s = (struct waitset){.fd = -1};
	TAILQ_INIT(&s->ready);
}

int waitset_init_fd(struct waitset *s)
{
	waitset_init(s);
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_store(&s->sleeping, 1);
	return s->fd < 0 ? -errno : 0;
}

void waitset_close_fd(struct waitset *s)
{
	s->fd = close_fd(s->fd);
}

/* ---- telling ------------------------------------------------------------- */

/* Behind what was just put in the set. */
static void wake(struct waitset *s)
{
	if (atomic_exchange(&s->sleeping, 0) == 0)
		return;
	if (s->fd >= 0)
		(void)eventfd_write(s->fd, 1);
	else
		futex_wake(&s->sleeping, 1, FUTEX_PRIVATE);
}

void waitset_tell(struct waiter *w)
{
	struct waitset *s = w->set;

	w->next_done = atomic_load_explicit(&s->done, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&s->done, &w->next_done, w))
		continue;
	wake(s);
}

/* ---- the owner ----------------------------------------------------------- */

/* Nothing is ready: if nothing is done either, the descriptor must not say so any longer. */
static void calm(struct waitset *s)
{
	eventfd_t ignored;

	if (s->fd < 0 || atomic_load(&s->done))
		return;
	(void)eventfd_read(s->fd, &ignored);
	/* First the flag, then the look: whoever tells does it the other way round. */
	atomic_store(&s->sleeping, 1);
	if (atomic_load(&s->done))
		wake(s);
}

/* Moves what is done behind what is ready, oldest first. */
static void collect(struct waitset *s)
{
	struct waiter *newest = atomic_exchange(&s->done, NULL);
	struct waiter *oldest = NULL;

	while (newest) {
		struct waiter *w = newest;
		newest = w->next_done;
		w->next_done = oldest;
		oldest = w;
	}
	while (oldest) {
		struct waiter *w = oldest;
		oldest = w->next_done;
		TAILQ_INSERT_TAIL(&s->ready, w, ready);
	}
}

static void leave_ready(struct waitset *s, struct waiter *w)
{
	TAILQ_REMOVE(&s->ready, w, ready);
	if (TAILQ_EMPTY(&s->ready))
		calm(s);
}

void waitset_add(struct waitset *s, struct waiter *w, fut_future *f)
{
	*w = (struct waiter){.set = s, .future = f};
	if (hook_attach(w))
		return;
	collect(s); /* they were told before */
	TAILQ_INSERT_TAIL(&s->ready, w, ready);
	wake(s);
}

void waitset_remove(struct waitset *s, struct waiter *w)
{
	if (hook_detach(w))
		return;
	collect(s);
	leave_ready(s, w);
}

void waitset_end(struct waiter *w)
{
	(void)hook_detach(w);
}

struct waiter *waitset_take(struct waitset *s)
{
	if (TAILQ_EMPTY(&s->ready))
		collect(s);
	struct waiter *w = TAILQ_FIRST(&s->ready);
	if (!w)
		return NULL;
	(void)hook_detach(w);
	leave_ready(s, w);
	return w;
}

static bool sleep_on_fd(int fd, uint64_t deadline_us)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t now_us = clock_now_us();
	uint64_t left_us = deadline_us > now_us ? deadline_us - now_us : 0;
	struct timespec left = {(time_t)(left_us / 1000000), (long)(left_us % 1000000) * 1000};

	return ppoll(&p, 1, deadline_us == CLOCK_NEVER ? NULL : &left, NULL) != 0;
}

/* Until there may be something to take. False when the deadline passed. */
static bool sleep_until_told(struct waitset *s, uint64_t deadline_us)
{
	if (s->fd >= 0)
		return sleep_on_fd(s->fd, deadline_us);
	/* As in calm(). */
	atomic_store(&s->sleeping, 1);
	bool in_time = true;
	if (!atomic_load(&s->done))
		in_time = futex_wait(&s->sleeping, 1, FUTEX_PRIVATE, deadline_us);
	atomic_store(&s->sleeping, 0);
	return in_time;
}

fut_status waitset_wait(struct waitset *s, uint64_t deadline_us, struct waiter **ret)
{
	bool in_time = clock_now_us() < deadline_us;

	for (;;) {
		struct waiter *w = waitset_take(s);
		if (w) {
			*ret = w;
			return FUT_OK;
		}
		if (!in_time)
			return FUT_TIMEOUT;
		if (io_is_here())
			return FUT_WOULD_DEADLOCK;
		in_time = sleep_until_told(s, deadline_us);
	}
}
