/*
 * The roster is on the page that a child does not inherit: there exit() finds it empty, and
 * waits for nothing. The exit handler's registration is inherited, and so is what says so.
 *
 * Exit handlers run last in, first out. This one is registered by the first open: those of
 * the program that came later find executors that work, those that came earlier find them
 * shut down. What I/O threads need must outlive it; so a library with a handler of its own
 * is set up before roster_add(), or without its handler.
 */
#include "client/roster.h"

#include "client/fork.h"
#include "client/io.h"
#include "common/clock.h"

#include <errno.h>
#include <stdlib.h>

static bool is_registered; /* under the roster's lock */

/* One that is to be waited for, with a reference; or NULL. */
static fut_executor *keep_one(void)
{
	fut_executor *x;

	pthread_mutex_lock(&fork_page->roster_lock);
	LIST_FOREACH(x, &fork_page->roster, in_roster) {
		/* A callback that calls exit() cannot wait for the thread that it is on. */
		if (!io_is_thread_of(x) && executor_try_keep(x))
			break;
	}
	pthread_mutex_unlock(&fork_page->roster_lock);
	return x;
}

/* The exit handler. All doors are closed at once: what a job's end would submit elsewhere is
 * refused, so that there is an end. */
static void finish_all(void)
{
	fut_executor *x;

	pthread_mutex_lock(&fork_page->roster_lock);
	fork_page->is_exiting = true;
	is_registered = false; /* for a child: exit() calls a handler once */
	LIST_FOREACH(x, &fork_page->roster, in_roster)
		executor_close_doors(x);
	pthread_mutex_unlock(&fork_page->roster_lock);
	while ((x = keep_one())) {
		(void)executor_join(x, CLOCK_NEVER);
		roster_remove(x);
		executor_put(x);
	}
}

int roster_add(fut_executor *x)
{
	int r = 0;

	pthread_mutex_lock(&fork_page->roster_lock);
	if (fork_page->is_exiting)
		r = -ESHUTDOWN;
	else if (!is_registered && atexit(finish_all) != 0)
		r = -ENOMEM;
	if (r == 0) {
		is_registered = true;
		LIST_INSERT_HEAD(&fork_page->roster, x, in_roster);
	}
	pthread_mutex_unlock(&fork_page->roster_lock);
	return r;
}

void roster_remove(fut_executor *x)
{
	pthread_mutex_lock(&fork_page->roster_lock);
	if (x->in_roster.le_prev)
		LIST_REMOVE(x, in_roster);
	x->in_roster.le_prev = NULL;
	pthread_mutex_unlock(&fork_page->roster_lock);
}
