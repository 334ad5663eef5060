/*
 * Arithmetic on decimal text. sum_of_squares is the sample of a task that needs the
 * processor for long and still stops when it is asked to.
 */
#include "modules/input.h"

typedef unsigned __int128 u128;

enum {
	U128_DIGITS = 39,
	STEPS_PER_LOOK = 65536,
};

/* The largest n whose sum of squares, (n-1) n (2n-1) / 6, is below 2^128. Known before the
 * loop, so nobody waits hours to hear that the result does not fit. */
#define SUM_MAX_N UINT64_C(10069012961345)

static int return_u128(struct fut_call *call, u128 n)
{
	char text[U128_DIGITS];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + (int)(n % 10));
		n /= 10;
	} while (n > 0);
	return fut_call_return(call, text + at, sizeof(text) - at);
}

static int refuse_number(struct fut_call *call, int r)
{
	if (r == -ERANGE)
		return input_refuse(call, "OverflowError", "the result has more than 128 bits");
	return input_refuse(call, "ValueError", "not a decimal integer");
}

static struct fut_view skip_sign(struct fut_view text)
{
	const char *p = text.data;

	if (text.len > 0 && (p[0] == '-' || p[0] == '+'))
		return (struct fut_view){.data = p + 1, .len = text.len - 1};
	return text;
}

/* The sign does not matter, and whatever is above 2^64 - 1 has a square above 2^128 - 1. */
static int square(struct fut_call *call)
{
	uint64_t n;
	int r = input_u64(skip_sign(input_text(call)), &n);

	if (r < 0)
		return refuse_number(call, r);
	return return_u128(call, (u128)n * n);
}

static u128 sum_range(uint64_t from, uint64_t to)
{
	u128 sum = 0;

	for (uint64_t i = from; i < to; i++) {
		/* Hides what `i` is: a compiler that sees through the loop replaces it by
		 * the formula, and the sample would no longer be one. */
		__asm__ volatile("" : "+r"(i));
		sum += (u128)i * i;
	}
	return sum;
}

static int sum_of_squares(struct fut_call *call)
{
	uint64_t n;
	u128 sum = 0;
	int r = input_u64(input_text(call), &n);

	if (r < 0)
		return refuse_number(call, r);
	if (n > SUM_MAX_N)
		return refuse_number(call, -ERANGE);
	for (uint64_t i = 0; i < n; i += STEPS_PER_LOOK) {
		if (fut_call_stopped(call))
			return input_stop(call);
		sum += sum_range(i, n - i < STEPS_PER_LOOK ? n : i + STEPS_PER_LOOK);
	}
	return return_u128(call, sum);
}

static const struct fut_task tasks[] = {
	{.name = "square", .run = square},
	{.name = "sum_of_squares", .run = sum_of_squares},
	{.name = NULL},
};

FUT_MODULE(.name = "math", .tasks = tasks);
