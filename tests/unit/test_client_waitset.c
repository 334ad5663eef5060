/* fut_waitset: futures behind a descriptor that is readable exactly while one can be taken. */
#include "tests/lib/fake_daemon.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

enum { N = 4 };

static struct fake *d;
static fut_executor *x;
static fut_waitset *ws;
static fut_future *f[N];
static uint64_t id[N];
static char tags[N];

static fut_future *job(uint64_t *ret_id)
{
	fut_future *made = must_submit(x, "p");

	*ret_id = fake_expect_submit(d).spec.id;
	return made;
}

static void setup(void)
{
	d = fake_new();
	x = fake_connect(d);
	for (int i = 0; i < N; i++)
		f[i] = job(&id[i]);
	ck_assert_int_eq(fut_waitset_new(&ws), FUT_OK);
}

/* Answers what a test left open, for the shutdown waits for it. */
static void teardown(void)
{
	for (int i = 0; i < N; i++) {
		if (!fut_done(f[i]))
			fake_text(d, id[i], "");
		fut_future_unref(f[i]);
	}
	fake_goodbye(d, x);
	fut_waitset_free(ws);
	fake_free(d);
}

/* Ends a job, and comes back when everybody has been told. */
static void finish(int i)
{
	fake_text(d, id[i], "v");
	fake_settle(d);
}

static void add(int i)
{
	ck_assert_int_eq(fut_waitset_add(ws, f[i], &tags[i]), FUT_OK);
}

static bool is_readable_within(int timeout_ms)
{
	struct pollfd p = {.fd = fut_waitset_fd(ws), .events = POLLIN};
	int n = poll(&p, 1, timeout_ms);

	must(n >= 0 && (n == 0 || p.revents == POLLIN));
	return n > 0;
}

static bool is_readable(void)
{
	return is_readable_within(0);
}

static void must_be_next(int i)
{
	fut_future *g = NULL;
	void *tag = NULL;

	ck_assert(is_readable());
	ck_assert_int_eq(fut_waitset_next(ws, 0, &g, &tag), FUT_OK);
	ck_assert_ptr_eq(g, f[i]);
	ck_assert_ptr_eq(tag, &tags[i]);
	fut_future_unref(g);
}

static void must_say(fut_status expected)
{
	fut_future *g = NULL;

	ck_assert(!is_readable());
	ck_assert_int_eq(fut_waitset_next(ws, 0, &g, NULL), expected);
	ck_assert_ptr_null(g);
	ck_assert(!is_readable());
}

/* ---- one thread ---------------------------------------------------------- */

START_TEST(readable_while_there_is_one)
{
	must_say(FUT_END);
	add(0);
	add(1);
	must_say(FUT_TIMEOUT);
	finish(1);
	must_be_next(1);
	must_say(FUT_TIMEOUT);
	finish(0);
	must_be_next(0);
	must_say(FUT_END);
}
END_TEST

START_TEST(readable_until_the_last)
{
	for (int i = 0; i < 3; i++)
		add(i);
	finish(2);
	finish(0);
	must_be_next(2); /* as they ended */
	finish(1);
	must_be_next(0);
	must_be_next(1);
	must_say(FUT_END);
}
END_TEST

START_TEST(those_done_before)
{
	finish(3);
	finish(1);
	add(0);
	finish(0);
	add(1); /* done sooner, here later */
	add(3);
	ck_assert_uint_eq(fut_waitset_len(ws), 3);
	must_be_next(0);
	must_be_next(1);
	must_be_next(3);
	must_say(FUT_END);
}
END_TEST

START_TEST(all_kinds_of_ends)
{
	for (int i = 0; i < N; i++)
		add(i);
	fake_error(d, id[0], FUT_TASK_FAILED, "no");
	ck_assert_int_eq(fut_cancel(f[1], 0, NULL), FUT_OK);
	fake_verdict(d, fake_expect(d, MESSAGE_CANCEL).cancel.id, FUT_VERDICT_REMOVED);
	fake_settle(d);
	must_be_next(0);
	must_be_next(1);
	must_say(FUT_TIMEOUT);
	fake_hang_up(d);
	must_fail(f[2], FUT_CONNECTION_LOST);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, patience_us), FUT_OK);
	must_be_next(2);
	must_be_next(3);
	must_say(FUT_END);
}
END_TEST

START_TEST(each_at_most_once)
{
	add(0);
	ck_assert_int_eq(fut_waitset_add(ws, f[0], NULL), FUT_INVALID);
	ck_assert_uint_eq(fut_waitset_len(ws), 1);
	finish(0);
	ck_assert_int_eq(fut_waitset_add(ws, f[0], NULL), FUT_INVALID);
	must_be_next(0); /* with its first tag */
	add(0);
	must_be_next(0);
	must_say(FUT_END);
}
END_TEST

START_TEST(removing)
{
	for (int i = 0; i < N; i++)
		add(i);
	ck_assert_int_eq(fut_waitset_remove(ws, f[0]), FUT_OK); /* pending */
	ck_assert_int_eq(fut_waitset_remove(ws, f[0]), FUT_INVALID);
	finish(0);
	must_say(FUT_TIMEOUT);
	finish(1);
	finish(2);
	ck_assert_int_eq(fut_waitset_remove(ws, f[1]), FUT_OK); /* the first of two */
	must_be_next(2);
	ck_assert_int_eq(fut_waitset_remove(ws, f[2]), FUT_INVALID); /* taken */
	finish(3);
	ck_assert_int_eq(fut_waitset_remove(ws, f[3]), FUT_OK); /* the only one */
	must_say(FUT_END);
	ck_assert_uint_eq(fut_waitset_len(ws), 0);
	add(1);
	ck_assert_int_eq(fut_waitset_remove(ws, f[1]), FUT_OK); /* done when it came */
	must_say(FUT_END);
}
END_TEST

START_TEST(it_holds_what_it_has)
{
	uint64_t a, b;
	fut_future *g = job(&a), *h = job(&b);

	ck_assert_int_eq(fut_waitset_add(ws, g, NULL), FUT_OK);
	ck_assert_int_eq(fut_waitset_add(ws, h, NULL), FUT_OK);
	fut_future_unref(g);
	fut_future_unref(h);
	fake_text(d, b, "a value that is longer than fits inline");
	fake_settle(d);
	ck_assert_int_eq(fut_waitset_next(ws, 0, &h, NULL), FUT_OK);
	must_be_value(h, "a value that is longer than fits inline");
	fut_future_unref(h);
	fake_text(d, a, "and the set ends with this one in it");
	fake_settle(d);
}
END_TEST

START_TEST(invalid)
{
	fut_future *g;

	ck_assert_int_eq(fut_waitset_new(NULL), FUT_INVALID);
	ck_assert_int_eq(fut_waitset_add(NULL, f[0], NULL), FUT_INVALID);
	ck_assert_int_eq(fut_waitset_add(ws, NULL, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_waitset_remove(NULL, f[0]), FUT_INVALID);
	ck_assert_int_eq(fut_waitset_remove(ws, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_waitset_remove(ws, f[0]), FUT_INVALID);
	ck_assert_int_eq(fut_waitset_next(NULL, 0, &g, NULL), FUT_INVALID);
	ck_assert_int_eq(fut_waitset_next(ws, 0, NULL, NULL), FUT_INVALID);
	fut_waitset_free(NULL);
}
END_TEST

START_TEST(no_descriptor_is_left)
{
	struct rlimit old, none;
	fut_waitset *other = NULL;

	ck_assert_int_ne(fcntl(fut_waitset_fd(ws), F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	fut_status status = fut_waitset_new(&other);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_int_eq(status, FUT_NO_MEMORY);
	ck_assert_ptr_null(other);
}
END_TEST

/* Who completes tells the first only: a system call for each would be felt. */
START_TEST(one_write_for_many)
{
	eventfd_t writes;

	for (int i = 0; i < N; i++)
		add(i);
	for (int i = 0; i < N; i++)
		finish(i);
	ck_assert_int_eq(eventfd_read(fut_waitset_fd(ws), &writes), 0);
	ck_assert_uint_eq(writes, 1);
	ck_assert_int_eq(eventfd_write(fut_waitset_fd(ws), 1), 0);
	for (int i = 0; i < N; i++)
		must_be_next(i);
	must_say(FUT_END);
}
END_TEST

static void take_in_callback(fut_future *done, void *arg)
{
	fut_future *g;

	(void)done;
	ck_assert_int_eq(fut_waitset_next(ws, 1000, &g, NULL), FUT_WOULD_DEADLOCK);
	ck_assert_int_eq(fut_waitset_next(ws, 0, &g, NULL), FUT_TIMEOUT);
	*(bool *)arg = true;
}

START_TEST(no_waiting_in_a_callback)
{
	bool called = false;

	add(1);
	ck_assert_int_eq(fut_add_done_callback(f[0], take_in_callback, &called), FUT_OK);
	finish(0);
	ck_assert(called);
}
END_TEST

/* ---- against a model ----------------------------------------------------- */

enum { MANY = 200, STEPS = 4000 };
enum { OUT, PENDING, READY }; /* what the set knows of one */

static struct {
	fut_future *future[MANY];
	uint64_t id[MANY];
	int in[MANY];
	int order[MANY], n_ready; /* those READY, as they are to come out */
	size_t len;
} model;

static void model_ready(int i)
{
	model.in[i] = READY;
	model.order[model.n_ready++] = i;
}

static void model_out(int i)
{
	int k = 0;

	if (model.in[i] == READY) {
		while (model.order[k] != i)
			k++;
		model.n_ready--;
		memmove(&model.order[k], &model.order[k + 1],
			(size_t)(model.n_ready - k) * sizeof model.order[0]);
	}
	model.in[i] = OUT;
	model.len--;
}

static void step_add(int i)
{
	bool known = model.in[i] != OUT;

	must(fut_waitset_add(ws, model.future[i], &model.id[i]) == (known ? FUT_INVALID : FUT_OK));
	if (known)
		return;
	model.len++;
	model.in[i] = PENDING;
	if (fut_done(model.future[i]))
		model_ready(i);
}

static void step_remove(int i)
{
	bool known = model.in[i] != OUT;

	must(fut_waitset_remove(ws, model.future[i]) == (known ? FUT_OK : FUT_INVALID));
	if (known)
		model_out(i);
}

/* It ends; or it had, and a new one comes in its place. */
static void step_finish(int i)
{
	if (!fut_done(model.future[i])) {
		fake_text(d, model.id[i], "v");
		fake_settle(d);
		if (model.in[i] == PENDING)
			model_ready(i);
	} else if (model.in[i] == OUT) {
		fut_future_unref(model.future[i]);
		model.future[i] = job(&model.id[i]);
	}
}

static void step_next(void)
{
	fut_status expected = model.n_ready ? FUT_OK : model.len ? FUT_TIMEOUT : FUT_END;
	fut_future *g = NULL;
	void *tag = NULL;

	must(fut_waitset_next(ws, 0, &g, &tag) == expected);
	if (expected != FUT_OK)
		return;
	int i = model.order[0];
	must(g == model.future[i] && tag == &model.id[i]);
	fut_future_unref(g);
	model_out(i);
}

START_TEST(like_its_model)
{
	struct rng r = rng_of_run();

	for (int i = 0; i < MANY; i++)
		model.future[i] = job(&model.id[i]);
	for (int step = 0; step < STEPS; step++) {
		int i = (int)rng_below(&r, MANY);
		switch (rng_below(&r, 6)) {
		case 0:
		case 1:
			step_add(i);
			break;
		case 2:
			step_remove(i);
			break;
		case 3:
		case 4:
			step_finish(i);
			break;
		case 5:
			step_next();
			break;
		}
		must(fut_waitset_len(ws) == model.len);
		must(is_readable() == (model.n_ready > 0));
	}
	for (int i = 0; i < MANY; i++) {
		if (!fut_done(model.future[i]))
			fake_text(d, model.id[i], "");
		fut_future_unref(model.future[i]);
	}
}
END_TEST

/* ---- while futures end --------------------------------------------------- */

static void answer_all(struct fake *fake)
{
	for (int i = 0; i < N; i++)
		fake_text(fake, id[i], "v");
}

START_TEST(next_sleeps)
{
	fut_future *g = NULL;

	for (int i = 0; i < N; i++)
		add(i);
	ck_assert_int_eq(fut_waitset_next(ws, 3000, &g, NULL), FUT_TIMEOUT);
	ck_assert_ptr_null(g);
	fake_run(d, answer_all);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(fut_waitset_next(ws, FUT_FOREVER, &g, NULL), FUT_OK);
		ck_assert_ptr_eq(g, f[i]);
		fut_future_unref(g);
	}
	ck_assert_int_eq(fut_waitset_next(ws, FUT_FOREVER, &g, NULL), FUT_END);
	fake_join(d);
}
END_TEST

/* Two executors, each with an echo behind it. */
struct crowd {
	struct fake *daemon[2];
	fut_executor *executor[2];
	unsigned submitted, taken;
};

enum { WAVES = 6000, WAVE_MAX = 4 };

static void crowd_start(struct crowd *c)
{
	*c = (struct crowd){0};
	for (int i = 0; i < 2; i++) {
		c->daemon[i] = fake_new();
		c->executor[i] = fake_connect(c->daemon[i]);
		fake_run(c->daemon[i], fake_echo);
	}
}

/* A few at once and then no more, so that none is noticed by the way of another. */
static void crowd_submit(struct crowd *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fut_future *g = must_submit(c->executor[c->submitted++ % 2], "echo");
		must(fut_waitset_add(ws, g, NULL) == FUT_OK);
		fut_future_unref(g);
	}
}

static bool crowd_take(struct crowd *c)
{
	fut_future *g;

	if (fut_waitset_next(ws, 0, &g, NULL) != FUT_OK)
		return false;
	must(fut_done(g));
	fut_future_unref(g);
	c->taken++;
	return true;
}

static void crowd_end(struct crowd *c)
{
	must_say(FUT_END);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fut_executor_shutdown(c->executor[i], true, false, patience_us),
				 FUT_OK);
		fut_executor_unref(c->executor[i]);
		fake_join(c->daemon[i]);
		fake_free(c->daemon[i]);
	}
}

/* What has one is readable: one at a time, each behind a poll. */
START_TEST(what_there_is_can_be_seen)
{
	struct crowd c;

	crowd_start(&c);
	for (unsigned wave = 0; wave < WAVES; wave++) {
		crowd_submit(&c, 1 + wave % WAVE_MAX);
		while (c.taken < c.submitted) {
			must(is_readable_within(FAKE_PATIENCE_S * 1000));
			must(crowd_take(&c));
		}
	}
	crowd_end(&c);
}
END_TEST

/* What is readable has one: taking as soon as it can be, before anybody is woken. */
START_TEST(what_is_seen_is_there)
{
	struct crowd c;

	crowd_start(&c);
	for (unsigned wave = 0; wave < WAVES; wave++) {
		crowd_submit(&c, 1 + wave % WAVE_MAX);
		while (c.taken < c.submitted) {
			if (!crowd_take(&c))
				sched_yield();
			else if (is_readable())
				must(crowd_take(&c));
		}
		must(!is_readable());
	}
	crowd_end(&c);
}
END_TEST

/* Each edge is answered by taking all there is, and none is missed. */
START_TEST(no_edge_is_lost)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	struct crowd c;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_eq(epoll_ctl(ep, EPOLL_CTL_ADD, fut_waitset_fd(ws), &ev), 0);
	crowd_start(&c);
	for (unsigned wave = 0; wave < WAVES; wave++) {
		crowd_submit(&c, 1 + wave % WAVE_MAX);
		while (c.taken < c.submitted) {
			must(epoll_wait(ep, &ev, 1, FAKE_PATIENCE_S * 1000) == 1);
			while (crowd_take(&c))
				continue;
		}
	}
	crowd_end(&c);
	close(ep);
}
END_TEST

/* Whoever is told must not be told of a set that is gone, or of one it left. */
START_TEST(leaving_races_with_ends)
{
	enum { ROUNDS = 500 };

	for (int round = 0; round < ROUNDS; round++) {
		fut_future *mine[N];
		fut_waitset *set;
		uint64_t ids[N];

		ck_assert_int_eq(fut_waitset_new(&set), FUT_OK);
		for (int i = 0; i < N; i++) {
			mine[i] = job(&ids[i]);
			must(fut_waitset_add(set, mine[i], NULL) == FUT_OK);
		}
		for (int i = 0; i < N; i++)
			fake_text(d, ids[i], "v");
		for (int i = 0; i < round % (N + 1); i++)
			must(fut_waitset_remove(set, mine[i]) == FUT_OK);
		if (round % 3 == 0) {
			fut_future *g;
			while (fut_waitset_next(set, patience_us, &g, NULL) == FUT_OK)
				fut_future_unref(g);
		}
		fut_waitset_free(set);
		for (int i = 0; i < N; i++) {
			must_be_value(mine[i], "v");
			fut_future_unref(mine[i]);
		}
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("waitset");

	seed_init();
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, readable_while_there_is_one);
	tcase_add_test(tc, readable_until_the_last);
	tcase_add_test(tc, those_done_before);
	tcase_add_test(tc, all_kinds_of_ends);
	tcase_add_test(tc, each_at_most_once);
	tcase_add_test(tc, removing);
	tcase_add_test(tc, it_holds_what_it_has);
	tcase_add_test(tc, invalid);
	tcase_add_test(tc, no_descriptor_is_left);
	tcase_add_test(tc, one_write_for_many);
	tcase_add_test(tc, no_waiting_in_a_callback);
	tcase_add_test(tc, like_its_model);
	tcase_add_test(tc, next_sleeps);
	tcase_add_test(tc, what_there_is_can_be_seen);
	tcase_add_test(tc, what_is_seen_is_there);
	tcase_add_test(tc, no_edge_is_lost);
	tcase_add_test(tc, leaving_races_with_ends);
	return run_case(tc, "client_waitset");
}
