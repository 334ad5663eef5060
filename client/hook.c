#include "client/hook.h"

#include "client/callback.h"
#include "client/future.h"
#include "client/stripe.h"
#include "client/waitset.h"

bool hook_announce(fut_future *f)
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
	bool attached = hook_announce(f);
	if (attached)
		LIST_INSERT_HEAD(&f->waiters, w, node);
	else
		w->node.le_prev = NULL;
	stripe_unlock(f);
	return attached;
}

bool hook_detach(struct waiter *w)
{
	/* Locked even when it is in no list: it may be being told right now. */
	stripe_lock(w->future);
	bool attached = w->node.le_prev;
	if (attached) {
		LIST_REMOVE(w, node);
		w->node.le_prev = NULL;
	}
	stripe_unlock(w->future);
	return attached;
}

void hook_run_all(fut_future *f)
{
	struct waiter *w;

	stripe_lock(f);
	while ((w = LIST_FIRST(&f->waiters))) {
		LIST_REMOVE(w, node);
		w->node.le_prev = NULL;
		waitset_tell(w);
	}
	bool has_callbacks = f->callbacks;
	stripe_unlock(f);
	if (has_callbacks)
		callback_due(f);
}
