#include "client/waitset.h"

#include "client/io.h"
#include "common/clock.h"
#include "common/futex.h"

void waitset_init(struct waitset *s)
{
	*s = (struct waitset){0};
	s->ready_end = &s->ready;
}

static void append_ready(struct waitset *s, struct waiter *w)
{
	w->next = NULL;
	*s->ready_end = w;
	s->ready_end = &w->next;
}

void waitset_add(struct waitset *s, struct waiter *w, fut_future *f)
{
	*w = (struct waiter){.set = s, .future = f};
	if (!hook_attach(w))
		append_ready(s, w);
}

void waitset_remove(struct waiter *w)
{
	hook_detach(w);
}

void waitset_tell(struct waiter *w)
{
	struct waitset *s = w->set;

	w->next = atomic_load_explicit(&s->done, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&s->done, &w->next, w))
		continue;
	if (atomic_exchange(&s->sleeping, 0) != 0)
		futex_wake(&s->sleeping, 1, FUTEX_PRIVATE);
}

/* Moves what is done behind what is ready, oldest first. */
static void collect(struct waitset *s)
{
	struct waiter *newest = atomic_exchange(&s->done, NULL);
	struct waiter *oldest = NULL;

	while (newest) {
		struct waiter *w = newest;
		newest = w->next;
		w->next = oldest;
		oldest = w;
	}
	while (oldest) {
		struct waiter *w = oldest;
		oldest = w->next;
		append_ready(s, w);
	}
}

struct waiter *waitset_take(struct waitset *s)
{
	if (!s->ready)
		collect(s);
	struct waiter *w = s->ready;
	if (!w)
		return NULL;
	s->ready = w->next;
	if (!s->ready)
		s->ready_end = &s->ready;
	return w;
}

bool waitset_sleep(struct waitset *s, uint64_t deadline_us)
{
	/* First the flag, then the look: whoever adds does it the other way round. */
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
		in_time = waitset_sleep(s, deadline_us);
	}
}
