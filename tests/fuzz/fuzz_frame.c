/*
 * Bytes of a peer, cut into frames by the one sink that every transport feeds.
 *
 * The first byte says whether a preface is expected, and how the rest is cut into reads; the
 * same bytes in one piece must give the same frames and the same end.
 */
#include "tests/fuzz/fuzz.h"

#include "proto/sink.h"

#include <string.h>

enum { PAYLOAD_MAX = 64 * 1024 };

struct feed {
	struct sink sink;
	unsigned frames;
	uint64_t hash;
};

static void hash_span(uint64_t *h, struct span s)
{
	const uint8_t *p = s.data;

	for (size_t i = 0; i < s.len; i++)
		*h = (*h ^ p[i]) * 0x100000001b3u;
	*h = (*h ^ s.len) * 0x9e3779b97f4a7c15u;
}

static int on_frame(void *arg, const struct frame *f)
{
	static const struct frame_limits later = {FRAME_ENVELOPE_MAX, PAYLOAD_MAX};
	struct feed *feed = arg;
	const struct frame_limits *limits = &feed->sink.limits;

	fuzz_must(f->envelope.len > 0 && f->envelope.len <= limits->envelope_bytes);
	fuzz_must(f->payload.len <= limits->payload_bytes);
	if (feed->frames++ == 0)
		sink_set_limits(&feed->sink, later);
	hash_span(&feed->hash, f->envelope);
	hash_span(&feed->hash, f->payload);
	return 0;
}

/* Feeds in pieces of their own memory, each as large as `mode` and the place say. */
static int feed_all(struct feed *feed, const uint8_t *p, size_t n, unsigned mode)
{
	int r = 0;

	for (size_t at = 0, run; at < n && r == 0; at += run) {
		run = mode == 0 ? n : mode == 1 ? 1 : 1 + (p[at] ^ at * 7) % (mode * 8);
		run = run < n - at ? run : n - at;
		uint8_t *piece = fuzz_copy(p + at, run);
		r = sink_feed(&feed->sink, piece, run, on_frame, feed);
		free(piece);
		/* What is kept is never more than one frame can have. */
		fuzz_must(buf_len(&feed->sink.stash) <=
			  FRAME_HEADER_BYTES + FRAME_ENVELOPE_MAX + PAYLOAD_MAX);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct frame_limits early = {FRAME_ENVELOPE_MAX_EARLY, 0};
	struct feed whole = {0}, pieces = {0};

	if (size == 0)
		return 0;
	bool preface = data[0] & 1;
	sink_init(&whole.sink, preface, early);
	sink_init(&pieces.sink, preface, early);
	int a = feed_all(&whole, data + 1, size - 1, 0);
	int b = feed_all(&pieces, data + 1, size - 1, 1 + (data[0] >> 1) % 16);
	fuzz_must(a == b);
	fuzz_must(whole.frames == pieces.frames && whole.hash == pieces.hash);
	if (a == 0) {
		fuzz_must(buf_len(&whole.sink.stash) == buf_len(&pieces.sink.stash));
		fuzz_must(sink_is_mid_frame(&whole.sink) || !pieces.sink.stash.mem);
	}
	sink_done(&whole.sink);
	sink_done(&pieces.sink);
	return 0;
}
