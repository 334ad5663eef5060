#include "client/pump.h"

#include "client/callback.h"
#include "client/executor.h"
#include "client/fork.h"
#include "client/future.h"
#include "common/clock.h"
#include "common/util.h"

#include <sys/eventfd.h>

void pump_init(struct pump *p)
{
	*p = (struct pump){.fd = -1};
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
}

void pump_done(struct pump *p)
{
	p->fd = close_fd(p->fd);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
}

void pump_fix(struct pump *p)
{
	if (!(atomic_load_explicit(&p->dispatch, memory_order_relaxed) & PUMP_FIXED))
		atomic_fetch_or(&p->dispatch, PUMP_FIXED);
}

static bool is_chosen(struct pump *p)
{
	return atomic_load(&p->dispatch) & PUMP_CHOSEN;
}

/* ---- in and out: under the lock ------------------------------------------- */

static void put_in(struct pump *p, fut_future *f)
{
	f->next_due = NULL;
	if (p->n_due++ > 0) {
		p->newest->next_due = f;
	} else {
		p->oldest = f;
		if (p->fd >= 0)
			(void)eventfd_write(p->fd, 1);
	}
	p->newest = f;
	if (p->sleeping > 0)
		pthread_cond_signal(&p->changed);
}

static fut_future *take_out(struct pump *p)
{
	fut_future *f = p->oldest;
	eventfd_t ignored;

	if (p->n_due == 0)
		return NULL;
	p->oldest = f->next_due;
	if (--p->n_due == 0 && p->fd >= 0)
		(void)eventfd_read(p->fd, &ignored);
	return f;
}

/* Until something changed. False when the deadline passed. */
static bool sleep_until_changed(struct pump *p, uint64_t deadline_us)
{
	struct timespec ts = {(time_t)(deadline_us / 1000000),
			      (long)(deadline_us % 1000000) * 1000};
	int r = 0;

	p->sleeping++;
	if (deadline_us == CLOCK_NEVER)
		pthread_cond_wait(&p->changed, &p->lock);
	else
		r = pthread_cond_clockwait(&p->changed, &p->lock, CLOCK_MONOTONIC, &ts);
	p->sleeping--;
	return r == 0;
}

/* ---- the I/O thread's side, and the last user's --------------------------- */

bool pump_push(struct pump *p, fut_future *f)
{
	if (!is_chosen(p))
		return false;
	pthread_mutex_lock(&p->lock);
	bool is_open = !p->is_closed;
	if (is_open)
		put_in(p, fut_future_ref(f));
	pthread_mutex_unlock(&p->lock);
	return is_open;
}

void pump_end(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	p->is_over = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static fut_future *take(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	fut_future *f = take_out(p);
	pthread_mutex_unlock(&p->lock);
	return f;
}

static size_t run(fut_future *f)
{
	size_t n = callback_run_all(f);

	fut_future_unref(f);
	return n;
}

void pump_close(struct pump *p)
{
	fut_future *f;

	pthread_mutex_lock(&p->lock);
	p->is_closed = true;
	pthread_mutex_unlock(&p->lock);
	while ((f = take(p)))
		(void)run(f);
}

/* ---- the program's side --------------------------------------------------- */

fut_status fut_executor_set_dispatch(fut_executor *x, fut_dispatch how)
{
	if (!x || (how != FUT_DISPATCH_IO && how != FUT_DISPATCH_PUMP))
		return FUT_INVALID;
	if (fork_happened(x->fork_mark))
		return FUT_FORKED;
	uint32_t wanted = how == FUT_DISPATCH_PUMP ? PUMP_CHOSEN : 0;
	uint32_t old = atomic_load(&x->pump.dispatch);
	do {
		if (old & PUMP_FIXED)
			return (old & PUMP_CHOSEN) == wanted ? FUT_OK : FUT_INVALID;
	} while (!atomic_compare_exchange_weak(&x->pump.dispatch, &old, wanted));
	return FUT_OK;
}

/* The first that is due, and how many are. */
static fut_status wait_due(struct pump *p, int64_t timeout_us, fut_future **ret, size_t *ret_n)
{
	uint64_t deadline_us = clock_after_us(timeout_us);
	bool in_time = timeout_us != 0;
	fut_status status = FUT_OK;

	pthread_mutex_lock(&p->lock);
	while (p->n_due == 0 && in_time && !p->is_over)
		in_time = sleep_until_changed(p, deadline_us);
	*ret_n = p->n_due;
	*ret = take_out(p);
	if (!*ret)
		status = p->is_over ? FUT_END : FUT_TIMEOUT;
	pthread_mutex_unlock(&p->lock);
	return status;
}

fut_status fut_executor_pump(fut_executor *x, int64_t timeout_us, size_t *ret_ran)
{
	fut_future *f;
	size_t n, ran = 0;

	if (!x)
		return FUT_INVALID;
	if (fork_happened(x->fork_mark))
		return FUT_FORKED;
	if (!is_chosen(&x->pump))
		return FUT_INVALID;
	if (callback_is_here())
		return FUT_WOULD_DEADLOCK;
	executor_keep(x); /* a callback may drop the last of everything else */
	fut_status status = wait_due(&x->pump, timeout_us, &f, &n);
	/* As many as there were, so that it ends however fast others come. */
	for (; status == FUT_OK && f; f = --n > 0 ? take(&x->pump) : NULL)
		ran += run(f);
	executor_put(x);
	if (status == FUT_OK && ret_ran)
		*ret_ran = ran;
	return status;
}

int fut_executor_pump_fd(fut_executor *x)
{
	if (fork_happened(x->fork_mark) || !is_chosen(&x->pump))
		return -1;
	pthread_mutex_lock(&x->pump.lock);
	if (x->pump.fd < 0)
		x->pump.fd = eventfd(x->pump.n_due > 0, EFD_CLOEXEC | EFD_NONBLOCK);
	int fd = x->pump.fd;
	pthread_mutex_unlock(&x->pump.lock);
	return fd;
}
