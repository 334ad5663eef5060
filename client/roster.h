/*
 * The executors of this process: what exit() waits for.
 *
 * An executor is in the roster from before its I/O thread starts until its memory goes, or
 * exit() has joined that thread. Whoever finds one there, under the roster's lock, may look
 * at it, and keep it unless it is about to go. That lock is taken before an executor's, never
 * while one is held.
 */
#ifndef CLIENT_ROSTER_H
#define CLIENT_ROSTER_H

#include "client/executor.h"

/* Any thread. 0; -ESHUTDOWN when exit() has begun; -ENOMEM without room for its handler. */
int roster_add(fut_executor *x);

/* Does nothing when it is not there. The caller has the last word on the executor's memory,
 * or a reference. */
void roster_remove(fut_executor *x);

#endif
