#include "client/callback.h"

#include "client/executor.h"
#include "client/fork.h"
#include "client/future.h"
#include "client/hook.h"
#include "client/stripe.h"

#include <stdlib.h>

struct callback {
	struct callback *next; /* younger; the newest one's is the oldest */
	fut_done_fn fn;
	void *arg;
};

/* ---- the ring: under the stripe's lock ------------------------------------ */

static void append(fut_future *f, struct callback *c)
{
	struct callback *newest = f->callbacks;

	c->next = newest ? newest->next : c;
	if (newest)
		newest->next = c;
	f->callbacks = c;
}

static struct callback *take_oldest(fut_future *f)
{
	struct callback *newest = f->callbacks;

	if (!newest)
		return NULL;
	struct callback *oldest = newest->next;
	newest->next = oldest->next;
	if (oldest == newest)
		f->callbacks = NULL;
	return oldest;
}

/* ---- running -------------------------------------------------------------- */

static _Thread_local const fut_executor *here; /* whose callback runs on this thread */

bool callback_is_here(void)
{
	/* A child that was forked in a callback is not in it. */
	return here && !fork_happened(here->fork_mark);
}

static void call(fut_future *f, fut_done_fn fn, void *arg)
{
	const fut_executor *outer = here;

	here = f->executor;
	fn(f, arg);
	here = outer;
}

static struct callback *next_callback(fut_future *f)
{
	stripe_lock(f);
	struct callback *c = take_oldest(f);
	if (!c)
		f->has_callbacks = false;
	stripe_unlock(f);
	return c;
}

size_t callback_run_all(fut_future *f)
{
	struct callback *c;
	size_t n = 0;

	for (; (c = next_callback(f)); n++) {
		call(f, c->fn, c->arg);
		free(c);
	}
	return n;
}

void callback_due(fut_future *f)
{
	if (!pump_push(&f->executor->pump, f))
		(void)callback_run_all(f);
}

/* False when the future is done and nothing is in line before this callback. */
static bool line_up(fut_future *f, struct callback *c)
{
	stripe_lock(f);
	bool lined_up = hook_announce(f) || f->has_callbacks;
	if (lined_up) {
		f->has_callbacks = true;
		append(f, c);
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
	pump_fix(&f->executor->pump);
	if (line_up(f, c))
		return FUT_OK;
	free(c);
	(void)fut_future_ref(f);
	call(f, fn, arg);
	fut_future_unref(f);
	return FUT_OK;
}
