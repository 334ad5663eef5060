/*
 * Races: cancels and kills with the start of a job, and two clients that submit the same job
 * (CFX-05 and 14). Marks in files tell what ran.
 */
#include "tests/contract/contract.h"

/* ---- CFX-05: cancel races start ----------------------------------------- */

enum { BATCH = 8, BATCHES = 350, BATCHES_SANITIZED = 40, DELAY_MAX_US = 300 };

struct race {
	fut_future *f;
	char path[112]; /* where it leaves a line if it runs */
	fut_verdict verdict;
};

struct races {
	struct race race[BATCH];
	struct rng rng;
	unsigned removed, late, other;
};

static void begin_races(struct races *r, int batch)
{
	for (int i = 0; i < BATCH; i++) {
		struct race *one = &r->race[i];
		snprintf(one->path, sizeof one->path, "%s.%d.%d", mark, batch, i);
		one->f = submit("mark", one->path);
	}
	/* The moment in which the cancels come. */
	uint64_t until_us = td_now_us() + rng_below(&r->rng, DELAY_MAX_US);
	while (td_now_us() < until_us)
		continue;
}

/* It never ran and never will, or it ran once to its end: one of the two, and all say so. */
static void check_race(struct races *r, struct race *one)
{
	fut_bytes value;
	fut_status status = fut_result(one->f, PATIENCE_US, &value, NULL);
	bool ran = tfile_lines(one->path) == 1;

	if (one->verdict == FUT_VERDICT_REMOVED) {
		must(status == FUT_CANCELLED && fut_cancelled(one->f));
		r->removed++;
	} else if (one->verdict == FUT_VERDICT_TOO_LATE) {
		must(status == FUT_OK && !fut_cancelled(one->f));
		must(ran);
		r->late++;
	} else {
		ck_abort_msg("%s", fut_verdict_name(one->verdict));
	}
	/* Asked again, it says the same. */
	must_cancel(one->f, one->verdict);
	fut_future_unref(one->f);
}

/* The other thread: cancels the same ones, in the other order. */
static void cancel_backwards(void *arg)
{
	struct races *r = arg;

	for (int i = BATCH; i-- > 0;)
		r->race[i].verdict = FUT_VERDICT_UNKNOWN;
	for (int i = BATCH; i-- > 0;)
		must(fut_cancel(r->race[i].f, PATIENCE_US, &r->race[i].verdict) == FUT_OK);
}

START_TEST(cfx_05_cancel_races_start)
{
	struct races r = {.rng = rng_of(seed_get() + (uint64_t)_i)};
	int batches = td_is_sanitized() ? BATCHES_SANITIZED : BATCHES;

	start(_i, 2);
	warm(); /* then the slots have jobs ready */
	for (int batch = 0; batch < batches; batch++) {
		fut_verdict here[BATCH];
		struct sleeper other;

		begin_races(&r, batch);
		sleeper_start(&other, cancel_backwards, &r);
		for (int i = 0; i < BATCH; i++)
			must(fut_cancel(r.race[i].f, PATIENCE_US, &here[i]) == FUT_OK);
		sleeper_join(&other);
		for (int i = 0; i < BATCH; i++) {
			must(here[i] == r.race[i].verdict);
			check_race(&r, &r.race[i]);
		}
	}
	/* What was removed never runs, also not later. */
	pass_through();
	pass_through();
	unsigned lines = 0;
	for (int batch = 0; batch < batches; batch++) {
		for (int i = 0; i < BATCH; i++) {
			char path[112];
			snprintf(path, sizeof path, "%s.%d.%d", mark, batch, i);
			lines += tfile_lines(path);
		}
	}
	printf("# %s: %u removed, %u too late\n", kind_of(_i), r.removed, r.late);
	fflush(stdout);
	ck_assert_uint_eq(lines, r.late);
	ck_assert_uint_eq(r.removed + r.late, (unsigned)batches * BATCH);
	/* It was a race. */
	ck_assert(r.removed > 0 && r.late > 0);
	stop();
}
END_TEST

/* The same with a kill: it hits this job, or nothing. */
START_TEST(cfx_05_kill_races_start)
{
	enum { N = 40 };
	struct rng rng = rng_of(seed_get() + (uint64_t)_i);
	unsigned lines = 0, ran = 0, maybe = 0;

	start(_i, 1);
	for (int i = 0; i < N; i++) {
		fut_future *f = submit("mark_line", ""), *neighbour;
		fut_verdict v;
		fut_bytes value;
		char text[128];

		must_fail_(f, FUT_TASK_FAILED); /* "no line": the slot is quiet again */
		fut_future_unref(f);
		snprintf(text, sizeof text, "%s %d", mark, i);
		f = submit("mark_line", text);
		neighbour = submit("echo", "unharmed");
		uint64_t until_us = td_now_us() + rng_below(&rng, 4 * DELAY_MAX_US);
		while (td_now_us() < until_us)
			continue;
		ck_assert_int_eq(fut_kill(f, PATIENCE_US, &v), FUT_OK);
		fut_status status = fut_result(f, PATIENCE_US, &value, NULL);
		switch (v) {
		case FUT_VERDICT_REMOVED:
			ck_assert_int_eq(status, FUT_CANCELLED);
			break;
		case FUT_VERDICT_KILLED:
			ck_assert(_i & PROCESSES);
			ck_assert_int_eq(status, FUT_KILLED);
			maybe++;
			break;
		case FUT_VERDICT_STOP_REQUESTED:
			ck_assert(!(_i & PROCESSES));
			ck_assert_int_eq(status, FUT_OK); /* it does not look at the flag */
			ran++;
			break;
		case FUT_VERDICT_TOO_LATE:
			ck_assert_int_eq(status, FUT_OK);
			ran++;
			break;
		case FUT_VERDICT_PENDING:
		case FUT_VERDICT_UNKNOWN:
			ck_abort_msg("%s", fut_verdict_name(v));
		}
		must_be(neighbour, "unharmed");
		unref_all((fut_future *[]){f, neighbour}, 2);
	}
	lines = tfile_lines(mark);
	ck_assert_uint_ge(lines, ran);
	ck_assert_uint_le(lines, ran + maybe);
	stop();
}
END_TEST

/* ---- CFX-14: the same job from two clients ------------------------------- */

enum { SAME = 60 };

/* A client of its own, in a thread of its own: submits them all, and says what came of it. */
struct client {
	struct sleeper thread;
	fut_executor *x;
	bool backwards;
	fut_future *f[SAME];
};

static fut_future *submit_unique(fut_executor *on, int i, const char *payload)
{
	char name[32];
	fut_future *f;
	fut_job *job;

	snprintf(name, sizeof name, "order-%d", i);
	must(fut_job_new("mark", &job) == FUT_OK);
	must(fut_job_set_unique(job, name) == FUT_OK);
	must(fut_submit_job(on, job, payload, strlen(payload), &f, NULL) == FUT_OK);
	fut_job_free(job);
	return f;
}

static void mark_path(int i, char *path, size_t size)
{
	snprintf(path, size, "%s.%d", mark, i);
}

static void submit_all(void *arg)
{
	struct client *c = arg;
	char path[112];

	for (int n = 0; n < SAME; n++) {
		int i = c->backwards ? SAME - 1 - n : n;
		mark_path(i, path, sizeof path);
		c->f[i] = submit_unique(c->x, i, path);
	}
	must(fut_executor_ping(c->x, PATIENCE_US, NULL) == FUT_OK);
}

/* Each runs once, and both hear of it; a name for something else is refused. */
START_TEST(cfx_14_same_key_from_two_clients)
{
	struct client c[2] = {{.backwards = false}, {.backwards = true}};
	char path[112];

	start(_i, 1);
	fut_future *held = hold();
	for (int k = 0; k < 2; k++) {
		c[k].x = open_url(url_of(k ? _i : _i ^ OVER_TCP), "p");
		sleeper_start(&c[k].thread, submit_all, &c[k]);
	}
	for (int k = 0; k < 2; k++)
		sleeper_join(&c[k].thread);
	fut_future *other = submit_unique(x, 7, "another payload");
	fut_error *e = must_fail(other, FUT_INVALID);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	release(held);
	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < SAME; i++)
			must_be(c[k].f[i], "");
	}
	for (int i = 0; i < SAME; i++) {
		mark_path(i, path, sizeof path);
		ck_assert_uint_eq(tfile_lines(path), 1);
	}
	for (int k = 0; k < 2; k++) {
		unref_all(c[k].f, SAME);
		close_executor(c[k].x);
	}
	fut_future_unref(other);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CFX, races");
	TCase *tc = trun_case(s, "races");

	each_way(tc, cfx_05_cancel_races_start);
	each_way(tc, cfx_05_kill_races_start);
	each_way(tc, cfx_14_same_key_from_two_clients);
	return s;
}
