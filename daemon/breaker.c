#include "daemon/breaker.h"

#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int breaker_init(struct breaker *b, const struct breaker_limits *limits)
{
	*b = (struct breaker){.limits = *limits};
	if (limits->crashes == 0)
		return 0;
	b->crashed_at_us = calloc(limits->crashes, sizeof *b->crashed_at_us);
	return b->crashed_at_us ? 0 : -ENOMEM;
}

void breaker_done(struct breaker *b)
{
	free(b->crashed_at_us);
	b->crashed_at_us = NULL;
}

/* Twice the last pause when that was no help: its attempt failed, or not for long. */
static void breaker_open(struct breaker *b, uint64_t now_us)
{
	uint64_t first_us = b->limits.pause_us;
	bool again = b->open || (b->closed_at_us > 0 && b->pause_us > 0 &&
				 now_us - b->closed_at_us < b->limits.window_us);
	uint64_t most_us = max_u64(BREAKER_PAUSE_MAX_US, first_us);

	b->pause_us = again ? min_u64(2 * b->pause_us, most_us) : first_us;
	b->retry_at_us = now_us + b->pause_us;
	b->open = true;
}

bool breaker_start_failed(struct breaker *b, uint64_t now_us, const char *reason)
{
	bool was_open = b->open;

	/* Of a start that was under way when it opened: it says nothing new. */
	if (was_open && now_us < b->retry_at_us)
		return false;
	(void)snprintf(b->reason, sizeof b->reason, "%s", reason);
	b->failures++;
	if (!was_open && b->failures < BREAKER_START_FAILURES) {
		b->retry_at_us = now_us + ((uint64_t)BREAKER_MOMENT_US << (b->failures - 1));
		return false;
	}
	b->by_crashes = false;
	breaker_open(b, now_us);
	return !was_open;
}

/* "2.5 s" */
static void print_seconds(char *text, size_t size, uint64_t us)
{
	if (us % 1000000 == 0)
		(void)snprintf(text, size, "%" PRIu64 " s", us / 1000000);
	else
		(void)snprintf(text, size, "%.3f s", (double)us / 1e6);
}

bool breaker_crashed(struct breaker *b, uint64_t now_us, const char *how)
{
	unsigned n = b->limits.crashes;
	char window[32];

	if (!b->crashed_at_us)
		return false;
	uint64_t *place = &b->crashed_at_us[b->ncrashes % n];
	*place = now_us;
	b->ncrashes++;
	/* The next place has the one that is n - 1 before this. */
	uint64_t first_us = b->crashed_at_us[b->ncrashes % n];
	if (b->open || b->ncrashes < n || now_us - first_us > b->limits.window_us)
		return false;
	print_seconds(window, sizeof window, b->limits.window_us);
	(void)snprintf(b->reason, sizeof b->reason, "%u host%s died within %s; the last one: %s", n,
		       n == 1 ? "" : "s", window, how);
	b->by_crashes = true;
	breaker_open(b, now_us);
	return true;
}

void breaker_close(struct breaker *b, uint64_t now_us)
{
	b->open = false;
	b->by_crashes = false;
	b->failures = 0;
	b->ncrashes = 0;
	b->retry_at_us = 0;
	b->closed_at_us = now_us;
}

bool breaker_started(struct breaker *b, uint64_t now_us)
{
	/* That hosts start is nothing new where they die later. */
	if (b->by_crashes && now_us < b->retry_at_us)
		return false;
	if (b->open) {
		breaker_close(b, now_us);
		return true;
	}
	b->failures = 0;
	b->retry_at_us = 0;
	return false;
}

uint64_t breaker_wait_us(const struct breaker *b, uint64_t now_us)
{
	return b->retry_at_us > now_us ? b->retry_at_us - now_us : 0;
}
