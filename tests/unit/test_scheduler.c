/* Which job runs next: levels, turns, caps, what is taken back or held. Shares by service time
 * are in test_fair_share.c. */
#include "daemon/scheduler.h"

#include "tests/lib/sched_bed.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

/* ---- order --------------------------------------------------------------- */

START_TEST(nothing_waits)
{
	ck_assert_ptr_null(scheduler_pop(&bed));
	ck_assert(!scheduler_has_job(&bed));
}
END_TEST

START_TEST(one_share_is_a_queue)
{
	for (int i = 0; i < 5; i++)
		(void)bed_push(0, "", 0, 0);
	ck_assert(scheduler_has_job(&bed));
	ck_assert_uint_eq(bed.queued, 5);
	ck_assert_str_eq(bed_run_all(), "0 1 2 3 4");
	ck_assert_uint_eq(bed.queued, 0);
}
END_TEST

/* Jobs of a quantum: each share has one in its turn. */
START_TEST(sessions_take_turns)
{
	for (unsigned i = 0; i < 6; i++)
		(void)bed_push(i < 3 ? 0 : 1, "", 0, 0);
	ck_assert_str_eq(bed_run_all(), "0 3 1 4 2 5");
}
END_TEST

/* Whoever submits it: a key is one share. */
START_TEST(sessions_share_a_key)
{
	(void)bed_push(0, "k", 0, 0);
	(void)bed_push(0, "k", 0, 0);
	(void)bed_push(1, "k", 0, 0);
	(void)bed_push(2, "", 0, 0);
	(void)bed_push(0, "other", 0, 0);
	ck_assert_str_eq(bed_run_all(), "0 3 4 1 2");
}
END_TEST

START_TEST(higher_levels_first)
{
	static const int priorities[] = {0, -4, 3, 1, 0, -1, 3, 99, -99};

	for (unsigned i = 0; i < ARRAY_LEN(priorities); i++)
		(void)bed_push(0, "", priorities[i], 0);
	ck_assert_str_eq(bed_run_all(), "2 6 7 3 0 4 5 1 8");
}
END_TEST

START_TEST(removed)
{
	for (int i = 0; i < 6; i++)
		(void)bed_push(0, "", i % 2, 0);
	bed_forget(&bed_jobs[0]);
	bed_forget(&bed_jobs[3]);
	bed_forget(&bed_jobs[5]);
	ck_assert_uint_eq(bed.queued, 3);
	ck_assert_int_eq(bed_jobs[3].place, JOB_NOWHERE);
	ck_assert_str_eq(bed_run_all(), "1 2 4");
	(void)bed_push(0, "", 3, 0);
	bed_forget(&bed_jobs[6]);
	ck_assert(!scheduler_has_job(&bed));
}
END_TEST

/* ---- taken back ---------------------------------------------------------- */

static void take_back(struct job *j)
{
	scheduler_undo(j);
	scheduler_push_front(&bed, j);
}

/* Youngest first, as slots give them back: then they are in order. */
START_TEST(taken_back)
{
	struct job *out[4];

	for (int i = 0; i < 6; i++)
		(void)bed_push(0, "", 0, 0);
	for (int i = 0; i < 4; i++)
		out[i] = scheduler_pop(&bed);
	for (int i = 4; i-- > 1;)
		take_back(out[i]);
	bed_end(out[0], 1);
	ck_assert_uint_eq(bed.queued, 5);
	ck_assert_str_eq(bed_run_all(), "1 2 3 4 5");
}
END_TEST

/* It goes back to where it was, and its share has lost nothing. */
START_TEST(taken_back_is_not_charged)
{
	struct job *j;

	for (unsigned i = 0; i < 6; i++)
		(void)bed_push(i % 2, "", 0, 0);
	for (int i = 0; i < 100; i++) {
		j = scheduler_pop(&bed);
		ck_assert_uint_eq(j->id, 0);
		take_back(j);
	}
	ck_assert_str_eq(bed_run_all(), "0 1 2 3 4 5");
}
END_TEST

/* While others have overtaken it, at the level it had. */
START_TEST(taken_back_to_its_level)
{
	struct job *j = bed_push(0, "", 0, 0);

	(void)bed_push(1, "", 3, 0);
	bed_now_us += bed_config.ageing_us;
	bed_end(scheduler_pop(&bed), 1);
	bed_age(); /* j was passed over */
	ck_assert_uint_eq(j->lane->level, 5);
	ck_assert_ptr_eq(scheduler_pop(&bed), j);
	(void)bed_push(0, "", 0, 0);
	(void)bed_push(0, "", 1, 0);
	take_back(j);
	ck_assert_str_eq(bed_run_all(), "0 3 2");
}
END_TEST

/* ---- held ---------------------------------------------------------------- */

/* Jobs of a session that does not read stand aside for the others, and are still counted. */
START_TEST(held)
{
	for (unsigned i = 0; i < 9; i++)
		(void)bed_push(i % 3, "", 0, 0);
	bed_sessions[1].congested = true;
	ck_assert_str_eq(bed_run_all(), "0 2 3 5 6 8");
	ck_assert_uint_eq(bed.queued, 3);
	ck_assert_int_eq(bed_jobs[4].place, JOB_HELD);
	(void)bed_push(1, "", 0, 0);
	ck_assert_str_eq(bed_run_all(), "");
	bed_forget(&bed_jobs[4]);
	ck_assert_uint_eq(bed.queued, 3);
	bed_sessions[1].congested = false;
	scheduler_release(&bed, &bed_sessions[1]);
	ck_assert(TAILQ_EMPTY(&bed_sessions[1].held));
	ck_assert_str_eq(bed_run_all(), "1 7 9");
}
END_TEST

START_TEST(all_are_held)
{
	bed_push_many(12);
	for (unsigned i = 0; i < BED_SESSIONS; i++)
		bed_sessions[i].congested = true;
	ck_assert_str_eq(bed_run_all(), "");
	ck_assert_uint_eq(bed.queued, 12);
	/* Released without a change is no harm: they are held again. */
	scheduler_release(&bed, &bed_sessions[0]);
	ck_assert(scheduler_has_job(&bed));
	ck_assert_str_eq(bed_run_all(), "");
	for (unsigned i = 0; i < BED_SESSIONS; i++) {
		bed_sessions[i].congested = false;
		scheduler_release(&bed, &bed_sessions[i]);
	}
	ck_assert_str_eq(bed_run_all(), "0 1 2 3 4 5 6 7 8 9 10 11");
	scheduler_release(&bed, &bed_sessions[0]); /* nothing is held */
	ck_assert_ptr_null(scheduler_pop(&bed));
}
END_TEST

/* In one share, one session's slowness is not the other's. */
START_TEST(held_in_a_shared_key)
{
	for (unsigned i = 0; i < 6; i++)
		(void)bed_push(i % 2, "k", 0, 0);
	bed_sessions[0].congested = true;
	ck_assert_str_eq(bed_run_all(), "1 3 5");
	bed_sessions[0].congested = false;
	scheduler_release(&bed, &bed_sessions[0]);
	ck_assert_str_eq(bed_run_all(), "0 2 4");
}
END_TEST

/* ---- caps ---------------------------------------------------------------- */

START_TEST(key_at_its_cap)
{
	struct job *a, *b, *c;

	for (int i = 0; i < 4; i++)
		(void)bed_push(0, "two", i == 3 ? 1 : 0, 0);
	(void)bed_push(0, "", 0, 0);
	a = scheduler_pop(&bed);
	b = scheduler_pop(&bed);
	ck_assert_uint_eq(a->id, 3);
	/* Its turn is not over: it goes on with it when it may. */
	c = b->id == 0 ? scheduler_pop(&bed) : NULL;
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->id, 4);
	ck_assert(!scheduler_has_job(&bed));
	ck_assert_ptr_null(scheduler_pop(&bed));
	take_back(b);
	ck_assert_ptr_eq(scheduler_pop(&bed), b);
	ck_assert_ptr_null(scheduler_pop(&bed));
	bed_end(a, 1);
	ck_assert_uint_eq((b = (bed_end(b, 1), scheduler_pop(&bed)))->id, 1);
	bed_end(b, 1);
	bed_end(c, 1);
	ck_assert_str_eq(bed_run_all(), "2");
}
END_TEST

START_TEST(task_at_its_cap)
{
	struct job *a, *b;

	scheduler_cap_task(&bed_tasks[1], 1);
	for (unsigned i = 0; i < 6; i++)
		(void)bed_push(0, "", 0, i < 4); /* 0 to 3 are of the capped task */
	a = scheduler_pop(&bed);
	b = scheduler_pop(&bed);
	ck_assert_uint_eq(a->id, 0);
	ck_assert_uint_eq(b->id, 4); /* those of the task do not stand in its way */
	ck_assert_int_eq(bed_jobs[1].place, JOB_PARKED);
	ck_assert_int_eq(bed_jobs[3].place, JOB_PARKED);
	ck_assert_int_eq(bed_jobs[5].place, JOB_QUEUED);
	ck_assert_uint_eq(bed.queued, 4);
	bed_forget(&bed_jobs[2]);
	bed_end(a, 1);
	/* They stood before it, and do again. */
	a = scheduler_pop(&bed);
	ck_assert_uint_eq(a->id, 1);
	take_back(a);
	a = scheduler_pop(&bed);
	ck_assert_uint_eq(a->id, 1);
	ck_assert_uint_eq((bed_end(b, 1), b = scheduler_pop(&bed))->id, 5);
	ck_assert_ptr_null(scheduler_pop(&bed));
	bed_end(a, 1);
	bed_end(b, 1);
	ck_assert_str_eq(bed_run_all(), "3");
}
END_TEST

/* A reload raises the cap of a task, or lowers it below what runs. */
START_TEST(cap_changes)
{
	struct job *out[6];

	for (int i = 0; i < 8; i++)
		(void)bed_push(0, "", 0, 1);
	for (int i = 0; i < 3; i++)
		out[i] = scheduler_pop(&bed);
	scheduler_cap_task(&bed_tasks[1], 2);
	ck_assert_ptr_null(scheduler_pop(&bed));
	bed_end(out[0], 1);
	ck_assert_ptr_null(scheduler_pop(&bed));
	bed_end(out[1], 1);
	out[0] = scheduler_pop(&bed);
	ck_assert_uint_eq(out[0]->id, 3);
	ck_assert_ptr_null(scheduler_pop(&bed));
	scheduler_cap_task(&bed_tasks[1], 3);
	out[1] = scheduler_pop(&bed);
	ck_assert_uint_eq(out[1]->id, 4);
	ck_assert_ptr_null(scheduler_pop(&bed));
	scheduler_cap_task(&bed_tasks[1], 0);
	ck_assert_str_eq(bed_run_all(), "5 6 7");
	for (int i = 0; i < 3; i++)
		bed_end(out[i], 1);
}
END_TEST

/* And that of a key. */
START_TEST(reconfigured)
{
	struct config_key keys[] = {{.name = (char[]){"two"}, .weight = 1, .running = 3}};
	struct config other = bed_config;
	struct job *out[3];

	for (int i = 0; i < 6; i++)
		(void)bed_push(0, "two", 0, 0);
	out[0] = scheduler_pop(&bed);
	out[1] = scheduler_pop(&bed);
	ck_assert_ptr_null(scheduler_pop(&bed));
	other.keys = keys;
	other.nkeys = 1;
	scheduler_configure(&bed, &other);
	out[2] = scheduler_pop(&bed);
	ck_assert_ptr_nonnull(out[2]);
	ck_assert_ptr_null(scheduler_pop(&bed));
	other.nkeys = 0;
	scheduler_configure(&bed, &other);
	ck_assert_str_eq(bed_run_all(), "3 4 5");
	for (int i = 0; i < 3; i++)
		bed_end(out[i], 1);
}
END_TEST

/* ---- ageing -------------------------------------------------------------- */

/* Beside a stream of the highest priority the lowest comes to its turn: after seven times
 * `ageing` it stands at the top. */
START_TEST(nothing_starves)
{
	struct job *low = bed_push(0, "", -4, 0), *j;
	unsigned steps = 0;

	(void)bed_push(1, "", 3, 0);
	(void)bed_push(1, "", 3, 0);
	while ((j = scheduler_pop(&bed)) != low) {
		bed_end(j, QUANTUM_NS);
		(void)bed_push(1, "", 3, 0);
		bed_now_us += bed_config.ageing_us / 8;
		bed_age();
		must(++steps < 100);
	}
	ck_assert_uint_ge(steps, 7 * 8);
	ck_assert_uint_le(steps, 7 * 9 + 1);
	bed_end(low, 1);
	ck_assert_uint_gt(strlen(bed_run_all()), 0);
}
END_TEST

/* They come to the end of the next level, in their order, and only those that waited. */
START_TEST(rises_in_order)
{
	for (int i = 0; i < 3; i++)
		(void)bed_push(0, "", -1, 0);
	bed_now_us += bed_config.ageing_us - 1;
	(void)bed_push(0, "", -1, 0); /* 3 */
	(void)bed_push(0, "", 0, 0);  /* 4 */
	(void)bed_push(0, "", 0, 0);  /* 5 */
	bed_end(scheduler_pop(&bed), 1);
	bed_age();
	ck_assert_uint_eq(bed_jobs[0].lane->level, 3);
	bed_now_us++;
	/* Passed over once more: it is due now. */
	(void)bed_push(0, "", 1, 0); /* 6 */
	bed_end(scheduler_pop(&bed), 1);
	bed_age();
	ck_assert_uint_eq(bed_jobs[2].lane->level, 4);
	ck_assert_uint_eq(bed_jobs[3].lane->level, 3);
	ck_assert_str_eq(bed_run_all(), "5 0 1 2 3");
}
END_TEST

/* Where nobody goes before them, nobody rises, and a timer has nothing to do. */
START_TEST(rises_only_when_passed_over)
{
	struct job *old, *fresh;

	for (int i = 0; i < 20; i++)
		(void)bed_push(0, "", 0, 0);
	for (int i = 0; i < 5; i++) {
		bed_end(scheduler_pop(&bed), QUANTUM_NS);
		bed_now_us += bed_config.ageing_us;
		ck_assert_uint_eq(bed.passed, 0);
	}
	bed_age();
	ck_assert_uint_eq(bed_jobs[19].lane->level, 4);
	/* One of another priority: now they do, */
	(void)bed_push(1, "", 2, 0);
	bed_end(scheduler_pop(&bed), 1);
	ck_assert_uint_ne(bed.passed, 0);
	bed_age();
	ck_assert_uint_eq(bed_jobs[19].lane->level, 5);
	ck_assert_uint_eq(bed.passed, 0);
	/* but those that have risen do not make others of their own priority rise. */
	fresh = bed_push(1, "", 0, 0);
	bed_now_us += bed_config.ageing_us;
	old = scheduler_pop(&bed);
	ck_assert_uint_eq(old->lane->level, 5);
	bed_end(old, 1);
	bed_age();
	ck_assert_uint_eq(fresh->lane->level, 4);
	ck_assert_uint_gt(strlen(bed_run_all()), 0);
}
END_TEST

/* Many that are due at once rise a part at a time. */
START_TEST(rises_in_parts)
{
	unsigned calls = 1;

	for (int i = 0; i < 5000; i++)
		(void)bed_push(0, "", -2, 0);
	(void)bed_push(0, "", 0, 0);
	bed_end(scheduler_pop(&bed), 1);
	bed_now_us += bed_config.ageing_us;
	bed_now_us += 10; /* each has a stamp of its own */
	while (scheduler_age(&bed, bed_now_us))
		calls++;
	ck_assert_uint_gt(calls, 3);
	ck_assert_uint_lt(calls, 20);
	for (unsigned i = 0; i < 5000; i++)
		must(bed_jobs[i].lane->level == 3);
	(void)bed_run_all();
}
END_TEST

/* What is parked rises too, once its task has room. */
START_TEST(parked_rises)
{
	struct job *running, *parked;

	scheduler_cap_task(&bed_tasks[1], 1);
	running = bed_push(0, "", 0, 1);
	parked = bed_push(0, "", 0, 1);
	ck_assert_ptr_eq(scheduler_pop(&bed), running);
	ck_assert_ptr_null(scheduler_pop(&bed));
	ck_assert_int_eq(parked->place, JOB_PARKED);
	bed_now_us += bed_config.ageing_us;
	bed_end(running, 1);
	(void)bed_push(0, "", 3, 0);
	bed_end(scheduler_pop(&bed), 1);
	bed_age();
	ck_assert_uint_eq(parked->lane->level, 5);
	ck_assert_int_eq(parked->place, JOB_QUEUED);
	ck_assert_str_eq(bed_run_all(), "1");
}
END_TEST

/* ---- whatever happens ---------------------------------------------------- */

enum { OUT_MAX = 40, RANDOM_JOBS = 400 };

struct game {
	struct rng rng;
	struct job *out[OUT_MAX]; /* handed out, oldest first */
	unsigned nout, ended;
};

static bool may_run(const struct job *w)
{
	return (w->place == JOB_QUEUED || w->place == JOB_PARKED) && !w->session->congested &&
	       !task_is_full(w->task) && !share_is_full(w->lane->share);
}

/* Called before the pop's own counting: none that may run may be before it. */
static void check_choice(const struct job *j, const bool *could, const uint8_t *level)
{
	for (unsigned i = 0; i < bed_njobs; i++) {
		const struct job *w = &bed_jobs[i];
		if (!could[i] || w == j)
			continue;
		must(level[i] <= level[j->id]);
		must(w->lane != j->lane || w->since_ns > j->since_ns);
	}
}

static void pop_one(struct game *g)
{
	static bool could[RANDOM_JOBS];
	static uint8_t level[RANDOM_JOBS];
	bool any = false;

	if (g->nout == OUT_MAX)
		return;
	for (unsigned i = 0; i < bed_njobs; i++) {
		could[i] = bed_jobs[i].lane && may_run(&bed_jobs[i]);
		level[i] = bed_jobs[i].lane ? bed_jobs[i].lane->level : 0;
		any |= could[i];
	}
	struct job *j = scheduler_pop(&bed);
	must((j != NULL) == any);
	if (!j)
		return;
	must(could[j->id] && j->place == JOB_NOWHERE);
	must(j->task->cap == 0 || j->task->running <= j->task->cap);
	must(j->lane->share->cap == 0 || j->lane->share->running <= j->lane->share->cap);
	check_choice(j, could, level);
	g->out[g->nout++] = j;
}

static void end_one(struct game *g)
{
	if (g->nout == 0)
		return;
	unsigned i = (unsigned)rng_below(&g->rng, g->nout);
	bed_end(g->out[i], rng_below(&g->rng, 5000000));
	memmove(&g->out[i], &g->out[i + 1], (--g->nout - i) * sizeof *g->out);
	g->ended++;
}

/* The youngest, as slots do. */
static void take_some_back(struct game *g)
{
	for (uint64_t n = rng_below(&g->rng, 4); n > 0 && g->nout > 0; n--)
		take_back(g->out[--g->nout]);
}

static void remove_one(struct game *g)
{
	struct job *j = &bed_jobs[bed_njobs ? rng_below(&g->rng, bed_njobs) : 0];

	if (bed_njobs == 0 || !j->lane || j->place == JOB_NOWHERE)
		return;
	bed_forget(j);
	must(j->place == JOB_NOWHERE);
	g->ended++;
}

static void toggle_session(struct game *g)
{
	struct session *s = &bed_sessions[rng_below(&g->rng, BED_SESSIONS)];

	s->congested = !s->congested;
	if (!s->congested)
		scheduler_release(&bed, s);
}

static void push_one(struct game *g)
{
	static const char *const keys[] = {"", "one", "three", "two"};
	unsigned key = (unsigned)rng_below(&g->rng, ARRAY_LEN(keys));

	if (bed_njobs == RANDOM_JOBS)
		return;
	(void)bed_push((unsigned)rng_below(&g->rng, BED_SESSIONS), keys[key],
		       (int)rng_below(&g->rng, 10) - 5, (unsigned)rng_below(&g->rng, BED_TASKS));
}

static void play(struct game *g)
{
	switch (rng_below(&g->rng, 12)) {
	case 0 ... 3:
		push_one(g);
		break;
	case 4 ... 6:
		pop_one(g);
		break;
	case 7:
	case 8:
		end_one(g);
		break;
	case 9:
		take_some_back(g);
		break;
	case 10:
		bed_now_us += rng_below(&g->rng, bed_config.ageing_us);
		if (rng_below(&g->rng, 2))
			(void)scheduler_age(&bed, bed_now_us);
		break;
	default:
		if (rng_below(&g->rng, 3) == 0)
			remove_one(g);
		else if (rng_below(&g->rng, 2))
			toggle_session(g);
		else
			scheduler_cap_task(&bed_tasks[2], (unsigned)rng_below(&g->rng, 4));
	}
	must(bed.queued == bed_njobs - g->ended - g->nout);
}

static void finish(struct game *g)
{
	for (unsigned i = 0; i < BED_SESSIONS; i++) {
		bed_sessions[i].congested = false;
		scheduler_release(&bed, &bed_sessions[i]);
	}
	while (g->ended < bed_njobs) {
		pop_one(g);
		end_one(g);
	}
}

/* No job is lost, none comes twice, no cap is passed; what comes is of the highest level that
 * has one, and the oldest of its lane. */
START_TEST(whatever_happens)
{
	struct rng r = rng_of_run();

	for (int round = 0; round < 100; round++) {
		struct game g = {.rng = rng_of(rng_next(&r))};
		bed_teardown();
		bed_setup();
		scheduler_cap_task(&bed_tasks[1], 2);
		for (int i = 0; i < 1500; i++)
			play(&g);
		finish(&g);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("scheduler");
	TCase *tc = trun_case(s, "scheduler");

	tcase_add_checked_fixture(tc, bed_setup, bed_teardown);
	tcase_add_test(tc, nothing_waits);
	tcase_add_test(tc, one_share_is_a_queue);
	tcase_add_test(tc, sessions_take_turns);
	tcase_add_test(tc, sessions_share_a_key);
	tcase_add_test(tc, higher_levels_first);
	tcase_add_test(tc, removed);
	tcase_add_test(tc, taken_back);
	tcase_add_test(tc, taken_back_is_not_charged);
	tcase_add_test(tc, taken_back_to_its_level);
	tcase_add_test(tc, held);
	tcase_add_test(tc, all_are_held);
	tcase_add_test(tc, held_in_a_shared_key);
	tcase_add_test(tc, key_at_its_cap);
	tcase_add_test(tc, task_at_its_cap);
	tcase_add_test(tc, cap_changes);
	tcase_add_test(tc, reconfigured);
	tcase_add_test(tc, nothing_starves);
	tcase_add_test(tc, rises_in_order);
	tcase_add_test(tc, rises_only_when_passed_over);
	tcase_add_test(tc, rises_in_parts);
	tcase_add_test(tc, parked_rises);
	tcase_add_test(tc, whatever_happens);
	return s;
}
