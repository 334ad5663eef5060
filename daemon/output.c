#include "daemon/output.h"

#include "proto/frame.h"

#include <assert.h>

enum {
	BEGIN_BYTES = 128 * 1024, /* at a time; so much lies before an answer that comes now */
	KEEP_BYTES = 256 * 1024,
};

void output_init(struct output *o, struct buf *first)
{
	*o = (struct output){.first = first};
	buf_init(&o->behind, first->limit);
}

void output_done(struct output *o)
{
	buf_done(&o->behind);
}

void output_set_limit(struct output *o, uint64_t bytes)
{
	o->first->limit = o->behind.limit = bytes;
}

static bool is_large(const struct output *o, uint64_t id)
{
	if (o->nlarge == OUTPUT_LARGE_MAX)
		return true; /* nobody knows: behind, everything is in order */
	for (unsigned i = 0; i < o->nlarge; i++) {
		if (o->large[i] == id)
			return true;
	}
	return false;
}

struct buf *output_lane(struct output *o, uint64_t id)
{
	return o->nlarge > 0 && is_large(o, id) ? &o->behind : o->first;
}

static struct buf *lane_of_part(struct output *o, uint64_t id)
{
	if (!is_large(o, id))
		o->large[o->nlarge++] = id;
	return &o->behind;
}

static struct buf *lane_of_started(struct output *o, const uint64_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (output_lane(o, ids[i]) == &o->behind)
			return &o->behind;
	}
	return o->first;
}

static struct buf *lane_of(struct output *o, const struct message *m)
{
	switch (m->kind) {
	case MESSAGE_PART:
		return lane_of_part(o, m->part.id);
	case MESSAGE_CHUNK:
		return output_lane(o, m->chunk.id);
	case MESSAGE_PROGRESS:
		return output_lane(o, m->progress.id);
	case MESSAGE_VERDICT:
		return output_lane(o, m->verdict.id);
	case MESSAGE_RESTART:
		return output_lane(o, m->restart.id);
	case MESSAGE_STARTED:
		return lane_of_started(o, m->started.ids, m->started.n);
	case MESSAGE_GOAWAY:
	case MESSAGE_BYE: /* the last words */
		return o->nlarge > 0 ? &o->behind : o->first;
	case MESSAGE_HELLO:
	case MESSAGE_WELCOME:
	case MESSAGE_SUBMIT:
	case MESSAGE_RESULT:
	case MESSAGE_CANCEL:
	case MESSAGE_PING:
	case MESSAGE_PONG:
	case MESSAGE_ADMIN_REQUEST:
	case MESSAGE_ADMIN_REPLY:
	case MESSAGE_KIND_END:
		break;
	}
	return o->first;
}

int output_put(struct output *o, const struct message *m, struct span payload)
{
	return message_put(lane_of(o, m), m, payload);
}

/* How many bytes of whole frames go now: one frame at least. */
static size_t next_frames(const struct buf *b)
{
	const struct frame_limits any = {UINT32_MAX, UINT32_MAX};
	size_t n = 0, need;
	struct frame f;

	do {
		int64_t size = frame_cut(buf_data(b) + n, buf_len(b) - n, &any, &f, &need);
		assert(size > 0);
		n += (size_t)size;
	} while (n < BEGIN_BYTES && n < buf_len(b));
	return n;
}

static bool write_begun(struct output *o, struct stream *s, int *ret_error)
{
	size_t before = buf_len(&o->behind);
	bool all = stream_write(s, &o->behind, o->begun, ret_error);

	o->begun -= before - buf_len(&o->behind);
	return all;
}

bool output_flush(struct output *o, struct stream *s, int *ret_error)
{
	while (write_begun(o, s, ret_error) && stream_flush(s, ret_error)) {
		if (buf_len(&o->behind) == 0) {
			o->nlarge = 0;
			buf_trim(&o->behind, KEEP_BYTES);
			return true;
		}
		o->begun = next_frames(&o->behind);
	}
	return false;
}
