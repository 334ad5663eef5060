/* What every hand-written decoder is put through, with protobuf-c beside it. */
#ifndef TESTS_CODEC_CASES_H
#define TESTS_CODEC_CASES_H

#include "tests/lib/codec_diff.h"
#include "tests/lib/seed.h"
#include "tests/lib/wiregen.h"

#include <stdbool.h>

typedef enum codec_verdict (*codec_diff_fn)(const uint8_t *p, size_t n);
typedef void (*codec_message_fn)(struct wiregen *g, struct rng *r);

/* Compares on a copy of its exact size, so that a sanitizer sees a byte too far. Fails the
 * test when the two differ. */
enum codec_verdict codec_compare(codec_diff_fn diff, const uint8_t *p, size_t n);

/* Random messages, each cut at every byte. */
void codec_cut_everywhere(codec_diff_fn diff, codec_message_fn message, int messages);

/* Random messages with random damage, which is neither all harmless nor all deadly. */
void codec_mutate(codec_diff_fn diff, codec_message_fn message);

/* Writes a field with a wire type. Whether that is right for a message with these fields, a
 * bit for each number. */
bool codec_put_typed(struct wiregen *g, uint32_t number, unsigned type, uint32_t integers,
		     uint32_t bytes);

#endif
