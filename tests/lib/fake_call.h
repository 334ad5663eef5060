/*
 * A module as the loader gets it: opened from $top_builddir/.libs, and driven through a call
 * whose every answer the test decides.
 *
 * To be included before <check.h>, which has a macro fail().
 */
#ifndef TESTS_FAKE_CALL_H
#define TESTS_FAKE_CALL_H

#include <futured/task.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <check.h>

enum { FAKE_NEVER = -1 };

struct fake_call {
	struct fut_call call; /* first: the hooks get a pointer to it */

	/* what the test decides */
	struct fut_view payload;
	int64_t remaining_us;
	unsigned attempt;
	long stop_at_look;     /* the look at the stop flag that finds it set, from 0 */
	const char *fifo_at_3; /* made at the third look, or NULL */
	long gone_at_emit;     /* the emit that finds the daemon gone, from 0 */
	long gone_at_progress; /* the same for progress */
	bool refuses_result;

	/* what the task did */
	int rc;
	long looks, emits, progresses;
	char *emitted; /* each chunk followed by a comma */
	size_t emitted_len;
	uint64_t done, total;
	bool returned, failed;
	void *result;
	size_t result_len;
	char type[64], message[128];
	char details[512];
	size_t details_len;
	char traceback[256]; /* "FILE: TEXT" for each line, without the number */
};

/* The one call: every test's process has its own. */
extern struct fake_call fake;

/* It serves one call after the other; each forgets the last. */
struct fake_call *fake_reset(void);

/* ---- one module, open for the length of a test ---- */

extern const struct fut_module *module;

void *open_library(const char *name);
const struct fut_module *find_module(void *dl); /* NULL where it has none */
const struct fut_task *find_task(const char *name);

/* For checked fixtures. */
void open_module(const char *name);
void close_module(void);

/* ---- calling ---- */

/* Runs a task on a fake that the test has prepared. */
void run_prepared(const char *task, const void *data, size_t len);

/* These forget what was prepared. */
void run_bytes(const char *task, const void *data, size_t len);
void run_text(const char *task, const char *text);
void run_null(const char *task); /* an empty payload may come with no address at all */

void assert_result_bytes(const void *want, size_t len);
void assert_result(const char *want);
void assert_failure(const char *type, const char *details);
void assert_refused(const char *task, const char *text, const char *type);

/* A task that lost the daemon, or that could not return, fails without naming why. */
void assert_gave_up(void);

#endif
