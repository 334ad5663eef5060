/* What operators are told of jobs: their names, the list, and why one does not run; on a
 * daemon that is nothing but what is looked at. */
#include "daemon/admin_jobs.h"

#include "daemon/account.h"
#include "daemon/admin.h"
#include "daemon/admin_why.h"
#include "daemon/daemon.h"
#include "daemon/retry.h"
#include "daemon/rotation.h"
#include "daemon/unique.h"
#include "tests/lib/trun.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS = 2 };

static struct config config;
static struct config_pool config_pool = {.name = (char[]){"cpu"}, .slots = SLOTS};
static struct config_key keys[] = {{.name = (char[]){"capped"}, .weight = 1, .running = 1}};
static struct daemon d;
static struct pool pool;
static struct session a, b;
static struct task task, other_task;
static struct host host;
static struct slot slots[SLOTS];
static struct ring_record records[64];
static unsigned nrecords;

static void setup_session(struct session *s, uint64_t number)
{
	*s = (struct session){.daemon = &d, .pool = &pool, .phase = SESSION_OPEN, .number = number};
	TAILQ_INIT(&s->held);
	s->account = account_join(&d.accounts, "unix:1000", NULL);
	ck_assert_ptr_nonnull(s->account);
	LIST_INSERT_HEAD(&d.sessions, s, node);
}

static void setup(void)
{
	config = (struct config){.ageing_us = 1000000, .keys = keys, .nkeys = 1};
	d = (struct daemon){.now_us = 5000000, .config = &config, .audit = {.fd = -1}};
	TAILQ_INIT(&d.pools);
	job_store_init(&d.jobs);
	retries_init(&d.retries, 1);
	pool = (struct pool){
		.daemon = &d, .config = &config_pool, .name = "cpu", .phase = POOL_READY, .nup = 1};
	TAILQ_INSERT_TAIL(&d.pools, &pool, node);
	scheduler_init(&pool.scheduler, &config);
	task = (struct task){.name = "crunch"};
	other_task = (struct task){.name = "other"};
	TAILQ_INIT(&task.parkings);
	TAILQ_INIT(&other_task.parkings);
	host = (struct host){
		.jobs_left = HOST_ANY_JOBS, .pool = &pool, .phase = HOST_UP, .pid = 4242};
	nrecords = 0;
	for (unsigned i = 0; i < SLOTS; i++) {
		slots[i] = (struct slot){.host = &host};
		TAILQ_INIT(&slots[i].jobs);
		slot_enlist(&slots[i]);
	}
	setup_session(&a, 7);
	setup_session(&b, 8);
}

static struct job *make(struct session *s, const char *key, int priority, struct task *t)
{
	struct job *j = job_new(&d.jobs, NULL, 0);
	struct share *share;

	ck_assert_ptr_nonnull(j);
	j->id = job_id_of(s->njobs, 1);
	j->task = t;
	j->accepted_us = ++d.now_us;
	ck_assert_int_eq(session_add_job(s, j), 0);
	if (!s->share)
		s->share = share_new(&pool.scheduler, s->account);
	share = *key ? share_of_key(&pool.scheduler, s->account, span_str(key)) : s->share;
	share_enter(share, j, priority);
	return j;
}

static struct job *push(struct session *s, const char *key, int priority, struct task *t)
{
	struct job *j = make(s, key, priority, t);

	scheduler_push(&pool.scheduler, j, d.now_us);
	return j;
}

/* Into a slot, as far as anybody looks; started or not. */
static void assign(struct job *j, struct slot *s, bool started)
{
	j->place = JOB_ASSIGNED;
	j->slot = s;
	j->record = &records[nrecords++];
	atomic_store(&j->record->state, started ? RECORD_RUNNING : RECORD_READY);
	j->attempt++;
	j->dispatched_us = d.now_us;
	TAILQ_INSERT_TAIL(&s->jobs, j, node);
	s->njobs++;
	slot_enlist(s);
}

static void fill_slots(void)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		(void)push(&b, "", 3, &other_task);
		assign(scheduler_pop(&pool.scheduler), &slots[i], true);
	}
}

/* Nothing is left behind, whatever the test did. */
static void end_session(struct session *s)
{
	for (uint32_t i = 0; i < s->jobs_cap; i++) {
		struct job *j = s->jobs[i];
		if (!j)
			continue;
		if (j->place == JOB_ASSIGNED)
			slot_forget(j->slot, j, 0);
		else if (j->place != JOB_NOWHERE)
			scheduler_remove(&pool.scheduler, j);
		session_remove_job(s, j);
		share_leave(j);
		job_free(&d.jobs, j);
	}
	free(s->jobs);
	share_unref(s->share);
	account_leave(s->account);
}

static void teardown(void)
{
	end_session(&a);
	end_session(&b);
	scheduler_done(&pool.scheduler);
	job_store_done(&d.jobs);
	ck_assert_ptr_null(d.accounts);
}

/* ---- asking -------------------------------------------------------------- */

static json_t *ask(const char *what, const char *argument)
{
	char *text;
	json_error_t e;

	ck_assert_int_eq(admin_answer(&a, span_str(what), span_str(argument), &text), FUT_OK);
	json_t *root = json_loads(text, 0, &e);
	ck_assert_msg(root != NULL, "%s: %s", text, e.text);
	free(text);
	return root;
}

static const char *word(const json_t *o, const char *member)
{
	const char *text = json_string_value(json_object_get(o, member));

	ck_assert_msg(text != NULL, "no %s", member);
	return text;
}

static json_int_t number(const json_t *o, const char *member)
{
	ck_assert_msg(json_is_integer(json_object_get(o, member)), "no %s", member);
	return json_integer_value(json_object_get(o, member));
}

/* The reason, and a part of the sentence; the answer until the next call. */
static json_t *expect_why(const struct job *j, const char *state, const char *reason,
			  const char *sentence)
{
	static json_t *root;
	char name[JOB_NAME_SIZE];

	json_decref(root);
	admin_job_name(j, name);
	root = ask("why", name);
	ck_assert_str_eq(word(root, "job"), name);
	ck_assert_str_eq(word(root, "state"), state);
	ck_assert_str_eq(word(root, "reason"), reason);
	ck_assert_msg(strstr(word(root, "text"), sentence) != NULL, "'%s'", word(root, "text"));
	json_t *facts = json_object_get(root, "facts");
	ck_assert_int_eq(number(facts, "slots"), SLOTS);
	return facts;
}

/* ---- names --------------------------------------------------------------- */

static const struct {
	const char *name;
	bool valid;
} names[] = {
	{"7-0-1", true},
	{"7-0-2", true},
	{"7-1-1", true},
	{"9-0-1", true},
	{"18446744073709551615-4294967295-4294967295", true},
	{"007-00-1", true},
	{"18446744073709551616-0-1", false},
	{"7-4294967296-1", false},
	{"7-0-4294967296", false},
	{"", false},
	{"7", false},
	{"7-0", false},
	{"7-0-", false},
	{"7-0-1 ", false},
	{"7-0-1-", false},
	{" 7-0-1", false},
	{"-7-0-1", false},
	{"7--1", false},
	{"+7-0-1", false},
	{"7-0-0x1", false},
	{"7.0.1", false},
};

START_TEST(test_names)
{
	struct job *j = push(&a, "", 0, &task), *found;
	bool valid, is_it = strstr(names[_i].name, "7-0") && strstr(names[_i].name, "-1");
	char *text, own[JOB_NAME_SIZE];

	admin_job_name(j, own);
	ck_assert_str_eq(own, "7-0-1");
	found = admin_find_job(&a, span_str(names[_i].name), &valid);
	ck_assert_int_eq(valid, names[_i].valid);
	ck_assert_ptr_eq(found, valid && is_it ? j : NULL);
	fut_status status = admin_answer(&a, span_str("why"), span_str(names[_i].name), &text);
	ck_assert_int_eq(status, found ? FUT_OK : FUT_INVALID);
	if (!found)
		ck_assert_ptr_nonnull(strstr(text, valid ? "no such job" : "no name of a job"));
	free(text);
}
END_TEST

START_TEST(test_questions)
{
	char *text;

	ck_assert_int_eq(admin_answer(&a, span_str("job"), SPAN_EMPTY, &text), FUT_UNSUPPORTED);
	ck_assert_ptr_null(text);
	ck_assert_int_eq(admin_answer(&a, SPAN_EMPTY, SPAN_EMPTY, &text), FUT_UNSUPPORTED);
}
END_TEST

/* ---- the list ------------------------------------------------------------ */

START_TEST(test_list)
{
	json_t *root = ask("jobs", "");

	ck_assert_uint_eq(json_array_size(json_object_get(root, "jobs")), 0);
	ck_assert_int_eq(number(root, "more"), 0);
	json_decref(root);

	fill_slots();
	(void)push(&a, "reports", -2, &task);
	d.now_us += 1000;
	root = ask("jobs", "");
	json_t *list = json_object_get(root, "jobs");
	ck_assert_uint_eq(json_array_size(list), 3);
	json_t *o = json_array_get(list, 0);
	ck_assert_str_eq(word(o, "job"), "8-0-1");
	ck_assert_str_eq(word(o, "pool"), "cpu");
	ck_assert_str_eq(word(o, "task"), "other");
	ck_assert_str_eq(word(o, "state"), "running");
	ck_assert_str_eq(word(o, "key"), "");
	ck_assert_int_eq(number(o, "priority"), 3);
	ck_assert_int_eq(number(o, "level"), 3);
	ck_assert_int_eq(number(o, "attempt"), 1);
	ck_assert_int_eq(number(o, "waited_us"), 0);
	ck_assert_int_eq(number(o, "running_us"), 1002);
	o = json_array_get(list, 2);
	ck_assert_str_eq(word(o, "job"), "7-0-1");
	ck_assert_str_eq(word(o, "state"), "queued");
	ck_assert_str_eq(word(o, "key"), "reports");
	ck_assert_int_eq(number(o, "priority"), -2);
	ck_assert_int_eq(number(o, "attempt"), 0);
	ck_assert_int_eq(number(o, "waited_us"), 1000);
	ck_assert_int_eq(number(o, "running_us"), 0);
	json_decref(root);
}
END_TEST

/* Of very many the oldest, in their order, though the tables have them in another. */
START_TEST(test_list_of_many)
{
	enum { N = 5500 };
	uint64_t last = 0;

	for (unsigned i = 0; i < N; i++) {
		struct job *j = push(i % 3 ? &a : &b, "", 0, &task);
		j->accepted_us = 1 + i * 7919ull % N;
	}
	json_t *root = ask("jobs", "");
	json_t *list = json_object_get(root, "jobs");
	ck_assert_uint_eq(json_array_size(list), JOBS_LISTED_MAX);
	ck_assert_int_eq(number(root, "more"), N - JOBS_LISTED_MAX);
	for (size_t i = 0; i < JOBS_LISTED_MAX; i++) {
		uint64_t accepted_us =
			d.now_us - (uint64_t)number(json_array_get(list, i), "waited_us");
		ck_assert_uint_eq(accepted_us, last + 1);
		last = accepted_us;
	}
	json_decref(root);
}
END_TEST

/* ---- why ----------------------------------------------------------------- */

START_TEST(test_slots_busy)
{
	struct job *first = push(&a, "", 0, &task), *second = push(&a, "", 0, &task);

	expect_why(first, "queued", "about_to_start", "about to be handed to a slot of pool 'cpu'");
	fill_slots();
	json_t *facts = expect_why(first, "queued", "slots_busy",
				   "waiting: the next, pool 'cpu' has 2 of 2 slots busy");
	ck_assert_int_eq(number(facts, "busy"), 2);
	ck_assert_int_eq(number(facts, "ahead_of_it"), 0);
	ck_assert_int_eq(number(facts, "other_shares"), 0);
	facts = expect_why(second, "queued", "slots_busy",
			   "waiting: behind 1 job of its session and level, pool 'cpu' has 2 of 2");
	ck_assert_int_eq(number(facts, "ahead_of_it"), 1);
	struct job *third = push(&a, "", 0, &task);
	expect_why(third, "queued", "slots_busy", "behind 2 jobs of its session and level");
	(void)push(&a, "k", 1, &task);
	expect_why(push(&a, "k", 1, &task), "queued", "slots_busy",
		   "behind 1 job of its key and level");
}
END_TEST

START_TEST(test_far_behind)
{
	struct job *last = NULL;

	fill_slots();
	for (int i = 0; i < 10100; i++)
		last = push(&a, "", 0, &task);
	expect_why(last, "queued", "slots_busy", "behind more than 10000 jobs of its session");
}
END_TEST

START_TEST(test_turns)
{
	struct job *j = push(&a, "one", 0, &task), *k = push(&a, "two", 0, &task);

	fill_slots();
	expect_why(j, "queued", "slots_busy", "waiting: the next, ");
	json_t *facts = expect_why(k, "queued", "others_turn",
				   "the next of its key and level, takes turns with 1 other, ");
	ck_assert_int_eq(number(facts, "other_shares"), 1);
	(void)push(&a, "", 0, &task);
	expect_why(k, "queued", "others_turn", "takes turns with 2 others, ");
	(void)push(&b, "", 1, &task);
	expect_why(k, "queued", "higher_priority", "jobs of a higher level go first");
}
END_TEST

START_TEST(test_caps)
{
	struct job *out, *j;

	task.cap = 1;
	out = push(&a, "capped", 0, &other_task);
	j = push(&a, "capped", 0, &other_task);
	ck_assert_ptr_eq(scheduler_pop(&pool.scheduler), out);
	assign(out, &slots[0], true);
	json_t *facts = expect_why(j, "queued", "key_cap",
				   "waiting: key 'capped' has 1 of at most 1 jobs in slots");
	ck_assert_int_eq(number(facts, "running"), 1);
	ck_assert_int_eq(number(facts, "cap"), 1);
	out = push(&a, "", 0, &task);
	j = push(&a, "", 0, &task);
	ck_assert_ptr_eq(scheduler_pop(&pool.scheduler), out);
	assign(out, &slots[1], true);
	expect_why(j, "queued", "task_cap", "waiting: task 'crunch' has 1 of at most 1 jobs");
	ck_assert_ptr_null(scheduler_pop(&pool.scheduler));
	facts = expect_why(j, "parked", "task_cap", "task 'crunch' has 1 of at most 1 jobs");
	ck_assert_int_eq(number(facts, "cap"), 1);
}
END_TEST

START_TEST(test_slow_reader)
{
	struct job *j = push(&a, "", 0, &task);

	a.congested = true;
	expect_why(j, "queued", "slow_reader", "waiting: its client reads its results too slowly");
	ck_assert_ptr_null(scheduler_pop(&pool.scheduler));
	expect_why(j, "held", "slow_reader", "too slowly");
}
END_TEST

START_TEST(test_pool_and_daemon)
{
	struct job *j = push(&a, "", 0, &task);

	pool.nup = 0;
	expect_why(j, "queued", "pool_starting", "waiting: pool 'cpu' starts its processes");
	pool.breaker.open = true;
	snprintf(pool.breaker.reason, sizeof pool.breaker.reason, "fork: %s", "\xff no");
	expect_why(j, "queued", "pool_broken", "pool_broken"); /* no text in another encoding */
	snprintf(pool.breaker.reason, sizeof pool.breaker.reason, "no memory");
	expect_why(j, "queued", "pool_broken", "waiting: pool 'cpu' cannot run jobs: no memory");
	d.phase = DAEMON_DRAINING;
	expect_why(j, "queued", "draining", "waiting: the daemon is shutting down");
}
END_TEST

START_TEST(test_in_slots)
{
	struct job *j[4];

	for (int i = 0; i < 4; i++) {
		(void)push(&a, "", 0, &task);
		j[i] = scheduler_pop(&pool.scheduler);
		assign(j[i], &slots[i == 3], i == 0);
	}
	json_t *facts = expect_why(j[0], "running", "running", "running in process 4242");
	ck_assert_int_eq(number(facts, "pid"), 4242);
	facts = expect_why(j[1], "assigned", "ready_in_slot",
			   "ready in a slot of process 4242, behind job 7-0-1");
	ck_assert_int_eq(number(facts, "ahead_of_it"), 1);
	expect_why(j[2], "assigned", "ready_in_slot", "behind job 7-0-1 and others");
	expect_why(j[3], "assigned", "ready_in_slot", "which starts it now");
	/* The one that runs has lost its client. */
	session_remove_job(&a, j[0]);
	expect_why(j[1], "assigned", "ready_in_slot", "behind one whose client has left");
	slot_forget(&slots[0], j[0], 0);
	share_leave(j[0]);
	job_free(&d.jobs, j[0]);
}
END_TEST

START_TEST(test_retrying)
{
	struct job *j = make(&a, "", 0, &task);
	struct job_retry r = {.last = {.attempt = 2, .status = FUT_HOST_DIED}};

	r.timer.entry.key = d.now_us + 1500000;
	j->retry = &r;
	j->place = JOB_RETRYING;
	j->attempt = 2;
	json_t *facts = expect_why(
		j, "retrying", "retry_pause",
		"waiting: attempt 2 ended with HOST_DIED, the next is queued in 1.500 s");
	ck_assert_int_eq(number(facts, "retry_in_us"), 1500000);
	j->place = JOB_NOWHERE;
	j->retry = NULL;
}
END_TEST

START_TEST(test_following)
{
	struct job *run = push(&a, "k", 2, &task), *j = job_new(&d.jobs, NULL, 0);

	j->id = job_id_of(5, 3);
	j->task = &task;
	ck_assert_int_eq(session_add_job(&b, j), 0);
	ck_assert_int_eq(unique_open(run, span_str("same")), 0);
	unique_follow(run, j);
	json_t *facts =
		expect_why(j, "following", "same_run", "waiting: it is one run with job 7-0-1");
	ck_assert_str_eq(word(facts, "run"), "7-0-1");
	expect_why(run, "queued", "about_to_start", "");
	unique_leave(j);
	ck_assert_ptr_null(unique_pop(run));
}
END_TEST

/* The level that it has risen to. */
START_TEST(test_level)
{
	struct job *j = push(&a, "", -4, &task);

	(void)push(&b, "", 3, &task);
	(void)scheduler_pop(&pool.scheduler);
	assign(b.jobs[0], &slots[0], true);
	d.now_us += config.ageing_us + 10;
	ck_assert(!scheduler_age(&pool.scheduler, d.now_us));
	json_t *root = ask("why", "7-0-1");
	ck_assert_int_eq(number(root, "priority"), -4);
	ck_assert_int_eq(number(root, "level"), -3);
	ck_assert_int_eq(j->lane->level, 1);
	json_decref(root);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("admin_jobs");
	TCase *tc = trun_case(s, "admin_jobs");

	tcase_add_checked_fixture(tc, setup, teardown);
	trun_add_each(tc, test_names, names);
	tcase_add_test(tc, test_questions);
	tcase_add_test(tc, test_list);
	tcase_add_test(tc, test_list_of_many);
	tcase_add_test(tc, test_slots_busy);
	tcase_add_test(tc, test_far_behind);
	tcase_add_test(tc, test_turns);
	tcase_add_test(tc, test_caps);
	tcase_add_test(tc, test_slow_reader);
	tcase_add_test(tc, test_pool_and_daemon);
	tcase_add_test(tc, test_in_slots);
	tcase_add_test(tc, test_retrying);
	tcase_add_test(tc, test_following);
	tcase_add_test(tc, test_level);
	return s;
}
