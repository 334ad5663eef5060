/*
 * Waiting on a 32-bit word until somebody changes it and says so.
 *
 * The word may lie in memory shared between processes (FUTEX_SHARED) or not
 * (FUTEX_PRIVATE). Deadlines are on the real monotonic clock: a futex cannot wait on a
 * clock that a test replaced.
 */
#ifndef COMMON_FUTEX_H
#define COMMON_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum futex_scope { FUTEX_SHARED = 0, FUTEX_PRIVATE = FUTEX_PRIVATE_FLAG };

/* Sleeps while *word == expected. False only when the deadline (UINT64_MAX: none) passed.
 * May return early; the caller looks again. */
static inline bool futex_wait(_Atomic uint32_t *word, uint32_t expected, enum futex_scope scope,
			      uint64_t deadline_us)
{
	struct timespec ts = {(time_t)(deadline_us / 1000000),
			      (long)(deadline_us % 1000000) * 1000};
	long r = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | (int)scope, expected,
			 deadline_us == UINT64_MAX ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY);

	return r == 0 || errno != ETIMEDOUT;
}

static inline void futex_wake(_Atomic uint32_t *word, int count, enum futex_scope scope)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE | (int)scope, count, NULL, NULL, 0);
}

#endif
