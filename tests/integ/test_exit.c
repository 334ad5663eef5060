/*
 * The end of a program: exit() waits for what was submitted, wherever it is called, and
 * nothing else does. The programs are leaver.c and unloader.c.
 */
#include "tests/integ/leaving.h"

#include <signal.h>

static const struct {
	const char *how;
	int code;
	unsigned slots, marks;
} leavers[] = {
	{"keep", 0, 1, MARKS},    {"drop", 0, 1, MARKS},     {"shutdown", 0, 1, MARKS},
	{"cancel", 0, 1, 0},      {"two", 0, 1, 2 * MARKS},  {"handler", 0, 1, MARKS},
	{"earlier", 0, 1, MARKS}, {"callback", 3, 2, MARKS}, {"thread", 4, 1, MARKS},
	{"fork", 0, 1, MARKS},
};

/* Each way of leaving, above the way to the pool. */
START_TEST(test_exit_waits)
{
	int way = _i % WAYS, i = _i / WAYS;

	start_leaving(way, leavers[i].slots);
	pid_t pid = spawn_leaver(leavers[i].how, way);
	twait_until(d, is_there(leaving));
	ck_assert_uint_eq(tfile_lines(mark), 0);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	tfile_touch(gate);
	ck_assert_int_eq(end_of(pid), leavers[i].code);
	ck_assert_uint_eq(tfile_lines(mark), leavers[i].marks);
	stop();
}
END_TEST

/* A forked child waits for what is its own. */
static const char *const forkers[] = {"fork_works", "fork_late"};

START_TEST(test_exit_of_a_child)
{
	start_leaving(_i % WAYS, 1);
	ck_assert_int_eq(end_of(spawn_leaver(forkers[_i / WAYS], _i % WAYS)), 0);
	ck_assert_uint_eq(tfile_lines(mark), MARKS);
	stop();
}
END_TEST

START_TEST(test_no_exit_no_wait)
{
	bool dies = _i / WAYS;

	start_leaving(_i % WAYS, 1);
	pid_t pid = spawn_leaver(dies ? "die" : "_exit", _i % WAYS);
	ck_assert_int_eq(end_of(pid), dies ? -SIGKILL : 5);
	ck_assert(!is_there(gate));
	tdaemon_wait_log(d, "event=session.close session=2");
	tfile_touch(gate);
	stop();
}
END_TEST

/* The wait ends when nothing can come any more. */
START_TEST(test_exit_and_a_daemon_that_dies)
{
	start_leaving(_i, 1);
	pid_t pid = spawn_leaver("drop", _i);
	twait_until(d, is_there(leaving));
	tdaemon_signal(d, SIGKILL);
	ck_assert_int_eq(end_of(pid), 0);
	close_executor(x);
	ck_assert_int_eq(tdaemon_wait_exit(d), -SIGKILL);
	struct twait w = twait_for(d, "the hosts to end");
	while (waitpid(-1, NULL, WNOHANG) >= 0)
		twait_step(&w);
	tdaemon_forget(d);
}
END_TEST

/* dlclose() does not wait: the threads run on, and exit() waits for them as ever. */
START_TEST(test_unloaded)
{
	char library[400], url[192];

	start_leaving(_i, 1);
	snprintf(library, sizeof library, "%s/.libs/libfutured.so", td_builddir());
	snprintf(url, sizeof url, "%s?pool=p", url_of(_i));
	ck_assert_int_eq(end_of(spawn("unloader", library, url, d->dir)), 0);
	ck_assert_uint_eq(tfile_lines(mark), MARKS);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("exit");
	TCase *tc = trun_case(s, "exit");

	tcase_add_loop_test(tc, test_exit_waits, 0, (int)ARRAY_LEN(leavers) * WAYS);
#ifndef __SANITIZE_THREAD__ /* which dies of a thread that a forked child starts */
	tcase_add_loop_test(tc, test_exit_of_a_child, 0, (int)ARRAY_LEN(forkers) * WAYS);
#endif
	tcase_add_loop_test(tc, test_no_exit_no_wait, 0, 2 * WAYS);
	tcase_add_loop_test(tc, test_exit_and_a_daemon_that_dies, 0, WAYS);
	tcase_add_loop_test(tc, test_unloaded, 0, WAYS);
	return s;
}
