#include "proto/pack.h"

#include "proto/bigendian.h"

#include <errno.h>

void pack_put_header(uint8_t *p, uint32_t status, uint32_t len)
{
	put_u32(p, status);
	put_u32(p + 4, len);
}

int pack_open(struct span pack, uint32_t items, struct pack_reader *ret)
{
	const uint8_t *p = pack.data;

	if (items > PACK_ITEMS_MAX || (uint64_t)items * PACK_ITEM_HEADER_BYTES > pack.len)
		return -EPROTO;
	*ret = (struct pack_reader){
		.header = p,
		.bytes = p + (size_t)items * PACK_ITEM_HEADER_BYTES,
		.end = p + pack.len,
		.left = items,
	};
	return 0;
}

int pack_next(struct pack_reader *r, struct pack_item *ret)
{
	if (r->left == 0)
		return r->bytes == r->end ? 0 : -EPROTO;
	uint32_t len = get_u32(r->header + 4);

	if (len > (size_t)(r->end - r->bytes))
		return -EPROTO;
	ret->status = get_u32(r->header);
	ret->bytes = span_of(r->bytes, len);
	r->header += PACK_ITEM_HEADER_BYTES;
	r->bytes += len;
	r->left--;
	return 1;
}
