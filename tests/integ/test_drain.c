/* How the daemon ends: what runs is finished, what waits is answered, nobody comes in. */
#include "tests/integ/one_daemon.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool can_connect(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	bool can = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
	close(fd);
	return can;
}

START_TEST(test_drain)
{
	start(POOL("threads", "2", "basic, testmod_crash"));
	struct tw *w = tw_open(d->unix_url, "p"), *early = tw_connect(d->unix_url);
	struct tw *idle = tw_open(d->tcp_url, "p");
	tw_submit(w, 0, "gate", gate);
	tw_submit(w, 1, "gate", gate);
	tw_wait_started(w, 0);
	tw_wait_started(w, 1);
	for (uint64_t id = 2; id < 20; id++)
		tw_put(w, id, "mark", mark);
	tw_flush(w);
	tw_ping(w);
	tdaemon_signal(d, SIGTERM);
	/* Everybody is told, what waits is answered, nobody comes in. */
	tw_expect_goaway(w, FUT_DRAINING);
	for (uint64_t id = 2; id < 20; id++) {
		const struct error_info *e = tw_error(w, tw_expect_status(w, id, FUT_DRAINING));
		ck_assert_int_eq(e->executed, FUT_EXECUTED_NO);
		ck_assert_int_eq(e->retry, FUT_RETRY_LATER);
	}
	tw_expect_goaway(early, FUT_DRAINING);
	tw_expect_end(early);
	tw_expect_goaway(idle, FUT_DRAINING);
	ck_assert(!can_connect(d->socket_path));
	tw_submit(w, 30, "echo", "too late");
	tw_expect_status(w, 30, FUT_DRAINING);
	/* What runs is finished. */
	ck_assert(tdaemon_is_alive(d));
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	tw_expect_value(w, 1, "open");
	tw_expect_end(w);
	tw_expect_end(idle);
	ck_assert(w->bye && idle->bye && !early->bye);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	tw_close(w);
	tw_close(early);
	tw_close(idle);
	tdaemon_stop(d);
}
END_TEST

/* The second SIGTERM ends what runs, on both kinds of pool. */
START_TEST(test_drain_in_a_hurry)
{
	static const char *const tasks[] = {"hang", "stubborn", "spin", "hang"};

	start("kill_grace = 60s\n"
	      "pool threads {\n kind = threads\n slots = 4\n modules = {basic, testmod_crash}\n}\n"
	      "pool processes {\n kind = processes\n slots = 4\n modules = {basic, "
	      "testmod_crash}\n}\n");
	struct tw *w[2] = {tw_open(d->unix_url, "threads"), tw_open(d->unix_url, "processes")};
	for (int k = 0; k < 2; k++) {
		for (uint64_t id = 0; id < ARRAY_LEN(tasks); id++)
			tw_submit(w[k], id, tasks[id], "");
		for (uint64_t id = 0; id < ARRAY_LEN(tasks); id++)
			tw_wait_started(w[k], id);
	}
	tdaemon_signal(d, SIGTERM);
	tw_expect_goaway(w[0], FUT_DRAINING);
	tdaemon_signal(d, _i == 0 ? SIGTERM : SIGINT);
	for (int k = 0; k < 2; k++) {
		for (uint64_t id = 0; id < ARRAY_LEN(tasks); id++) {
			struct tw_job *j = tw_expect_status(w[k], id, FUT_DRAINING);
			ck_assert_int_eq(tw_error(w[k], j)->executed, FUT_EXECUTED_MAYBE);
		}
		tw_expect_end(w[k]);
		tw_close(w[k]);
	}
	tdaemon_stop(d);
}
END_TEST

/* Nothing is left of what its tasks started, and nobody is left to be buried by another. */
START_TEST(test_hurry_leaves_nothing_behind)
{
	enum { N = 3 };

	start("kill_grace = 1h\n"
	      "command litter {\n exec = {\"/bin/sh\", \"-c\", \"sleep 1000 & wait\"}\n}\n"
	      "pool p {\n kind = processes\n slots = 3\n modules = {testmod_crash}\n"
	      " commands = {litter}\n}\n");
	struct tw *w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < N; id++)
		tw_submit(w, id, id % 2 ? "stubborn" : "litter", "");
	for (uint64_t id = 0; id < N; id++)
		tw_wait_started(w, id);
	tdaemon_signal(d, SIGTERM);
	tw_expect_goaway(w, FUT_DRAINING);
	tdaemon_signal(d, SIGTERM);
	for (uint64_t id = 0; id < N; id++)
		tw_expect_status(w, id, FUT_DRAINING);
	tw_expect_end(w);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

START_TEST(test_drain_timeout)
{
	start("drain_timeout = 100ms\n" POOL("processes", "2", "basic, testmod_crash"));
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "stubborn", "");
	tw_wait_started(w, 0);
	tdaemon_signal(d, SIGTERM);
	tw_expect_status(w, 0, FUT_DRAINING);
	tw_expect_end(w);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* Results that a client has not read yet when the drain ends are still its own. */
static void drain_behind_a_slow_reader(const char *url, bool talks)
{
	enum { N = 12, EACH = 900 * 1000 };
	struct tw *w = tw_open(url, "p"), *other = tw_open(d->unix_url, "p");
	unsigned ok = 0;

	for (uint64_t id = 0; id < N; id++)
		tw_put(w, id, "big", "900000");
	tw_flush(w);
	/* Some ran, the others are held back because nobody reads. */
	twait_until(d, !strstr(tw_status(other), "\"done\":0") &&
			       strstr(tw_status(other), "\"jobs_running\":0"));
	tdaemon_signal(d, SIGTERM);
	tw_expect_goaway(other, FUT_DRAINING);
	if (talks) {
		/* What is sent now is not read any more, and must not cost what is on its way. */
		tw_expect_end(other);
		for (uint64_t id = 100; id < 110; id++)
			tw_put(w, id, "echo", "hello?");
		tw_flush(w);
	}
	while (tw_pump(w, td_patience_ms(TD_WAIT_MS)))
		;
	for (uint64_t id = 0; id < N; id++) {
		const struct tw_job *j = tw_job(w, id);
		ck_assert(j->answered && w->bye);
		ck_assert(j->status == FUT_DRAINING || (j->status == FUT_OK && j->len == EACH));
		ok += j->status == FUT_OK;
	}
	ck_assert_uint_ge(ok, 1);
	tw_close(w);
	tw_close(other);
	tdaemon_stop(d);
}

START_TEST(test_drain_behind_a_slow_reader)
{
	start(POOL("threads", "2", "basic, testmod_crash"));
	drain_behind_a_slow_reader(_i % 2 ? d->tcp_url : d->unix_url, _i / 2);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("drain");
	TCase *tc = trun_case(s, "drain");

	tcase_add_test(tc, test_drain);
	tcase_add_loop_test(tc, test_drain_in_a_hurry, 0, 2);
	tcase_add_test(tc, test_hurry_leaves_nothing_behind);
	tcase_add_test(tc, test_drain_timeout);
	tcase_add_loop_test(tc, test_drain_behind_a_slow_reader, 0, 4);
	return s;
}
