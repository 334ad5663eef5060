#include "tests/lib/seed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t seed;

void seed_init(void)
{
	const char *given = getenv("FUTURED_TEST_SEED");
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	seed = given && *given ? strtoull(given, NULL, 0)
			       : (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	printf("# seed %" PRIu64 "\n", seed);
	fflush(stdout); /* before Check forks */
}

uint64_t seed_get(void)
{
	return seed;
}

void rng_fill(struct rng *r, void *p, size_t n)
{
	uint8_t *to = p;

	for (; n >= 8; n -= 8, to += 8) {
		uint64_t v = rng_next(r);
		memcpy(to, &v, 8);
	}
	while (n-- > 0)
		*to++ = (uint8_t)rng_next(r);
}

/* Bytes that mean something to a decoder: ends of ranges, tags, long varints. */
static uint8_t telling_byte(struct rng *r)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0x07, 0x08, 0x0a, 0x0f, 0x10, 0x12,
					0x1a, 0x22, 0x3a, 0x7f, 0x80, 0x81, 0xfe, 0xff};

	return bytes[rng_below(r, sizeof bytes)];
}

static size_t mutate_once(struct rng *r, uint8_t *p, size_t n, size_t cap)
{
	size_t at = n > 0 ? rng_below(r, n) : 0;
	size_t run = n > at ? 1 + rng_below(r, n - at < 16 ? n - at : 16) : 0;

	switch (rng_below(r, 6)) {
	case 0:
		if (n > 0)
			p[at] ^= (uint8_t)(1u << rng_below(r, 8));
		return n;
	case 1:
		if (n > 0)
			p[at] = telling_byte(r);
		return n;
	case 2: /* cut the end off */
		return at;
	case 3: /* take some out */
		memmove(p + at, p + at + run, n - at - run);
		return n - run;
	case 4: /* put one in */
		if (n == cap)
			return n;
		memmove(p + at + 1, p + at, n - at);
		p[at] = rng_below(r, 2) ? telling_byte(r) : (uint8_t)rng_next(r);
		return n + 1;
	default: /* repeat some at the end */
		if (run > cap - n)
			return n;
		memcpy(p + n, p + at, run);
		return n + run;
	}
}

size_t rng_mutate(struct rng *r, uint8_t *p, size_t n, size_t cap)
{
	for (uint64_t times = 1 + rng_below(r, 4); times > 0; times--)
		n = mutate_once(r, p, n, cap);
	return n;
}
