/* The life of an executor, and the small questions about it. Any thread. */
#include "client/executor.h"

#include "client/cancel.h"
#include "client/error.h"
#include "client/fork.h"
#include "client/future.h"
#include "client/io.h"
#include "client/roster.h"
#include "common/clock.h"
#include "common/futex.h"
#include "common/util.h"

#include <sys/eventfd.h>

fut_executor *executor_new(void)
{
	static _Atomic uint64_t serials;
	fut_executor *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->changed, NULL);
	pump_init(&x->pump);
	x->stream.fd = x->private_daemon.pidfd = -1;
	x->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	x->fork_mark = fork_mark();
	x->serial = atomic_fetch_add(&serials, 1) + 1;
	x->arena = malloc(sizeof *x->arena);
	x->scratch = malloc(STREAM_SCRATCH_BYTES);
	atomic_init(&x->users, 1);
	atomic_init(&x->refs, 1);
	if (x->wake_fd >= 0 && x->fork_mark != 0 && x->arena && x->scratch)
		return x;
	executor_put(x);
	return NULL;
}

/* The thread is over, or is this one: nobody waits for it any more. */
static void let_go_of_thread(fut_executor *x)
{
	if (!x->has_thread)
		return;
	if (pthread_equal(pthread_self(), x->io_thread))
		(void)pthread_detach(x->io_thread);
	else
		(void)pthread_join(x->io_thread, NULL);
}

static void executor_free(fut_executor *x)
{
	roster_remove(x);
	let_go_of_thread(x);
	stream_done(&x->stream);
	private_daemon_end(&x->private_daemon, 0); /* of an open that failed: it runs nothing */
	x->wake_fd = close_fd(x->wake_fd);
	buf_done(&x->outbox);
	places_done(&x->places);
	slab_done(&x->slab);
	fut_error_unref(x->lost);
	fut_error_unref(x->farewell);
	free(x->arena);
	free(x->scratch);
	free(x->pool);
	free(x->kind);
	pump_done(&x->pump);
	pthread_cond_destroy(&x->changed);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

void executor_put(fut_executor *x)
{
	if (atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) == 1)
		executor_free(x);
}

fut_executor *fut_executor_ref(fut_executor *x)
{
	if (x && !fork_happened(x->fork_mark))
		atomic_fetch_add_explicit(&x->users, 1, memory_order_relaxed);
	return x;
}

void fut_executor_unref(fut_executor *x)
{
	if (!x || fork_happened(x->fork_mark))
		return;
	if (atomic_fetch_sub_explicit(&x->users, 1, memory_order_acq_rel) != 1)
		return;
	(void)fut_executor_shutdown(x, false, false, 0);
	pump_close(&x->pump);
	executor_put(x);
}

const char *fut_executor_pool(const fut_executor *x)
{
	return x->pool;
}
const char *fut_executor_kind(const fut_executor *x)
{
	return x->kind;
}
unsigned fut_executor_slots(const fut_executor *x)
{
	return x->slots;
}

/* ---- shutting down ------------------------------------------------------- */

/* Whether every future is done. The lock keeps places and futures from being taken anew. */
static bool is_idle(fut_executor *x)
{
	bool idle = true;

	pthread_mutex_lock(&x->lock);
	if (atomic_load_explicit(&x->released, memory_order_acquire) != x->submitted) {
		uint32_t used = atomic_load_explicit(&x->places.used, memory_order_relaxed);
		for (uint32_t i = 0; i < used && idle; i++) {
			fut_future *f = places_at(&x->places, i);
			idle = !f || future_is_done(f);
		}
	}
	pthread_mutex_unlock(&x->lock);
	return idle;
}

bool executor_join(fut_executor *x, uint64_t deadline_us)
{
	while (!atomic_load_explicit(&x->ended, memory_order_acquire)) {
		if (!futex_wait(&x->ended, 0, FUTEX_PRIVATE, deadline_us) &&
		    !atomic_load_explicit(&x->ended, memory_order_acquire))
			return false;
	}
	pthread_mutex_lock(&x->lock);
	bool mine = x->has_thread;
	x->has_thread = false;
	pthread_mutex_unlock(&x->lock);
	if (mine)
		(void)pthread_join(x->io_thread, NULL);
	return true;
}

void executor_close_doors(fut_executor *x)
{
	pthread_mutex_lock(&x->lock);
	x->is_shut_down = true;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
	io_wake(x);
}

/* What a shutdown does to the jobs that are not done: one of enum cancel_mode, or this. */
enum { LET_THEM_END = -1 };

static fut_status shut_down(fut_executor *x, int mode, bool wait, int64_t timeout_us)
{
	uint64_t deadline_us = clock_after_us(timeout_us);
	bool may_sleep = wait && timeout_us != 0;
	fut_status status = FUT_OK;

	if (fork_happened(x->fork_mark))
		return FUT_FORKED;
	if (may_sleep && io_is_here())
		return FUT_WOULD_DEADLOCK;
	executor_close_doors(x);
	if (mode != LET_THEM_END)
		status = cancel_all(x, (enum cancel_mode)mode);
	if (status != FUT_OK || !wait)
		return status;
	if (may_sleep && executor_join(x, deadline_us))
		return FUT_OK;
	return is_idle(x) ? FUT_OK : FUT_TIMEOUT;
}

fut_status fut_executor_shutdown(fut_executor *x, bool wait, bool cancel_futures,
				 int64_t timeout_us)
{
	if (!x)
		return FUT_INVALID;
	return shut_down(x, cancel_futures ? CANCEL_QUEUED : LET_THEM_END, wait, timeout_us);
}

fut_status fut_executor_force_shutdown(fut_executor *x, fut_force how, int64_t timeout_us)
{
	if (!x || (how != FUT_FORCE_STOP && how != FUT_FORCE_KILL))
		return FUT_INVALID;
	return shut_down(x, how == FUT_FORCE_KILL ? CANCEL_KILL : CANCEL_STOP, true, timeout_us);
}
