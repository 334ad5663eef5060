/*
 * What a slot tells the front: the writing end of its out ring, and the wake-up.
 *
 * Owned by one slot's thread. Publishing a record wakes nobody; outbox_notify() does, when
 * the front sleeps. A slot that expects its next job to be short puts the wake-up off, so
 * that the front takes several outcomes at once: see outbox_is_due().
 */
#ifndef WORKER_OUTBOX_H
#define WORKER_OUTBOX_H

#include "proto/region.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OUTBOX_UNTOLD_MAX = 64,           /* outcomes that the front may not know of, */
	OUTBOX_UNTOLD_MAX_NS = 50 * 1000, /* and for how long */
};

struct outbox {
	struct ring_producer ring;
	struct host_shared *host;
	const struct front_shared *front;
	int event_fd;

	unsigned untold; /* outcomes published since the front was last told */
	uint64_t untold_since_ns;
	bool slept; /* set when there was no room; the owner clears it */
};

void outbox_init(struct outbox *o, const struct slot_view *view, struct host_shared *host,
		 const struct front_shared *front, int event_fd);

/* A record with room for `len` bytes (at most RECORD_BYTES_MAX), which the caller fills in;
 * its other fields are set or 0. Sleeps until there is room. NULL when the ring is broken. */
struct outcome_record *outbox_reserve(struct outbox *o, uint32_t tag, enum outcome_kind kind,
				      size_t len);

/* Makes the reserved records visible. The second one also tells the front. */
void outbox_publish(struct outbox *o);
void outbox_publish_now(struct outbox *o);

/* The same for an outcome that the front may learn of a little later. */
void outbox_publish_quietly(struct outbox *o, uint64_t now_ns);

static inline bool outbox_is_due(const struct outbox *o, uint64_t now_ns)
{
	return o->untold >= OUTBOX_UNTOLD_MAX ||
	       (o->untold > 0 && now_ns - o->untold_since_ns >= OUTBOX_UNTOLD_MAX_NS);
}

/* Wakes the front if it sleeps and nobody else of this host did. */
void outbox_notify(struct outbox *o);

#endif
