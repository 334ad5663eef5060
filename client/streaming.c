#include "client/streaming.h"

#include "client/future.h"
#include "client/io.h"
#include "client/stripe.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>

struct chunk {
	STAILQ_ENTRY(chunk) node;
	size_t len;
	uint8_t bytes[];
};

struct extra {
	/* under the stripe's lock */
	STAILQ_HEAD(, chunk) chunks;
	size_t unread_bytes;  /* with what each chunk costs by itself */
	uint64_t chunk_bytes; /* of all chunks of this attempt */
	struct timeline timeline;
	fut_progress_info progress;

	struct chunk *current; /* the reader's; it is one thread at a time */
	struct buf parts;      /* the I/O thread's */
};

/* Under the stripe's lock. NULL without memory. */
static struct extra *extra_of(fut_future *f)
{
	if (f->extra)
		return f->extra;
	struct extra *e = calloc(1, sizeof *e);
	if (e)
		STAILQ_INIT(&e->chunks);
	f->extra = e;
	return e;
}

static struct extra *locked_extra_of(fut_future *f)
{
	stripe_lock(f);
	struct extra *e = extra_of(f);
	stripe_unlock(f);
	return e;
}

static void drop_chunks(struct extra *e)
{
	struct chunk *c;

	while ((c = STAILQ_FIRST(&e->chunks))) {
		STAILQ_REMOVE_HEAD(&e->chunks, node);
		free(c);
	}
	e->unread_bytes = 0;
	e->chunk_bytes = 0;
}

void extra_free(struct extra *e)
{
	if (!e)
		return;
	drop_chunks(e);
	free(e->current);
	buf_done(&e->parts);
	free(e);
}

/* ---- coming in ----------------------------------------------------------- */

static int queue_chunk(fut_future *f, struct chunk *c)
{
	struct extra *e = extra_of(f);

	if (!e)
		return -ENOMEM;
	if (e->unread_bytes + sizeof *c + c->len > UNREAD_CHUNKS_BYTES)
		return -ENOBUFS;
	e->unread_bytes += sizeof *c + c->len;
	e->chunk_bytes += c->len;
	STAILQ_INSERT_TAIL(&e->chunks, c, node);
	return 0;
}

int streaming_add_chunk(fut_future *f, struct span bytes)
{
	struct chunk *c = malloc(sizeof *c + bytes.len);

	if (!c)
		return -ENOMEM;
	c->len = bytes.len;
	if (bytes.len > 0)
		memcpy(c->bytes, bytes.data, bytes.len);
	stripe_lock(f);
	int r = queue_chunk(f, c);
	stripe_unlock(f);
	if (r < 0)
		free(c);
	return r;
}

void streaming_set_progress(fut_future *f, uint64_t done, uint64_t total, struct span text)
{
	stripe_lock(f);
	struct extra *e = extra_of(f);
	if (e) {
		fut_progress_info *p = &e->progress;
		text = span_cut(text, sizeof p->text - 1);
		p->reports++;
		p->done = done;
		p->total = total;
		if (text.len > 0)
			memcpy(p->text, text.data, text.len);
		p->text[text.len] = '\0';
	}
	stripe_unlock(f);
}

int streaming_add_part(fut_future *f, struct span bytes, size_t limit)
{
	struct extra *e = locked_extra_of(f);

	if (!e)
		return -ENOMEM;
	e->parts.limit = limit;
	return buf_add(&e->parts, bytes.data, bytes.len);
}

int streaming_take_parts(fut_future *f, struct span rest, size_t limit, uint8_t **ret_bytes,
			 size_t *ret_len)
{
	struct extra *e = f->extra; /* which this thread alone makes */

	if (!e || buf_len(&e->parts) == 0)
		return rest.len > limit ? -EMSGSIZE : 0;
	int r = buf_add(&e->parts, rest.data, rest.len);
	if (r < 0)
		return r;
	/* Nothing was ever taken from the front, so the content starts where the memory does. */
	*ret_len = buf_len(&e->parts);
	*ret_bytes = TAKE_PTR(e->parts.mem);
	buf_init(&e->parts, 0);
	return 1;
}

void streaming_restart(fut_future *f)
{
	struct extra *e = f->extra;

	if (!e)
		return;
	stripe_lock(f);
	drop_chunks(e);
	stripe_unlock(f);
	buf_done(&e->parts);
}

bool streaming_keep_timeline(fut_future *f, const struct timeline *t)
{
	stripe_lock(f);
	struct extra *e = extra_of(f);
	if (e)
		e->timeline = *t;
	stripe_unlock(f);
	return e != NULL;
}

void streaming_recall(const fut_future *f, struct timeline *ret, uint64_t *ret_chunk_bytes)
{
	stripe_lock(f);
	*ret_chunk_bytes = f->extra ? f->extra->chunk_bytes : 0;
	if (ret)
		*ret = f->extra->timeline;
	stripe_unlock(f);
}

/* ---- handing out --------------------------------------------------------- */

static struct chunk *take_chunk(fut_future *f)
{
	struct chunk *c = NULL;

	stripe_lock(f);
	struct extra *e = f->extra;
	if (e) {
		free(TAKE_PTR(e->current));
		c = STAILQ_FIRST(&e->chunks);
	}
	if (c) {
		STAILQ_REMOVE_HEAD(&e->chunks, node);
		e->unread_bytes -= sizeof *c + c->len;
		e->current = c;
	}
	stripe_unlock(f);
	return c;
}

fut_status fut_next_chunk(fut_future *f, int64_t timeout_us, fut_bytes *ret)
{
	if (!f || !ret)
		return FUT_INVALID;
	if (future_is_forked(f))
		return FUT_FORKED;
	uint64_t deadline_us = clock_after_us(timeout_us);
	bool in_time = timeout_us != 0;

	for (;;) {
		/* First the state, then the chunks: all of them come before the end. */
		uint32_t seen = future_state(f);
		struct chunk *c = take_chunk(f);
		if (c) {
			*ret = (fut_bytes){c->bytes, c->len};
			return FUT_OK;
		}
		if (seen & FUTURE_DONE)
			return FUT_END;
		if (!in_time)
			return FUT_TIMEOUT;
		if (io_is_here())
			return FUT_WOULD_DEADLOCK;
		in_time = future_sleep(f, seen, deadline_us);
	}
}

fut_status fut_progress(fut_future *f, fut_progress_info *ret)
{
	if (!f || !ret)
		return FUT_INVALID;
	if (future_is_forked(f))
		return FUT_FORKED;
	stripe_lock(f);
	*ret = f->extra ? f->extra->progress : (fut_progress_info){0};
	stripe_unlock(f);
	return FUT_OK;
}
