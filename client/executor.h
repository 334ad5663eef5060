/*
 * The executor: a connection to a daemon, its window of jobs, and the thread that carries
 * the bytes.
 *
 * It lives as long as anybody counts on it: its users together, its I/O thread, and each
 * future, whose memory it owns. Locks: `lock` below, the pump's, and the stripes; never two
 * at once.
 */
#ifndef CLIENT_EXECUTOR_H
#define CLIENT_EXECUTOR_H

#include "client/places.h"
#include "client/private_daemon.h"
#include "client/pump.h"
#include "client/slab.h"
#include "common/buf.h"
#include "common/span.h"
#include "net/stream.h"
#include "proto/arena.h"

#include <futured/futured.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

enum {
	OUTBOX_BYTES = 64 * 1024 * 1024,   /* of submits that wait; beyond, submitting waits */
	OUTBOX_EXTRA_BYTES = OUTBOX_BYTES, /* for what is not a submit */
};

struct reply_wait;
struct result;

struct fut_executor {
	/* immutable once opened */
	uint32_t fork_mark;
	uint64_t serial; /* of no other executor that this process ever has */
	char *pool, *kind;
	unsigned slots;
	uint64_t session; /* its number */
	uint32_t max_payload_bytes, max_result_bytes;
	int wake_fd;

	LIST_ENTRY(fut_executor) in_roster; /* under the roster's lock */

	/* any thread */
	_Atomic uint32_t users;    /* handles the user holds */
	_Atomic uint64_t refs;     /* users (as one), I/O thread, futures */
	_Atomic uint64_t released; /* jobs the daemon is done with; the I/O thread writes it */
	_Atomic uint32_t sleeping; /* 1: the I/O thread must be woken for new bytes */
	_Atomic uint32_t ended;    /* futex: 1 when the I/O thread is over */
	struct places places;
	struct pump pump; /* has a lock of its own */

	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the outbox was emptied, or nobody writes any more */
	struct buf outbox;      /* bytes behind those of stream.out */
	uint64_t queued;        /* bytes of the stream up to the end of the outbox */
	uint64_t submitted;     /* jobs, ever */
	unsigned waiting;       /* threads that wait for `changed` */
	bool writing;           /* somebody owns stream.out, without the lock */
	bool is_shut_down;
	bool has_thread;    /* one that was not joined or let go */
	fut_status refusal; /* why the daemon takes no more jobs, or FUT_OK */
	int write_error;    /* -errno */
	fut_error *lost;    /* why there is no connection any more, or NULL */
	struct slab slab;
	LIST_HEAD(, reply_wait) reply_waits;
	uint64_t next_nonce;
	pthread_t io_thread;

	/* the I/O thread's; stream.out and stream.written belong to who writes */
	struct stream stream;
	struct private_daemon private_daemon; /* before its thread begins, who opens it */
	struct arena *arena;
	uint8_t *scratch;
	bool is_welcome;             /* the daemon's Welcome was here */
	bool said_bye;               /* the daemon's Bye was here */
	fut_error *farewell;         /* what its Goaway said */
	const char *violation;       /* how it broke the protocol */
	uint64_t dropped;            /* answers that came too late to matter */
	uint64_t arrival_us;         /* when what is dealt with came; 0: not looked yet */
	const struct result *result; /* what is dealt with, or NULL */
};

/* An executor without connection or thread, with one user; NULL without memory. */
fut_executor *executor_new(void);

/* Drops a reference that keeps the memory, not a user's. */
void executor_put(fut_executor *x);

/* From here on nobody submits. The I/O thread ends when everything is done. */
void executor_close_doors(fut_executor *x);

/* Waits until the I/O thread is over, and joins it; of several callers one does. False when
 * the deadline passed. Not on that thread. */
bool executor_join(fut_executor *x, uint64_t deadline_us);

static inline void executor_keep(fut_executor *x)
{
	atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
}

/* The same for who has no reference. False when the last one is gone. */
static inline bool executor_try_keep(fut_executor *x)
{
	uint64_t refs = atomic_load_explicit(&x->refs, memory_order_relaxed);

	while (refs > 0) {
		if (atomic_compare_exchange_weak_explicit(
			    &x->refs, &refs, refs + 1, memory_order_relaxed, memory_order_relaxed))
			return true;
	}
	return false;
}

#endif
