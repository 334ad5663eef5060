/*
 * A session with the daemon, frame by frame: for what the client library would never say.
 *
 * A blocking conversation over a socket; every wait is bounded, and a test fails at the
 * caller's line when the bound is reached. What arrives is kept by job: a job that is
 * answered twice, or an answer to a job that nobody submitted, fails the test.
 *
 * One thread. Jobs are known by the low half of their id.
 */
#ifndef TESTS_TWIRE_H
#define TESTS_TWIRE_H

#include "common/buf.h"
#include "proto/error.h"
#include "proto/message.h"
#include "proto/submit.h"
#include "tests/lib/tdaemon.h"

#include <futured/futured.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tw_job {
	uint64_t id;
	bool submitted, answered;
	unsigned nstarted, nchunks, nprogress, nrestarts;
	uint32_t status, attempt;
	uint64_t dispatched_us, started_us, finished_us;
	uint64_t len, cap; /* of the value, parts and all */
	uint8_t *value;
	uint8_t *error; /* encoded */
	size_t error_len;
	char *story; /* "c:0 p:1/2 ..." as it came, the first MiB of it */
	size_t story_len;
};

struct tw {
	int fd;
	struct buf in, out;
	struct arena *arena, *error_arena;
	struct error_info error; /* tw_error()'s */

	bool welcomed, eof;
	uint64_t session; /* its number */
	uint32_t version, slots, max_payload, max_result, max_inflight;
	char pool[64], pool_kind[16];

	bool goaway, bye;
	uint32_t goaway_status;
	char goaway_message[256], goaway_detail[256];

	struct tw_job *jobs; /* by place */
	uint32_t njobs;
	unsigned nanswered, nfailed;

	uint64_t verdict_id, pong_nonce;
	uint32_t verdict, admin_status;
	unsigned nverdicts, npongs, nadmin;
	char *admin_reply;
};

/* A conversation over a connected socket, which it takes over; nothing is said yet. */
struct tw *tw_over(int fd);

/* Connects and says nothing. */
struct tw *tw_connect_at(const char *url, const char *file, int line);
#define tw_connect(url) tw_connect_at((url), __FILE__, __LINE__)

/* Connects, says the preface and hello, and waits for the welcome. */
struct tw *tw_open_at(const char *url, const char *pool, const char *file, int line);
#define tw_open(url, pool) tw_open_at((url), (pool), __FILE__, __LINE__)

/* Says the preface and hello; waits for the welcome. */
void tw_greet(struct tw *w, const char *pool);
void tw_wait_welcome_at(struct tw *w, const char *file, int line);
#define tw_wait_welcome(w) tw_wait_welcome_at((w), __FILE__, __LINE__)

void tw_close(struct tw *w);

/* ---- saying ---- */

/* Puts behind what waits to be sent. */
void tw_put_raw(struct tw *w, const void *p, size_t n);
void tw_put_frame(struct tw *w, uint32_t kind, const void *body, size_t n, const void *payload,
		  size_t payload_len);
void tw_put_hello(struct tw *w, uint32_t min, uint32_t max, const char *pool);
void tw_put_message(struct tw *w, const struct message *m, struct span payload);
void tw_put_job(struct tw *w, const struct job_spec *spec, const void *payload, size_t n);

/* Sends what waits. False when the other side has closed. */
bool tw_flush_at(struct tw *w, const char *file, int line);
#define tw_flush(w) tw_flush_at((w), __FILE__, __LINE__)

/* One job, with a text for its payload, sent at once. */
void tw_submit(struct tw *w, uint64_t id, const char *task, const char *payload);
/* The same, only put. */
void tw_put(struct tw *w, uint64_t id, const char *task, const char *payload);
/* With limits: .queue_limit_us = ... */
#define tw_submit_limits(w, id_, task_, payload_, ...)                                             \
	tw_submit_spec((w), &(struct job_spec){.id = (id_), .task = span_str(task_), __VA_ARGS__}, \
		       (payload_))
void tw_submit_spec(struct tw *w, const struct job_spec *spec, const char *payload);

/* ---- hearing ---- */

/* Takes in what is there; waits for at most `ms` when nothing is. False at the end of the
 * conversation. */
bool tw_pump(struct tw *w, int ms);

/* Waits for the job's end and returns it. */
struct tw_job *tw_result_at(struct tw *w, uint64_t id, const char *file, int line);
#define tw_result(w, id) tw_result_at((w), (id), __FILE__, __LINE__)

/* The same, with what must come of it. */
struct tw_job *tw_expect_at(struct tw *w, uint64_t id, uint32_t status, const char *value,
			    const char *file, int line);
#define tw_expect_value(w, id, text)    tw_expect_at((w), (id), FUT_OK, (text), __FILE__, __LINE__)
#define tw_expect_status(w, id, status) tw_expect_at((w), (id), (status), NULL, __FILE__, __LINE__)

/* Its error, decoded; valid until the next call. */
const struct error_info *tw_error(struct tw *w, const struct tw_job *j);

/* A span as text, for comparing; valid until the next few calls. */
const char *tw_text(struct span s);

/* Waits until it was told that the job runs. */
void tw_wait_started_at(struct tw *w, uint64_t id, const char *file, int line);
#define tw_wait_started(w, id) tw_wait_started_at((w), (id), __FILE__, __LINE__)

/* Waits until so many jobs are answered. */
void tw_wait_answers_at(struct tw *w, unsigned n, const char *file, int line);
#define tw_wait_answers(w, n) tw_wait_answers_at((w), (n), __FILE__, __LINE__)

/* Asks and waits for the answer. */
fut_verdict tw_cancel_at(struct tw *w, uint64_t id, uint32_t mode, const char *file, int line);
#define tw_cancel(w, id, mode) tw_cancel_at((w), (id), (mode), __FILE__, __LINE__)
void tw_ping_at(struct tw *w, const char *file, int line); /* a barrier, too */
#define tw_ping(w) tw_ping_at((w), __FILE__, __LINE__)
/* The answer, until the next one; its status is w->admin_status. */
const char *tw_ask_at(struct tw *w, const char *what, const char *argument, const char *file,
		      int line);
#define tw_ask(w, what, argument) tw_ask_at((w), (what), (argument), __FILE__, __LINE__)
const char *tw_status_at(struct tw *w, const char *file, int line); /* the JSON text */
#define tw_status(w) tw_status_at((w), __FILE__, __LINE__)

/* Waits for the goaway with this status; or for the end of the conversation. */
void tw_expect_goaway_at(struct tw *w, uint32_t status, const char *file, int line);
#define tw_expect_goaway(w, status) tw_expect_goaway_at((w), (status), __FILE__, __LINE__)
void tw_expect_end_at(struct tw *w, const char *file, int line);
#define tw_expect_end(w) tw_expect_end_at((w), __FILE__, __LINE__)

/* The job table's row, made where it is not there. */
struct tw_job *tw_job(struct tw *w, uint64_t id);

/* A pid or another number as a job's value. */
long tw_number(const struct tw_job *j);

#endif
