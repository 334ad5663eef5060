#include "tests/lib/sched_bed.h"

#include "daemon/account.h"
#include "tests/lib/trun.h"

#include <stdio.h>

struct scheduler bed;
static struct account *accounts, *bed_account;
struct session bed_sessions[BED_SESSIONS];
struct task bed_tasks[BED_TASKS];
struct job bed_jobs[BED_JOBS];
unsigned bed_njobs;
uint64_t bed_now_us;

/* By name, as config_find_key() wants them. */
static struct config_key keys[] = {
	{.name = (char[]){"one"}, .weight = 1},
	{.name = (char[]){"three"}, .weight = 3},
	{.name = (char[]){"two"}, .weight = 1, .running = 2},
};
struct config bed_config;

void bed_setup(void)
{
	bed_config = (struct config){.ageing_us = 1000000, .keys = keys, .nkeys = ARRAY_LEN(keys)};
	memset(bed_sessions, 0, sizeof bed_sessions);
	memset(bed_tasks, 0, sizeof bed_tasks);
	bed_njobs = 0;
	bed_now_us = 1;
	scheduler_init(&bed, &bed_config);
	bed_account = account_join(&accounts, "unix:1000", NULL);
	must(bed_account != NULL);
	for (unsigned i = 0; i < BED_SESSIONS; i++)
		TAILQ_INIT(&bed_sessions[i].held);
	for (unsigned i = 0; i < BED_TASKS; i++)
		TAILQ_INIT(&bed_tasks[i].parkings);
}

void bed_teardown(void)
{
	ck_assert_uint_eq(bed.queued, 0);
	for (unsigned i = 0; i < BED_SESSIONS; i++) {
		ck_assert(TAILQ_EMPTY(&bed_sessions[i].held));
		share_unref(bed_sessions[i].share);
	}
	for (unsigned i = 0; i < BED_TASKS; i++) {
		ck_assert_uint_eq(bed_tasks[i].running, 0);
		ck_assert(TAILQ_EMPTY(&bed_tasks[i].parkings));
	}
	for (unsigned i = 0; i < PRIORITY_LEVELS; i++) {
		ck_assert(TAILQ_EMPTY(&bed.levels[i].waiting));
		ck_assert_uint_eq(bed.levels[i].nready, 0);
		ck_assert_uint_eq(bed.levels[i].nrotating, 0);
	}
	ck_assert_ptr_null(bed.shares);
	scheduler_done(&bed);
	ck_assert_uint_eq(bed_account->queued, 0);
	account_leave(bed_account);
	ck_assert_ptr_null(accounts);
}

struct job *bed_push(unsigned session, const char *key, int priority, unsigned task)
{
	struct session *s = &bed_sessions[session];
	struct job *j = &bed_jobs[bed_njobs];
	struct share *share;

	must(bed_njobs < BED_JOBS);
	*j = (struct job){.id = bed_njobs++, .session = s, .task = &bed_tasks[task]};
	if (*key)
		share = share_of_key(&bed, bed_account, span_str(key));
	else
		share = s->share ? s->share : (s->share = share_new(&bed, bed_account));
	must(share != NULL);
	share_enter(share, j, priority);
	scheduler_push(&bed, j, bed_now_us);
	return j;
}

void bed_push_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)bed_push(i % BED_SESSIONS, "", 0, 0);
}

void bed_end(struct job *j, uint64_t took_ns)
{
	scheduler_settle(j, took_ns);
	share_leave(j);
}

void bed_forget(struct job *j)
{
	scheduler_remove(&bed, j);
	share_leave(j);
}

const char *bed_run_all(void)
{
	static char text[8 * BED_JOBS];
	struct job *j;
	size_t n = 0;

	text[0] = '\0';
	while ((j = scheduler_pop(&bed))) {
		must(j->place == JOB_NOWHERE);
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%u", n ? " " : "",
				      (unsigned)j->id);
		bed_end(j, QUANTUM_NS);
	}
	must(!scheduler_has_job(&bed));
	return text;
}

void bed_age(void)
{
	while (scheduler_age(&bed, bed_now_us))
		;
}
