/* What ps and top show of a daemon's processes, and that they keep their environment. */
#include "tests/integ/one_daemon.h"
#include "tests/integ/slots.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 3 };

static void read_proc(long pid, const char *name, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
	FILE *f = fopen(path, "re");
	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	size_t n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
}

/* Arguments, with spaces between them as ps puts them, and without what is behind. */
static void read_title(long pid, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	size_t n = fread(text, 1, size - 1, f);
	fclose(f);
	while (n > 0 && text[n - 1] == '\0')
		n--;
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		text[i] = text[i] ? text[i] : ' ';
}

static void start_named(const char *kind, const char *name)
{
	const char *env[] = {slots_env, "MARKED=yes, it is", NULL};
	char text[400];

	snprintf(text, sizeof text,
		 "command env { exec = {\"/usr/bin/env\"} }\n"
		 "pool %s {\n kind = %s\n slots = %d\n modules = {testmod_slots, testmod_crash}\n"
		 " commands = {env}\n environment = {SLOTS_DIR, MARKED}\n}\n",
		 name, kind, SLOTS);
	d = tdaemon_start_with(.config = text, .env = env);
	tdaemon_path(d, "gate", gate, sizeof gate);
}

static void run_gates(struct tw *w)
{
	for (uint64_t id = 0; id < SLOTS; id++)
		tw_submit(w, id, "gate", gate);
	for (uint64_t id = 0; id < SLOTS; id++)
		tw_wait_started(w, id);
}

static void open_gates(struct tw *w)
{
	tfile_touch(gate);
	for (uint64_t id = 0; id < SLOTS; id++)
		tw_expect_value(w, id, "open");
}

START_TEST(test_processes)
{
	pid_t hosts[SLOTS + 1];
	bool seen[SLOTS] = {false};
	char text[256];

	start_named("processes", "cpu");
	struct tw *w = tw_open(d->unix_url, "cpu");
	read_title(tdaemon_zygote(d, "cpu"), text, sizeof text);
	ck_assert_str_eq(text, "futured-worker: zygote of cpu");
	run_gates(w);
	ck_assert_uint_eq(tdaemon_hosts(d, "cpu", hosts, SLOTS + 1), SLOTS);
	for (unsigned i = 0; i < SLOTS; i++) {
		unsigned number;
		read_title(hosts[i], text, sizeof text);
		ck_assert_str_eq(text, "futured-worker: host of cpu");
		read_proc(hosts[i], "comm", text, sizeof text);
		ck_assert_int_eq(sscanf(text, "cpu_%u", &number), 1);
		ck_assert_uint_lt(number, SLOTS);
		ck_assert(!seen[number]);
		seen[number] = true;
	}
	open_gates(w);
	/* One that takes another's place has its number. */
	read_proc(hosts[1], "comm", text, sizeof text);
	ck_assert_int_eq(kill(hosts[1], SIGKILL), 0);
	tdaemon_wait_log(d, "event=host.died");
	unlink(gate);
	run_gates(w);
	char again[256];
	pid_t now[SLOTS + 1];
	bool found = false;
	ck_assert_uint_eq(tdaemon_hosts(d, "cpu", now, SLOTS + 1), SLOTS);
	for (unsigned i = 0; i < SLOTS; i++) {
		read_proc(now[i], "comm", again, sizeof again);
		found |= now[i] != hosts[1] && strcmp(again, text) == 0;
	}
	ck_assert(found);
	open_gates(w);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

START_TEST(test_threads)
{
	pid_t hosts[2];
	bool seen[SLOTS] = {false};
	char path[64], text[256];

	start_named("threads", "a-rather-long-name");
	struct tw *w = tw_open(d->unix_url, "a-rather-long-name");
	ck_assert_uint_eq(tdaemon_hosts(d, "a-rather-long-name", hosts, 2), 1);
	read_title(hosts[0], text, sizeof text);
	ck_assert_str_eq(text, "futured-worker: host of a-rather-long-name");
	read_proc(hosts[0], "comm", text, sizeof text);
	ck_assert_str_eq(text, "a-rather-long_0");
	snprintf(path, sizeof path, "/proc/%d/task", (int)hosts[0]);
	DIR *dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		unsigned number;
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof path, "task/%.16s/comm", e->d_name);
		read_proc(hosts[0], path, text, sizeof text);
		ck_assert_int_eq(sscanf(text, "a-rather-long_%u", &number), 1);
		ck_assert_uint_lt(number, SLOTS);
		ck_assert(!seen[number]);
		seen[number] = true;
	}
	closedir(dir);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert(seen[i]);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* A task's getenv(), a program's environment, and what /proc shows of it. */
START_TEST(test_environment)
{
	pid_t hosts[2];
	static char text[1024 * 1024]; /* what make puts there can be long */
	char path[128];

	start_named(_i ? "processes" : "threads", "p");
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "env", "");
	const struct tw_job *j = tw_expect_status(w, 0, FUT_OK);
	ck_assert_ptr_nonnull(memmem(j->value, j->len, "MARKED=yes, it is\n", 18));
	slots_path("log", path); /* $SLOTS_DIR says where */
	ck_assert_uint_gt(tfile_lines(path), 0);
	ck_assert_uint_gt(tdaemon_hosts(d, "p", hosts, 2), 0);
	snprintf(path, sizeof path, "/proc/%d/environ", (int)hosts[0]);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	size_t n = fread(text, 1, sizeof text, f);
	fclose(f);
	ck_assert_ptr_nonnull(memmem(text, n, "MARKED=yes, it is", 18));
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("names");
	TCase *tc = trun_case(s, "names");

	tcase_add_checked_fixture(tc, slots_set_up, slots_tear_down);
	tcase_add_test(tc, test_processes);
	tcase_add_test(tc, test_threads);
	tcase_add_loop_test(tc, test_environment, 0, 2);
	return s;
}
