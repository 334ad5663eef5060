/*
 * What a slot begins with, and pools whose slots do not begin (CF-IN). The module's slot_init()
 * does as files in a directory of the test say.
 */
#include "tests/contract/flags.h"
#include "tests/contract/pool.h"
#include "tests/lib/footprint.h"

#include <signal.h>

enum { SLOTS = 3 };

static const char modules[] = "testmod_slots, testmod_place, testmod_crash";

/* "NUMBER BEGUN JOBS": of the slot that ran it. */
struct slot_state {
	unsigned number, begun, jobs;
};

static struct slot_state slot_of(fut_future *f)
{
	struct slot_state s;
	fut_bytes value;
	char text[64];

	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, NULL), FUT_OK);
	ck_assert_uint_lt(value.len, sizeof text);
	memcpy(text, value.data, value.len);
	text[value.len] = '\0';
	ck_assert_int_eq(sscanf(text, "%u %u %u", &s.number, &s.begun, &s.jobs), 3);
	return s;
}

/* All slots at work at once, so that each is there. */
static void occupy_all(void)
{
	fut_future *f[SLOTS];

	remove(gate);
	for (int i = 0; i < SLOTS; i++)
		f[i] = submit("place", gate);
	for (int i = 0; i < SLOTS; i++)
		(void)place_now(f[i]);
	tfile_touch(gate);
	for (int i = 0; i < SLOTS; i++)
		(void)place_then(f[i]);
	unref_all(f, SLOTS);
}

static void kill_hosts(void)
{
	pid_t hosts[TD_HOSTS_MAX];
	unsigned n = tdaemon_hosts(d, "p", hosts, TD_HOSTS_MAX);

	ck_assert_uint_gt(n, 0);
	while (n-- > 0)
		ck_assert_int_eq(kill(hosts[n], SIGKILL), 0);
}

/* Once in each slot, on the thread of its jobs, before the first of them: also in one that
 * takes the place of another. */
START_TEST(cf_in_01_initializer)
{
	enum { N = 60 };
	fut_future *f[N];

	start_pool(_i, SLOTS, modules, "");
	for (unsigned round = 1; round <= 2; round++) {
		occupy_all();
		ck_assert_uint_eq(tfile_lines(flag_path("log")), round * SLOTS);
		unsigned jobs[SLOTS] = {0};
		for (int i = 0; i < N; i++)
			f[i] = submit("slot", "");
		for (int i = 0; i < N; i++) {
			struct slot_state s = slot_of(f[i]);
			ck_assert_uint_lt(s.number, SLOTS);
			ck_assert_uint_eq(s.begun, 1);
			ck_assert_uint_gt(s.jobs, 0);
			jobs[s.number]++;
		}
		unref_all(f, N);
		ck_assert_uint_eq(jobs[0] + jobs[1] + jobs[2], N);
		ck_assert_uint_eq(tfile_lines(flag_path("log")), round * SLOTS);
		kill_hosts();
	}
	stop();
}
END_TEST

/* Answered before it ran, and with the reason. */
static void must_be_broken(fut_future *f, const char *reason)
{
	fut_error *e = must_fail(f, FUT_POOL_BROKEN);

	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_LATER);
	ck_assert_ptr_null(fut_error_death(e));
	if (!strstr(fut_error_detail(e), reason))
		ck_abort_msg("'%s' is not in '%s'", reason, fut_error_detail(e));
	fut_error_unref(e);
}

static void must_refuse(fut_executor *on, const char *reason)
{
	fut_future *f = submit_on(on, "mark", mark, strlen(mark));

	must_be_broken(f, reason);
	fut_future_unref(f);
}

static void must_serve(const char *pool)
{
	fut_executor *on = open_url(d->unix_url, pool);
	fut_future *f = submit_on(on, "echo", "well", 4);

	must_be(f, "well");
	fut_future_unref(f);
	close_executor(on);
}

/* Sooner or later a job runs. */
static void must_heal(void)
{
	struct twait w = twait_for(d, "the pool to heal");
	fut_status status = FUT_POOL_BROKEN;
	fut_bytes value;

	while (status != FUT_OK) {
		fut_future *f = submit("slot", "");
		status = fut_result(f, PATIENCE_US, &value, NULL);
		ck_assert(status == FUT_OK || status == FUT_POOL_BROKEN);
		fut_future_unref(f);
		twait_step(&w);
	}
}

static const char refused[] = "slot_init() of module testmod_slots refused";

/* It breaks that pool: what waits is told, and what comes later. The other pool serves all the
 * while; and once the reason is gone, this one does, too. */
START_TEST(cf_in_02_failing_initializer)
{
	enum { N = 20 };
	fut_future *runs[SLOTS], *waits[N];

	start_pool(_i, SLOTS, modules, "  breaker_pause = 50ms");
	for (int i = 0; i < SLOTS; i++)
		runs[i] = submit("place", gate);
	for (int i = 0; i < SLOTS; i++)
		(void)place_now(runs[i]);
	for (int i = 0; i < N; i++)
		waits[i] = submit("mark", mark);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	flag_set("refuse");
	kill_hosts();
	for (int i = 0; i < SLOTS; i++)
		must_fail_(runs[i], FUT_HOST_DIED);
	for (int i = 0; i < N; i++)
		must_be_broken(waits[i], refused);
	must_refuse(x, refused);
	ck_assert_uint_ge(tdaemon_log_count(d, "level=error event=pool.failed pool=p"), 1);
	/* An executor that is opened now is told the same. */
	fut_executor *late = open_url(url_of(_i), "p");
	must_refuse(late, refused);
	close_executor(late);
	must_serve("q");
	ck_assert_uint_eq(tfile_lines(mark), 0);
	flag_clear("refuse");
	must_heal();
	must_serve("p");
	unref_all(runs, SLOTS);
	unref_all(waits, N);
	stop();
}
END_TEST

/* The same from the beginning, before there ever was a slot. */
START_TEST(cf_in_02_failing_initializer_from_the_start)
{
	flag_set("refuse");
	start_pool(_i, SLOTS, modules, "  breaker_pause = 50ms");
	tdaemon_wait_log(d, "event=pool.failed pool=p");
	must_refuse(x, refused);
	must_serve("q");
	flag_clear("refuse");
	must_heal();
	ck_assert_uint_eq(tfile_lines(mark), 0);
	stop();
}
END_TEST

/* Attempts that fail leave nothing: no descriptor, no memory that is shared, no process. */
/* Read between two attempts, of which the daemon has put away the last one. */
static struct footprint footprint_between(pid_t zygote)
{
	struct twait w = twait_for(d, "a moment without an attempt");
	struct footprint early, late;

	do {
		twait_step(&w);
		early = footprint_of(d, zygote);
		ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
		late = footprint_of(d, zygote);
	} while (late.hosts > 0 || !footprint_is_same(early, late));
	return late;
}

START_TEST(cf_in_03_failing_initializer_leaves_nothing_at_first)
{
	flag_set("refuse");
	start_pool(_i, SLOTS, modules, "  breaker_pause = 100ms");
	tdaemon_wait_log(d, "event=pool.failed pool=p");
	pid_t zygote = tdaemon_zygote(d, "p");
	struct footprint before = footprint_between(zygote);
	for (unsigned round = 0; round < 3; round++) {
		/* Between two attempts nothing of either is there. */
		tdaemon_wait_log_count(d, "event=host.died pool=p",
				       tdaemon_log_count(d, "event=host.died pool=p") + 1);
		footprint_wait(d, zygote, before);
	}
	flag_clear("refuse");
	must_heal();
	stop();
}
END_TEST

START_TEST(cf_in_04_failing_initializer_leaves_nothing_later)
{
	start_pool(_i, SLOTS, modules, "  breaker_pause = 5ms");
	occupy_all();
	twait_until(d, is_settled(_i));
	struct footprint before = footprint_of(d, tdaemon_zygote(d, "p"));
	for (unsigned round = 0; round < 3; round++) {
		flag_set("refuse");
		kill_hosts();
		tdaemon_wait_log_count(d, "event=pool.failed pool=p", round + 1);
		must_refuse(x, refused);
		flag_clear("refuse");
		must_heal();
		occupy_all();
		twait_until(d, is_settled(_i));
		footprint_wait(d, tdaemon_zygote(d, "p"), before);
	}
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("contract: initializers");
	TCase *tc = trun_case(s, "CF-IN");

	tcase_add_checked_fixture(tc, flags_begin, flags_end);
	each_way(tc, cf_in_01_initializer);
	each_way(tc, cf_in_02_failing_initializer);
	each_way(tc, cf_in_02_failing_initializer_from_the_start);
	each_way(tc, cf_in_03_failing_initializer_leaves_nothing_at_first);
	each_way(tc, cf_in_04_failing_initializer_leaves_nothing_later);
	return s;
}
