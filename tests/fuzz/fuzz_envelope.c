/* One envelope and its payload, through every parser; what was understood is said again. */
#include "tests/fuzz/fuzz.h"

#include "proto/envelope.h"
#include "proto/message.h"
#include "proto/pack.h"
#include "proto/result.h"
#include "proto/status.h"
#include "proto/submit.h"

#include "tests/fuzz/input.h"

#include <errno.h>

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

static void take_message(struct span envelope, struct span payload)
{
	struct span message;
	uint32_t kind;

	if (envelope_open(envelope, &kind, &message) < 0)
		return;
	if (kind == MESSAGE_SUBMIT)
		take_submit(message, payload);
	else if (kind == MESSAGE_RESULT)
		take_result(message, payload);
	else
		take_other(kind, message, payload);
}

/* Two bytes say where the envelope ends and the payload begins. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	size_t want = take(&in, 2), left = (size_t)(in.end - in.p);
	size_t len = want < left ? want : left;
	uint8_t *envelope = fuzz_copy(in.p, len);
	uint8_t *payload = fuzz_copy(in.p + len, left - len);

	take_message(span_of(envelope, len), span_of(payload, left - len));
	free(envelope);
	free(payload);
	return 0;
}
