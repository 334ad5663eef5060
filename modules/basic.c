/* The smallest tasks: for trying out an installation, and for measuring one. */
#include "modules/input.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

/* A sleeper looks at the stop flag this often. */
#define SLICE_NS UINT64_C(5000000)

/* 31 years: what keeps every sum below in 64 bits. */
#define SLEEP_MAX_S UINT64_C(1000000000)

static int echo(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);

	return fut_call_return(call, in.data, in.len);
}

static int noop(struct fut_call *call)
{
	(void)call;
	return 0;
}

/* ---- sleep ---- */

/* Reads digits as parts of a second; those after the ninth are below a nanosecond. */
static bool parse_fraction(const char *p, size_t len, uint64_t *ret_ns)
{
	uint64_t ns = 0, unit = NS_PER_S;

	for (size_t i = 0; i < len; i++) {
		if (!input_is_digit((unsigned char)p[i]))
			return false;
		unit /= 10;
		ns += unit * (uint64_t)(p[i] - '0');
	}
	*ret_ns = ns;
	return true;
}

/* "2", "0.05", ".5" or "2.": at least one digit. */
static bool parse_seconds(struct fut_view text, uint64_t *ret_ns)
{
	const char *p = text.data;
	size_t whole = 0;
	uint64_t s = 0, ns = 0;

	while (whole < text.len && p[whole] != '.')
		whole++;
	bool has_point = whole < text.len;
	size_t decimals = has_point ? text.len - whole - 1 : 0;
	if (whole + decimals == 0)
		return false;
	if (whole > 0 && input_u64((struct fut_view){.data = p, .len = whole}, &s) < 0)
		return false;
	if (decimals > 0 && !parse_fraction(p + whole + 1, decimals, &ns))
		return false;
	if (s > SLEEP_MAX_S)
		return false;
	*ret_ns = s * NS_PER_S + ns;
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* May come back early, for a signal: the caller looks at the clock anyway. */
static void sleep_until(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static int sleep_task(struct fut_call *call)
{
	uint64_t duration, end, now;

	if (!parse_seconds(input_text(call), &duration))
		return input_refuse(call, "ValueError", "not a decimal number of seconds");
	now = now_ns();
	for (end = now + duration; now < end; now = now_ns()) {
		if (fut_call_stopped(call))
			return input_stop(call);
		sleep_until(end - now < SLICE_NS ? end : now + SLICE_NS);
	}
	return echo(call);
}

/* ---- count: the sample of a task with a streamed result ---- */

static int count(struct fut_call *call)
{
	uint64_t n;
	char text[24];
	int len;

	if (input_u64(input_text(call), &n) < 0)
		return input_refuse(call, "ValueError", "not a count");
	for (uint64_t i = 0; i < n; i++) {
		if (fut_call_stopped(call))
			return input_stop(call);
		len = snprintf(text, sizeof(text), "%" PRIu64, i);
		if (fut_call_emit(call, text, (size_t)len) < 0)
			return -1;
		if (fut_call_progress(call, i + 1, n, NULL) < 0)
			return -1;
	}
	len = snprintf(text, sizeof(text), "%" PRIu64, n);
	return fut_call_return(call, text, (size_t)len);
}

static const struct fut_task tasks[] = {
	{.name = "echo", .run = echo},
	{.name = "noop", .run = noop},
	{.name = "sleep", .run = sleep_task},
	{.name = "count", .run = count},
	{.name = NULL},
};

FUT_MODULE(.name = "basic", .tasks = tasks);
