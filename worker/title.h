/*
 * How this process and its threads are called in ps, top and a debugger.
 *
 * The title is written over the program's arguments, and takes no more room than those: whoever
 * starts the program makes them long enough. The environment behind them is not touched.
 */
#ifndef WORKER_TITLE_H
#define WORKER_TITLE_H

enum { TITLE_THREAD_MAX = 16 };

/* Remembers where the arguments lie. Nothing may use them after title_set(). */
void title_init(int argc, char **argv);

/* "futured-worker: ROLE of POOL", cut where the room ends. */
void title_set(const char *role, const char *pool);

/* "POOL_3", cut so that the number stays. */
void title_of_thread(const char *pool, unsigned slot, char ret[TITLE_THREAD_MAX]);

#endif
