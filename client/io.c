/*
 * The I/O thread: sends, sleeps, reads, and hands each frame to dispatch.c, until the
 * connection is lost, or the executor is shut down and everything is done.
 *
 * It alone completes futures, and it alone closes the socket.
 */
#include "client/io.h"

#include "client/dispatch.h"
#include "client/error.h"
#include "client/fork.h"
#include "client/future.h"
#include "client/reply.h"
#include "client/roster.h"
#include "common/clock.h"
#include "common/futex.h"
#include "common/util.h"
#include "proto/message.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

enum {
	FAREWELL_US = 1000 * 1000,    /* how long a Bye may take to leave */
	DAEMON_END_US = 10 * 1000000, /* a private daemon's end; it gives its pools half of that */
};

static _Thread_local fut_executor *here;

bool io_is_here(void)
{
	/* A child that was forked in a callback has inherited the variable, not the thread. */
	return here && !fork_happened(here->fork_mark);
}

bool io_is_thread_of(const fut_executor *x)
{
	return here == x;
}

/* ---- sending ------------------------------------------------------------- */

/* Whether something waits to be sent and nobody is at it: who writes looks again. */
static bool has_bytes(const fut_executor *x)
{
	return !x->writing && (stream_waits(&x->stream) || buf_len(&x->outbox) > 0);
}

/* Sends once what there is. Called and returns with the lock, which it gives up between.
 * False when the socket takes no more, or somebody else writes. */
static bool write_once(fut_executor *x)
{
	int error;

	if (x->writing || x->write_error)
		return false;
	x->writing = true;
	if (buf_len(&x->stream.out) == 0) {
		struct buf empty = x->stream.out;
		x->stream.out = x->outbox;
		x->outbox = empty;
	}
	pthread_mutex_unlock(&x->lock);
	bool all = stream_flush(&x->stream, &error);
	pthread_mutex_lock(&x->lock);
	x->writing = false;
	x->write_error = error;
	if (x->waiting > 0)
		pthread_cond_broadcast(&x->changed);
	return all;
}

void io_wake(fut_executor *x)
{
	(void)eventfd_write(x->wake_fd, 1);
}

void io_send_and_unlock(fut_executor *x, bool is_urgent)
{
	/* In a callback more may follow at once; the I/O thread sends before it sleeps. */
	if (is_urgent && !io_is_here() && !x->writing && buf_len(&x->stream.out) == 0)
		(void)write_once(x);
	bool more = has_bytes(x) || x->write_error;
	pthread_mutex_unlock(&x->lock);
	if (more && atomic_load(&x->sleeping) && atomic_exchange(&x->sleeping, 0))
		io_wake(x);
}

/* ---- one turn ------------------------------------------------------------ */

enum turn { TURN_AGAIN, TURN_FULL, TURN_FAILED, TURN_FINISHED };

static bool is_finished(fut_executor *x)
{
	return x->is_shut_down && x->submitted == atomic_load(&x->released) &&
	       LIST_EMPTY(&x->reply_waits);
}

/* Sends everything there is, and says what to wait for. */
static enum turn send_all(fut_executor *x)
{
	enum turn turn = TURN_AGAIN;

	pthread_mutex_lock(&x->lock);
	while (has_bytes(x) && write_once(x))
		continue;
	if (x->write_error)
		turn = TURN_FAILED;
	else if (is_finished(x))
		turn = TURN_FINISHED;
	else if (!x->writing && stream_waits(&x->stream))
		turn = TURN_FULL;
	else
		/* Under the lock: whoever appends later sees it, and what was appended
		 * before was sent. */
		atomic_store(&x->sleeping, 1);
	pthread_mutex_unlock(&x->lock);
	return turn;
}

/* Sleeps until there is something to do. Returns whether the socket has something. */
static bool sleep_until_ready(fut_executor *x, bool wants_room)
{
	struct pollfd p[2] = {
		{.fd = x->stream.fd, .events = (short)(POLLIN | (wants_room ? POLLOUT : 0))},
		{.fd = x->wake_fd, .events = POLLIN},
	};
	eventfd_t ignored;

	if (poll(p, 2, -1) < 0)
		return false;
	atomic_store(&x->sleeping, 0);
	if (p[1].revents)
		(void)eventfd_read(x->wake_fd, &ignored);
	return p[0].revents & ~POLLOUT;
}

static int read_once(fut_executor *x)
{
	x->arrival_us = 0;
	int64_t n = stream_read(&x->stream, x->scratch, dispatch_frame, x);

	return n < 0 ? (int)n : n > 0;
}

/* What the daemon said before it stopped listening is still worth reading. */
static int read_rest(fut_executor *x)
{
	int r;

	do {
		r = read_once(x);
	} while (r > 0);
	return r < 0 ? r : x->write_error;
}

/* ---- the end ------------------------------------------------------------- */

static fut_error *why_lost(fut_executor *x, int r)
{
	if (x->violation || r == -EPROTO || r == -EMSGSIZE)
		return error_make(FUT_PROTOCOL, FUT_EXECUTED_MAYBE, NULL, NULL, "%s",
				  x->violation ? x->violation : "bytes that are no frame");
	if (x->farewell)
		return error_make(FUT_CONNECTION_LOST, FUT_EXECUTED_MAYBE, NULL,
				  fut_error_hint(x->farewell), "the daemon said: %s",
				  fut_error_message(x->farewell));
	if (r == -ENODATA)
		return error_make(FUT_CONNECTION_LOST, FUT_EXECUTED_MAYBE, NULL, NULL,
				  x->said_bye ? "the daemon ended the session"
					      : "the daemon closed the connection");
	return error_make(FUT_CONNECTION_LOST, FUT_EXECUTED_MAYBE, NULL, NULL, "%s",
			  stream_fault(&x->stream, r));
}

/* Under the lock. A caller that writes itself may be slower than the answer to it. */
static void await_writer(fut_executor *x)
{
	x->waiting++;
	while (x->writing)
		pthread_cond_wait(&x->changed, &x->lock);
	x->waiting--;
}

/* From here on nobody submits or writes. Returns how many bytes ever left. */
static uint64_t disconnect(fut_executor *x, fut_error *why)
{
	pthread_mutex_lock(&x->lock);
	x->lost = why;
	await_writer(x);
	uint64_t written = x->stream.written;
	stream_done(&x->stream);
	buf_done(&x->outbox);
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
	return written;
}

static fut_error *not_sent(const fut_error *why)
{
	return error_make(fut_error_status(why), FUT_EXECUTED_NO, fut_error_message(why),
			  fut_error_hint(why), "%s; the job had not been sent",
			  fut_error_detail(why));
}

/* Every job that the daemon did not answer fails. */
static void fail_all(fut_executor *x, fut_error *why, uint64_t written)
{
	fut_error *unsent = not_sent(why);
	uint32_t used = atomic_load(&x->places.used);

	for (uint32_t i = 0; i < used; i++) {
		fut_future *f = places_at(&x->places, i);
		if (!f)
			continue;
		/* A job whose last byte did not leave cannot have been read whole. */
		fut_error *e = f->pending.submit_end > written ? unsent : why;
		dispatch_end(x, f, future_settle_error(f, fut_error_ref(e)));
	}
	fut_error_unref(unsent);
}

static void lose(fut_executor *x, int r)
{
	fut_error *why = why_lost(x, r);

	uint64_t written = disconnect(x, why);
	reply_fail_all(x, FUT_CONNECTION_LOST);
	fail_all(x, why, written);
}

/* Everything is done: says goodbye, and does not insist on being heard. */
static void finish(fut_executor *x)
{
	struct message bye = {.kind = MESSAGE_BYE};
	uint64_t deadline_us = clock_real_ns() / 1000 + FAREWELL_US;

	pthread_mutex_lock(&x->lock);
	await_writer(x);
	(void)message_put(&x->outbox, &bye, SPAN_EMPTY);
	while (has_bytes(x) && !x->write_error) {
		if (write_once(x))
			continue;
		struct pollfd p = {.fd = x->stream.fd, .events = POLLOUT};
		uint64_t now_us = clock_real_ns() / 1000;
		if (now_us >= deadline_us)
			break;
		pthread_mutex_unlock(&x->lock);
		(void)poll(&p, 1, (int)((deadline_us - now_us) / 1000 + 1));
		pthread_mutex_lock(&x->lock);
	}
	pthread_mutex_unlock(&x->lock);
	stream_shutdown(&x->stream);
	(void)disconnect(x, fut_error_ref(error_plain(FUT_SHUTDOWN)));
	reply_fail_all(x, FUT_SHUTDOWN);
}

static int run(fut_executor *x)
{
	for (;;) {
		enum turn turn = send_all(x);
		int r = 0;

		if (turn == TURN_FINISHED)
			return 0;
		if (turn == TURN_FAILED)
			return read_rest(x);
		if (sleep_until_ready(x, turn == TURN_FULL))
			r = read_once(x);
		if (r < 0)
			return r;
	}
}

/* Nothing is carried any more: the last that is done to an executor here. */
static void leave(fut_executor *x)
{
	atomic_store_explicit(&x->ended, 1, memory_order_release);
	futex_wake(&x->ended, INT_MAX, FUTEX_PRIVATE);
	executor_put(x);
}

static void *io_main(void *arg)
{
	fut_executor *x = arg;

	(void)pthread_setname_np(pthread_self(), "futured-io");
	here = x;
	int r = run(x);
	if (r < 0)
		lose(x, r);
	else
		finish(x);
	private_daemon_end(&x->private_daemon, DAEMON_END_US);
	here = NULL;
	pump_end(&x->pump);
	leave(x);
	return NULL;
}

int io_start(fut_executor *x)
{
	sigset_t all, old;

	executor_keep(x);
	int r = roster_add(x);
	if (r < 0) {
		executor_put(x);
		return r;
	}
	/* Signals are the program's: none is handled on this thread. */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_mutex_lock(&x->lock);
	r = pthread_create(&x->io_thread, NULL, io_main, x);
	x->has_thread = r == 0;
	pthread_mutex_unlock(&x->lock);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		leave(x);
	return -r;
}
