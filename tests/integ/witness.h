/*
 * A daemon that clients treat badly, and a witness: another session, which must be served
 * all the while.
 */
#ifndef TESTS_WITNESS_H
#define TESTS_WITNESS_H

#include "common/util.h"
#include "tests/lib/tdaemon.h"
#include "tests/lib/trun.h"
#include "tests/lib/twire.h"

#include <stdio.h>
#include <string.h>

static const char config[] = "handshake_timeout = 500ms\n"
			     "penalty_protocol = 0s\npenalty_silence = 0s\npenalty_flood = 0s\n"
			     "max_payload = 64K\nmax_result = 64K\nmax_queued = 1M\n"
			     "max_output = 1M\nmax_inflight = 1000\n"
			     "pool p {\n  kind = threads\n  slots = 2\n"
			     "  modules = {basic, testmod_crash}\n}\n";

static struct tdaemon *d;
static struct tw *witness;

static inline void start(const char *text)
{
	d = tdaemon_start(text);
	witness = tw_open(d->unix_url, "");
}

/* The other session is answered at once. */
static inline void still_served(const char *after)
{
	uint64_t before_us = td_now_us();

	if (!tdaemon_is_alive(d))
		tdaemon_fail(d, __FILE__, __LINE__, after);
	tw_submit(witness, 0, "echo", "still there");
	tw_expect_value(witness, 0, "still there");
	if (td_now_us() - before_us > (uint64_t)td_patience_ms(1000) * 1000)
		tdaemon_fail(d, __FILE__, __LINE__, after);
}

static inline void stop(void)
{
	still_served("everything");
	tw_close(witness);
	tdaemon_stop(d);
}

/* Says what is put and expects a goaway, or (status 0) nothing but the end. */
static inline void expect_refusal(struct tw *w, uint32_t status, const char *name)
{
	(void)tw_flush(w);
	tw_expect_end(w);
	if (w->goaway_status != status || w->goaway != (status != 0)) {
		char text[400];
		snprintf(text, sizeof text, "%s: goaway %u instead of %u (%s)", name,
			 w->goaway_status, status, w->goaway_detail);
		tdaemon_fail(d, __FILE__, __LINE__, text);
	}
	tw_close(w);
	still_served(name);
}

/* A job is refused, in a session that goes on. */
static inline void expect_refused(struct tw *w, uint64_t id, uint32_t status, const char *name)
{
	struct tw_job *j = tw_expect_status(w, id, status);
	const struct error_info *e = tw_error(w, j);

	if (e->executed != FUT_EXECUTED_NO || e->message.len == 0 || e->type.len == 0 ||
	    e->detail.len == 0 || e->has_death)
		tdaemon_fail(d, __FILE__, __LINE__, name);
	ck_assert_uint_eq(j->attempt, 0);
	ck_assert_uint_eq(j->started_us, 0);
}

/* For tables: the bytes and their number. */
#define TEXT(s) (s), sizeof(s) - 1

#endif
