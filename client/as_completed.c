/*
 * An iterator over futures in the order of their ends: a wait set, handed out one by one.
 *
 * It holds a reference to each future until it hands it out, and remembers it afterwards.
 * One thread.
 */
#include "client/fork.h"
#include "client/future.h"
#include "client/io.h"
#include "client/members.h"
#include "client/waitset.h"
#include "common/clock.h"
#include "common/util.h"

struct fut_as_completed {
	uint32_t fork_mark;
	uint64_t deadline_us;
	size_t unfinished;
	struct waitset set;
	struct members members;
};

static fut_status add(fut_as_completed *it, fut_future *f)
{
	struct member *m;
	int r = members_add(&it->members, f, &m);

	if (r < 0)
		return FUT_NO_MEMORY;
	if (r > 0) {
		waitset_add(&it->set, &m->waiter, f);
		it->unfinished++;
	}
	return FUT_OK;
}

static fut_status add_all(fut_as_completed *it, fut_future *const *futures, size_t n)
{
	fut_status status = members_reserve(&it->members, n) < 0 ? FUT_NO_MEMORY : FUT_OK;

	for (size_t i = 0; i < n && status == FUT_OK; i++)
		status = add(it, futures[i]);
	return status;
}

fut_status fut_as_completed_open(fut_future *const *futures, size_t n, int64_t timeout_us,
				 fut_as_completed **ret)
{
	fut_status status = ret ? future_check_list(futures, n) : FUT_INVALID;

	if (status != FUT_OK)
		return status;
	fut_as_completed *it = calloc(1, sizeof *it);
	if (!it)
		return FUT_NO_MEMORY;
	it->fork_mark = fork_mark();
	it->deadline_us = clock_after_us(timeout_us);
	waitset_init(&it->set);
	status = add_all(it, futures, n);
	if (status == FUT_OK)
		*ret = it;
	else
		fut_as_completed_close(it);
	return status;
}

fut_status fut_as_completed_add(fut_as_completed *it, fut_future *f)
{
	if (!it || !f)
		return FUT_INVALID;
	if (fork_happened(it->fork_mark) || future_is_forked(f))
		return FUT_FORKED;
	return add(it, f);
}

/* Whether one is done that was not handed out, though its I/O thread may not have said so. */
static bool has_done(const fut_as_completed *it)
{
	const struct member *m;
	size_t position = 0;

	while ((m = members_next(&it->members, &position))) {
		if (future_is_done(m->waiter.future))
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
	*ret = members_remember(&it->members, container_of(w, struct member, waiter));
	it->unfinished--;
	return FUT_OK;
}

size_t fut_as_completed_unfinished(const fut_as_completed *it)
{
	return it->unfinished;
}
size_t fut_as_completed_total(const fut_as_completed *it)
{
	return it->members.known;
}

void fut_as_completed_close(fut_as_completed *it)
{
	if (!it || fork_happened(it->fork_mark))
		return;
	members_done(&it->members);
	free(it);
}
