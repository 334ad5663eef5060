#include "client/hook.h"

#include "client/future.h"
#include "client/stripe.h"
#include "client/waitset.h"

#include <stdlib.h>

pthread_mutex_t stripes[STRIPES] = {[0 ... STRIPES - 1] = PTHREAD_MUTEX_INITIALIZER};

struct callback {
	STAILQ_ENTRY(callback) node;
	fut_done_fn fn;
	void *arg;
};

/* Makes sure that whoever completes the future looks for hooks. False when it is done. */
static bool announce_hooks(fut_future *f)
{
	uint32_t state = future_state(f);

	do {
		if (state & FUTURE_DONE)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&f->state, &state, state | FUTURE_HOOKS,
							memory_order_acq_rel,
							memory_order_acquire));
	return true;
}

bool hook_attach(struct waiter *w)
{
	fut_future *f = w->future;

	stripe_lock(f);
	bool attached = announce_hooks(f);
	if (attached)
		LIST_INSERT_HEAD(&f->waiters, w, node);
	else
		w->node.le_prev = NULL;
	stripe_unlock(f);
	return attached;
}

void hook_detach(struct waiter *w)
{
	/* Locked even when it is in no list: it may be being told right now. */
	stripe_lock(w->future);
	if (w->node.le_prev) {
		LIST_REMOVE(w, node);
		w->node.le_prev = NULL;
	}
	stripe_unlock(w->future);
}

static struct callback *next_callback(fut_future *f)
{
	stripe_lock(f);
	struct callback *c = STAILQ_FIRST(&f->callbacks);
	if (c)
		STAILQ_REMOVE_HEAD(&f->callbacks, node);
	else
		f->has_callbacks = false;
	stripe_unlock(f);
	return c;
}

void hook_run_all(fut_future *f)
{
	struct callback *c;
	struct waiter *w;

	stripe_lock(f);
	while ((w = LIST_FIRST(&f->waiters))) {
		LIST_REMOVE(w, node);
		w->node.le_prev = NULL;
		waitset_tell(w);
	}
	stripe_unlock(f);

	while ((c = next_callback(f))) {
		c->fn(f, c->arg);
		free(c);
	}
}

/* False when the future is done and nothing is in line before this callback. */
static bool line_up(fut_future *f, struct callback *c)
{
	stripe_lock(f);
	bool lined_up = announce_hooks(f) || f->has_callbacks;
	if (lined_up) {
		f->has_callbacks = true;
		STAILQ_INSERT_TAIL(&f->callbacks, c, node);
	}
	stripe_unlock(f);
	return lined_up;
}

fut_status fut_add_done_callback(fut_future *f, fut_done_fn fn, void *arg)
{
	if (!f || !fn)
		return FUT_INVALID;
	if (future_is_forked(f))
		return FUT_FORKED;
	struct callback *c = malloc(sizeof *c);

	if (!c)
		return FUT_NO_MEMORY;
	*c = (struct callback){.fn = fn, .arg = arg};
	if (line_up(f, c))
		return FUT_OK;
	free(c);
	(void)fut_future_ref(f);
	fn(f, arg);
	fut_future_unref(f);
	return FUT_OK;
}
