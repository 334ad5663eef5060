/*
 * Callbacks: what a program wants to be called when a future is done.
 *
 *	added before the end ──▶ the future's ring ──▶ run one by one when it is done,
 *	                                               by the I/O thread or a pump's
 *	added while those wait or run ──▶ behind them
 *	added to a future that is done, with none before it ──▶ run at once, by the adder
 *
 * Whoever runs those of the ring is one thread, and runs them until there is none.
 * `has_callbacks` is true from the first one's adding until then. No lock is held meanwhile.
 */
#ifndef CLIENT_CALLBACK_H
#define CLIENT_CALLBACK_H

#include <futured/futured.h>

/* The future is done, and has some: they run here, or where the executor's pump is worked.
 * I/O thread. */
void callback_due(fut_future *f);

/* Runs those of a future whose turn it is. Returns how many. The caller has a reference. */
size_t callback_run_all(fut_future *f);

/* Whether this thread is inside a callback, of any future. */
bool callback_is_here(void);

#endif
