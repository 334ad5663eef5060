/* Another configuration while the daemon runs: no job is lost, and none runs twice. */
#include "tests/integ/one_daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(test_reload)
{
	static const char *const kinds[] = {"threads", "processes"};
	char text[300];

	snprintf(text, sizeof text,
		 "pool p {\n kind = %s\n slots = 1\n modules = {testmod_crash}\n}\n", kinds[_i]);
	start(text);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "echo", "");
	tw_expect_status(w, 0, FUT_UNKNOWN_TASK);
	tw_submit(w, 1, "gate", gate);
	tw_wait_started(w, 1);
	for (uint64_t id = 10; id < 30; id++)
		tw_put(w, id, "mark", mark);
	tw_flush(w);
	tw_ping(w);
	snprintf(text, sizeof text,
		 "pool p {\n kind = %s\n slots = 3\n modules = {basic, testmod_crash}\n}\n",
		 kinds[_i]);
	tdaemon_configure(d, text);
	tdaemon_signal(d, SIGHUP);
	/* What waited runs on the new hosts, while the old one finishes what it runs. */
	for (uint64_t id = 10; id < 30; id++)
		tw_expect_status(w, id, FUT_OK);
	ck_assert(!tw_job(w, 1)->answered);
	tw_submit(w, 2, "echo", "new");
	tw_expect_value(w, 2, "new");
	for (uint64_t id = 3; id < 6; id++)
		tw_submit(w, id, "gate", gate);
	for (uint64_t id = 3; id < 6; id++)
		tw_wait_started(w, id); /* three at a time: the new slots */
	tfile_touch(gate);
	tw_expect_value(w, 1, "open");
	for (uint64_t id = 3; id < 6; id++)
		tw_expect_value(w, id, "open");
	ck_assert_uint_eq(tfile_lines(mark), 20);
	/* A session that comes later sees the new number. */
	struct tw *later = tw_open(d->unix_url, "p");
	ck_assert_uint_eq(later->slots, 3);
	tw_close(later);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* A task that is not there any more: what waits for it is told so. */
START_TEST(test_reload_without_a_task)
{
	start(POOL("threads", "1", "basic, testmod_crash"));
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	tw_submit(w, 1, "mark", mark);
	tw_submit(w, 2, "echo", "stays");
	tdaemon_configure(d, POOL("threads", "1", "basic"));
	tdaemon_signal(d, SIGHUP);
	const struct error_info *e = tw_error(w, tw_expect_status(w, 1, FUT_UNKNOWN_TASK));
	ck_assert_int_eq(e->executed, FUT_EXECUTED_NO);
	tw_expect_value(w, 2, "stays");
	tw_submit(w, 3, "mark", mark);
	tw_expect_status(w, 3, FUT_UNKNOWN_TASK);
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	ck_assert_uint_eq(tfile_lines(mark), 0);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

START_TEST(test_reload_of_a_broken_configuration)
{
	static const char *const broken[] = {
		"log_level = info\n\npool p {\n  kind = sheep\n  slots = 1\n}\n", /* line 4 */
		"pool p {\n  kind = threads\n  slots = banana\n}\n",              /* line 3 */
		"pool p {\n",
		"nonsense = 3\n",
		"",
	};
	char want[160], why[300];

	start(POOL("threads", "1", "basic, testmod_crash"));
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	for (unsigned i = 0; i < ARRAY_LEN(broken); i++) {
		tdaemon_configure(d, broken[i]); /* the last: another set of pools */
		tdaemon_signal(d, SIGHUP);
		tdaemon_wait_log_count(d, "event=daemon.reload_failed", i + 1);
	}
	char *log = tdaemon_log(d);
	snprintf(want, sizeof want, "event=config.error message=\"%s:4: ", d->config_path);
	ck_assert_ptr_nonnull(strstr(log, want));
	snprintf(want, sizeof want, "event=config.error message=\"%s:3: ", d->config_path);
	ck_assert_ptr_nonnull(strstr(log, want));
	free(log);
	ck_assert(tdaemon_log_value(d, "event=daemon.reload_failed", "reason", why, sizeof why));
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=zygote.ready"), 1);
	tw_close(w);
	expect_echo("p");
	tdaemon_stop(d);
}
END_TEST

/* Reloads at any moment lose nothing, run nothing twice, and leave nothing behind. */
START_TEST(test_reload_under_load)
{
	enum { N = 20000, RELOADS = 15 };
	static const char *const texts[] = {
		"pool p {\n kind = threads\n slots = 2\n modules = {testmod_crash, basic}\n}\n"
		"pool q {\n kind = processes\n slots = 2\n modules = {basic, testmod_crash}\n}\n",
		"pool p {\n kind = threads\n slots = 3\n modules = {basic, testmod_crash, "
		"math}\n}\n"
		"pool q {\n kind = processes\n slots = 1\n modules = {testmod_crash, basic}\n}\n",
	};

	start(texts[0]);
	struct tw *w[2] = {tw_open(d->unix_url, "p"), tw_open(d->unix_url, "q")};
	for (int k = 0; k < 2; k++) {
		for (uint64_t id = 0; id < N; id++)
			tw_put(w[k], id, "mark", mark);
		tw_flush(w[k]);
	}
	for (unsigned i = 1; i <= RELOADS; i++) {
		/* every third comes before the one before has taken over */
		tdaemon_configure(d, texts[i % 2]);
		tdaemon_signal(d, SIGHUP);
		tdaemon_wait_log_count(d, "event=daemon.reload", i);
		if (i % 3 == 0)
			tdaemon_wait_log_count(d, "event=zygote.ready pool=q", i / 3 + 1);
		(void)tw_pump(w[0], 0);
		(void)tw_pump(w[1], 0);
	}
	for (int k = 0; k < 2; k++) {
		tw_wait_answers(w[k], N);
		for (uint64_t id = 0; id < N; id++)
			tw_expect_status(w[k], id, FUT_OK);
	}
	ck_assert_uint_eq(tfile_lines(mark), 2 * N);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	pid_t hosts[TD_HOSTS_MAX];
	twait_until(d, tdaemon_hosts(d, "p", hosts, TD_HOSTS_MAX) == 1);
	twait_until(d, tdaemon_hosts(d, "q", hosts, TD_HOSTS_MAX) == 1);
	tw_close(w[0]);
	tw_close(w[1]);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("reload");
	TCase *tc = trun_case(s, "reload");

	tcase_add_loop_test(tc, test_reload, 0, 2);
	tcase_add_test(tc, test_reload_without_a_task);
	tcase_add_test(tc, test_reload_of_a_broken_configuration);
	tcase_add_test(tc, test_reload_under_load);
	return s;
}
