/*
 * fut_waitset: a wait set that a program keeps, behind a descriptor for its own loop.
 *
 *	the descriptor is readable  <=>  fut_waitset_next() has something to hand out
 *
 * waitset.h says how that is kept. An I/O thread that completes a future makes a system
 * call only for the first one that waits to be taken. One thread.
 */
#include "client/fork.h"
#include "client/future.h"
#include "client/members.h"
#include "client/waitset.h"
#include "common/clock.h"
#include "common/util.h"

struct fut_waitset {
	uint32_t fork_mark;
	struct waitset set;
	struct members members;
};

fut_status fut_waitset_new(fut_waitset **ret)
{
	if (!ret)
		return FUT_INVALID;
	fut_waitset *ws = calloc(1, sizeof *ws);

	if (!ws)
		return FUT_NO_MEMORY;
	ws->fork_mark = fork_mark();
	if (waitset_init_fd(&ws->set) < 0) {
		free(ws);
		return FUT_NO_MEMORY;
	}
	*ret = ws;
	return FUT_OK;
}

int fut_waitset_fd(const fut_waitset *ws)
{
	return ws->set.fd;
}

size_t fut_waitset_len(const fut_waitset *ws)
{
	return ws->members.known;
}

static fut_status check(const fut_waitset *ws, const fut_future *f)
{
	if (!ws || !f)
		return FUT_INVALID;
	return fork_happened(ws->fork_mark) || future_is_forked(f) ? FUT_FORKED : FUT_OK;
}

fut_status fut_waitset_add(fut_waitset *ws, fut_future *f, void *tag)
{
	fut_status status = check(ws, f);
	struct member *m;

	if (status != FUT_OK)
		return status;
	int r = members_add(&ws->members, f, &m);
	if (r <= 0)
		return r < 0 ? FUT_NO_MEMORY : FUT_INVALID;
	m->tag = tag;
	waitset_add(&ws->set, &m->waiter, f);
	return FUT_OK;
}

fut_status fut_waitset_remove(fut_waitset *ws, fut_future *f)
{
	fut_status status = check(ws, f);

	if (status != FUT_OK)
		return status;
	struct member *m = members_find(&ws->members, f);
	if (!m)
		return FUT_INVALID;
	waitset_remove(&ws->set, &m->waiter);
	fut_future_unref(members_forget(&ws->members, m));
	return FUT_OK;
}

fut_status fut_waitset_next(fut_waitset *ws, int64_t timeout_us, fut_future **ret, void **ret_tag)
{
	struct waiter *w;

	if (!ws || !ret)
		return FUT_INVALID;
	if (fork_happened(ws->fork_mark))
		return FUT_FORKED;
	if (fut_waitset_len(ws) == 0)
		return FUT_END;
	fut_status status = waitset_wait(&ws->set, clock_after_us(timeout_us), &w);
	if (status != FUT_OK)
		return status;
	struct member *m = container_of(w, struct member, waiter);
	if (ret_tag)
		*ret_tag = m->tag;
	*ret = members_forget(&ws->members, m);
	return FUT_OK;
}

void fut_waitset_free(fut_waitset *ws)
{
	if (!ws || fork_happened(ws->fork_mark))
		return;
	members_done(&ws->members);
	waitset_close_fd(&ws->set);
	free(ws);
}
