/*
 * One slot on a thread of the test, with tasks made for it; the test plays the front.
 *
 * To be included before <check.h>, which has a macro fail().
 */
#ifndef TESTS_WORKER_SLOT_H
#define TESTS_WORKER_SLOT_H

#include "worker/slot.h"

#include "proto/error.h"
#include "tests/lib/worker_front.h"

#include <check.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { BIG_BYTES = 1 << 20, MAX_RESULT = 4 << 20 };

/* The tasks; what each does is said where it is. */
enum {
	ECHO,
	FAIL,
	FAIL_AND_RETURN_0,
	SEVEN,
	MANY,
	STREAM,
	UNTIL_STOPPED,
	GATE,
	REMAINING,
	ITEM,
	LOOK,
	PASS_60US,
	TWICE,
	TOO_MUCH,
	NTASKS,
};

extern struct front front;

extern sem_t gate; /* what GATE waits for */

/* What fake_clock() says, for clock_source_ns. The set-up puts the real one back. */
extern _Atomic uint64_t fake_now_ns;
uint64_t fake_clock(void);

/* Adds a case whose tests each have a slot, with `front` at its other end. */
TCase *slot_case(Suite *s, const char *name);

struct job job_of(uint32_t task, size_t len);
struct answered run_job(uint32_t task, const char *payload);

/* Waits until GATE has begun. */
void wait_for_gate(void);

/* The error lies in an arena until the next one. */
struct error_info error_of(const uint8_t *bytes, size_t len);
struct error_info error_in(const struct answered *a);

/* Bytes that only the seed decides. */
void fill_bytes(uint8_t *p, size_t n, uint32_t seed);

#endif
