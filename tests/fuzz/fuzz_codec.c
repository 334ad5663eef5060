/* The hand-written Submit and Result decoders against protobuf-c. The first byte chooses. */
#include "tests/fuzz/fuzz.h"

#include "tests/lib/codec_diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* More than this would find only the end of the arena, which protobuf-c has not here. */
	if (size == 0 || size > 2048)
		return 0;
	uint8_t *copy = fuzz_copy(data + 1, size - 1);
	enum codec_verdict v =
		data[0] & 1 ? codec_diff_result(copy, size - 1) : codec_diff_submit(copy, size - 1);
	if (v == CODEC_DIFFER)
		fprintf(stderr, "%s\n", codec_diff_why());
	fuzz_must(v != CODEC_DIFFER);
	free(copy);
	return 0;
}
