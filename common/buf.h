/*
 * A growable run of bytes with a ceiling: filled at the end, consumed at the front.
 *
 *   0 ......... start ......... end ......... cap
 *   | consumed    | content       | free        |
 *
 * Not thread-safe. An empty buffer owns no memory until it is filled, and buf_trim()
 * gives a large one back.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *mem;
	size_t start, end, cap;
	size_t limit; /* of the content, in bytes; given at birth */
};

void buf_init(struct buf *b, size_t limit);
void buf_done(struct buf *b);

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}
static inline const uint8_t *buf_data(const struct buf *b)
{
	return b->mem ? b->mem + b->start : NULL; /* nothing may be added to NULL, not even 0 */
}

/*
 * Room for n more bytes at the end, to be filled and then added with buf_commit().
 * NULL when the content would pass the limit (errno EMSGSIZE) or memory is out (ENOMEM).
 * Any other call on the buffer makes the pointer stale.
 */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* Appends a copy. 0, -EMSGSIZE, -ENOMEM. */
int buf_add(struct buf *b, const void *p, size_t n);

/* Forgets the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* Frees the memory when the buffer is empty and holds more than `keep` bytes. */
void buf_trim(struct buf *b, size_t keep);

#endif
