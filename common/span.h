/* A borrowed run of bytes. Whoever made it owns the memory. */
#ifndef COMMON_SPAN_H
#define COMMON_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const void *data;
	size_t len;
};

#define SPAN_EMPTY ((struct span){NULL, 0})

static inline struct span span_of(const void *data, size_t len)
{
	return (struct span){data, len};
}

static inline struct span span_str(const char *s)
{
	return (struct span){s, s ? strlen(s) : 0};
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The first `max` bytes of it. */
static inline struct span span_cut(struct span s, size_t max)
{
	return span_of(s.data, s.len < max ? s.len : max);
}

#endif
