/*
 * How much CPU time each job of a slot takes, without a system call for each.
 *
 * The thread's CPU clock is read after a job that took CPU_SHORT_NS or longer, and before one
 * that is expected to, unless it was just read. For a shorter job its run time stands for it.
 * So a reading is compared with the one before less the short jobs between them.
 *
 *	read ── short ── short ── long ── read ── (sleep) ── read ── long ── read
 *
 * A job that was expected to be short and was not may so be charged with the slot's own work
 * since the last reading; never with more than its run time.
 *
 * Belongs to the slot's thread.
 */
#ifndef WORKER_CPU_H
#define WORKER_CPU_H

#include <stdbool.h>
#include <stdint.h>

enum { CPU_SHORT_NS = 20 * 1000 };

struct cpu_meter {
	uint64_t read_ns;  /* what the clock said last */
	uint64_t short_ns; /* run time of the short jobs since */
	bool is_fresh;     /* nothing happened since */
};

/* The thread did something that is no job: it slept, or it begins. */
static inline void cpu_meter_pass(struct cpu_meter *m)
{
	m->is_fresh = false;
}

/* A job begins that is expected to take long. True when the clock was read for it. */
bool cpu_meter_begin(struct cpu_meter *m);

/* A job has run for so long: its CPU time. When the clock was read for it, `is_fresh`. */
uint64_t cpu_meter_end(struct cpu_meter *m, uint64_t run_ns);

#endif
