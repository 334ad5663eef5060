/*
 * Each question has a nonce, and somebody who waits for it with a place on their own
 * stack, which is in the executor's list while they do.
 */
#include "client/reply.h"

#include "client/error.h"
#include "client/fork.h"
#include "client/io.h"
#include "common/clock.h"
#include "common/futex.h"
#include "proto/message.h"

#include <stdlib.h>
#include <string.h>

enum { WHAT_MAX = 63, ARGUMENT_MAX = 4096 };

struct reply_wait {
	LIST_ENTRY(reply_wait) node;
	uint64_t nonce;
	bool wants_pong;
	_Atomic uint32_t answered; /* futex */
	fut_status status;
	uint64_t arrived_us;
	char *text;
};

/* Under the lock: the wait is on a stack that is gone once its owner had the lock. */
static void answer(struct reply_wait *w, fut_status status)
{
	LIST_REMOVE(w, node);
	w->status = status;
	w->arrived_us = clock_now_us();
	atomic_store_explicit(&w->answered, 1, memory_order_release);
	futex_wake(&w->answered, 1, FUTEX_PRIVATE);
}

static fut_status copy_text(struct span payload, char **ret)
{
	*ret = malloc(payload.len + 1);
	if (!*ret)
		return FUT_NO_MEMORY;
	if (payload.len > 0)
		memcpy(*ret, payload.data, payload.len);
	(*ret)[payload.len] = '\0';
	return FUT_OK;
}

void reply_arrived(fut_executor *x, uint64_t nonce, bool is_pong, fut_status status,
		   struct span payload)
{
	struct reply_wait *w;

	pthread_mutex_lock(&x->lock);
	LIST_FOREACH(w, &x->reply_waits, node) {
		if (w->nonce == nonce && w->wants_pong == is_pong)
			break;
	}
	if (w)
		answer(w, status == FUT_OK && !is_pong ? copy_text(payload, &w->text) : status);
	else
		x->dropped++;
	pthread_mutex_unlock(&x->lock);
}

void reply_fail_all(fut_executor *x, fut_status status)
{
	struct reply_wait *w;

	pthread_mutex_lock(&x->lock);
	while ((w = LIST_FIRST(&x->reply_waits)))
		answer(w, status);
	pthread_mutex_unlock(&x->lock);
}

static fut_status send_question(fut_executor *x, struct message *m, struct reply_wait *w)
{
	pthread_mutex_lock(&x->lock);
	fut_status status = x->is_shut_down ? FUT_SHUTDOWN : x->lost ? FUT_CONNECTION_LOST : FUT_OK;
	bool is_quiet = buf_len(&x->outbox) == 0;
	size_t before = buf_len(&x->outbox);

	w->nonce = ++x->next_nonce;
	if (m->kind == MESSAGE_PING)
		m->ping.nonce = w->nonce;
	else
		m->admin_request.nonce = w->nonce;
	if (status == FUT_OK && message_put(&x->outbox, m, SPAN_EMPTY) < 0)
		status = FUT_NO_MEMORY;
	if (status != FUT_OK) {
		pthread_mutex_unlock(&x->lock);
		return status;
	}
	x->queued += buf_len(&x->outbox) - before;
	LIST_INSERT_HEAD(&x->reply_waits, w, node);
	io_send_and_unlock(x, is_quiet);
	return FUT_OK;
}

static fut_status ask(fut_executor *x, struct message *m, struct reply_wait *w, int64_t timeout_us)
{
	uint64_t deadline_us = clock_after_us(timeout_us);

	if (timeout_us != 0 && io_is_here())
		return FUT_WOULD_DEADLOCK;
	fut_status status = send_question(x, m, w);
	if (status != FUT_OK)
		return status;
	while (!atomic_load_explicit(&w->answered, memory_order_acquire)) {
		if (!futex_wait(&w->answered, 0, FUTEX_PRIVATE, deadline_us))
			break;
	}
	pthread_mutex_lock(&x->lock);
	if (!atomic_load_explicit(&w->answered, memory_order_relaxed)) {
		LIST_REMOVE(w, node);
		w->status = FUT_TIMEOUT;
		io_wake(x); /* it may be the last thing that a shutdown waits for */
	}
	pthread_mutex_unlock(&x->lock);
	return w->status;
}

fut_status fut_executor_ping(fut_executor *x, int64_t timeout_us, uint64_t *ret_us)
{
	struct message m = {.kind = MESSAGE_PING};
	struct reply_wait w = {.wants_pong = true};

	if (!x)
		return FUT_INVALID;
	if (fork_happened(x->fork_mark))
		return FUT_FORKED;
	uint64_t start_us = clock_now_us();
	fut_status status = ask(x, &m, &w, timeout_us);
	if (status == FUT_OK && ret_us)
		*ret_us = w.arrived_us - start_us;
	return status;
}

fut_status fut_executor_ask(fut_executor *x, const char *what, const char *argument,
			    int64_t timeout_us, char **ret)
{
	struct message m = {
		.kind = MESSAGE_ADMIN_REQUEST,
		.admin_request = {.what = span_str(what), .argument = span_str(argument)}};
	struct reply_wait w = {0};

	if (!x || !ret || m.admin_request.what.len == 0 || m.admin_request.what.len > WHAT_MAX ||
	    m.admin_request.argument.len > ARGUMENT_MAX)
		return FUT_INVALID;
	if (fork_happened(x->fork_mark))
		return FUT_FORKED;
	fut_status status = ask(x, &m, &w, timeout_us);
	if (status == FUT_OK)
		*ret = w.text;
	return status;
}

fut_status fut_executor_status(fut_executor *x, int64_t timeout_us, char **ret)
{
	return fut_executor_ask(x, "status", NULL, timeout_us, ret);
}
