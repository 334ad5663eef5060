/*
 * Several items in one payload: what a chunk of a map carries.
 *
 *   per item: u32 status | u32 length           (big endian)
 *   then the items' bytes, in the same order
 *
 * In a job every status is 0. In a result, an item whose status is not 0 has an encoded
 * Error for its bytes.
 */
#ifndef PROTO_PACK_H
#define PROTO_PACK_H

#include "common/span.h"

#include <stdint.h>

enum { PACK_ITEM_HEADER_BYTES = 8, PACK_ITEMS_MAX = 1 << 20 };

struct pack_item {
	uint32_t status;
	struct span bytes;
};

/* Reads a pack of a known number of items. */
struct pack_reader {
	const uint8_t *header; /* of the next item */
	const uint8_t *bytes;  /* of the next item */
	const uint8_t *end;
	uint32_t left;
};

/* 0, or -EPROTO when there are not that many headers. */
int pack_open(struct span pack, uint32_t items, struct pack_reader *ret);

/* 1 and an item that points into the pack; 0 at the end; -EPROTO when the bytes do not
 * add up: too few for an item, or some left behind the last. */
int pack_next(struct pack_reader *r, struct pack_item *ret);

void pack_put_header(uint8_t *p, uint32_t status, uint32_t len);

#endif
