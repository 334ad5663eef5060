#include "worker/answer.h"

#include "proto/pack.h"

#include <assert.h>
#include <errno.h>

void answer_init(struct answer *a, size_t limit)
{
	*a = (struct answer){0};
	buf_init(&a->bytes, limit);
}

void answer_done(struct answer *a)
{
	buf_done(&a->bytes);
}

/* Nothing is ever consumed but all at once, so the content starts where the memory does. */
static void answer_cut(struct answer *a, size_t len)
{
	assert(a->bytes.start == 0 && len <= a->bytes.end);
	a->bytes.end = len;
}

void answer_reset(struct answer *a)
{
	answer_cut(a, 0);
	buf_trim(&a->bytes, ANSWER_KEEP_BYTES);
	a->piece = 0;
	a->pieces_ended = 0;
}

int answer_start_pack(struct answer *a, uint32_t items)
{
	size_t headers = (size_t)items * PACK_ITEM_HEADER_BYTES;

	answer_reset(a);
	if (!buf_reserve(&a->bytes, headers))
		return -errno;
	buf_commit(&a->bytes, headers);
	a->piece = headers;
	return 0;
}

int answer_set(struct answer *a, const void *data, size_t len)
{
	answer_cut(a, a->piece);
	return buf_add(&a->bytes, data, len);
}

int answer_add(struct answer *a, const void *data, size_t len)
{
	return buf_add(&a->bytes, data, len);
}

void answer_end_piece(struct answer *a, uint32_t status)
{
	size_t header = (size_t)a->pieces_ended * PACK_ITEM_HEADER_BYTES;

	assert(header + PACK_ITEM_HEADER_BYTES <= a->piece);
	pack_put_header(a->bytes.mem + header, status, (uint32_t)answer_piece_len(a));
	a->piece = buf_len(&a->bytes);
	a->pieces_ended++;
}
