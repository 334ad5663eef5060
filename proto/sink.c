#include "proto/sink.h"

#include <errno.h>
#include <string.h>

enum { AHEAD_BYTES = 1024 * 1024 };

static size_t stash_limit(struct frame_limits l)
{
	return FRAME_HEADER_BYTES + (size_t)l.envelope_bytes + l.payload_bytes;
}

void sink_init(struct sink *s, bool expects_preface, struct frame_limits limits)
{
	*s = (struct sink){.limits = limits, .expects_preface = expects_preface};
	buf_init(&s->stash, stash_limit(limits));
}

void sink_done(struct sink *s)
{
	buf_done(&s->stash);
}

void sink_set_limits(struct sink *s, struct frame_limits limits)
{
	s->limits = limits;
	s->stash.limit = stash_limit(limits);
}

/* Takes the next unit (the preface, then frames) from the front of p: its size, 0 when it
 * is not whole yet, or a negative error. */
static int64_t cut(struct sink *s, const uint8_t *p, size_t n, struct frame *ret,
		   bool *ret_is_frame)
{
	*ret_is_frame = !s->expects_preface;
	if (!s->expects_preface)
		return frame_cut(p, n, &s->limits, ret, &s->need);

	size_t have = n < FRAME_PREFACE_BYTES ? n : FRAME_PREFACE_BYTES;
	if (memcmp(p, FRAME_PREFACE, have) != 0)
		return -EPROTO; /* at the first wrong byte, not at the eighth */
	if (have < FRAME_PREFACE_BYTES) {
		s->need = have + 1;
		return 0;
	}
	s->expects_preface = false;
	return FRAME_PREFACE_BYTES;
}

/* Keeps bytes of a unit that is not whole. Room for all of it is made at once, but only so
 * far ahead of what has come: a length that was only announced costs little. */
static int keep(struct sink *s, const uint8_t *p, size_t n)
{
	size_t missing = s->need - buf_len(&s->stash);

	if (!buf_reserve(&s->stash, missing < AHEAD_BYTES ? missing : AHEAD_BYTES))
		return -errno;
	return buf_add(&s->stash, p, n);
}

/* Completes the unit in the stash from p, and hands it out if that made it whole.
 * Returns the bytes taken from p, or an error. */
static int64_t feed_stash(struct sink *s, const uint8_t *p, size_t n, sink_frame_fn on_frame,
			  void *arg)
{
	size_t taken = s->need - buf_len(&s->stash);
	struct frame f;
	bool is_frame;

	if (taken > n)
		taken = n;
	int r = keep(s, p, taken);
	if (r < 0)
		return r;
	if (buf_len(&s->stash) < s->need)
		return (int64_t)taken;
	int64_t size = cut(s, buf_data(&s->stash), buf_len(&s->stash), &f, &is_frame);
	if (size < 0)
		return size;
	if (size > 0) {
		if (is_frame && (r = on_frame(arg, &f)) < 0)
			return r;
		buf_consume(&s->stash, (size_t)size);
		buf_trim(&s->stash, 0);
	}
	return (int64_t)taken;
}

int sink_feed(struct sink *s, const uint8_t *p, size_t n, sink_frame_fn on_frame, void *arg)
{
	while (n > 0) {
		struct frame f;
		bool is_frame;
		int64_t size;

		if (buf_len(&s->stash) > 0) {
			size = feed_stash(s, p, n, on_frame, arg);
			if (size < 0)
				return (int)size;
		} else {
			size = cut(s, p, n, &f, &is_frame);
			if (size < 0)
				return (int)size;
			if (size == 0)
				return keep(s, p, n);
			int r = is_frame ? on_frame(arg, &f) : 0;
			if (r < 0)
				return r;
		}
		p += size;
		n -= (size_t)size;
	}
	return 0;
}
