#include "daemon/oom.h"

#include "tests/lib/trun.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], cgroup[96];

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void setup(void)
{
	strcpy(dir, "/tmp/futured-oom-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(cgroup, sizeof cgroup, "%s/cgroup", dir);
}

static void teardown(void)
{
	static const char *const names[] = {"cgroup",
					    "events",
					    "memory/jobs/memory.oom_control",
					    "memory/jobs",
					    "memory/memory.oom_control",
					    "memory",
					    "jobs/memory.events",
					    "jobs",
					    "memory.events"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)remove(in_dir(names[i]));
	ck_assert_int_eq(rmdir(dir), 0);
}

static void must_find(const char *lines, const char *want)
{
	char path[PATH_MAX];

	write_file(cgroup, lines);
	int r = oom_find(cgroup, dir, path);
	ck_assert_int_eq(r, want ? 0 : -ENOENT);
	ck_assert_str_eq(path, want ? in_dir(want) : "");
}

START_TEST(test_version_2)
{
	must_find("0::/jobs\n", NULL);
	ck_assert_int_eq(mkdir(in_dir("jobs"), 0700), 0);
	write_file(in_dir("memory.events"), "");
	must_find("0::/jobs\n", "memory.events"); /* the group is mounted as the root */
	write_file(in_dir("jobs/memory.events"), "");
	must_find("0::/jobs\n", "jobs/memory.events");
}
END_TEST

/* Version 1, and both beside each other. */
START_TEST(test_version_1)
{
	ck_assert_int_eq(mkdir(in_dir("memory"), 0700), 0);
	ck_assert_int_eq(mkdir(in_dir("memory/jobs"), 0700), 0);
	write_file(in_dir("memory/jobs/memory.oom_control"), "");
	must_find("3:cpu:/jobs\n2:hugememory:/jobs\n1:memoryless:/jobs\n", NULL);
	must_find("3:cpu:/jobs\n4:cpuset,memory:/jobs\n0::/\n", "memory/jobs/memory.oom_control");
	must_find("4:memory:/jobs\n", "memory/jobs/memory.oom_control");
}
END_TEST

START_TEST(test_not_a_list)
{
	char path[PATH_MAX];

	must_find("", NULL);
	must_find("memory\nno colons at all\n:\n", NULL);
	ck_assert_int_eq(oom_find(in_dir("nowhere"), dir, path), -ENOENT);
	ck_assert_str_eq(path, "");
}
END_TEST

START_TEST(test_counts)
{
	write_file(in_dir("events"), "low 0\nhigh 9\nmax 8\noom 7\noom_kill 3\noom_group_kill 5\n");
	ck_assert_uint_eq(oom_kills(in_dir("events")), 3);
	write_file(in_dir("events"), "oom_kill_disable 1\nunder_oom 0\noom_kill 12\n");
	ck_assert_uint_eq(oom_kills(in_dir("events")), 12);
	write_file(in_dir("events"), "oom_kill_disable 0\nunder_oom 0\n");
	ck_assert_uint_eq(oom_kills(in_dir("events")), 0);
	ck_assert_uint_eq(oom_kills(in_dir("nowhere")), 0);
	ck_assert_uint_eq(oom_kills(""), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("oom");
	TCase *tc = trun_case(s, "oom");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_version_2);
	tcase_add_test(tc, test_version_1);
	tcase_add_test(tc, test_not_a_list);
	tcase_add_test(tc, test_counts);
	return s;
}
