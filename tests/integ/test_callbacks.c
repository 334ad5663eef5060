/* Callbacks, end to end: on the I/O thread, and pumped by a program with a loop of its own. */
#include "tests/integ/e2e.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

static void choose(fut_dispatch how)
{
	ck_assert_int_eq(fut_executor_set_dispatch(x, how), FUT_OK);
}

/* ---- each end, once ------------------------------------------------------ */

enum { ENDS = 5, CALLS = 3 };

static struct {
	atomic_int calls;
	fut_status status;
} ends[ENDS];

/* Which call of how many this is; all see the same end. */
static void on_end(fut_future *f, void *arg)
{
	size_t i = (size_t)((uintptr_t)arg / CALLS);
	int number = (int)((uintptr_t)arg % CALLS);
	fut_snapshot s;

	must(atomic_fetch_add(&ends[i].calls, 1) == number);
	must(fut_poll(f, &s) == FUT_OK && s.done);
	must(number == 0 || s.status == ends[i].status);
	ends[i].status = s.status;
}

static void watch(fut_future *f, size_t i)
{
	for (uintptr_t k = 0; k < CALLS; k++)
		ck_assert_int_eq(fut_add_done_callback(f, on_end, (void *)(i * CALLS + k)), FUT_OK);
}

static bool all_called(void)
{
	for (int i = 0; i < ENDS; i++) {
		if (atomic_load(&ends[i].calls) != CALLS)
			return false;
	}
	return true;
}

static const fut_status expected[ENDS] = {FUT_OK, FUT_TASK_FAILED, FUT_CANCELLED, FUT_HOST_DIED,
					  FUT_RUN_LIMIT};

START_TEST(test_each_end)
{
	bool pumped = _i / WAYS;
	fut_future *f[ENDS];
	size_t ran = 0;

	memset(ends, 0, sizeof ends);
	start(_i % WAYS, 1);
	if (pumped)
		choose(FUT_DISPATCH_PUMP);
	f[0] = submit("gate", gate);
	wait_running(f[0]);
	f[1] = submit("fail", "E");
	f[2] = submit("mark", mark);
	f[3] = submit("abort", "");
	f[4] = submit_limited("hang", "", run_limit, 50 * MS);
	for (size_t i = 0; i < ENDS; i++)
		watch(f[i], i);
	must_cancel(f[2], FUT_VERDICT_REMOVED);
	tfile_touch(gate);
	for (size_t n = 0; pumped && n < ENDS * CALLS; n += ran)
		ck_assert_int_eq(fut_executor_pump(x, PATIENCE_US, &ran), FUT_OK);
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, PATIENCE_US), FUT_OK);
	ck_assert(all_called());
	for (size_t i = 0; i < ENDS; i++)
		ck_assert_int_eq(ends[i].status, expected[i]);
	ck_assert_int_eq(fut_executor_pump(x, 0, NULL), pumped ? FUT_END : FUT_INVALID);
	unref_all(f, ENDS);
	stop();
}
END_TEST

/* ---- a program that is all callbacks ------------------------------------- */

enum { CHAINS = 8, LINKS = 200 };

static struct chain {
	unsigned links;
} chains[CHAINS];

static pthread_t loop_thread;

/* What came back says what to ask next; nobody ever waits. */
static void on_link(fut_future *f, void *arg)
{
	struct chain *c = arg;
	fut_bytes value;

	must(pthread_equal(pthread_self(), loop_thread));
	must(fut_result(f, 0, &value, NULL) == FUT_OK);
	must(value.len == sizeof c->links);
	must(memcmp(value.data, &c->links, sizeof c->links) == 0);
	fut_future_unref(f);
	if (++c->links == LINKS)
		return;
	f = submit_on(x, "echo", &c->links, sizeof c->links);
	must(fut_add_done_callback(f, on_link, c) == FUT_OK);
}

START_TEST(test_pump_in_a_loop)
{
	struct pollfd p = {.events = POLLIN};
	unsigned links = 0;
	size_t ran;

	memset(chains, 0, sizeof chains);
	start(_i, 2);
	choose(FUT_DISPATCH_PUMP);
	loop_thread = pthread_self();
	p.fd = fut_executor_pump_fd(x);
	for (int i = 0; i < CHAINS; i++) {
		fut_future *f = submit_on(x, "echo", &chains[i].links, sizeof chains[i].links);
		must(fut_add_done_callback(f, on_link, &chains[i]) == FUT_OK);
	}
	while (links < CHAINS * LINKS) {
		must(poll(&p, 1, td_patience_ms(20000)) == 1);
		/* What is readable has one. Some run at once, inside another. */
		must(fut_executor_pump(x, 0, &ran) == FUT_OK);
		links = 0;
		for (int i = 0; i < CHAINS; i++)
			links += chains[i].links;
	}
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("callbacks");
	TCase *tc = trun_case(s, "callbacks");

	tcase_add_loop_test(tc, test_each_end, 0, 2 * WAYS);
	tcase_add_loop_test(tc, test_pump_in_a_loop, 0, WAYS);
	return s;
}
