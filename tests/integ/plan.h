/*
 * Jobs that may run twice, for the tests of it: a daemon with the tasks of plan.c, and short
 * words for what is submitted. The task `plan` does in its n-th run what the n-th word of its
 * payload says, and leaves a line in a file for each run.
 */
#ifndef TESTS_PLAN_H
#define TESTS_PLAN_H

#include "tests/integ/e2e.h"

enum { KINDS = 2, LONG = 20 * SECOND };

static const char plan_config[] = "kill_grace = 500ms\npool p {\n  kind = %s\n  slots = %u\n"
				  "  modules = {basic, %s}\n}\n";

/* A daemon whose pool has the tasks of plan.c, too. */
static inline void start_planned(int way, unsigned slots)
{
	char text[300];

	snprintf(text, sizeof text, plan_config, kind_of(way), slots,
		 "testmod_crash, testmod_plan");
	d = tdaemon_start(text);
	tdaemon_path(d, "mark", mark, sizeof mark);
	tdaemon_path(d, "gate", gate, sizeof gate);
	x = open_url(way & OVER_TCP ? d->tcp_url : d->unix_url, "p");
}

/* How a job may run again, and what else is said of it. */
struct again {
	unsigned crashes, errors;
	uint64_t pause_us, queue_limit_us, run_limit_us, deadline_us;
};

static inline fut_job *job_of(const char *task, const struct again *a)
{
	fut_job *job;

	ck_assert_int_eq(fut_job_new(task, &job), FUT_OK);
	fut_job_set_repeatable(job, a->crashes, a->errors, a->pause_us);
	fut_job_set_queue_limit(job, a->queue_limit_us);
	fut_job_set_run_limit(job, a->run_limit_us);
	fut_job_set_deadline(job, a->deadline_us);
	return job;
}

static inline fut_future *submit_again(const char *task, const char *payload, const struct again *a)
{
	fut_job *job = job_of(task, a);
	fut_future *f;

	ck_assert_int_eq(fut_submit_job(x, job, payload, strlen(payload), &f, NULL), FUT_OK);
	fut_job_free(job);
	return f;
}

/* plan("d d v", .crashes = 2), its file is `mark`. */
#define plan(words, ...) plan_at(mark, (words), &(struct again){__VA_ARGS__})

static inline fut_future *plan_at(const char *path, const char *words, const struct again *a)
{
	char payload[256];

	snprintf(payload, sizeof payload, "%s %s", path, words);
	return submit_again("plan", payload, a);
}

static inline void let_go(const char *path)
{
	char go[128];

	snprintf(go, sizeof go, "%s.go", path);
	tfile_touch(go);
}

#endif
