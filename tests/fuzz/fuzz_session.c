/*
 * Bytes of a peer, through sink, envelope and every parser.
 *
 * The first byte says whether a preface is expected, and how the rest is cut into reads; the
 * same bytes in one piece must give the same frames and the same end.
 */
#include "tests/fuzz/fuzz.h"

#include "proto/envelope.h"
#include "proto/message.h"
#include "proto/pack.h"
#include "proto/result.h"
#include "proto/sink.h"
#include "proto/status.h"
#include "proto/submit.h"

#include <errno.h>
#include <string.h>

static struct arena arena;
static uint64_t eaten; /* keeps reads of decoded bytes from being optimized away */

static void eat(struct span s)
{
	const uint8_t *p = s.data;

	for (size_t i = 0; i < s.len; i++)
		eaten += p[i];
}

static void eat_pack(struct span payload, uint32_t items)
{
	struct pack_reader r;
	struct pack_item item;
	uint32_t seen = 0;

	if (pack_open(payload, items, &r) < 0)
		return;
	while (pack_next(&r, &item) == 1) {
		eat(item.bytes);
		seen++;
	}
	fuzz_must(seen <= items);
}

static void eat_error(const struct error_info *e)
{
	static uint8_t encoded[ERROR_ENCODED_MAX];

	eat(e->type);
	eat(e->message);
	eat(e->detail);
	eat(e->hint);
	eat(e->details);
	eat(e->traceback);
	if (e->has_death)
		eat(e->death.stderr_tail);
	fuzz_must(error_encode(e, encoded) <= ERROR_ENCODED_MAX);
}

static void take_submit(struct span message, struct span payload)
{
	struct submit_cursor c = submit_open(message);
	struct job_spec spec;
	size_t at = 0;

	while (submit_next(&c, &spec) == 1) {
		eat(spec.task);
		if (spec.payload_len > payload.len - at)
			return;
		eat_pack(span_of((const uint8_t *)payload.data + at, spec.payload_len), spec.items);
		at += spec.payload_len;
	}
}

static void take_result(struct span message, struct span payload)
{
	struct error_info error;
	struct result res;

	if (result_parse(message, &res) < 0)
		return;
	eaten += strlen(status_text(status_from_wire(res.status)));
	eat_pack(payload, res.attempt);
	arena_reset(&arena);
	if (res.error.data && error_decode(res.error, &arena, &error) == 0)
		eat_error(&error);
}

/* What was understood can be said again, and is then understood as the same. */
static void take_other(uint32_t kind, struct span message, struct span payload)
{
	static struct arena again;
	struct message m, m2;
	struct span opened;
	struct buf out;
	uint32_t kind2;

	arena_reset(&arena);
	if (message_parse(kind, message, &arena, &m) < 0)
		return;
	fuzz_must(arena.used <= ARENA_BYTES);
	if (kind == MESSAGE_STARTED)
		eat(span_of(m.started.ids, m.started.n * sizeof *m.started.ids));
	if (kind == MESSAGE_GOAWAY && m.goaway.has_error)
		eat_error(&m.goaway.error);
	buf_init(&out, SIZE_MAX);
	int r = message_put(&out, &m, SPAN_EMPTY);
	fuzz_must(r == 0 || r == -EMSGSIZE);
	if (r == 0) {
		fuzz_must(envelope_open(span_of(buf_data(&out) + 8, buf_len(&out) - 8), &kind2,
					&opened) == 0);
		fuzz_must(kind2 == kind);
		arena_reset(&again);
		fuzz_must(message_parse(kind2, opened, &again, &m2) == 0);
	}
	buf_done(&out);
	eat(payload);
}

struct feed {
	struct sink sink;
	unsigned frames;
	uint64_t hash;
	bool parses;
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
	static const struct frame_limits later = {FRAME_ENVELOPE_MAX, 64 * 1024};
	struct feed *feed = arg;
	struct span message;
	uint32_t kind;

	if (feed->frames++ == 0)
		sink_set_limits(&feed->sink, later);
	hash_span(&feed->hash, f->envelope);
	hash_span(&feed->hash, f->payload);
	int r = envelope_open(f->envelope, &kind, &message);
	if (r < 0)
		return r;
	if (!feed->parses)
		return 0;
	if (kind == MESSAGE_SUBMIT)
		take_submit(message, f->payload);
	else if (kind == MESSAGE_RESULT)
		take_result(message, f->payload);
	else
		take_other(kind, message, f->payload);
	return 0;
}

/* Feeds in pieces of their own memory, each as large as `mode` and the place say. */
static int feed_all(struct feed *feed, const uint8_t *p, size_t n, unsigned mode)
{
	int r = 0;

	for (size_t at = 0, run; at < n && r == 0; at += run) {
		run = mode == 0 ? n : mode == 1 ? 1 : 1 + (p[at] ^ at * 7) % (mode * 8);
		run = run < n - at ? run : n - at;
		uint8_t *piece = malloc(run);
		fuzz_must(piece != NULL);
		memcpy(piece, p + at, run);
		r = sink_feed(&feed->sink, piece, run, on_frame, feed);
		free(piece);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct frame_limits early = {FRAME_ENVELOPE_MAX_EARLY, 64 * 1024};
	struct feed whole = {.parses = true}, pieces = {.parses = false};

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
