/*
 * The client library against a real daemon, for tests: one pool, one executor, and short
 * words for the usual steps. A failed expectation fails the test at the caller's line.
 *
 * A way is how a test meets its pool: over which transport, and of which kind. Tests that
 * loop over WAYS see each of the four. One more transport is more of WAYS, and a line in
 * url_of().
 */
#ifndef TESTS_E2E_H
#define TESTS_E2E_H

#include "common/util.h"
#include "tests/lib/seed.h"
#include "tests/lib/tdaemon.h"
#include "tests/lib/trun.h"

#include <futured/futured.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 4, MS = 1000, SECOND = 1000 * 1000 };
enum { PROCESSES = 1, OVER_TCP = 2 }; /* the bits of a way */

/* More than any wait of these tests may take. */
#define PATIENCE_US ((int64_t)td_patience_ms(20000) * 1000)

static struct tdaemon *d;
static fut_executor *x;
static char mark[96], gate[96], gate2[96];

static inline const char *kind_of(int way)
{
	return way & PROCESSES ? "processes" : "threads";
}

/* Where the daemon hears clients of this way. */
static inline const char *url_of(int way)
{
	return way & OVER_TCP ? d->tcp_url : d->unix_url;
}

static inline fut_executor *open_url(const char *base, const char *pool)
{
	char url[192];
	fut_executor *made;
	fut_error *e = NULL;

	snprintf(url, sizeof url, "%s?pool=%s", base, pool);
	if (fut_executor_open(url, &made, &e) != FUT_OK)
		ck_abort_msg("%s: %s: %s", url, fut_error_message(e), fut_error_detail(e));
	return made;
}

/* A daemon with one pool "p", and x on it. `top` is more of the configuration. */
static inline void start_with(int way, unsigned slots, const char *top, const char *in_pool)
{
	char text[600];

	snprintf(text, sizeof text,
		 "kill_grace = 500ms\n%s\npool p {\n  kind = %s\n  slots = %u\n%s\n"
		 "  modules = {basic, math, testmod_crash}\n}\n",
		 top, kind_of(way), slots, in_pool);
	d = tdaemon_start(text);
	tdaemon_path(d, "mark", mark, sizeof mark);
	tdaemon_path(d, "gate", gate, sizeof gate);
	tdaemon_path(d, "gate2", gate2, sizeof gate2);
	x = open_url(url_of(way), "p");
}

static inline void start(int way, unsigned slots)
{
	start_with(way, slots, "", "");
}

/* Everything must end, and nothing be left. */
static inline void close_executor(fut_executor *done)
{
	ck_assert_int_eq(fut_executor_shutdown(done, true, false, PATIENCE_US), FUT_OK);
	fut_executor_unref(done);
}

static inline void stop(void)
{
	close_executor(x);
	tdaemon_stop(d);
}

/* ---- jobs --------------------------------------------------------------- */

static inline fut_future *submit_on(fut_executor *on, const char *task, const void *data,
				    size_t len)
{
	fut_error *e = NULL;
	fut_future *f;

	if (fut_submit(on, task, data, len, &f, &e) != FUT_OK)
		ck_abort_msg("submit %s: %s: %s", task, fut_error_message(e), fut_error_detail(e));
	return f;
}

static inline fut_future *submit(const char *task, const char *payload)
{
	return submit_on(x, task, payload, strlen(payload));
}

/* submit_limited("hang", "", queue_limit, 50 * MS) */
#define submit_limited(task_, payload_, limit_, us_)                                               \
	({                                                                                         \
		fut_job *job_;                                                                     \
		fut_future *future_;                                                               \
		ck_assert_int_eq(fut_job_new((task_), &job_), FUT_OK);                             \
		fut_job_set_##limit_(job_, (us_));                                                 \
		ck_assert_int_eq(                                                                  \
			fut_submit_job(x, job_, (payload_), strlen(payload_), &future_, NULL),     \
			FUT_OK);                                                                   \
		fut_job_free(job_);                                                                \
		future_;                                                                           \
	})

/* Waits until a slot has it. */
#define wait_running(f) twait_until(d, fut_running(f))

/* Lets the daemon learn that both are short, so that it goes ahead into slots. */
static inline void warm(void)
{
	char open[96];
	fut_future *f[40];

	tdaemon_path(d, "open", open, sizeof open);
	tfile_touch(open);
	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		f[i] = submit(i % 2 ? "gate" : "echo", open);
	ck_assert_int_eq(fut_wait(f, ARRAY_LEN(f), FUT_ALL_COMPLETED, PATIENCE_US, NULL), FUT_OK);
	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		fut_future_unref(f[i]);
}

/* ---- outcomes ----------------------------------------------------------- */

static inline void must_be_at(fut_future *f, const void *data, size_t len, const char *file,
			      int line)
{
	fut_bytes value;
	fut_error *e = NULL;
	fut_status status = fut_result(f, PATIENCE_US, &value, &e);

	if (status != FUT_OK) {
		fprintf(stderr, "# %s: %s (%s)\n", fut_status_name(status), fut_error_message(e),
			fut_error_detail(e));
		tdaemon_fail(d, file, line, "the job failed");
	}
	if (value.len != len || (len > 0 && memcmp(value.data, data, len) != 0)) {
		fprintf(stderr, "# value: '%.*s'\n", (int)(value.len < 200 ? value.len : 200),
			(const char *)value.data);
		tdaemon_fail(d, file, line, "another value");
	}
}
#define must_be(f, text) must_be_at((f), (text), strlen(text), __FILE__, __LINE__)

/* With this status and no other; the error, which the caller gives back. */
static inline fut_error *must_fail_at(fut_future *f, fut_status want, const char *file, int line)
{
	fut_bytes value = {"untouched", 9};
	fut_error *e = NULL;
	fut_status status = fut_result(f, PATIENCE_US, &value, &e);

	if (status != want || (status != FUT_OK && (!e || fut_error_status(e) != want))) {
		fprintf(stderr, "# %s, not %s\n", fut_status_name(status), fut_status_name(want));
		tdaemon_fail(d, file, line, "another outcome");
	}
	ck_assert_uint_eq(value.len, 9);
	return e;
}
#define must_fail(f, status)  must_fail_at((f), (status), __FILE__, __LINE__)
#define must_fail_(f, status) fut_error_unref(must_fail(f, status))

static inline void must_cancel_at(fut_future *f, fut_verdict want, int line)
{
	fut_verdict v = FUT_VERDICT_UNKNOWN;
	fut_status status = fut_cancel(f, PATIENCE_US, &v);

	if (status != FUT_OK || v != want)
		ck_abort_msg("line %d: %s, %s", line, fut_status_name(status), fut_verdict_name(v));
}
#define must_cancel(f, want) must_cancel_at((f), (want), __LINE__)

static inline long number_of(fut_future *f)
{
	fut_bytes value;
	char text[24];

	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, NULL), FUT_OK);
	ck_assert_uint_lt(value.len, sizeof text);
	memcpy(text, value.data, value.len);
	text[value.len] = '\0';
	return strtol(text, NULL, 10);
}

/* One job, its value as a number. */
static inline long ask_number(const char *task)
{
	fut_future *f = submit(task, "");
	long n = number_of(f);

	fut_future_unref(f);
	return n;
}

static inline void unref_all(fut_future **f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fut_future_unref(f[i]);
}

#endif
