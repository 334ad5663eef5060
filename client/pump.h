/*
 * The pump of an executor: its futures whose callbacks wait for a thread of the program's.
 *
 *	I/O thread ──▶ pump_push() ──▶ due, oldest first ──▶ fut_executor_pump(), any thread
 *
 * A future is in it at most once, from its end until a thread takes it and runs all its
 * callbacks; the pump holds a reference. The lock guards everything but `dispatch`; while
 * nobody has it, the descriptor is readable exactly when something is due, so whoever ends
 * a future makes a system call only for the first one, or when somebody sleeps.
 *
 * When the executor's last user is gone the pump is closed: nothing is put in it any more.
 */
#ifndef CLIENT_PUMP_H
#define CLIENT_PUMP_H

#include <futured/futured.h>

#include <pthread.h>
#include <stdatomic.h>

enum {
	PUMP_CHOSEN = 1 << 0, /* callbacks are pumped, not run by the I/O thread */
	PUMP_FIXED = 1 << 1,  /* a callback was added: it stays as it is */
};

struct pump {
	_Atomic uint32_t dispatch;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	fut_future *oldest, *newest; /* linked by next_due */
	size_t n_due;
	unsigned sleeping; /* threads that wait for `changed` */
	int fd;            /* an eventfd, or -1: nobody has asked for it */
	bool is_over;      /* the I/O thread is: nothing more will be due */
	bool is_closed;
};

void pump_init(struct pump *p);
void pump_done(struct pump *p);

/* A callback is about to be added. Any thread. */
void pump_fix(struct pump *p);

/* The I/O thread's: the future's callbacks are due. False when they are not pumped. */
bool pump_push(struct pump *p, fut_future *f);
void pump_end(struct pump *p);

/* The last user's: runs what is due. Later ones are the I/O thread's. */
void pump_close(struct pump *p);

#endif
