#include "daemon/config_units.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"", 1},
	{"K", 1ull << 10},
	{"M", 1ull << 20},
	{"G", 1ull << 30},
};

/* A bare number would be seconds to one reader and milliseconds to the next. */
static const struct unit duration_units[] = {
	{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"min", 60 * 1000000ull}, {"h", 3600 * 1000000ull},
};

enum { FRACTION_MAX_DIGITS = 6 };

static int add_scaled(uint64_t *sum, uint64_t n, uint64_t factor)
{
	uint64_t product;

	if (__builtin_mul_overflow(n, factor, &product) ||
	    __builtin_add_overflow(*sum, product, sum))
		return -ERANGE;
	return 0;
}

/* Digits, one at least; *p is moved behind them. No sign, no spaces: strtoull takes both. */
static int take_digits(const char **p, uint64_t *ret)
{
	const char *start = *p;
	uint64_t n = 0;
	int r = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++) {
		uint64_t sum = (uint64_t)(**p - '0');

		if (r == 0)
			r = add_scaled(&sum, n, 10);
		n = sum;
	}
	if (*p == start)
		return -EINVAL;
	*ret = n;
	return r;
}

static int take_unit(const char *name, const struct unit *units, size_t n, uint64_t *ret_factor)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, units[i].name) == 0) {
			*ret_factor = units[i].factor;
			return 0;
		}
	}
	return -EINVAL;
}

/* ".25" as 25 of 100. Nothing there is 0 of 1. */
static int take_fraction(const char **p, uint64_t *ret_numerator, uint64_t *ret_denominator)
{
	*ret_numerator = 0;
	*ret_denominator = 1;
	if (**p != '.')
		return 0;

	const char *start = ++*p;
	int r = take_digits(p, ret_numerator);
	if (r < 0 || *p - start > FRACTION_MAX_DIGITS)
		return -EINVAL;
	for (const char *digit = start; digit < *p; digit++)
		*ret_denominator *= 10;
	return 0;
}

int config_parse_count(const char *text, uint64_t *ret)
{
	uint64_t n;
	int r = take_digits(&text, &n);

	if (r == -EINVAL || *text != '\0')
		return -EINVAL;
	if (r < 0)
		return r;
	*ret = n;
	return 0;
}

int config_parse_size(const char *text, uint64_t *ret_bytes)
{
	uint64_t n, factor, bytes = 0;
	int r = take_digits(&text, &n);

	if (r == -EINVAL || take_unit(text, size_units, ARRAY_LEN(size_units), &factor) < 0)
		return -EINVAL;
	if (r < 0)
		return r;
	r = add_scaled(&bytes, n, factor);
	if (r < 0)
		return r;
	*ret_bytes = bytes;
	return 0;
}

int config_parse_duration(const char *text, uint64_t *ret_us)
{
	uint64_t n, numerator, denominator, factor;
	int r = take_digits(&text, &n);

	if (r == -EINVAL || take_fraction(&text, &numerator, &denominator) < 0 ||
	    take_unit(text, duration_units, ARRAY_LEN(duration_units), &factor) < 0)
		return -EINVAL;
	if (r < 0)
		return r;
	/* At most 10^6 times an hour in microseconds: it fits. */
	if (numerator * factor % denominator != 0)
		return -EINVAL;
	uint64_t us = numerator * factor / denominator;
	r = add_scaled(&us, n, factor);
	if (r < 0)
		return r;
	*ret_us = us;
	return 0;
}

int config_parse_bool(const char *text, bool *ret)
{
	static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		for (int value = 0; value < 2; value++) {
			if (strcmp(text, words[i][value]) == 0) {
				*ret = value;
				return 0;
			}
		}
	}
	return -EINVAL;
}
