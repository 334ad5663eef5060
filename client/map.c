/*
 * A task over a stream of items.
 *
 *	next() ──▶ item ──▶ parcel, packed ──▶ submitted ──▶ in flight ──▶ current ──▶ items out
 *	           at most one     │ refused: it is in flight too, with an error of its own
 *
 * A parcel is what travels as one job. Input is taken only while fewer than `window`
 * parcels are in flight, and not while a refused one waits to be handed out. When it was the
 * executor that refused, which it will for ever, that one is the last: it stands for all
 * that would have followed. One thread.
 */
#include "client/cancel.h"
#include "client/error.h"
#include "client/executor.h"
#include "client/fork.h"
#include "client/future.h"
#include "client/submit.h"
#include "client/waitset.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/util.h"
#include "proto/pack.h"
#include "proto/status.h"

#include <errno.h>

struct parcel {
	TAILQ_ENTRY(parcel) node;
	struct waiter waiter; /* of an unordered map */
	fut_future *future;   /* NULL when it was refused: then */
	fut_error *error;     /* ... why */
	uint64_t first;       /* index of its first item */
	uint32_t items;
};

struct fut_map {
	/* immutable */
	uint32_t fork_mark;
	fut_executor *executor; /* a user's reference */
	struct fut_job job;
	fut_next_item_fn next;
	void *arg;
	size_t chunksize, window;
	bool unordered;
	uint64_t deadline_us;

	/* input */
	bool is_over;  /* next() said so, or is not asked any more */
	bool has_item; /* taken from next(), in no parcel yet */
	fut_bytes item;
	uint64_t taken;     /* items in parcels, ever */
	uint32_t items;     /* in the parcel that is ready to go; 0: none is */
	fut_status failure; /* why it cannot */
	struct buf headers, bytes;

	/* in flight */
	TAILQ_HEAD(parcels, parcel) parcels;
	size_t n_parcels;
	struct parcel *refused; /* one of them */
	struct waitset set;

	/* handing out */
	struct parcel *current;
	uint32_t position; /* of the next item in it */
	bool is_broken;    /* its pack does not add up */
	struct pack_reader reader;
	fut_error *error; /* of the item that is handed out, when it was made for it */
	struct arena *arena;
};

/* ---- input --------------------------------------------------------------- */

static bool has_item(fut_map *m)
{
	if (!m->has_item && !m->is_over) {
		m->has_item = m->next(m->arg, &m->item);
		m->is_over = !m->has_item;
	}
	return m->has_item;
}

static bool add_item(fut_map *m)
{
	uint8_t *header = buf_reserve(&m->headers, PACK_ITEM_HEADER_BYTES);

	if (!header)
		return false;
	pack_put_header(header, FUT_OK, (uint32_t)m->item.len);
	if (buf_add(&m->bytes, m->item.data, m->item.len) < 0)
		return false;
	buf_commit(&m->headers, PACK_ITEM_HEADER_BYTES);
	return true;
}

static bool fits(const fut_map *m)
{
	size_t len = buf_len(&m->headers) + PACK_ITEM_HEADER_BYTES + buf_len(&m->bytes);

	return len <= m->executor->max_payload_bytes &&
	       m->item.len <= m->executor->max_payload_bytes - len;
}

/* Packs items until the chunk is full or the payload would be too large. */
static void pack(fut_map *m)
{
	while (m->items < m->chunksize && has_item(m)) {
		bool fit = fits(m);
		if (!fit && m->items > 0)
			break; /* it is the first of the next parcel */
		m->items++;
		m->has_item = false;
		m->failure = !fit ? FUT_PAYLOAD_TOO_BIG : add_item(m) ? FUT_OK : FUT_NO_MEMORY;
		if (m->failure != FUT_OK)
			return;
	}
	if (m->items > 0 && buf_add(&m->headers, buf_data(&m->bytes), buf_len(&m->bytes)) < 0)
		m->failure = FUT_NO_MEMORY;
}

/* Whether a parcel is ready to go: one that could not go before, or a new one. */
static bool prepare(fut_map *m)
{
	if (m->items > 0)
		return true;
	m->failure = FUT_OK;
	if (m->chunksize == 1) {
		/* The item itself is the payload; it stays until next() is called again. */
		m->items = has_item(m);
		m->has_item = false;
		return m->items > 0;
	}
	buf_consume(&m->headers, buf_len(&m->headers));
	buf_consume(&m->bytes, buf_len(&m->bytes));
	pack(m);
	return m->items > 0;
}

static fut_status send_parcel(fut_map *m, struct parcel *p)
{
	bool is_single = m->chunksize == 1;
	struct span payload = is_single ? span_of(m->item.data, m->item.len)
					: span_of(buf_data(&m->headers), buf_len(&m->headers));

	if (m->failure != FUT_OK)
		return error_give_plain(&p->error, m->failure);
	return submit_job(m->executor, &m->job, payload, is_single ? 0 : m->items, &p->future,
			  &p->error);
}

/* Whether the next one would be refused as well: the executor takes no more jobs. */
static bool is_final(fut_status refusal)
{
	return refusal == FUT_SHUTDOWN || refusal == FUT_DRAINING || refusal == FUT_CONNECTION_LOST;
}

static void end_input(fut_map *m)
{
	m->is_over = true;
	m->has_item = false;
	m->items = 0;
}

/* Sends the parcel that is ready. False when nothing more should be sent now. */
static bool submit_parcel(fut_map *m)
{
	struct parcel *p = calloc(1, sizeof *p);

	if (!p)
		return false;
	fut_status status = send_parcel(m, p);
	if (status == FUT_BUSY && m->n_parcels > 0) {
		/* The window is full: it goes when one of ours has come back. */
		fut_error_unref(p->error);
		free(p);
		return false;
	}
	p->first = m->taken;
	p->items = is_final(status) ? 1 : m->items;
	m->taken += p->items;
	m->items = 0;
	if (is_final(status))
		end_input(m);
	TAILQ_INSERT_TAIL(&m->parcels, p, node);
	m->n_parcels++;
	if (status != FUT_OK)
		m->refused = p;
	else if (m->unordered)
		waitset_add(&m->set, &p->waiter, p->future);
	return status == FUT_OK;
}

static bool is_late(const fut_map *m)
{
	return m->deadline_us != CLOCK_NEVER && clock_now_us() >= m->deadline_us;
}

static void refill(fut_map *m)
{
	while (!m->refused && m->n_parcels < m->window && !is_late(m) && prepare(m)) {
		if (!submit_parcel(m))
			return;
	}
}

/* ---- handing out --------------------------------------------------------- */

static void parcel_free(struct parcel *p)
{
	if (!p)
		return;
	fut_future_unref(p->future);
	fut_error_unref(p->error);
	free(p);
}

/* Gives up what is in flight: jobs that have not started are cancelled. */
static void drop_parcels(fut_map *m)
{
	struct parcel *p;

	while ((p = TAILQ_FIRST(&m->parcels))) {
		TAILQ_REMOVE(&m->parcels, p, node);
		if (p->future && m->unordered)
			waitset_end(&p->waiter);
		if (p->future && !future_is_done(p->future))
			(void)cancel_ask(m->executor, p->future, CANCEL_QUEUED);
		parcel_free(p);
	}
	m->n_parcels = 0;
	m->refused = NULL;
}

/* The map's time is over: told once, and then there is nothing more. */
static fut_status expire(fut_map *m)
{
	drop_parcels(m);
	end_input(m);
	return FUT_TIMEOUT;
}

/* How long a call may wait: no longer than the map has. */
static int64_t patience(const fut_map *m, int64_t timeout_us)
{
	if (m->deadline_us == CLOCK_NEVER)
		return timeout_us;
	uint64_t now_us = clock_now_us();
	uint64_t left_us = m->deadline_us > now_us ? m->deadline_us - now_us : 0;
	return timeout_us < 0 || (uint64_t)timeout_us > left_us ? (int64_t)left_us : timeout_us;
}

/* Whether a refused parcel of an unordered map comes now: an item's own failure at once, the
 * executor's behind all that it took. */
static bool refused_is_next(const fut_map *m)
{
	return m->refused && (m->n_parcels == 1 || !is_final(fut_error_status(m->refused->error)));
}

/* The next parcel that is done. */
static fut_status wait_parcel(fut_map *m, int64_t timeout_us, struct parcel **ret)
{
	struct waiter *w;
	fut_status status;

	if (m->unordered && refused_is_next(m)) {
		*ret = m->refused;
		return FUT_OK;
	}
	if (m->unordered) {
		status = waitset_wait(&m->set, clock_after_us(timeout_us), &w);
		if (status != FUT_OK)
			return status;
		*ret = container_of(w, struct parcel, waiter);
		return FUT_OK;
	}
	*ret = TAILQ_FIRST(&m->parcels);
	return (*ret)->future ? future_wait((*ret)->future, timeout_us) : FUT_OK;
}

static void make_current(fut_map *m, struct parcel *p)
{
	TAILQ_REMOVE(&m->parcels, p, node);
	m->n_parcels--;
	if (m->refused == p)
		m->refused = NULL;
	m->current = p;
	m->position = 0;
	m->is_broken = false;
	if (m->chunksize > 1 && p->future && (future_state(p->future) & FUTURE_VALUE)) {
		fut_bytes value = future_value(p->future);
		m->is_broken = pack_open(span_of(value.data, value.len), p->items, &m->reader) < 0;
	}
}

/* FUT_OK and there is an item to hand out in the current parcel. */
static fut_status next_parcel(fut_map *m, int64_t timeout_us)
{
	struct parcel *p;

	if (m->n_parcels == 0)
		refill(m);
	if (m->n_parcels == 0 && !prepare(m))
		return FUT_END;
	if (m->n_parcels == 0)
		return is_late(m) ? expire(m) : FUT_NO_MEMORY;
	fut_status status = wait_parcel(m, patience(m, timeout_us), &p);
	if (status == FUT_TIMEOUT && is_late(m))
		return expire(m);
	if (status != FUT_OK)
		return status;
	make_current(m, p);
	refill(m);
	return FUT_OK;
}

static fut_error *decode_error(fut_map *m, fut_status status, struct span encoded)
{
	struct error_info info;

	if (!m->arena)
		m->arena = malloc(sizeof *m->arena);
	if (!m->arena)
		return error_plain(FUT_NO_MEMORY);
	arena_reset(m->arena);
	if (error_decode(encoded, m->arena, &info) < 0)
		return error_plain(FUT_PROTOCOL);
	return error_from_wire(status, m->current->future->attempt, &info);
}

static void put_error(fut_map_item *ret, fut_error *e)
{
	ret->status = fut_error_status(e);
	ret->error = e;
}

static void unpack_item(fut_map *m, fut_map_item *ret)
{
	struct pack_item item;

	if (m->is_broken || pack_next(&m->reader, &item) != 1) {
		m->is_broken = true;
		put_error(ret, error_plain(FUT_PROTOCOL));
	} else if (item.status == FUT_OK) {
		ret->value = (fut_bytes){item.bytes.data, item.bytes.len};
	} else {
		m->error = decode_error(m, status_from_wire(item.status), item.bytes);
		put_error(ret, m->error);
	}
}

static void hand_out(fut_map *m, fut_map_item *ret)
{
	struct parcel *p = m->current;

	*ret = (fut_map_item){.index = p->first + m->position, .status = FUT_OK};
	m->position++;
	if (!p->future)
		put_error(ret, p->error);
	else if (!(future_state(p->future) & FUTURE_VALUE))
		put_error(ret, future_error(p->future));
	else if (m->chunksize == 1)
		ret->value = future_value(p->future);
	else
		unpack_item(m, ret);
}

fut_status fut_map_next(fut_map *m, int64_t timeout_us, fut_map_item *ret)
{
	if (!m || !ret)
		return FUT_INVALID;
	if (fork_happened(m->fork_mark))
		return FUT_FORKED;
	fut_error_unref(TAKE_PTR(m->error));
	if (m->current && m->position == m->current->items)
		parcel_free(TAKE_PTR(m->current));
	if (!m->current) {
		fut_status status = next_parcel(m, timeout_us);
		if (status != FUT_OK)
			return status;
	}
	hand_out(m, ret);
	return FUT_OK;
}

/* ---- opening and closing ------------------------------------------------- */

static fut_map *map_new(fut_executor *x, const fut_job *job, fut_next_item_fn next, void *arg,
			const fut_map_options *options)
{
	fut_map *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->fork_mark = x->fork_mark;
	m->executor = fut_executor_ref(x);
	m->job = *job;
	m->next = next;
	m->is_over = !next;
	m->arg = arg;
	m->deadline_us = CLOCK_NEVER;
	m->chunksize = 1;
	m->window = x->places.window;
	if (options) {
		m->chunksize = max_u64(1, min_u64(options->chunksize, PACK_ITEMS_MAX));
		m->window = options->buffersize ? options->buffersize : m->window;
		m->unordered = options->unordered;
		if (options->timeout_us > 0 && options->timeout_us <= INT64_MAX)
			m->deadline_us = clock_after_us((int64_t)options->timeout_us);
	}
	buf_init(&m->headers, x->max_payload_bytes);
	buf_init(&m->bytes, x->max_payload_bytes);
	TAILQ_INIT(&m->parcels);
	waitset_init(&m->set);
	return m;
}

/* What is wrong with the executor, not with an item, is told at once. */
static bool is_hopeless(const fut_map *m)
{
	return m->refused && m->n_parcels == 1 &&
	       fut_error_status(m->refused->error) != FUT_PAYLOAD_TOO_BIG;
}

fut_status fut_map_open(fut_executor *x, const fut_job *job, fut_next_item_fn next, void *arg,
			const fut_map_options *options, fut_map **ret, fut_error **reterr)
{
	if (!x || !job || job->unique[0] || !ret)
		return error_give_plain(reterr, FUT_INVALID);
	if (fork_happened(x->fork_mark))
		return error_give_plain(reterr, FUT_FORKED);
	fut_map *m = map_new(x, job, next, arg, options);
	if (!m)
		return error_give_plain(reterr, FUT_NO_MEMORY);
	refill(m);
	if (is_hopeless(m)) {
		fut_error *e = fut_error_ref(m->refused->error);
		fut_map_close(m);
		return error_give(reterr, e);
	}
	*ret = m;
	return FUT_OK;
}

void fut_map_close(fut_map *m)
{
	if (!m || fork_happened(m->fork_mark))
		return;
	drop_parcels(m);
	parcel_free(m->current);
	fut_error_unref(m->error);
	buf_done(&m->headers);
	buf_done(&m->bytes);
	free(m->arena);
	fut_executor_unref(m->executor);
	free(m);
}
