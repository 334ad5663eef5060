/*
 * What the front and one host share: a memory region, and the records in its rings.
 *
 *   page 0          struct host_shared
 *   per slot        struct slot_shared (one page)
 *                   in ring    front → slot: struct job_record + payload
 *                   out ring   slot → front: struct outcome_record + bytes
 *                   big        one payload too large for the ring
 *
 * The region is a memfd sealed against growing and shrinking, made by the front, so a
 * host cannot make the front fault. `big` is as large as the largest payload but costs
 * nothing until it is written.
 *
 * The front trusts nothing it reads from here but what it wrote into its own copies: it
 * knows which jobs it put into each slot, in which order, and a slot can only speak of
 * the oldest of them.
 *
 * Waking the front: struct front_shared is one page for the whole daemon, which hosts map
 * read-only. A slot that published looks at `sleeping`; if it is set, the first slot of
 * the host to set host_shared.notified writes to the pool's eventfd. The front clears
 * `notified`, then sets `sleeping`, then looks at the rings once more, then sleeps.
 *
 * Starting: each slot says what it is at in its own slot_shared, and counts itself in
 * host_shared.ready when it can take jobs; the last one writes to the eventfd, whether or not
 * the front sleeps.
 */
#ifndef PROTO_REGION_H
#define PROTO_REGION_H

#include "proto/ring.h"

enum {
	REGION_MAGIC = 0x66757431, /* "fut1" */
	REGION_PAGE_BYTES = 4096,
	REGION_RING_BYTES = 256 * 1024,
	REGION_MAX_SLOTS = 256,

	RECORD_PAYLOAD_MAX = 32 * 1024, /* larger payloads go through `big` */
	RECORD_BYTES_MAX = 64 * 1024,   /* of one outcome record; larger results are cut */

	REGION_STEP_MAX = 256,
};

struct front_shared {
	_Atomic uint32_t sleeping;
};

struct host_shared {
	uint32_t magic;
	uint32_t nslots;
	uint64_t big_bytes;
	uint64_t max_result_bytes;
	uint64_t max_rss_bytes; /* 0: none; written by the front before the host is forked */
	_Atomic uint32_t notified;
	_Atomic uint32_t quit;  /* the host ends when its rings are empty */
	_Atomic uint32_t ready; /* slots that can take jobs */

	/* Set by a slot, before its job's end can be seen, when the process has more than
	 * max_rss_bytes: from then on no slot of the host starts a record. */
	_Atomic uint32_t over_rss;
};

enum slot_stage {
	SLOT_STAGE_NONE,
	SLOT_STAGE_INIT,    /* `step` says whose slot_init() it is in */
	SLOT_STAGE_REFUSED, /* `step` says what refused, and how */
	SLOT_STAGE_READY,
};

struct slot_shared {
	struct ring_shared in;
	struct ring_shared out;
	_Atomic uint32_t stop_tag;  /* the job with this tag is asked to stop */
	_Atomic uint32_t stage;     /* enum slot_stage */
	char step[REGION_STEP_MAX]; /* written by the slot before the stage */
};

enum job_flags {
	JOB_FLAG_BIG = 1u << 0,   /* the payload is in `big` */
	JOB_FLAG_SHORT = 1u << 1, /* expected to be done in microseconds: no hurry to report */
};

/* Body of a record in the in ring. Its ring state goes READY → RUNNING (by the slot) or
 * READY → REVOKED (by the front), both by compare-and-swap: exactly one of them wins. */
struct job_record {
	uint32_t tag; /* never 0 */
	uint32_t flags;
	uint32_t task; /* index in the order the zygote announced them */
	uint32_t payload_len;
	uint32_t items;
	uint32_t attempt;
	uint64_t run_limit_us; /* 0: none */
	uint64_t deadline_ns;  /* monotonic; 0: none */
	uint64_t unused[3];    /* keeps the payload 16-byte aligned */
	uint8_t payload[];
};

enum outcome_kind {
	OUTCOME_CHUNK = 1, /* bytes: a chunk the task emitted */
	OUTCOME_PROGRESS,  /* done, total; bytes: text */
	OUTCOME_PART,      /* bytes: the next piece of the result */
	OUTCOME_DONE,      /* status 0: bytes: the last piece; else an encoded Error */
};

/* Body of a record in the out ring. */
struct outcome_record {
	uint32_t tag;
	uint32_t kind;
	uint32_t status;
	uint32_t len; /* of bytes */
	/* Moments are of the monotonic clock. */
	union {
		struct { /* OUTCOME_DONE */
			uint64_t started_ns, finished_ns;
			uint64_t cpu_ns; /* CPU time of the slot's thread, and of its commands */
		};
		struct { /* OUTCOME_PROGRESS */
			uint64_t done, total;
		};
		uint64_t emitted_ns; /* OUTCOME_CHUNK, a job's first: when */
	};
	uint64_t unused; /* keeps the bytes 16-byte aligned */
	uint8_t bytes[];
};

/* One slot's pieces of a mapped region. */
struct slot_view {
	struct slot_shared *shared;
	uint8_t *in, *out; /* REGION_RING_BYTES each */
	uint8_t *big;
};

uint64_t region_size(unsigned nslots, uint64_t big_bytes);

/* A sealed memfd for so many slots. 0 and *ret_fd, or -errno. Nothing is mapped. */
int region_create(unsigned nslots, uint64_t big_bytes, uint64_t max_result_bytes, int *ret_fd);

/* Maps it. 0, -errno, or -EINVAL when it is not a region. */
int region_map(int fd, struct host_shared **ret);
void region_unmap(struct host_shared *h, unsigned nslots, uint64_t big_bytes);

/* What a slot says it was at, as text that can be shown: printable, and "" where it says
 * nothing of that stage. */
void region_step(const struct slot_shared *s, enum slot_stage stage, char ret[REGION_STEP_MAX]);

/* `nslots` and `big_bytes` are the caller's own knowledge, never read from the region. */
struct slot_view region_slot(struct host_shared *h, uint64_t big_bytes, unsigned slot);

/* The page that tells hosts whether the front sleeps: made and mapped writable by the front,
 * mapped read-only by everybody else. */
int front_page_create(int *ret_fd, struct front_shared **ret);
int front_page_map(int fd, const struct front_shared **ret);

#endif
