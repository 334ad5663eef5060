#include "ctl/wait.h"

#include <signal.h>
#include <time.h>

#define SLICE_US 100000

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

uint64_t wait_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void wait_catch_interrupt(void)
{
	/* Without SA_RESTART: a read of the items from a terminal must end too. */
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
}

bool wait_interrupted(void)
{
	return interrupted != 0;
}

int64_t wait_slice_us(uint64_t until_us)
{
	uint64_t now_us = wait_now_us();

	if (until_us <= now_us)
		return 0;
	return until_us - now_us < SLICE_US ? (int64_t)(until_us - now_us) : SLICE_US;
}
