/*
 * A ring of records in memory shared by two processes: one writes, one reads.
 *
 * The record is the unit: contiguous, in order, 16-byte aligned, padded at the end of the
 * memory when it would wrap.
 *
 *   tail   written by the producer only; records before it may be read
 *   head   written by the consumer only; memory before it may be written again
 *
 * Both only grow; their low bits are the place. Each side keeps its own copy of what it
 * wrote and never reads it back from the shared memory. A side that does not trust the
 * other (the front) checks every index and size it reads, once, on a copy; a value out
 * of range makes the ring `broken`, and then it yields nothing any more.
 *
 * A producer may reserve several records before it publishes them together. A consumer
 * may look at several before it releases them.
 *
 * Sleeping: the consumer stores 1 to consumer_waits, looks again, and sleeps on that
 * word. The producer publishes, looks at the word, and wakes if it was 1. Both orders are
 * sequentially consistent, so one of them sees the other. The producer waits for room on
 * producer_waits in the same way.
 */
#ifndef PROTO_RING_H
#define PROTO_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RING_ALIGN = 16, RING_HEADER_BYTES = 16 };

struct ring_shared {
	_Alignas(64) _Atomic uint64_t tail;
	_Atomic uint32_t producer_waits;
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint32_t consumer_waits;
};

/* A record's state belongs to the two sides, which may change it by compare-and-swap;
 * RECORD_PAD is the ring's own. */
enum record_state {
	RECORD_READY = 1,
	RECORD_PAD = 2,
	RECORD_RUNNING = 3,
	RECORD_REVOKED = 4,
};

struct ring_record {
	_Atomic uint32_t size; /* with this header; a multiple of RING_ALIGN */
	_Atomic uint32_t state;
	uint32_t unused[2];
};

struct ring_producer {
	struct ring_shared *shared;
	uint8_t *data;
	uint64_t size; /* of data; a power of two */
	uint64_t tail; /* reserved up to here */
	uint64_t published;
	uint64_t head_seen;
	uint64_t held_from; /* not written over, while `holds` */
	bool holds;
	bool broken;
};

struct ring_consumer {
	struct ring_shared *shared;
	uint8_t *data;
	uint64_t size;
	uint64_t next; /* looked at up to here */
	uint64_t head; /* released up to here */
	uint64_t tail_seen;
	bool broken;
};

static inline void *record_body(struct ring_record *r)
{
	return r + 1;
}

void ring_producer_init(struct ring_producer *p, struct ring_shared *shared, void *data,
			uint64_t size);
void ring_consumer_init(struct ring_consumer *c, struct ring_shared *shared, void *data,
			uint64_t size);

/* The largest body that ring_reserve() takes: so that a padded record always fits. */
static inline size_t ring_max_body(uint64_t size)
{
	return size / 2 - RING_HEADER_BYTES;
}

/* A record with room for `len` bytes of body, not yet visible to the consumer. NULL
 * when there is no room now, or the ring is broken. */
struct ring_record *ring_reserve(struct ring_producer *p, size_t len);

/* Keeps the record and all behind it from being written over although the consumer has
 * released them; NULL lets go. Holds until it is called again. */
void ring_hold(struct ring_producer *p, const struct ring_record *oldest);

static inline bool ring_has_unpublished(const struct ring_producer *p)
{
	return p->published != p->tail;
}

/* Makes the reserved records visible. True when the consumer sleeps and is to be woken:
 * by futex on shared->consumer_waits, which is 0 from here on. */
bool ring_publish(struct ring_producer *p);

/* The next record not looked at yet and the length of its body, or NULL. */
struct ring_record *ring_next(struct ring_consumer *c, size_t *ret_len);

/* Releases everything looked at so far. True when the producer waits for room and is to
 * be woken by futex on shared->producer_waits. */
bool ring_release(struct ring_consumer *c);

/* True when there is a record that was not looked at. */
bool ring_has_next(struct ring_consumer *c);

/* Announce a sleep, and take it back. After announcing, look once more before sleeping. */
void ring_announce_consumer(struct ring_consumer *c);
void ring_announce_producer(struct ring_producer *p);

#endif
