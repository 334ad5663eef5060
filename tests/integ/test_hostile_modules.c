/*
 * Modules that harm the process that loads them: each is refused by name, while its pool's other
 * modules work, another pool has not noticed, and nothing of it is left.
 */
#include "tests/integ/one_daemon.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
	const char *module;
	const char *words; /* in the log, about it */
} hostile[] = {
	{"crash", "how=\"was ended by signal 11 (SIGSEGV)\""},
	{"exit", "how=\"exited with status 0\""},
	{"hang", "how=\"it did not load its modules in time\""},
	{"fork", "reason=\"it starts processes while it is loaded\""},
	{"child", "reason=\"it starts processes while it is loaded\""},
	{"thread", "reason=\"it starts threads, which no host would have\""},
	{"close", "reason=\"it closes descriptors that are not its own\""},
	{"close_all", "reason=\"while it was loaded, the zygote ended\""},
	{"many", "reason=\"it has more than 1024 tasks\""},
};

enum { KINDS = 2, ALL = KINDS * (int)ARRAY_LEN(hostile) };

static const char *which_hostile(int i)
{
	return hostile[i / KINDS].module;
}

/* The one that hangs is given up after this; the others must not be. */
static const char *patience_for(const char *module)
{
	return strcmp(module, "hang") == 0 ? "3s" : "60s";
}

START_TEST(test_one_hostile_module)
{
	char text[500], line[200];
	const char *module = which_hostile(_i);

	snprintf(text, sizeof text,
		 "start_timeout = %s\n"
		 "pool p {\n kind = %s\n slots = 1\n modules = {testmod_hostile_%s, basic}\n}\n"
		 "pool q {\n kind = threads\n slots = 1\n modules = {basic}\n}\n",
		 patience_for(module), _i % KINDS ? "processes" : "threads", module);
	start(text);
	expect_echo("q");
	expect_echo("p");
	snprintf(line, sizeof line,
		 "event=module.failed pool=p module=%s/.libs/testmod_hostile_%s.so", td_builddir(),
		 module);
	ck_assert_uint_ge(tdaemon_log_count(d, line), 1);
	char *log = tdaemon_log(d);
	ck_assert_msg(strstr(log, hostile[_i / KINDS].words) != NULL, "%s is not in:\n%s",
		      hostile[_i / KINDS].words, log);
	free(log);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "hostile_never", "");
	(void)tw_expect_status(w, 0, FUT_UNKNOWN_TASK);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* Each of them costs a zygote, and the pool comes up all the same. */
START_TEST(test_all_of_them)
{
	start("start_timeout = 60s\n"
	      "pool p {\n kind = processes\n slots = 1\n modules = {testmod_hostile_crash, "
	      "testmod_hostile_fork, testmod_hostile_thread, testmod_hostile_close_all, basic, "
	      "testmod_hostile_many}\n}\n");
	expect_echo("p");
	tdaemon_stop(d);
}
END_TEST

/* A module that others could have written is not touched. */
START_TEST(test_a_module_of_others)
{
	char dir[96], path[160], from[4300], text[600];

	start("pool p {\n kind = threads\n slots = 1\n modules = {basic}\n}\n");
	tdaemon_path(d, "modules", dir, sizeof dir);
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	snprintf(path, sizeof path, "%s/mine.so", dir);
	snprintf(from, sizeof from, "cp %s/.libs/testmod_place.so %s", td_builddir(), path);
	ck_assert_int_eq(system(from), 0);
	ck_assert_int_eq(chmod(path, 0666), 0);
	snprintf(text, sizeof text,
		 "pool p {\n kind = threads\n slots = 1\n modules = {basic, '%s'}\n}\n", path);
	tdaemon_configure(d, text);
	tdaemon_signal(d, SIGHUP);
	tdaemon_wait_log(d, "event=module.failed pool=p");
	char *log = tdaemon_log(d);
	ck_assert_ptr_nonnull(strstr(log, "it can be written by others"));
	free(log);
	expect_echo("p");
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("hostile_modules");
	TCase *tc = trun_case(s, "modules");

	tcase_add_loop_test(tc, test_one_hostile_module, 0, ALL);
	tcase_add_test(tc, test_all_of_them);
	tcase_add_test(tc, test_a_module_of_others);
	return s;
}
