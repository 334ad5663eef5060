#include "worker/outbox.h"

#include "common/futex.h"

#include <assert.h>
#include <sys/eventfd.h>

void outbox_init(struct outbox *o, const struct slot_view *view, struct host_shared *host,
		 const struct front_shared *front, int event_fd)
{
	*o = (struct outbox){.host = host, .front = front, .event_fd = event_fd};
	ring_producer_init(&o->ring, &view->shared->out, view->out, REGION_RING_BYTES);
}

/* The front has fallen behind: it must learn of what is there, and the slot waits. */
static struct ring_record *outbox_wait_for_room(struct outbox *o, size_t len)
{
	_Atomic uint32_t *word = &o->ring.shared->producer_waits;

	o->slept = true;
	for (;;) {
		outbox_publish_now(o);
		ring_announce_producer(&o->ring);
		struct ring_record *r = ring_reserve(&o->ring, len);
		if (!r && !o->ring.broken)
			(void)futex_wait(word, 1, FUTEX_SHARED, UINT64_MAX);
		atomic_store(word, 0);
		if (r || o->ring.broken)
			return r;
	}
}

struct outcome_record *outbox_reserve(struct outbox *o, uint32_t tag, enum outcome_kind kind,
				      size_t len)
{
	size_t body = sizeof(struct outcome_record) + len;

	assert(len <= RECORD_BYTES_MAX);
	struct ring_record *r = ring_reserve(&o->ring, body);
	if (!r)
		r = outbox_wait_for_room(o, body);
	if (!r)
		return NULL;
	struct outcome_record *outcome = record_body(r);
	*outcome = (struct outcome_record){.tag = tag, .kind = kind, .len = (uint32_t)len};
	return outcome;
}

void outbox_publish(struct outbox *o)
{
	/* The front does not sleep on the ring's own word, so the answer is of no use. */
	(void)ring_publish(&o->ring);
}

void outbox_publish_now(struct outbox *o)
{
	outbox_publish(o);
	outbox_notify(o);
}

void outbox_publish_quietly(struct outbox *o, uint64_t now_ns)
{
	outbox_publish(o);
	if (o->untold++ == 0)
		o->untold_since_ns = now_ns;
}

void outbox_notify(struct outbox *o)
{
	o->untold = 0;
	/* Comes after ring_publish()'s store, both sequentially consistent: either this
	 * sees that the front sleeps, or the front sees the record before it does. */
	if (atomic_load(&o->front->sleeping) && atomic_exchange(&o->host->notified, 1) == 0)
		(void)eventfd_write(o->event_fd, 1);
}
