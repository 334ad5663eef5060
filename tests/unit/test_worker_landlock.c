/* Landlock's rules, put on by a child. */
#include "worker/landlock.h"

#include "tests/lib/trun.h"
#include "worker/privileges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TRUN_NO_LEAK_CHECK;

static char dir[64], inside[96], outside[96];

static void write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "#!/bin/sh\n", 10), 10);
	(void)close(fd);
}

static void make_files(void)
{
	strcpy(dir, "/tmp/tlandlock-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(inside, sizeof inside, "%s/in", dir);
	(void)snprintf(outside, sizeof outside, "%s/out", dir);
	ck_assert_int_eq(mkdir(inside, 0700), 0);
	ck_assert_int_eq(mkdir(outside, 0700), 0);
	(void)strcat(inside, "/file");
	(void)strcat(outside, "/file");
	write_file(inside);
	write_file(outside);
}

static void remove_files(void)
{
	(void)remove(inside);
	(void)remove(outside);
	*strrchr(inside, '/') = '\0';
	*strrchr(outside, '/') = '\0';
	(void)rmdir(inside);
	(void)rmdir(outside);
	(void)rmdir(dir);
}

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : 0;

	close_fd(fd);
	return error;
}

/* Puts on rules that allow so much to the place of the file `inside`. */
static void enter(unsigned access, bool network)
{
	char path[96];
	int fd;

	(void)strcpy(path, inside);
	*strrchr(path, '/') = '\0';
	must(privileges_freeze() == 0);
	must(landlock_open(network, &fd) == 0);
	must(landlock_allow(fd, path, access) == 0);
	must(landlock_allow(fd, "/dev/null", LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_DEVICE) ==
	     0);
	must(landlock_allow(fd, "/no/such/file", LANDLOCK_READ) == -ENOENT);
	must(landlock_enter(fd) == 0);
	must(landlock_enter(fd) == 0); /* once more, as hosts do */
	(void)close(fd);
}

START_TEST(reading)
{
	enter(LANDLOCK_READ, true);
	ck_assert_int_eq(try_open(inside, O_RDONLY), 0);
	ck_assert_int_eq(try_open(inside, O_WRONLY), EACCES);
	ck_assert_int_eq(try_open(outside, O_RDONLY), EACCES);
	ck_assert_int_eq(try_open("/etc/passwd", O_RDONLY), EACCES);
	ck_assert_int_eq(try_open("/dev/null", O_RDWR), 0);
	ck_assert_int_eq(access(outside, F_OK), 0); /* that there is one is no secret */
	ck_assert_int_eq(unlink(inside), -1);
	ck_assert_int_eq(errno, EACCES);
}
END_TEST

START_TEST(writing)
{
	char made[112];

	enter(LANDLOCK_READ | LANDLOCK_WRITE, true);
	ck_assert_int_eq(try_open(inside, O_RDWR), 0);
	ck_assert_int_eq(try_open(outside, O_WRONLY), EACCES);
	(void)snprintf(made, sizeof made, "%s-made", inside);
	ck_assert_int_eq(try_open(made, O_WRONLY | O_CREAT), 0);
	ck_assert_int_eq(unlink(made), 0);
	(void)snprintf(made, sizeof made, "%s-made", outside);
	ck_assert_int_eq(try_open(made, O_WRONLY | O_CREAT), EACCES);
	if (landlock_version() >= 3) {
		ck_assert_int_eq(truncate(inside, 0), 0);
		ck_assert_int_eq(truncate(outside, 0), -1);
	}
}
END_TEST

/* In a child of its own: a program that runs does not come back. */
static int try_exec(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, NULL);
		_exit(errno == EACCES ? 1 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(executing)
{
	enter(LANDLOCK_READ, true);
	ck_assert_int_eq(try_exec(inside), 1);
	ck_assert_int_eq(try_exec("/bin/true"), 1);
}
END_TEST

START_TEST(tcp_needs_the_network)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	enter(LANDLOCK_READ, _i == 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, sizeof to), _i == 1 ? 0 : -1);
	if (_i == 0)
		ck_assert_int_eq(errno, EACCES);
	(void)close(fd);
}
END_TEST

START_TEST(signals_stay_inside)
{
	enter(LANDLOCK_READ, true);
	ck_assert_int_eq(kill(getpid(), 0), 0);
	ck_assert_int_eq(kill(getppid(), 0), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

static const char *why_older_than(int version)
{
	if (landlock_version() == 0)
		return "the kernel has no Landlock";
	return landlock_version() < version ? "the kernel's Landlock is too old" : NULL;
}

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_landlock");
	TCase *tc = trun_case(s, "landlock");

	/* A test that has confined itself could not remove them. */
	tcase_add_unchecked_fixture(tc, make_files, remove_files);
	trun_add_unless(tc, why_older_than(1), reading, 1);
	trun_add_unless(tc, why_older_than(1), writing, 1);
	trun_add_unless(tc, why_older_than(1), executing, 1);
	trun_add_unless(tc, why_older_than(4), tcp_needs_the_network, 2);
	trun_add_unless(tc, why_older_than(6), signals_stay_inside, 1);
	return s;
}
