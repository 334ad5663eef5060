/* The pause before another attempt, and the job that waits it out, with a clock of the test's. */
#include "daemon/account.h"
#include "daemon/retry.h"

#include "common/clock.h"
#include "daemon/answer.h"
#include "daemon/cancel.h"
#include "daemon/daemon.h"
#include "daemon/limits.h"
#include "proto/frame.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum { MS = 1000, SECOND = 1000 * 1000, PID = 4242 };

static struct daemon d;
static struct pool pool;
static struct session session;
static struct task task;
static struct slot slot;
static uint64_t now_us;

static uint64_t fake_clock(void)
{
	return now_us * 1000;
}

static void setup(void)
{
	now_us = 1000 * SECOND;
	clock_source_ns = fake_clock;
	d = (struct daemon){.phase = DAEMON_RUNNING, .now_us = now_us};
	d.base = event_base_new();
	d.error_scratch = malloc(2 * (size_t)ERROR_ENCODED_MAX);
	d.config = calloc(1, sizeof *d.config);
	ck_assert(d.base && d.error_scratch && d.config);
	d.config->max_output_bytes = 1 << 20;
	ck_assert_int_eq(timers_init(&d.timers, d.base), 0);
	TAILQ_INIT(&d.dirty);
	job_store_init(&d.jobs);
	retries_init(&d.retries, seed_get());
	pool = (struct pool){.daemon = &d, .name = "p", .phase = POOL_READY};
	scheduler_init(&pool.scheduler, d.config);
	session = (struct session){.daemon = &d, .pool = &pool, .phase = SESSION_OPEN};
	TAILQ_INIT(&session.held);
	timer_init(&session.phase_timer, NULL);
	timer_init(&session.output_timer, NULL);
	intake_init(&session);
	buf_init(&session.stream.out, 1 << 20);
	output_init(&session.output, &session.stream.out);
	session.account = account_join(&d.accounts, "unix:1000", NULL);
	ck_assert_ptr_nonnull(session.account);
	session.share = share_new(&pool.scheduler, session.account);
	ck_assert_ptr_nonnull(session.share);
}

static void teardown(void)
{
	ck_assert(TAILQ_EMPTY(&d.retries.waiting));
	ck_assert_uint_eq(session.njobs, 0);
	ck_assert_uint_eq(d.timers.heap.len, 0);
	job_store_done(&d.jobs);
	timers_done(&d.timers);
	event_base_free(d.base);
	free(d.error_scratch);
	free(session.jobs);
	share_unref(session.share);
	account_leave(session.account);
	scheduler_done(&pool.scheduler);
	ck_assert_ptr_null(d.accounts);
	free(d.config);
	output_done(&session.output);
	buf_done(&session.stream.out);
	clock_source_ns = clock_real_ns;
}

static void advance(uint64_t us)
{
	now_us += us;
	d.now_us = now_us;
	timers_run(&d.timers, now_us);
}

/* As an admitted job that is in a slot, at its first attempt. */
static struct job *new_job(const struct job_spec *spec)
{
	struct job *j = job_new(&d.jobs, "x", 1);

	ck_assert_ptr_nonnull(j);
	d.queued_bytes++;
	account_charge(session.account, 1);
	j->id = spec->id;
	j->task = &task;
	j->accepted_us = now_us;
	share_enter(session.share, j, 0);
	ck_assert_int_eq(session_add_job(&session, j), 0);
	ck_assert_int_eq(limits_attach(j, spec), 0);
	ck_assert_int_eq(retry_attach(j, spec), 0);
	j->slot = &slot;
	j->attempt = 1;
	return j;
}

/* The attempt ends; the job is in no slot then. */
static bool fail_task(struct job *j)
{
	const struct error_info e = {.type = span_str("Planned")};
	const struct run_times ran = {now_us, now_us, 5};
	bool again = answer_task_error(j, FUT_TASK_FAILED, &e, &ran);

	j->slot = NULL;
	return again;
}

static bool die(struct job *j)
{
	const struct death_info death = {.pid = PID, .signal = 9, .exit_code = -1};
	bool again = answer_death(j, &death, "it was ended", false);

	j->slot = NULL;
	return again;
}

/* It was placed, and runs again. */
static void run_again(struct job *j)
{
	scheduler_remove(&pool.scheduler, j);
	j->slot = &slot;
	j->attempt++;
}

/* The next frame for the client: its kind, and the Result when it is one. */
static uint32_t next_frame(struct result *ret)
{
	static const struct frame_limits limits = {1 << 16, 1 << 20};
	struct span message;
	struct frame f;
	uint32_t kind;
	size_t need;
	int64_t n = frame_cut(buf_data(&session.stream.out), buf_len(&session.stream.out), &limits,
			      &f, &need);

	if (n == 0)
		return 0;
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(envelope_open(f.envelope, &kind, &message), 0);
	if (kind == MESSAGE_RESULT)
		ck_assert_int_eq(result_parse(message, ret), 0);
	buf_consume(&session.stream.out, (size_t)n);
	return kind;
}

static struct error_info error_of(const struct result *res)
{
	static struct arena arena;
	struct error_info e;

	arena_reset(&arena);
	ck_assert_int_eq(error_decode(res->error, &arena, &e), 0);
	return e;
}

/* ---- the pause ---------------------------------------------------------- */

START_TEST(test_pause_doubles)
{
	struct rng r = rng_of_run();

	for (unsigned failures = 1; failures <= 200; failures++) {
		uint64_t least = UINT64_MAX, most = 0, sum = 0, whole = 10 * MS;
		for (unsigned i = 1; i < failures && whole < RETRY_PAUSE_MAX_US; i++)
			whole *= 2;
		whole = whole < RETRY_PAUSE_MAX_US ? whole : RETRY_PAUSE_MAX_US;
		for (int i = 0; i < 2000; i++) {
			uint64_t us = retry_pause(10 * MS, failures, rng_next(&r));
			must(us >= whole / 2 && us <= whole + whole / 2 &&
			     us <= RETRY_PAUSE_MAX_US);
			least = us < least ? us : least;
			most = us > most ? us : most;
			sum += us;
		}
		/* They differ, over all of the range. */
		ck_assert_uint_lt(least, whole * 6 / 10);
		ck_assert_uint_gt(most, whole < RETRY_PAUSE_MAX_US / 2 ? whole * 14 / 10
								       : RETRY_PAUSE_MAX_US - 1);
		if (whole < RETRY_PAUSE_MAX_US / 2) {
			ck_assert_uint_gt(sum / 2000, whole * 95 / 100);
			ck_assert_uint_lt(sum / 2000, whole * 105 / 100);
		}
	}
}
END_TEST

START_TEST(test_pause_at_the_edges)
{
	for (unsigned failures = 1; failures <= 201; failures++) {
		ck_assert_uint_eq(retry_pause(0, failures, UINT64_MAX), 0);
		ck_assert_uint_le(retry_pause(1, failures, UINT64_MAX), RETRY_PAUSE_MAX_US);
		ck_assert_uint_ge(retry_pause(UINT64_MAX, failures, 0), RETRY_PAUSE_MAX_US / 2);
		ck_assert_uint_le(retry_pause(UINT64_MAX, failures, UINT64_MAX - 1),
				  RETRY_PAUSE_MAX_US);
	}
}
END_TEST

/* ---- the one that waits ------------------------------------------------- */

START_TEST(test_waits_out_its_pause)
{
	struct result res;
	struct job *j = new_job(&(struct job_spec){.error_retries = 1, .retry_pause_us = SECOND});

	advance(7);
	ck_assert(fail_task(j));
	ck_assert_uint_eq(next_frame(&res), MESSAGE_RESTART);
	retry_wait(j);
	ck_assert_int_eq(j->place, JOB_RETRYING);
	advance(SECOND / 2 - 1);
	ck_assert_int_eq(j->place, JOB_RETRYING);
	ck_assert(!scheduler_has_job(&pool.scheduler));
	for (int i = 0; i < SECOND + 2 && j->place == JOB_RETRYING; i += 1000)
		advance(1000);
	ck_assert_int_eq(j->place, JOB_QUEUED);
	uint64_t queued_us = now_us - j->accepted_us;
	run_again(j);
	j->dispatched_us = now_us + 10;
	advance(20);
	ck_assert(!fail_task(j));
	ck_assert_uint_eq(next_frame(&res), MESSAGE_RESULT);
	ck_assert_uint_eq(res.status, FUT_TASK_FAILED);
	ck_assert_uint_eq(res.attempt, 2);
	ck_assert_uint_eq(res.queued_us, queued_us);
	ck_assert_uint_eq(res.dispatched_us, queued_us + 10);
	ck_assert_uint_eq(res.finished_us, queued_us + 20);
	ck_assert_uint_eq(res.cpu_us, 5);
	job_drop(&d, j);
}
END_TEST

/* Pauses of the same job, and of others, are not the same. */
START_TEST(test_jitter)
{
	enum { N = 50 };
	struct job *jobs[N];
	unsigned queued[20] = {0}, at_once = 0;

	for (uint64_t i = 0; i < N; i++) {
		jobs[i] = new_job(&(struct job_spec){
			.id = i, .crash_retries = 1, .retry_pause_us = 100 * MS});
		ck_assert(die(jobs[i]));
		retry_wait(jobs[i]);
	}
	for (unsigned i = 0; i < 20; i++) {
		unsigned before = pool.scheduler.queued;
		advance(10 * MS);
		queued[i] = pool.scheduler.queued - before;
		at_once = queued[i] > at_once ? queued[i] : at_once;
	}
	ck_assert_uint_eq(pool.scheduler.queued, N);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(queued[i], 0);
	for (unsigned i = 15; i < 20; i++)
		ck_assert_uint_eq(queued[i], 0);
	ck_assert_uint_lt(at_once, N / 2);
	for (unsigned i = 0; i < N; i++) {
		scheduler_remove(&pool.scheduler, jobs[i]);
		answer_nothing(jobs[i]);
		job_drop(&d, jobs[i]);
	}
}
END_TEST

START_TEST(test_no_pause)
{
	struct job *j = new_job(&(struct job_spec){.crash_retries = 1});

	ck_assert(die(j));
	retry_wait(j);
	ck_assert_int_eq(j->place, JOB_QUEUED);
	ck_assert(job_withdraw(j));
	answer_nothing(j);
	job_drop(&d, j);
}
END_TEST

/* ---- its ends ----------------------------------------------------------- */

START_TEST(test_withdrawn)
{
	struct job *j = new_job(&(struct job_spec){.crash_retries = 1, .retry_pause_us = SECOND});
	struct result res;

	advance(30);
	ck_assert(die(j));
	ck_assert_uint_eq(next_frame(&res), MESSAGE_RESTART);
	retry_wait(j);
	advance(100);
	ck_assert_int_eq(job_cancel(j, (enum cancel_mode)_i), FUT_VERDICT_TOO_LATE);
	ck_assert_uint_eq(next_frame(&res), MESSAGE_RESULT);
	ck_assert_uint_eq(res.status, FUT_HOST_DIED);
	ck_assert_uint_eq(res.attempt, 1);
	ck_assert_uint_eq(res.finished_us, 30); /* of the attempt */
	ck_assert_int_eq(error_of(&res).death.pid, PID);
	ck_assert_int_eq(error_of(&res).retry, FUT_RETRY_NEW_JOB);
}
END_TEST

START_TEST(test_pool_broken)
{
	struct job *j = new_job(&(struct job_spec){.crash_retries = 1, .retry_pause_us = SECOND});
	struct result res;

	ck_assert(die(j));
	ck_assert_uint_eq(next_frame(&res), MESSAGE_RESTART);
	retry_wait(j);
	pool.phase = POOL_FAILED;
	advance(SECOND / 4);
	ck_assert_uint_eq(next_frame(&res), 0); /* it could be mended meanwhile */
	advance(2 * SECOND);
	ck_assert_uint_eq(next_frame(&res), MESSAGE_RESULT);
	ck_assert_uint_eq(res.status, FUT_POOL_BROKEN);
	ck_assert_int_eq(error_of(&res).executed, FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(error_of(&res).retry, FUT_RETRY_NEW_JOB);
}
END_TEST

START_TEST(test_refused)
{
	const struct error_info e = {.hint = span_str("elsewhere")};
	struct result res;

	for (uint64_t i = 0; i < 3; i++) {
		struct job *j = new_job(
			&(struct job_spec){.id = i, .error_retries = 1, .retry_pause_us = SECOND});
		ck_assert(fail_task(j));
		retry_wait(j);
	}
	retry_refuse_all(&d, FUT_DRAINING, &e);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(next_frame(&res), MESSAGE_RESTART);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(next_frame(&res), MESSAGE_RESULT);
		ck_assert_uint_eq(res.status, FUT_DRAINING);
		ck_assert_int_eq(error_of(&res).executed, FUT_EXECUTED_MAYBE);
	}
	advance(10 * SECOND);
}
END_TEST

/* Its own limits count on: the deadline, and no longer the queue limit. */
START_TEST(test_deadline)
{
	struct result res;
	struct job *j = new_job(&(struct job_spec){.error_retries = 1,
						   .retry_pause_us = 20 * SECOND,
						   .queue_limit_us = SECOND,
						   .deadline_us = 2 * SECOND});

	j->announced = true;
	j->dispatched_us = now_us + 3;
	advance(10);
	ck_assert(fail_task(j));
	ck_assert_uint_eq(next_frame(&res), MESSAGE_RESTART);
	retry_wait(j);
	ck_assert(!j->announced);
	advance(2 * SECOND - 11);
	ck_assert_uint_eq(next_frame(&res), 0);
	advance(1);
	ck_assert_uint_eq(next_frame(&res), MESSAGE_RESULT);
	ck_assert_uint_eq(res.status, FUT_DEADLINE);
	ck_assert_uint_eq(res.finished_us, 2 * SECOND);
	/* The rest is of the attempt that it made. */
	ck_assert_uint_eq(res.attempt, 1);
	ck_assert_uint_eq(res.dispatched_us, 3);
	ck_assert_uint_eq(res.started_us, 10);
	ck_assert_uint_eq(res.cpu_us, 5);
	ck_assert_int_eq(error_of(&res).executed, FUT_EXECUTED_MAYBE);
}
END_TEST

/* The session cannot take the news, and ends: nobody is left to run for. */
START_TEST(test_session_lost_while_it_is_told)
{
	struct job *j = new_job(&(struct job_spec){.error_retries = 1});

	LIST_INIT(&d.sessions);
	LIST_INIT(&d.dead_sessions);
	LIST_INSERT_HEAD(&d.sessions, &session, node);
	session.stream.out.limit = 0;
	session.stream.fd = -1;
	struct ring_record record = {.state = RECORD_RUNNING};
	struct slot_shared shared = {0};
	j->place = JOB_ASSIGNED;
	j->record = &record;
	slot.view.shared = &shared;
	ck_assert(!fail_task(j));
	ck_assert_ptr_null(j->session);
	j->place = JOB_NOWHERE;
	job_drop(&d, j);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("retry");
	TCase *tc = trun_case(s, "pause");

	tcase_add_test(tc, test_pause_doubles);
	tcase_add_test(tc, test_pause_at_the_edges);
	tc = trun_case(s, "waiting");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_waits_out_its_pause);
	tcase_add_test(tc, test_jitter);
	tcase_add_test(tc, test_no_pause);
	tc = trun_case(s, "ends");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_withdrawn, 0, 3);
	tcase_add_test(tc, test_pool_broken);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_deadline);
	tcase_add_test(tc, test_session_lost_while_it_is_told);
	return s;
}
