/* Shares of the service time: slots and clients are played, and so is the time. */
#include "daemon/scheduler.h"

#include "daemon/account.h"
#include "tests/lib/sched_bed.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <stdio.h>

enum { US = 1000, MS = 1000 * US, CLIENTS_MAX = 4, SLOTS_MAX = 8 };

/* Keeps so many jobs submitted, of a session and a task of its own. */
struct client {
	const char *key; /* "": its session's own share */
	unsigned jobs;
	uint64_t short_ns, long_ns; /* a job takes one or the other */
	unsigned task;
	int priority;

	uint64_t used_ns, most_waited_us;
	unsigned done;
};

struct player {
	struct job *job;
	uint64_t began_ns, ends_ns;
};

struct play {
	struct client *clients;
	unsigned nclients, nslots;
	struct player slots[SLOTS_MAX];
	uint64_t now_ns, age_ns;
	struct rng rng;
};

static struct client *client_of(struct play *p, const struct job *j)
{
	return &p->clients[j->session - bed_sessions];
}

static void submit(struct play *p, unsigned client)
{
	const struct client *c = &p->clients[client];

	bed_now_us = p->now_ns / US;
	bed_push(client, c->key, c->priority, c->task)->accepted_us = bed_now_us;
}

static void start(struct play *p, struct player *slot, struct job *j)
{
	struct client *c = client_of(p, j);
	uint64_t waited_us = p->now_ns / US - j->accepted_us;

	c->most_waited_us = max_u64(c->most_waited_us, waited_us);
	slot->job = j;
	slot->began_ns = p->now_ns;
	slot->ends_ns = p->now_ns + (rng_below(&p->rng, 2) ? c->short_ns : c->long_ns);
}

/* As the daemon learns it. */
static void learn(struct task *t, uint64_t took_ns)
{
	t->service_ns = t->service_ns ? t->service_ns - t->service_ns / 8 + took_ns / 8 : took_ns;
}

static void end(struct play *p, struct player *slot)
{
	struct job *j = TAKE_PTR(slot->job);
	struct client *c = client_of(p, j);
	uint64_t took_ns = slot->ends_ns - slot->began_ns;

	c->used_ns += took_ns;
	c->done++;
	learn(j->task, took_ns);
	bed_end(j, took_ns);
}

static struct player *next_to_end(struct play *p)
{
	struct player *first = NULL;

	for (unsigned i = 0; i < p->nslots; i++) {
		struct player *slot = &p->slots[i];
		if (slot->job && (!first || slot->ends_ns < first->ends_ns))
			first = slot;
	}
	must(first != NULL);
	return first;
}

static void age(struct play *p)
{
	if (p->now_ns < p->age_ns)
		return;
	p->age_ns = p->now_ns + bed_config.ageing_us * US / 8;
	bed_now_us = p->now_ns / US;
	bed_age();
}

static void fill_slots(struct play *p)
{
	struct job *j;

	for (unsigned i = 0; i < p->nslots; i++) {
		if (!p->slots[i].job && (j = scheduler_pop(&bed)))
			start(p, &p->slots[i], j);
	}
}

static void run_for(struct play *p, uint64_t ns)
{
	uint64_t until_ns = p->now_ns + ns;

	while (p->now_ns < until_ns) {
		age(p);
		fill_slots(p);
		struct player *slot = next_to_end(p);
		unsigned client = (unsigned)(client_of(p, slot->job) - p->clients);
		p->now_ns = slot->ends_ns;
		end(p, slot);
		submit(p, client);
	}
}

static void finish(struct play *p)
{
	for (unsigned i = 0; i < p->nslots; i++) {
		if (p->slots[i].job)
			bed_end(TAKE_PTR(p->slots[i].job), 0);
	}
	for (unsigned i = 0; i < bed_njobs; i++) {
		if (bed_jobs[i].lane)
			bed_forget(&bed_jobs[i]);
	}
}

/* Plays it for so long on so many slots. */
static void play(struct client *clients, unsigned nclients, unsigned nslots, uint64_t ns)
{
	struct play p = {.clients = clients,
			 .nclients = nclients,
			 .nslots = nslots,
			 .now_ns = MS,
			 .rng = rng_of_run()};

	for (unsigned i = 0; i < nclients; i++) {
		for (unsigned n = 0; n < clients[i].jobs; n++)
			submit(&p, i);
	}
	run_for(&p, ns);
	finish(&p);
}

/* The first has this part of what both used, within 5 % of it. */
static void assert_part(const struct client *a, const struct client *b, double wanted)
{
	double part = (double)a->used_ns / (double)(a->used_ns + b->used_ns);

	if (part < wanted * 0.95 || part > wanted * 1.05)
		ck_abort_msg("%.3f of it, not %.3f (%u and %u jobs)", part, wanted, a->done,
			     b->done);
}

/* ---- weights --------------------------------------------------------------- */

static const struct {
	unsigned slots;
	uint64_t one_short, one_long, three_short, three_long;
} lengths[] = {
	{1, 1 * MS, 1 * MS, 1 * MS, 1 * MS},     {1, 200 * US, 200 * US, 7 * MS, 7 * MS},
	{1, 7 * MS, 7 * MS, 300 * US, 300 * US}, {1, 200 * US, 9 * MS, 400 * US, 1 * MS},
	{1, 40 * MS, 60 * MS, 1 * MS, 90 * MS},  {4, 1 * MS, 1 * MS, 1 * MS, 1 * MS},
	{4, 1 * MS, 1 * MS, 30 * MS, 30 * MS},   {4, 30 * MS, 30 * MS, 1 * MS, 1 * MS},
	{4, 2 * MS, 40 * MS, 1 * MS, 8 * MS},    {8, 5 * MS, 50 * MS, 5 * MS, 50 * MS},
};

/* However long the jobs of each are. */
START_TEST(weights)
{
	struct client c[] = {
		{"one", 50, lengths[_i].one_short, lengths[_i].one_long, .task = 0},
		{"three", 50, lengths[_i].three_short, lengths[_i].three_long, .task = 1},
	};

	play(c, 2, lengths[_i].slots, (uint64_t)4000 * MS);
	assert_part(&c[0], &c[1], 0.25);
}
END_TEST

/* All of one task, of which the daemon knows only the mean. */
START_TEST(one_task_of_two_lengths)
{
	struct client c[] = {
		{"one", 50, 1 * MS, 1 * MS, .task = 0},
		{"three", 50, 20 * MS, 20 * MS, .task = 0},
	};

	play(c, 2, 2, (uint64_t)8000 * MS);
	assert_part(&c[0], &c[1], 0.25);
}
END_TEST

/* Keys of no configuration and sessions without keys are worth the same, however many jobs
 * they have waiting. */
START_TEST(sessions_are_equal)
{
	struct client c[] = {
		{"", 2, 1 * MS, 1 * MS, .task = 0},
		{"", 500, 1 * MS, 3 * MS, .task = 1},
		{"unheard-of", 50, 500 * US, 500 * US, .task = 2},
	};

	play(c, 3, 1, (uint64_t)3000 * MS);
	assert_part(&c[0], &c[1], 0.5);
	assert_part(&c[1], &c[2], 0.5);
}
END_TEST

/* One that sends its next job only when it has the result of the last does not lose its debts
 * in between. */
START_TEST(one_job_after_the_other)
{
	struct client c[] = {
		{"one", 1, 50 * MS, 50 * MS, .task = 0},
		{"", 50, 1 * MS, 1 * MS, .task = 1},
	};

	play(c, 2, 1, (uint64_t)8000 * MS);
	assert_part(&c[0], &c[1], 0.5);
}
END_TEST

/* ---- caps ------------------------------------------------------------------ */

/* The capped key is worth half, and may have two of four slots: it has them all the time. */
START_TEST(a_cap_that_is_the_share)
{
	struct client c[] = {
		{"two", 50, 20 * MS, 20 * MS, .task = 0},
		{"", 50, 1 * MS, 1 * MS, .task = 1},
	};

	play(c, 2, 4, (uint64_t)3000 * MS);
	assert_part(&c[0], &c[1], 0.5);
}
END_TEST

/* Of a task of which one job runs at a time, each has its share, too. */
START_TEST(within_a_capped_task)
{
	struct client c[] = {
		{"one", 50, 20 * MS, 20 * MS, .task = 0},
		{"three", 50, 3 * MS, 3 * MS, .task = 0},
	};

	scheduler_cap_task(&bed_tasks[0], 1);
	play(c, 2, 4, (uint64_t)8000 * MS);
	assert_part(&c[0], &c[1], 0.25);
}
END_TEST

/* ---- what others ask for --------------------------------------------------- */

/* One that asks for little waits little, however long the queue of another is, and however
 * old its jobs are. */
START_TEST(little_is_had_at_once)
{
	struct client c[] = {
		{"", 2000, 5 * MS, 5 * MS, .task = 0},
		{"", 1, 1 * MS, 1 * MS, .task = 1},
	};

	play(c, 2, 1, (uint64_t)10000 * MS);
	ck_assert_uint_gt(c[0].most_waited_us, 5 * bed_config.ageing_us);
	ck_assert_uint_lt(c[1].most_waited_us, 12 * 1000);
}
END_TEST

/* A stream of a higher priority that takes all there is, and below it one of normal jobs. */
START_TEST(nothing_starves)
{
	struct client c[] = {
		{"", 50, 2 * MS, 2 * MS, .task = 0, .priority = 3},
		{"", 20, 2 * MS, 2 * MS, .task = 1, .priority = -4},
	};

	play(c, 2, 1, (uint64_t)18000 * MS);
	ck_assert_uint_ge(c[1].done, 40);
	/* Seven times `ageing`, each an eighth late, and its turns at the top. */
	ck_assert_uint_lt(c[1].most_waited_us, 7 * 9 * bed_config.ageing_us / 8 + 100 * 1000);
}
END_TEST

/* The same key of two identities: neither waits for, nor is capped by, the other. */
START_TEST(the_same_key_of_two_identities)
{
	struct account *table = NULL;
	struct account *a = account_join(&table, "a", NULL), *b = account_join(&table, "b", NULL);
	struct share *of_a = share_of_key(&bed, a, span_str("two"));
	struct share *of_b = share_of_key(&bed, b, span_str("two"));
	struct job jobs[2] = {{.id = 0}, {.id = 1}};

	ck_assert_ptr_ne(of_a, of_b);
	share_enter(of_a, &jobs[0], 0);
	share_enter(of_b, &jobs[1], 0);
	ck_assert_ptr_eq(share_of_key(&bed, a, span_str("two")), of_a);
	ck_assert_ptr_eq(share_of_key(&bed, b, span_str("two")), of_b);
	ck_assert_uint_eq(of_a->cap, 2); /* the configuration's, for each */
	ck_assert_uint_eq(of_b->cap, 2);
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		share_leave(&jobs[i]);
	account_leave(a);
	account_leave(b);
	ck_assert_ptr_null(table);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("fair_share");
	TCase *tc = trun_case(s, "fair_share");

	tcase_add_checked_fixture(tc, bed_setup, bed_teardown);
	trun_add_each(tc, weights, lengths);
	tcase_add_test(tc, one_task_of_two_lengths);
	tcase_add_test(tc, sessions_are_equal);
	tcase_add_test(tc, one_job_after_the_other);
	tcase_add_test(tc, a_cap_that_is_the_share);
	tcase_add_test(tc, within_a_capped_task);
	tcase_add_test(tc, little_is_had_at_once);
	tcase_add_test(tc, nothing_starves);
	tcase_add_test(tc, the_same_key_of_two_identities);
	return s;
}
