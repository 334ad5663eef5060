#include "tests/lib/codec_cases.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { MUTATIONS = 20000, LEAST_OF_EACH = 2000 };

enum codec_verdict codec_compare(codec_diff_fn diff, const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, p, n);
	enum codec_verdict v = diff(copy, n);
	free(copy);
	if (v == CODEC_DIFFER)
		ck_abort_msg("%s", codec_diff_why());
	return v;
}

void codec_cut_everywhere(codec_diff_fn diff, codec_message_fn message, int messages)
{
	struct rng r = rng_of_run();
	static struct wiregen g;

	for (int i = 0; i < messages; i++) {
		wiregen_reset(&g);
		message(&g, &r);
		for (size_t n = 0; n < g.len; n++)
			(void)codec_compare(diff, g.bytes, n);
	}
}

void codec_mutate(codec_diff_fn diff, codec_message_fn message)
{
	struct rng r = rng_of_run();
	static struct wiregen g;
	unsigned counts[CODEC_DIFFER + 1] = {0};

	for (int i = 0; i < MUTATIONS; i++) {
		wiregen_reset(&g);
		message(&g, &r);
		size_t n = rng_mutate(&r, g.bytes, g.len, sizeof g.bytes);
		counts[codec_compare(diff, g.bytes, n)]++;
	}
	ck_assert_uint_gt(counts[CODEC_BOTH_ACCEPT], LEAST_OF_EACH);
	ck_assert_uint_gt(counts[CODEC_BOTH_REFUSE], LEAST_OF_EACH);
}

bool codec_put_typed(struct wiregen *g, uint32_t number, unsigned type, uint32_t integers,
		     uint32_t bytes)
{
	bool is_integer = integers >> number & 1, is_bytes = bytes >> number & 1;

	wiregen_tag(g, number, type);
	if (type == 0 || type == 2)
		wiregen_raw(g, "\0", 1);
	else
		wiregen_raw(g, "\0\0\0\0\0\0\0\0", type == 5 ? 4 : 8);
	return number != 0 && type != 3 && type != 4 && type < 6 && (!is_integer || type == 0) &&
	       (!is_bytes || type == 2);
}
