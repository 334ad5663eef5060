/*
 * A time of day that tests can move: of their own process, and of those that they start.
 *
 * A program that links this library asks it for the time of day, for it is found before
 * libc; others are given it with LD_PRELOAD. All of them read one file, mapped. The
 * monotonic clock is left alone. What the kernel does with a time of day that it is given
 * (pthread_cond_timedwait(), a timerfd) is not moved: such a deadline is then off by the
 * shift, which is what a test of it wants to see.
 */
#ifndef TESTS_WALLCLOCK_H
#define TESTS_WALLCLOCK_H

#include <stdint.h>

#define WALLCLOCK_FILE "FUTURED_TEST_WALLCLOCK"

/* Makes the file and maps it: a test's, before it starts others. */
void wallclock_share(const char *path);

/* From now on the time of day is so much later, or earlier. */
void wallclock_shift(int64_t seconds);

/* How often other processes asked for any clock: 0 when none of them was reached. */
uint64_t wallclock_calls(void);

#endif
