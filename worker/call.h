/*
 * One call of a task: what is behind the `struct fut_call` that the task holds.
 *
 * Owned by one slot's thread, which uses the same call for all its jobs. A job is one call,
 * or for a pack one call per item: call_start_job() once, then call_start() and call_end()
 * around each run of the task.
 */
#ifndef WORKER_CALL_H
#define WORKER_CALL_H

#include "proto/error.h"
#include "proto/region.h"
#include "worker/answer.h"
#include "worker/outbox.h"

#include <futured/status.h>
#include <futured/task.h>

enum { CALL_PROGRESS_TEXT_MAX = 200 };

struct call {
	struct fut_call base; /* what the task sees */

	/* the slot's */
	struct outbox *out;
	struct answer *answer;
	const _Atomic uint32_t *stop_tag;

	/* the job's */
	uint32_t tag;
	unsigned attempt;
	uint64_t end_ns;       /* its run limit or deadline, whichever comes first; CLOCK_NEVER */
	uint64_t child_cpu_ns; /* of processes that ran for it */
	bool has_emitted;

	/* this call's */
	struct span payload;
	fut_status refusal;     /* why the result could not be taken, or FUT_OK */
	uint64_t refused_bytes; /* how large it would have been, */
	bool refused_more;      /* at least */
	bool failed;            /* the task said so */
	size_t type_len, message_len, details_len, traceback_len;
	char type[ERROR_TYPE_MAX];
	char message[ERROR_TEXT_MAX];
	uint8_t details[ERROR_DETAILS_MAX];
	char traceback[ERROR_TRACEBACK_MAX];
};

void call_init(struct call *c, struct outbox *out, struct answer *answer,
	       const _Atomic uint32_t *stop_tag);

void call_start_job(struct call *c, const struct job_record *job, uint64_t started_ns);
void call_start(struct call *c, struct span payload);

bool call_is_stopped(const struct call *c);

/* Adds to the result instead of replacing it: for a task that does not know its length
 * before. 0, or -1 when it was refused. */
int call_add(struct call *c, const void *data, size_t len);

/* How the call ended, given what run() returned. If it is not FUT_OK there is an error,
 * whose spans lie in the call. */
fut_status call_end(struct call *c, int returned, struct error_info *ret_error);

#endif
