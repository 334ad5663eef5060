/*
 * An iterator over futures in the order of their ends: a wait set, handed out one by one.
 *
 * It holds a reference to each future until it hands it out. One thread.
 */
#include "client/fork.h"
#include "client/future.h"
#include "client/io.h"
#include "client/waitset.h"
#include "common/clock.h"
#include "common/util.h"

struct fut_as_completed {
	uint32_t fork_mark;
	uint64_t deadline_us;
	size_t n; /* waiters; a future that came twice has one */
	size_t unfinished;
	struct waitset set;
	struct waiter waiters[]; /* future is NULL once it was handed out */
};

/* A set of pointers, large enough for all of them by half. */
struct seen {
	const void **slots;
	size_t mask;
};

static bool seen_init(struct seen *s, size_t n)
{
	size_t size = 2;

	while (size < n * 2)
		size *= 2;
	s->slots = calloc(size, sizeof *s->slots);
	s->mask = size - 1;
	return s->slots;
}

/* True when it was not there before. */
static bool seen_add(struct seen *s, const void *p)
{
	size_t i = ((uintptr_t)p >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 20 & s->mask;

	while (s->slots[i]) {
		if (s->slots[i] == p)
			return false;
		i = (i + 1) & s->mask;
	}
	s->slots[i] = p;
	return true;
}

static void add_all(fut_as_completed *it, fut_future *const *futures, size_t n, struct seen *seen)
{
	for (size_t i = 0; i < n; i++) {
		if (seen_add(seen, futures[i]))
			waitset_add(&it->set, &it->waiters[it->n++], fut_future_ref(futures[i]));
	}
	it->unfinished = it->n;
}

fut_status fut_as_completed_open(fut_future *const *futures, size_t n, int64_t timeout_us,
				 fut_as_completed **ret)
{
	struct seen seen;

	if ((!futures && n > 0) || !ret)
		return FUT_INVALID;
	if (n > SIZE_MAX / 4 / sizeof(struct waiter))
		return FUT_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		if (!futures[i])
			return FUT_INVALID;
		if (future_is_forked(futures[i]))
			return FUT_FORKED;
	}
	fut_as_completed *it = malloc(sizeof *it + n * sizeof it->waiters[0]);
	if (!it || !seen_init(&seen, n)) {
		free(it);
		return FUT_NO_MEMORY;
	}
	*it = (struct fut_as_completed){.fork_mark = fork_mark(),
					.deadline_us = clock_after_us(timeout_us)};
	waitset_init(&it->set);
	add_all(it, futures, n, &seen);
	free(seen.slots);
	*ret = it;
	return FUT_OK;
}

/* Whether one is done that was not handed out, though its I/O thread may not have said so. */
static bool has_done(const fut_as_completed *it)
{
	for (size_t i = 0; i < it->n; i++) {
		if (it->waiters[i].future && future_is_done(it->waiters[i].future))
			return true;
	}
	return false;
}

fut_status fut_as_completed_next(fut_as_completed *it, fut_future **ret)
{
	struct waiter *w;

	if (!it || !ret)
		return FUT_INVALID;
	if (fork_happened(it->fork_mark))
		return FUT_FORKED;
	if (it->unfinished == 0)
		return FUT_END;
	fut_status status = waitset_wait(&it->set, it->deadline_us, &w);
	/* What is done is handed out, however late: it is about to be told. */
	if (status == FUT_TIMEOUT && !io_is_here() && has_done(it))
		status = waitset_wait(&it->set, CLOCK_NEVER, &w);
	if (status != FUT_OK)
		return status;
	waitset_remove(w);
	*ret = TAKE_PTR(w->future);
	it->unfinished--;
	return FUT_OK;
}

size_t fut_as_completed_unfinished(const fut_as_completed *it)
{
	return it->unfinished;
}

void fut_as_completed_close(fut_as_completed *it)
{
	if (!it || fork_happened(it->fork_mark))
		return;
	for (size_t i = 0; i < it->n; i++) {
		if (!it->waiters[i].future)
			continue;
		waitset_remove(&it->waiters[i]);
		fut_future_unref(it->waiters[i].future);
	}
	free(it);
}
