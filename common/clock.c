#include "common/clock.h"

#include <time.h>

uint64_t clock_real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_real_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t (*clock_source_ns)(void) = clock_real_ns;
uint64_t (*clock_cpu_source_ns)(void) = clock_real_cpu_ns;

int clock_poll_ms(uint64_t deadline_us)
{
	if (deadline_us == CLOCK_NEVER)
		return -1;
	uint64_t now_us = clock_now_us();
	if (now_us >= deadline_us)
		return 0;
	uint64_t ms = (deadline_us - now_us + 999) / 1000;
	return ms < INT32_MAX ? (int)ms : INT32_MAX;
}
