/* The bytes of one input, taken one decision after the other; behind the end all are 0. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include "common/span.h"

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *p, *end;
};

static inline struct input input_of(const uint8_t *data, size_t size)
{
	return (struct input){data, data + size};
}

static inline bool input_is_over(const struct input *in)
{
	return in->p == in->end;
}

/* So many bytes as a number, the first one being the highest. */
static inline uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | (in->p < in->end ? *in->p++ : 0);
	return v;
}

static inline uint64_t take_below(struct input *in, uint64_t n)
{
	return take(in, n > 256 ? 2 : 1) % n;
}

/* Mostly short, now and then of any length. */
static inline uint64_t take_wide(struct input *in)
{
	unsigned bytes = (unsigned)take(in, 1);

	return bytes < 128 ? bytes : take(in, 1 + bytes % 8);
}

/* A length, and as many of the bytes behind it as there are. They lie in the input. */
static inline struct span take_bytes(struct input *in)
{
	size_t want = take(in, 1), left = (size_t)(in->end - in->p);
	struct span s = span_of(in->p, want < left ? want : left);

	in->p += s.len;
	return s;
}

static inline struct span take_rest(struct input *in)
{
	struct span s = span_of(in->p, (size_t)(in->end - in->p));

	in->p = in->end;
	return s;
}

#endif
