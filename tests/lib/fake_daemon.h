/*
 * A daemon for the client's tests that does exactly what a test tells it to.
 *
 * It speaks frames over a Unix socket in a directory of its own. The test itself plays the
 * daemon, step by step on its own thread, so that nothing depends on timing; where a call
 * of the client's waits for the daemon, fake_run() plays a script on another thread. Every
 * read ends after FAKE_PATIENCE_S, so that a wrong test fails instead of hanging.
 */
#ifndef FAKE_DAEMON_H
#define FAKE_DAEMON_H

#include "common/buf.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/result.h"
#include "proto/submit.h"

#include <futured/futured.h>

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

enum { FAKE_PATIENCE_S = 20 };

struct fake {
	/* for the Welcome; set before fake_connect() */
	uint32_t version, max_payload, max_result, max_inflight, slots;
	uint64_t session;

	char dir[32], path[64], url[128];
	int listener, fd;
	struct buf in;
	size_t consumed; /* bytes of `in` that the last frame takes */
	struct arena arena;
	pthread_t thread;
	void (*script)(struct fake *d);
	void *arg; /* for scripts */
};

/* One job as it was submitted; spans live until the next frame is read. */
struct fake_job {
	struct job_spec spec;
	struct span payload;
};

/* Listens. */
struct fake *fake_new(void);
void fake_free(struct fake *d);

/* Plays on a thread of its own, until fake_join(). */
void fake_run(struct fake *d, void (*script)(struct fake *d));
void fake_join(struct fake *d);

/* Accepts, reads preface and Hello; *ret is the Hello. */
void fake_accept(struct fake *d, struct message *ret);
void fake_welcome(struct fake *d);

/* An executor of the client's with the session open. */
fut_executor *fake_connect(struct fake *d);

/* The next frame: its kind, or 0 at the end of the stream. */
uint32_t fake_next(struct fake *d, struct span *ret_message, struct span *ret_payload);

/* The next frame must be this one. */
struct fake_job fake_expect_submit(struct fake *d);
struct message fake_expect(struct fake *d, enum message_kind kind);
void fake_expect_end(struct fake *d); /* Bye, perhaps; then the end of the stream */

void fake_send(struct fake *d, const struct message *m, struct span payload);
void fake_send_raw(struct fake *d, const void *p, size_t n);
void fake_result(struct fake *d, const struct result *r, struct span payload);
void fake_value(struct fake *d, uint64_t id, const void *p, size_t n);
void fake_text(struct fake *d, uint64_t id, const char *text);
void fake_error(struct fake *d, uint64_t id, fut_status status, const char *message);
void fake_started(struct fake *d, uint64_t id);
void fake_verdict(struct fake *d, uint64_t id, fut_verdict verdict);
void fake_chunk(struct fake *d, uint64_t id, const void *p, size_t n);
void fake_part(struct fake *d, uint64_t id, const void *p, size_t n);
void fake_restart(struct fake *d, uint64_t id, uint32_t attempt);
void fake_hang_up(struct fake *d);

/* Returns once the client's I/O thread has dealt with all that was sent before. */
void fake_settle(struct fake *d);

/* A script: answers each job with its own payload until the client leaves; each item of a
 * packed one with itself, but an item or payload that starts with '!' fails. */
void fake_echo(struct fake *d);

/* Shuts down and drops the executor; the daemon sees it leave. */
void fake_goodbye(struct fake *d, fut_executor *x);

/* ---- the client's side, for short ----------------------------------------- */

fut_future *must_submit(fut_executor *x, const char *payload);
void must_be_value(fut_future *f, const char *expected); /* waits */
void must_fail(fut_future *f, fut_status expected);      /* waits */

/* Runs one suite of one case; what main() returns. */
int run_case(TCase *tc, const char *name);

#endif
