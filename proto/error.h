/* The Error message as plain data. */
#ifndef PROTO_ERROR_H
#define PROTO_ERROR_H

#include "common/span.h"
#include "proto/arena.h"

#include <futured/status.h>

#include <stdbool.h>
#include <stdint.h>

/* Longer ones are cut when an error is encoded, so that an error fits any envelope. */
enum {
	ERROR_TYPE_MAX = 63,
	ERROR_TEXT_MAX = 2048, /* message, detail, hint */
	ERROR_TRACEBACK_MAX = 8 * 1024,
	ERROR_DETAILS_MAX = 16 * 1024,
	ERROR_STDERR_MAX = 4 * 1024,
	ERROR_ENCODED_MAX = 40 * 1024, /* an upper bound of all of it */
};

struct death_info {
	int64_t pid;
	int exit_code;
	int signal;
	bool core_dumped;
	bool out_of_memory;
	uint64_t cpu_us;
	uint64_t max_rss_bytes;
	struct span stderr_tail;
};

struct error_info {
	struct span type, message, detail, hint, details, traceback;
	fut_executed executed;
	fut_retry retry;
	bool has_death;
	struct death_info death;
};

/* Encodes into `out`, which has ERROR_ENCODED_MAX bytes. Returns the length. */
size_t error_encode(const struct error_info *e, uint8_t *out);

/* 0 and an error whose spans lie in the arena; -EPROTO, which is also what a message too
 * large for the arena is. */
int error_decode(struct span encoded, struct arena *arena, struct error_info *ret);

#endif
