/*
 * The front's side of one host's region, for tests: puts jobs into slots and takes outcomes
 * out, with the real sleeping and waking. A wait ends with the test after WAIT_MS.
 */
#ifndef TEST_WORKER_FRONT_H
#define TEST_WORKER_FRONT_H

#include "common/clock.h"
#include "common/futex.h"
#include "common/util.h"
#include "proto/codec.h"
#include "proto/error.h"
#include "proto/region.h"

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { WAIT_MS = 30000, FRONT_SLOTS_MAX = 4 };

struct front_slot {
	struct slot_view view;
	struct ring_producer in;
	struct ring_consumer out;
};

struct front {
	unsigned nslots;
	uint64_t big_bytes;
	int region_fd, page_fd, event_fd;
	struct host_shared *host;
	struct front_shared *page;
	struct front_slot slots[FRONT_SLOTS_MAX];
	uint32_t last_tag;
};

/* What a test says of a job; the tag comes by itself. */
struct job {
	uint32_t task, flags, payload_len, items, attempt;
	uint64_t run_limit_us, deadline_ns;
};

/* What a slot said, with a copy of the bytes. */
struct heard {
	uint32_t tag, kind, status, len;
	uint64_t started_ns, finished_ns, cpu_ns; /* OUTCOME_DONE */
	uint64_t done, total;                     /* OUTCOME_PROGRESS */
	uint64_t emitted_ns;                      /* OUTCOME_CHUNK */
	uint8_t *bytes;
};

/* One job's end, its parts put together. */
struct answered {
	uint32_t tag, status;
	uint64_t started_ns, finished_ns, cpu_ns;
	size_t len;
	uint8_t *bytes;
	unsigned parts;
};

static inline void front_open(struct front *f, unsigned nslots, uint64_t big, uint64_t max_result)
{
	*f = (struct front){.nslots = nslots, .big_bytes = big};
	ck_assert_int_eq(region_create(nslots, big, max_result, &f->region_fd), 0);
	ck_assert_int_eq(region_map(f->region_fd, &f->host), 0);
	ck_assert_int_eq(front_page_create(&f->page_fd, &f->page), 0);
	f->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(f->event_fd, 0);
	for (unsigned i = 0; i < nslots; i++) {
		struct front_slot *s = &f->slots[i];
		s->view = region_slot(f->host, big, i);
		ring_producer_init(&s->in, &s->view.shared->in, s->view.in, REGION_RING_BYTES);
		ring_consumer_init(&s->out, &s->view.shared->out, s->view.out, REGION_RING_BYTES);
	}
}

static inline void front_close(struct front *f)
{
	region_unmap(f->host, f->nslots, f->big_bytes);
	close_fd(f->region_fd);
	close_fd(f->page_fd);
	close_fd(f->event_fd);
}

/* Not published yet. NULL when there is no room. */
static inline struct ring_record *front_put(struct front *f, unsigned slot, struct job j,
					    const void *payload)
{
	bool big = j.flags & JOB_FLAG_BIG;
	size_t body = sizeof(struct job_record) + (big ? 0 : j.payload_len);
	struct ring_record *r = ring_reserve(&f->slots[slot].in, body);

	if (!r)
		return NULL;
	struct job_record *job = record_body(r);
	*job = (struct job_record){
		.tag = ++f->last_tag,
		.flags = j.flags,
		.task = j.task,
		.payload_len = j.payload_len,
		.items = j.items,
		.attempt = j.attempt ? j.attempt : 1,
		.run_limit_us = j.run_limit_us,
		.deadline_ns = j.deadline_ns,
	};
	if (payload)
		memcpy(big ? f->slots[slot].view.big : job->payload, payload, j.payload_len);
	return r;
}

static inline void front_publish(struct front *f, unsigned slot)
{
	if (ring_publish(&f->slots[slot].in))
		futex_wake(&f->slots[slot].view.shared->in.consumer_waits, 1, FUTEX_SHARED);
}

static inline uint32_t front_submit(struct front *f, unsigned slot, struct job j,
				    const void *payload)
{
	ck_assert_ptr_nonnull(front_put(f, slot, j, payload));
	front_publish(f, slot);
	return f->last_tag;
}

/* As region.h says: clears `notified`, says that it sleeps, looks once more, and sleeps. */
static inline void front_sleep(struct front *f, unsigned slot)
{
	struct pollfd fd = {.fd = f->event_fd, .events = POLLIN};
	eventfd_t ignored;

	atomic_store(&f->host->notified, 0);
	atomic_store(&f->page->sleeping, 1);
	if (!ring_has_next(&f->slots[slot].out))
		ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "the front was never woken");
	atomic_store(&f->page->sleeping, 0);
	(void)eventfd_read(f->event_fd, &ignored);
}

static inline struct heard front_hear(struct front *f, unsigned slot)
{
	struct front_slot *s = &f->slots[slot];
	struct ring_record *r;
	size_t len = 0;

	while (!(r = ring_next(&s->out, &len))) {
		ck_assert(!s->out.broken);
		front_sleep(f, slot);
	}
	const struct outcome_record *o = record_body(r);
	ck_assert_uint_ge(len, sizeof *o);
	ck_assert_uint_le(o->len, len - sizeof *o);
	struct heard h = {o->tag,        o->kind,        o->status,         o->len,
			  o->started_ns, o->finished_ns, o->cpu_ns,         o->done,
			  o->total,      o->emitted_ns,  malloc(o->len + 1)};
	memcpy(h.bytes, o->bytes, h.len);
	h.bytes[h.len] = '\0';
	if (ring_release(&s->out))
		futex_wake(&s->view.shared->out.producer_waits, 1, FUTEX_SHARED);
	return h;
}

/* The next job's end; what came before it must be parts of it. */
static inline struct answered front_answer(struct front *f, unsigned slot)
{
	struct answered a = {0};

	for (;;) {
		struct heard h = front_hear(f, slot);
		a.bytes = realloc(a.bytes, a.len + h.len + 1);
		memcpy(a.bytes + a.len, h.bytes, h.len + 1);
		a.len += h.len;
		free(h.bytes);
		if (a.tag)
			ck_assert_uint_eq(h.tag, a.tag);
		a.tag = h.tag;
		if (h.kind == OUTCOME_DONE) {
			a.status = h.status;
			a.started_ns = h.started_ns;
			a.finished_ns = h.finished_ns;
			a.cpu_ns = h.cpu_ns;
			return a;
		}
		ck_assert_uint_eq(h.kind, OUTCOME_PART);
		ck_assert_uint_eq(h.len, RECORD_BYTES_MAX);
		a.parts++;
	}
}

static inline void front_quit(struct front *f)
{
	atomic_store(&f->host->quit, 1);
	for (unsigned i = 0; i < f->nslots; i++) {
		_Atomic uint32_t *word = &f->slots[i].view.shared->in.consumer_waits;
		if (atomic_exchange(word, 0) == 1)
			futex_wake(word, 1, FUTEX_SHARED);
	}
}

#define assert_bytes(p, n, text)                                                                   \
	ck_assert_msg(span_equal(span_of((p), (n)), span_str(text)), "'%.*s' instead of '%s'",     \
		      (int)(n), (const char *)(p), (text))

#endif
