/* The monotonic clock, and a thread's CPU time, behind pointers that tests replace. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER UINT64_MAX

/* Nanoseconds since some fixed moment; the same for all processes of the machine. */
extern uint64_t (*clock_source_ns)(void);

uint64_t clock_real_ns(void);

/* CPU time of the calling thread. It costs a system call. */
extern uint64_t (*clock_cpu_source_ns)(void);

uint64_t clock_real_cpu_ns(void);

static inline uint64_t clock_now_ns(void)
{
	return clock_source_ns();
}
static inline uint64_t clock_cpu_now_ns(void)
{
	return clock_cpu_source_ns();
}
static inline uint64_t clock_now_us(void)
{
	return clock_source_ns() / 1000;
}

/* The moment `timeout_us` from now; a negative timeout never comes. */
static inline uint64_t clock_after_us(int64_t timeout_us)
{
	if (timeout_us < 0)
		return CLOCK_NEVER;
	uint64_t now_us = clock_now_us();
	return (uint64_t)timeout_us > CLOCK_NEVER - 1 - now_us ? CLOCK_NEVER
							       : now_us + (uint64_t)timeout_us;
}

/* What to tell poll() so that it ends by the deadline: -1 for CLOCK_NEVER, 0 when it has
 * passed, at least a millisecond while there is time. */
int clock_poll_ms(uint64_t deadline_us);

#endif
