/*
 * Asking the daemon to take a job back, and its verdict.
 *
 * Each of the three questions is asked at most once per job: the same question has the same
 * answer. Verdicts come in the order of the questions.
 */
#ifndef CLIENT_CANCEL_H
#define CLIENT_CANCEL_H

#include "client/executor.h"
#include "proto/message.h"

/* Asks, without waiting, unless it was asked before or the future is done. Any thread. */
fut_status cancel_ask(fut_executor *x, fut_future *f, enum cancel_mode mode);

/* Asks for every job that is not done, in one burst: first for those that wait, then for
 * those that run. */
fut_status cancel_all(fut_executor *x, enum cancel_mode mode);

/* The daemon's verdict on the oldest question. I/O thread; the caller wakes the waiters. */
void cancel_answered(fut_executor *x, fut_future *f, fut_verdict verdict);

/* The job failed: its Result may overtake the verdict that it was killed. I/O thread. */
void cancel_ended(fut_future *f, fut_status status);

#endif
