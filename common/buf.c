#include "common/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_MIN_CAP = 1024 };

static inline bool buf_sane(const struct buf *b)
{
	return b->start <= b->end && b->end <= b->cap && b->end - b->start <= b->limit;
}

void buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){.limit = limit};
}

void buf_done(struct buf *b)
{
	free(b->mem);
	buf_init(b, b->limit);
}

/* Moves the content to the front of the memory. */
static void buf_compact(struct buf *b)
{
	if (b->start == 0)
		return;
	memmove(b->mem, b->mem + b->start, b->end - b->start);
	b->end -= b->start;
	b->start = 0;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	assert(buf_sane(b));
	size_t len = b->end - b->start;

	if (n > b->limit - len) {
		errno = EMSGSIZE;
		return NULL;
	}
	if (n <= b->cap - b->end)
		return b->mem + b->end;

	/* Moving is worth it only when little is moved: else the buffer grows. */
	if (n <= b->cap - len && len <= b->cap / 2) {
		buf_compact(b);
		return b->mem + b->end;
	}

	size_t cap = b->cap ? b->cap : BUF_MIN_CAP;
	while (cap < len + n)
		cap = cap > SIZE_MAX / 2 ? len + n : cap * 2;
	uint8_t *mem = malloc(cap);
	if (!mem) {
		errno = ENOMEM;
		return NULL;
	}
	if (len > 0)
		memcpy(mem, b->mem + b->start, len);
	free(b->mem);
	b->mem = mem;
	b->cap = cap;
	b->start = 0;
	b->end = len;
	return b->mem + b->end;
}

void buf_commit(struct buf *b, size_t n)
{
	assert(n <= b->cap - b->end);
	b->end += n;
	assert(buf_sane(b));
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return 0;
	uint8_t *to = buf_reserve(b, n);
	if (!to)
		return -errno;
	memcpy(to, p, n);
	buf_commit(b, n);
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= buf_len(b));
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void buf_trim(struct buf *b, size_t keep)
{
	if (buf_len(b) == 0 && b->cap > keep)
		buf_done(b);
}
