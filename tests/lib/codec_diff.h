/*
 * The hand-written decoders against protobuf-c, on the same bytes.
 *
 * Both must accept or both refuse, and what they accept must be the same. Left out, because
 * no encoder writes them and the two differ there on purpose:
 *
 *   - a tag or a length that takes more than 5 bytes (protobuf-c refuses it, we do not),
 *     and field numbers that protobuf does not have: 0 in several bytes, above 2^29 - 1
 *     (we refuse them, protobuf-c does not);
 *   - a Result with several errors: protobuf-c merges them, ours takes the last.
 */
#ifndef TESTS_CODEC_DIFF_H
#define TESTS_CODEC_DIFF_H

#include <stddef.h>
#include <stdint.h>

enum codec_verdict {
	CODEC_BOTH_ACCEPT,
	CODEC_BOTH_REFUSE,
	CODEC_LEFT_OUT,
	CODEC_DIFFER, /* codec_diff_why() says how */
};

enum codec_verdict codec_diff_submit(const uint8_t *p, size_t n);
enum codec_verdict codec_diff_result(const uint8_t *p, size_t n);
const char *codec_diff_why(void);

#endif
