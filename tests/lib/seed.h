/*
 * Where random tests get their numbers from.
 *
 * The seed is $FUTURED_TEST_SEED, or else the time; it is printed as a TAP comment, so that
 * a run that failed can be had again.
 */
#ifndef TESTS_SEED_H
#define TESTS_SEED_H

#include <stddef.h>
#include <stdint.h>

void seed_init(void); /* takes it and prints it */
uint64_t seed_get(void);

/* splitmix64: small, fast, and the same on every machine. */
struct rng {
	uint64_t state;
};

static inline struct rng rng_of(uint64_t seed)
{
	return (struct rng){seed};
}
static inline struct rng rng_of_run(void)
{
	return rng_of(seed_get());
}

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* From 0 to n - 1; n is not 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_next(r) % n;
}

/* Any number of bits with the same chance, so that short varints are as usual as long ones. */
static inline uint64_t rng_wide(struct rng *r)
{
	unsigned bits = (unsigned)rng_below(r, 65);

	return bits == 0 ? 0 : rng_next(r) >> (64 - bits);
}

void rng_fill(struct rng *r, void *p, size_t n);

/* Changes the bytes in a few places: flips, overwrites, cuts, repeats, inserts. Returns the
 * new length, at most `cap`. */
size_t rng_mutate(struct rng *r, uint8_t *p, size_t n, size_t cap);

#endif
