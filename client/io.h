/*
 * How bytes leave and come: the outbox, and the I/O thread.
 *
 * Callers append frames to the outbox under the executor's lock. One thread at a time
 * writes: it takes the whole outbox over as stream.out and sends it without the lock. That
 * is the caller itself when the connection was quiet, else the I/O thread, which is woken
 * only when it said that it sleeps.
 *
 *	stream.written ......... queued - len(outbox) ......... queued
 *	| stream.out: on its way   | outbox: to come             |
 */
#ifndef CLIENT_IO_H
#define CLIENT_IO_H

#include "client/executor.h"

/* Starts the I/O thread of an executor that has its Welcome. 0, -ESHUTDOWN when the program
 * is ending, or -errno. */
int io_start(fut_executor *x);

/* Whether this is an I/O thread, of any executor: whoever waits here waits for itself. */
bool io_is_here(void);

/* Whether this is the I/O thread of this executor. */
bool io_is_thread_of(const fut_executor *x);

/*
 * Sees that what was appended to the outbox leaves. Called with the lock, returns without.
 * `is_urgent` says that nothing else is under way, so that the caller may write itself.
 */
void io_send_and_unlock(fut_executor *x, bool is_urgent);

/* Makes the I/O thread look at everything again. */
void io_wake(fut_executor *x);

#endif
