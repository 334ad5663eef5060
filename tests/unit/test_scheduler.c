/* Which job runs next, with sessions that only know whether they are congested. */
#include "daemon/scheduler.h"

#include "daemon/session.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS = 3, JOBS = 60 };

static struct scheduler scheduler;
static struct session sessions[SESSIONS];
static struct job jobs[JOBS];

static void setup(void)
{
	memset(sessions, 0, sizeof sessions);
	memset(jobs, 0, sizeof jobs);
	scheduler_init(&scheduler);
	for (int i = 0; i < SESSIONS; i++)
		TAILQ_INIT(&sessions[i].held);
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i].id = i;
		jobs[i].session = &sessions[i % SESSIONS];
	}
}

static void push(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		scheduler_push(&scheduler, &jobs[i]);
}

/* Everything that may run now, as text. */
static const char *pop_all(void)
{
	static char text[8 * JOBS];
	struct job *j;
	size_t n = 0;

	text[0] = '\0';
	while ((j = scheduler_pop(&scheduler))) {
		must(j->place == JOB_NOWHERE);
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%u", n ? " " : "",
				      (unsigned)j->id);
	}
	must(!scheduler_has_job(&scheduler));
	return text;
}

START_TEST(test_in_order_of_admission)
{
	ck_assert_ptr_null(scheduler_pop(&scheduler));
	ck_assert(!scheduler_has_job(&scheduler));
	push(0, 5);
	ck_assert(scheduler_has_job(&scheduler));
	ck_assert_uint_eq(scheduler.queued, 5);
	ck_assert_str_eq(pop_all(), "0 1 2 3 4");
	ck_assert_uint_eq(scheduler.queued, 0);
}
END_TEST

/* What comes back from a slot was first before: taken back youngest first, it is in order. */
START_TEST(test_taken_back)
{
	push(0, 6);
	for (int i = 0; i < 4; i++)
		(void)scheduler_pop(&scheduler);
	for (unsigned i = 4; i-- > 1;)
		scheduler_push_front(&scheduler, &jobs[i]);
	ck_assert_uint_eq(scheduler.queued, 5);
	ck_assert_str_eq(pop_all(), "1 2 3 4 5");
}
END_TEST

START_TEST(test_removed)
{
	push(0, 6);
	scheduler_remove(&scheduler, &jobs[0]);
	scheduler_remove(&scheduler, &jobs[3]);
	scheduler_remove(&scheduler, &jobs[5]);
	ck_assert_uint_eq(scheduler.queued, 3);
	ck_assert_int_eq(jobs[3].place, JOB_NOWHERE);
	ck_assert_str_eq(pop_all(), "1 2 4");
}
END_TEST

/* Jobs of a session that does not read stand aside for the others, and are still counted. */
START_TEST(test_held)
{
	push(0, 9);
	sessions[1].congested = true;
	ck_assert_str_eq(pop_all(), "0 2 3 5 6 8");
	ck_assert_uint_eq(scheduler.queued, 3);
	ck_assert_int_eq(jobs[4].place, JOB_HELD);
	/* What comes later stands behind. */
	push(9, 12);
	ck_assert_str_eq(pop_all(), "9 11");
	/* One of them is cancelled. */
	scheduler_remove(&scheduler, &jobs[4]);
	ck_assert_uint_eq(scheduler.queued, 3);
	/* They were first before: they are first again, in their order. */
	push(12, 15);
	sessions[1].congested = false;
	scheduler_release(&scheduler, &sessions[1]);
	ck_assert(TAILQ_EMPTY(&sessions[1].held));
	ck_assert_uint_eq(scheduler.queued, 6);
	ck_assert_str_eq(pop_all(), "1 7 10 12 13 14");
	ck_assert_uint_eq(scheduler.queued, 0);
}
END_TEST

START_TEST(test_all_are_held)
{
	for (int i = 0; i < SESSIONS; i++)
		sessions[i].congested = true;
	push(0, 9);
	ck_assert_str_eq(pop_all(), "");
	ck_assert_uint_eq(scheduler.queued, 9);
	/* Held and released without a change is no harm: they are held again. */
	scheduler_release(&scheduler, &sessions[0]);
	ck_assert(scheduler_has_job(&scheduler));
	ck_assert_str_eq(pop_all(), "");
	for (int i = 0; i < SESSIONS; i++) {
		sessions[i].congested = false;
		scheduler_release(&scheduler, &sessions[i]);
	}
	ck_assert_uint_eq(strlen(pop_all()), 17);
	scheduler_release(&scheduler, &sessions[0]); /* nothing is held */
	ck_assert_ptr_null(scheduler_pop(&scheduler));
}
END_TEST

/* Whatever happens, no job is lost, none comes twice, and each session's come in order. */
START_TEST(test_random)
{
	struct rng r = rng_of_run();

	for (int round = 0; round < 200; round++) {
		unsigned next = 0, popped = 0, last[SESSIONS] = {0};
		setup();
		while (popped < JOBS) {
			unsigned s = (unsigned)rng_below(&r, SESSIONS);
			struct job *j;
			switch (rng_below(&r, 4)) {
			case 0:
				if (next < JOBS)
					scheduler_push(&scheduler, &jobs[next++]);
				break;
			case 1:
				sessions[s].congested = !sessions[s].congested;
				if (!sessions[s].congested)
					scheduler_release(&scheduler, &sessions[s]);
				break;
			default:
				j = scheduler_pop(&scheduler);
				if (!j)
					break;
				must(!j->session->congested);
				s = (unsigned)(j->session - sessions);
				must(j->id + 1 > last[s]);
				last[s] = (unsigned)j->id + 1;
				popped++;
			}
			must(scheduler.queued == next - popped);
		}
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("scheduler");
	TCase *tc = trun_case(s, "scheduler");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_in_order_of_admission);
	tcase_add_test(tc, test_taken_back);
	tcase_add_test(tc, test_removed);
	tcase_add_test(tc, test_held);
	tcase_add_test(tc, test_all_are_held);
	tcase_add_test(tc, test_random);
	return s;
}
