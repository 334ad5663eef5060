/*
 * What the sample tasks share: reading numbers from a payload, and saying no.
 *
 * A payload is any bytes, without a NUL at its end, so strtol() and friends are out; and
 * isspace() depends on a locale that belongs to whoever loaded the module.
 */
#ifndef MODULES_INPUT_H
#define MODULES_INPUT_H

#include <futured/task.h>

#include <errno.h>

/* Enough to recognise one's own mistake; a payload may be many megabytes. */
enum { INPUT_QUOTED_BYTES = 256 };

static inline bool input_is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline bool input_is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* The payload without the white space around it. */
static inline struct fut_view input_text(const struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);
	const unsigned char *p = in.data;
	size_t from = 0, to = in.len;

	while (from < to && input_is_space(p[from]))
		from++;
	while (to > from && input_is_space(p[to - 1]))
		to--;
	/* Nothing is added to `p` when nothing was skipped: it may be NULL. */
	return (struct fut_view){.data = from ? p + from : p, .len = to - from};
}

/* Reads decimal digits and nothing else: 0, -EINVAL for anything other than digits, or
 * -ERANGE for a number above 2^64 - 1. */
static inline int input_u64(struct fut_view text, uint64_t *ret)
{
	const unsigned char *p = text.data;
	uint64_t n = 0;
	bool too_large = false;

	if (text.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (!input_is_digit(p[i]))
			return -EINVAL;
		too_large |= __builtin_mul_overflow(n, 10u, &n);
		too_large |= __builtin_add_overflow(n, (uint64_t)(p[i] - '0'), &n);
	}
	if (too_large)
		return -ERANGE;
	*ret = n;
	return 0;
}

static inline struct fut_view input_quoted(const struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);

	if (in.len > INPUT_QUOTED_BYTES)
		in.len = INPUT_QUOTED_BYTES;
	return in;
}

/* Fails the call for what the caller sent, and shows the start of it. Macros, so that the
 * traceback names the place in the task. */
#define input_refuse(call, type, message)                                                          \
	fut_call_fail((call), (type), (message), input_quoted(call).data, input_quoted(call).len)

#define input_stop(call) fut_call_fail((call), "Stopped", "asked to stop", NULL, 0)

#endif
