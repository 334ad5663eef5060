/*
 * Sizes and numbers: results beside larger ones, clients that do not read, hosts that die in
 * mid-result, and a million futures (CFX-06, 07, 09 and 12).
 */
#include "tests/contract/contract.h"
#include "tests/lib/footprint.h"
#include "tests/lib/twire.h"

#include <dirent.h>
#include <signal.h>

/* ---- CFX-06: a small result beside a large one -------------------------- */

enum { LARGE = 64 * MIB };

/* Of one session, whose every frame the test sees: the answers of small jobs that are asked
 * for while the large result is on its way come between its parts. */
START_TEST(cfx_06_small_result_beside_large)
{
	unsigned smalls = 0;

	start_with(_i, 2, "max_result = 64M\n", "");
	struct tw *w = tw_open(url_of(_i), "p");
	tw_submit(w, 0, "big", "67108864");
	struct twait patience = twait_for(d, "the first part of the large result");
	while (tw_job(w, 0)->len == 0) {
		ck_assert(tw_pump(w, 10));
		twait_step(&patience);
	}
	while (!tw_job(w, 0)->answered) {
		tw_submit(w, 1, "echo", "1");
		tw_expect_value(w, 1, "1");
		smalls += !tw_job(w, 0)->answered;
	}
	tw_expect_status(w, 0, FUT_OK);
	ck_assert_uint_eq(tw_job(w, 0)->len, LARGE);
	printf("# %u small results while 64 MiB were read\n", smalls);
	fflush(stdout);
	ck_assert_uint_ge(smalls, 1);
	tw_close(w);
	stop();
}
END_TEST

/* Of another session, while the large one is not read at all. */
START_TEST(cfx_06_small_result_of_another_session)
{
	start_with(_i, 2, "max_result = 64M\n", "");
	struct tw *w = tw_open(url_of(_i), "p");
	tw_submit(w, 0, "big", "67108864");
	struct twait patience = twait_for(d, "the first part of the large result");
	while (tw_job(w, 0)->len == 0) {
		ck_assert(tw_pump(w, 10));
		twait_step(&patience);
	}
	for (int i = 0; i < 100; i++)
		pass_through();
	tw_expect_status(w, 0, FUT_OK);
	ck_assert_uint_eq(tw_job(w, 0)->len, LARGE);
	tw_close(w);
	stop();
}
END_TEST

static void note_order(fut_future *f, void *arg)
{
	fut_future *_Atomic *first = arg, *nobody = NULL;

	(void)atomic_compare_exchange_strong(first, &nobody, f);
}

/* Both in one executor. The library reads as fast as it can, so this alone is about time: the
 * small one must be first as soon as it is asked for in time. */
START_TEST(cfx_06_small_result_of_one_executor)
{
	fut_future *_Atomic first = NULL;
	int rounds = 0;

	start_with(_i, 2, "max_result = 64M\n", "");
	while (atomic_load(&first) == NULL && rounds++ < 10) {
		fut_future *large = submit("big", "67108864");
		ck_assert_int_eq(fut_add_done_callback(large, note_order, &first), FUT_OK);
		wait_running(large);
		fut_future *small = submit("echo", "1");
		ck_assert_int_eq(fut_add_done_callback(small, note_order, &first), FUT_OK);
		must_be(small, "1");
		fut_bytes value;
		ck_assert_int_eq(fut_result(large, PATIENCE_US, &value, NULL), FUT_OK);
		ck_assert_uint_eq(value.len, LARGE);
		if (atomic_load(&first) != small)
			atomic_store(&first, NULL);
		unref_all((fut_future *[]){small, large}, 2);
	}
	ck_assert_ptr_nonnull(atomic_load(&first));
	stop();
}
END_TEST

/* ---- CFX-07: a client that does not read -------------------------------- */

START_TEST(cfx_07_slow_reader)
{
	enum { N = 160, EACH = 1000000, GROWTH = 40 * MIB };

	start(_i, 2);
	pass_through();
	uint64_t rss = tdaemon_rss_bytes(d), most = 0;
	struct tw *slow = tw_open(url_of(_i), "p");
	for (uint64_t id = 0; id < N; id++)
		tw_put(slow, id, "big", "1000000");
	tw_flush(slow);
	/* The others are served, in the same pool, for as long as it does not read. */
	for (int i = 0; i < 200; i++) {
		pass_through();
		uint64_t now = tdaemon_rss_bytes(d);
		most = now > most ? now : most;
	}
	printf("# %d MB were asked for and not read: the daemon grew by %llu MB\n",
	       N * EACH / 1000000, (unsigned long long)(most > rss ? most - rss : 0) / 1000000);
	fflush(stdout);
	if (!td_is_sanitized())
		ck_assert_uint_lt(most, rss + GROWTH);
	/* And nothing of what it asked for is lost. */
	tw_wait_answers(slow, N);
	for (uint64_t id = 0; id < N; id++) {
		ck_assert_int_eq(tw_job(slow, id)->status, FUT_OK);
		ck_assert_uint_eq(tw_job(slow, id)->len, EACH);
	}
	tw_close(slow);
	stop();
}
END_TEST

/* ---- CFX-09: a result that is half written ------------------------------ */

struct grown {
	pid_t hosts[2];
	uint64_t rss[2];
	unsigned n;
};

static bool all_asleep(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	bool asleep = true;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while (asleep && (entry = readdir(dir)))
		asleep = entry->d_name[0] == '.' || thread_sleeps(pid, atoi(entry->d_name));
	closedir(dir);
	return asleep;
}

/* The host that has become larger by so much, and now sleeps; 0: none. */
static pid_t grown_host(const struct grown *g, uint64_t by)
{
	for (unsigned i = 0; i < g->n; i++) {
		if (rss_of(g->hosts[i]) >= g->rss[i] + by && all_asleep(g->hosts[i]))
			return g->hosts[i];
	}
	return 0;
}

/* The daemon stands still, the host fills the ring with the beginning of its result and
 * waits for room: then it dies. */
START_TEST(cfx_09_killed_in_mid_result)
{
	enum { BIG = 12 * MIB };
	bool alone = _i & PROCESSES;
	struct grown g;
	char text[160];
	pid_t host;

	start(_i, 2);
	struct footprint before = footprint_of(d, tdaemon_zygote(d, "p"));
	fut_future *neighbour = submit("gate", gate2);
	wait_running(neighbour);
	snprintf(text, sizeof text, "%s %d", gate, BIG);
	fut_future *f = submit("gate_big", text);
	wait_running(f);
	g.n = tdaemon_hosts(d, "p", g.hosts, ARRAY_LEN(g.hosts));
	for (unsigned i = 0; i < g.n; i++)
		g.rss[i] = rss_of(g.hosts[i]);
	tdaemon_signal(d, SIGSTOP);
	tfile_touch(gate);
	twait_until(d, (host = grown_host(&g, BIG)) != 0);
	ck_assert_int_eq(kill(host, SIGKILL), 0);
	tdaemon_signal(d, SIGCONT);

	fut_error *e = must_fail(f, FUT_HOST_DIED);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_MAYBE);
	const fut_death *death = fut_error_death(e);
	ck_assert_ptr_nonnull(death);
	ck_assert_int_eq(death->pid, host);
	ck_assert_int_eq(death->signal, SIGKILL);
	fut_error_unref(e);
	/* Who else was in that process died with it; who was not did not. */
	tfile_touch(gate2);
	if (alone)
		must_be(neighbour, "open");
	else
		must_fail_(neighbour, FUT_HOST_DIED);
	for (int i = 0; i < 10; i++)
		pass_through();
	unref_all((fut_future *[]){f, neighbour}, 2);
	/* The half is nobody's memory, and the dead host nobody's region. */
	footprint_wait(d, tdaemon_zygote(d, "p"), before);
	stop();
}
END_TEST

/* ---- CFX-12: a million futures ------------------------------------------ */

/* Under a sanitizer each future costs some twenty times as much. */
static int million(void)
{
	return td_is_sanitized() ? 50000 : 1000000;
}

static void do_nothing(fut_future *f, void *arg)
{
	(void)f;
	atomic_fetch_add((_Atomic unsigned *)arg, 1);
}

enum { BURST = 10000 };

/* Three ways in which the last reference may go: after its result, before it, in between. */
static void burst(fut_future **f, _Atomic unsigned *calls)
{
	for (int i = 0; i < BURST; i++) {
		f[i] = submit("noop", "");
		if (i % 3 == 1)
			must(fut_add_done_callback(f[i], do_nothing, calls) == FUT_OK);
		if (i % 3 > 0)
			fut_future_unref(f[i]);
	}
	for (int i = 0; i < BURST; i += 3) {
		fut_bytes value;
		must(fut_result(f[i], PATIENCE_US, &value, NULL) == FUT_OK);
		fut_future_unref(f[i]);
	}
	/* Behind the pong the rest is done, too: one slot, in order. */
	pass_through();
}

START_TEST(cfx_12_million_futures_submitted)
{
	int n = million(), way = _i ? OVER_TCP | PROCESSES : 0;
	fut_future **f = calloc(BURST, sizeof(fut_future *));
	_Atomic unsigned calls = 0;
	size_t here = 0;
	const struct tdaemon self = {.pid = getpid()};
	uint64_t there = 0;
	unsigned fds = 0;

	start(way, 1);
	close_executor(x);
	size_t before = allocated();
	x = open_url(url_of(way), "p");
	for (int i = 0; i < n / BURST; i++) {
		burst(f, &calls);
		if (i > 0)
			continue;
		here = allocated();
		there = tdaemon_rss_bytes(d);
		fds = tdaemon_fd_count(&self);
	}
	printf("# %d futures: %zu bytes more here, %lld there\n", n, allocated() - here,
	       (long long)(tdaemon_rss_bytes(d) - there));
	fflush(stdout);
	twait_until(d, calls == (unsigned)(n / BURST) * ((BURST + 1) / 3));
	ck_assert_uint_eq(tdaemon_fd_count(&self), fds);
	close_executor(x);
	if (!td_is_sanitized()) {
		ck_assert_uint_le(allocated(), before + 64 * 1024);
		ck_assert_uint_le(tdaemon_rss_bytes(d), there + 8 * MIB);
	}
	x = open_url(url_of(way), "p");
	free(f);
	stop();
}
END_TEST

/* Those that never came to be: refused here, or by a session that is over. */
START_TEST(cfx_12_million_futures_not_submitted)
{
	int n = million();
	fut_future *none = NULL;
	fut_error *e;

	start(0, 1);
	fut_executor *shut = open_url(d->unix_url, "p");
	ck_assert_int_eq(fut_executor_shutdown(shut, true, false, PATIENCE_US), FUT_OK);
	must(fut_submit(shut, "noop", "", 0, &none, &e) == FUT_SHUTDOWN);
	fut_error_unref(e);
	size_t before = allocated();
	for (int i = 0; i < n; i++) {
		switch (i % 3) {
		case 0:
			must(fut_submit(x, "no name", "", 0, &none, &e) == FUT_INVALID);
			break;
		case 1:
			must(fut_submit(shut, "noop", "", 0, &none, &e) == FUT_SHUTDOWN);
			break;
		case 2:
			must(fut_submit(x, "noop", "", (size_t)1 << 30, &none, &e) ==
			     FUT_PAYLOAD_TOO_BIG);
			break;
		}
		fut_error_unref(e);
	}
	ck_assert_ptr_null(none);
	if (!td_is_sanitized())
		ck_assert_uint_le(allocated(), before + 1024);
	fut_executor_unref(shut);
	pass_through();
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CFX, load");
	TCase *tc = trun_case(s, "sizes");

	each_way(tc, cfx_06_small_result_beside_large);
	each_way(tc, cfx_06_small_result_of_another_session);
	each_way(tc, cfx_06_small_result_of_one_executor);
	each_way(tc, cfx_07_slow_reader);
	each_way(tc, cfx_09_killed_in_mid_result);
	tc = trun_case(s, "a million");
	tcase_add_loop_test(tc, cfx_12_million_futures_submitted, 0, 2);
	tcase_add_test(tc, cfx_12_million_futures_not_submitted);
	return s;
}
