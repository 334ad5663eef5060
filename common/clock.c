#include "common/clock.h"

#include <time.h>

uint64_t clock_real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t (*clock_source_ns)(void) = clock_real_ns;
