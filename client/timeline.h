/*
 * When what happened to a job, as its future keeps it.
 *
 * The future itself has room for durations that are short, of a job without chunks that ran
 * once: most of them. Any other timeline lies beside it, where chunks do, so none is cut.
 */
#ifndef CLIENT_TIMELINE_H
#define CLIENT_TIMELINE_H

#include <futured/futured.h>

/* Durations as the daemon says them: 0 is one that never came, or is not known. */
struct timeline {
	uint64_t total_us; /* on the client's clock, since the submit */
	uint64_t queued_us, dispatched_us, started_us, first_chunk_us, finished_us;
	uint64_t cpu_us;
};

/* The same, where it fits. */
struct timeline_brief {
	uint32_t payload_len; /* as in its future while that is pending */
	uint32_t total_us;    /* TIMELINE_BESIDE: all of it lies beside the future */
	uint32_t dispatched_us, started_us, finished_us, cpu_us;
};

#define TIMELINE_BESIDE UINT32_MAX

/* The future is about to be settled, by the Result that its executor is dealing with or
 * without one. The I/O thread. */
void timeline_end(fut_future *f);

#endif
