/*
 * Whether this process is a child of the one that made a handle, without a system call;
 * and what a child must not inherit.
 *
 * A page that the kernel wipes in a child holds the locks and lists that are the program's,
 * not an executor's: the child finds them free and empty, from its first moment on and
 * whatever the parent's threads were doing. It also holds a mark; a handle remembers the
 * mark that was there when it was made. Any thread.
 */
#ifndef CLIENT_FORK_H
#define CLIENT_FORK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum { STRIPES = 64 };

struct fork_page {
	_Atomic uint32_t mark; /* 0 in a child that has made none yet */
	/* All zero is a free mutex, and an empty list. */
	pthread_mutex_t stripes[STRIPES]; /* stripe.h */
	pthread_mutex_t roster_lock;      /* roster.c */
	LIST_HEAD(, fut_executor) roster;
	bool is_exiting; /* under the roster's lock */
};

extern struct fork_page *fork_page; /* NULL until fork_mark() */

/* This process' mark; 0 when there is no memory for the page. */
uint32_t fork_mark(void);

/* Whether a fork() lies between now and the making of the mark. */
static inline bool fork_happened(uint32_t mark)
{
	return fork_page && atomic_load_explicit(&fork_page->mark, memory_order_relaxed) != mark;
}

#endif
