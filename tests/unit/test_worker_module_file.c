/* Which files the worker would load as modules: by who could have written them. */
#include "worker/module_file.h"

#include "tests/lib/trun.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];
static char reason[MODULE_FILE_REASON_MAX];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void make_base(void)
{
	strcpy(base, "/tmp/tmodule-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
}

static void remove_base(void)
{
	(void)nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in_base(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, PATH_MAX, "%s/%s", base, name);
	return path;
}

static const char *make_file(const char *name, mode_t mode)
{
	const char *path = in_base(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	(void)close(fd);
	return path;
}

static const char *make_dir(const char *name, mode_t mode)
{
	const char *path = in_base(name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static void must_pass(const char *path)
{
	ck_assert_msg(module_file_check(path, getuid(), reason) == 0, "%s: %s", path, reason);
}

static void must_refuse(const char *path, const char *why)
{
	ck_assert_msg(module_file_check(path, getuid(), reason) == -EINVAL, "%s", path);
	ck_assert_msg(strstr(reason, why) != NULL, "'%s' does not say '%s'", reason, why);
}

START_TEST(ones_own_and_roots_pass)
{
	must_pass(make_file("m.so", 0644));
	must_pass(make_file("x.so", 0755));
	must_pass("/bin/sh"); /* through root's links */
	(void)make_dir("d", 0755);
	must_pass(make_file("d/m.so", 0600));
	must_pass(in_base("./d//../d/./m.so"));
}
END_TEST

START_TEST(a_path_says_where)
{
	must_refuse("m.so", "the path is not absolute");
	must_refuse("", "the path is not absolute");
	must_refuse(in_base("none.so"), "it cannot be read: No such file or directory");
	(void)make_file("m.so", 0644);
	must_refuse(in_base("m.so/x"), "it cannot be read: Not a directory");
}
END_TEST

START_TEST(only_files)
{
	must_refuse(make_dir("dir.so", 0755), "it is not a regular file");
	ck_assert_int_eq(mkfifo(in_base("fifo.so"), 0600), 0);
	must_refuse(in_base("fifo.so"), "it is not a regular file");
	must_refuse("/dev/null", "it is not a regular file");
	must_refuse("/", "it is not a regular file");
}
END_TEST

START_TEST(others_may_not_write_it)
{
	must_refuse(make_file("group.so", 0664), "it can be written by others");
	must_refuse(make_file("all.so", 0646), "it can be written by others");
}
END_TEST

/* The owner is the user under whom the daemon runs; another directory of his may be his group's,
 * but not one that belongs to root. */
START_TEST(directories_count)
{
	(void)make_dir("open", 0777);
	(void)make_file("open/m.so", 0644);
	if (getuid() == 0)
		must_refuse(in_base("open/m.so"), "/open can be written by others");
	else
		must_pass(in_base("open/m.so"));
	ck_assert_int_eq(chmod(in_base("open"), 01777), 0);
	must_pass(in_base("open/m.so"));
}
END_TEST

START_TEST(links_of_ones_own_pass)
{
	(void)make_file("m.so", 0644);
	(void)make_dir("d", 0755);
	ck_assert_int_eq(symlink("m.so", in_base("link.so")), 0);
	must_pass(in_base("link.so"));
	ck_assert_int_eq(symlink("../link.so", in_base("d/far.so")), 0);
	must_pass(in_base("d/far.so"));
	ck_assert_int_eq(symlink(base, in_base("d/back")), 0);
	must_pass(in_base("d/back/d/back/m.so"));
	ck_assert_int_eq(symlink("round.so", in_base("round.so")), 0);
	must_refuse(in_base("round.so"), "the path has more than 8 links");
	/* What it leads to counts, and not what it is called. */
	(void)make_file("group.so", 0664);
	ck_assert_int_eq(symlink("group.so", in_base("fine.so")), 0);
	must_refuse(in_base("fine.so"), "it can be written by others");
}
END_TEST

/* Only root can make these. */
START_TEST(strangers_are_refused)
{
	const uid_t stranger = 65534;

	(void)make_file("m.so", 0644);
	ck_assert_int_eq(chown(in_base("m.so"), stranger, stranger), 0);
	must_refuse(in_base("m.so"), "/m.so belongs to user 65534");
	(void)make_dir("d", 0755);
	(void)make_file("d/m.so", 0644);
	ck_assert_int_eq(chown(in_base("d"), stranger, stranger), 0);
	must_refuse(in_base("d/m.so"), "/d belongs to user 65534");
	(void)make_file("good.so", 0644);
	ck_assert_int_eq(symlink("good.so", in_base("link.so")), 0);
	ck_assert_int_eq(lchown(in_base("link.so"), stranger, stranger), 0);
	must_refuse(in_base("link.so"), "/link.so belongs to user 65534");
	/* To the stranger's own daemon it is its own. */
	ck_assert_int_eq(module_file_check(in_base("d/m.so"), stranger, reason), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_module_file");
	TCase *tc = trun_case(s, "files");

	tcase_add_checked_fixture(tc, make_base, remove_base);
	tcase_add_test(tc, ones_own_and_roots_pass);
	tcase_add_test(tc, a_path_says_where);
	tcase_add_test(tc, only_files);
	tcase_add_test(tc, others_may_not_write_it);
	tcase_add_test(tc, directories_count);
	tcase_add_test(tc, links_of_ones_own_pass);
	trun_add_unless(tc, geteuid() == 0 ? NULL : "only root gives files away",
			strangers_are_refused, 1);
	return s;
}
