/* --session-fd: a daemon that serves one connected socket, and ends with it. */
#include "tests/integ/one_daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tw *w;

/* Starts it on a socket of its own, with `w` at the other end. */
static void start_on_socket(const char *config, const char *pool)
{
	const char *args[] = {"--session-fd", NULL, NULL};
	char number[16];
	int sv[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	/* Inherited, unlike its other end. */
	ck_assert_int_eq(fcntl(sv[1], F_SETFD, 0), 0);
	snprintf(number, sizeof number, "%d", sv[1]);
	args[1] = number;
	w = tw_over(sv[0]);
	tw_greet(w, pool); /* lies in the socket until somebody is there */
	d = tdaemon_spawn(
		&(struct tdaemon_options){.config = config, .no_listen = true, .args = args});
	close(sv[1]);
	tdaemon_path(d, "gate", gate, sizeof gate);
}

/* It ends by itself, well, without waiting for anything, and with all its processes. */
static void expect_end(void)
{
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=daemon.hurry"), 0);
	/* What a task started was killed, and comes to us; that it is dead may take a moment. */
	struct twait patience = twait_for(d, "what jobs started to end");
	while (waitpid(-1, NULL, WNOHANG) >= 0)
		twait_step(&patience);
	tdaemon_stop(d);
}

static const char *const kinds[] = {"threads", "processes"};

static const char *pool_of(const char *kind, const char *modules)
{
	static char text[512];

	/* A grace that nobody would wait for. */
	snprintf(text, sizeof text,
		 "kill_grace = 1h\n"
		 "pool other {\n  kind = processes\n  slots = 1\n  modules = {basic}\n}\n"
		 "pool p {\n  kind = %s\n  slots = 2\n  modules = {%s}\n  commands = {litter}\n}\n"
		 "command litter {\n  exec = {\"/bin/sh\", \"-c\", \"sleep 1000 & wait\"}\n}\n",
		 kind, modules);
	return text;
}

START_TEST(test_bye)
{
	const struct message bye = {.kind = MESSAGE_BYE};

	start_on_socket(pool_of(kinds[_i], "basic"), "p");
	tw_wait_welcome(w);
	ck_assert_str_eq(w->pool, "p");
	tw_submit(w, 0, "echo", "well");
	tw_expect_value(w, 0, "well");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=listener.open"), 0);
	tw_put_message(w, &bye, SPAN_EMPTY);
	(void)tw_flush(w);
	tw_expect_end(w);
	tw_close(w);
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	/* What had nothing to do ended by itself. */
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	ck_assert_uint_gt(tdaemon_log_count(d, "event=host.ended"), 0);
	tdaemon_stop(d);
}
END_TEST

/* Whoever is at the other end goes: what runs, what waits, and what a task started. */
START_TEST(test_closed_while_jobs_run)
{
	start_on_socket(pool_of(kinds[_i], "basic, testmod_crash"), "p");
	tw_wait_welcome(w);
	tw_submit(w, 0, "stubborn", "");
	tw_submit(w, 1, "litter", "");
	tw_submit(w, 2, "echo", "");
	tw_wait_started(w, 0);
	tw_wait_started(w, 1);
	tw_close(w);
	expect_end();
}
END_TEST

START_TEST(test_drain)
{
	start_on_socket(pool_of(kinds[_i], "basic, testmod_crash"), "p");
	tw_wait_welcome(w);
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	tdaemon_signal(d, SIGTERM);
	tw_expect_goaway(w, FUT_DRAINING);
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	tw_expect_end(w);
	ck_assert(w->bye);
	tw_close(w);
	expect_end();
}
END_TEST

START_TEST(test_closed_while_it_drains)
{
	start_on_socket(pool_of(kinds[_i], "basic, testmod_crash"), "p");
	tw_wait_welcome(w);
	tw_submit(w, 0, "stubborn", "");
	tw_wait_started(w, 0);
	tdaemon_signal(d, SIGTERM);
	tw_expect_goaway(w, FUT_DRAINING);
	tw_close(w);
	expect_end();
}
END_TEST

START_TEST(test_no_protocol)
{
	start_on_socket(pool_of("threads", "basic"), "p");
	tw_wait_welcome(w);
	tw_put_raw(w, "GET / HTTP/1.1\r\n\r\n", 18);
	(void)tw_flush(w);
	tw_expect_end(w);
	tw_close(w);
	expect_end();
}
END_TEST

/* ---- what it is given ---------------------------------------------------- */

static void must_refuse(const char *number, const char *also, const char *why)
{
	const char *const args[] = {"--session-fd", number, also, NULL};
	struct tdaemon *run = tdaemon_spawn(&(struct tdaemon_options){
		.config = pool_of("threads", "basic"), .no_listen = true, .args = args});
	char *log;

	ck_assert_int_eq(tdaemon_wait_exit(run), 64);
	log = tdaemon_log(run);
	if (!strstr(log, why))
		tdaemon_fail(run, __FILE__, __LINE__, why);
	free(log);
	tdaemon_forget(run);
}

START_TEST(test_no_socket)
{
	char number[16];
	int sv[2];

	static const char *const no_numbers[] = {"", "x", "0", "2", "-1", "3x", "99999999999"};
	for (size_t i = 0; i < ARRAY_LEN(no_numbers); i++)
		must_refuse(no_numbers[i], NULL, strerror(EBADF));
	must_refuse("77", NULL, strerror(EBADF));
	int fd = open("/dev/null", O_RDWR);
	snprintf(number, sizeof number, "%d", fd);
	must_refuse(number, NULL, strerror(ENOTSOCK));
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	must_refuse(number, NULL, strerror(ENOTCONN));
	close(fd);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
	ck_assert_int_eq(sv[0], fd);
	must_refuse(number, NULL, strerror(EPROTOTYPE));
	close(sv[0]), close(sv[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	must_refuse(number, "--listen=tcp://127.0.0.1:0", "--session-fd listens nowhere");
	close(sv[0]), close(sv[1]);
}
END_TEST

/* Whether a process has a descriptor of the same file. */
static bool has_open(pid_t pid, const struct stat *file)
{
	char path[300];
	struct dirent *entry;
	struct stat st;
	bool found = false;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, entry->d_name);
		found |= stat(path, &st) == 0 && st.st_dev == file->st_dev &&
			 st.st_ino == file->st_ino;
	}
	closedir(dir);
	return found;
}

/* What the daemon was started with is not for the processes it starts. */
START_TEST(test_workers_inherit_nothing)
{
	struct stat st;
	pid_t host;
	int pipes[2];

	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(fstat(pipes[0], &st), 0);
	start_on_socket(pool_of(kinds[_i], "basic"), "p");
	tw_wait_welcome(w);
	tdaemon_wait_log(d, "event=host.up pool=p");
	ck_assert_uint_ge(tdaemon_hosts(d, "p", &host, 1), 1);
	ck_assert(has_open(d->pid, &st));
	ck_assert(!has_open(tdaemon_zygote(d, "p"), &st));
	ck_assert(!has_open(host, &st));
	close(pipes[0]), close(pipes[1]);
	tw_close(w);
	expect_end();
}
END_TEST

/* A second zygote, from the same configuration; the session goes on. */
START_TEST(test_reload)
{
	start_on_socket(pool_of(kinds[_i], "basic"), "p");
	tw_wait_welcome(w);
	tdaemon_signal(d, SIGHUP);
	tdaemon_wait_log_count(d, "event=zygote.ready pool=p", 2);
	tw_submit(w, 0, "echo", "again");
	tw_expect_value(w, 0, "again");
	tw_close(w);
	expect_end();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("only_session");
	TCase *tc = trun_case(s, "ends");

	trun_add_each(tc, test_bye, kinds);
	trun_add_each(tc, test_closed_while_jobs_run, kinds);
	trun_add_each(tc, test_drain, kinds);
	trun_add_each(tc, test_closed_while_it_drains, kinds);
	tcase_add_test(tc, test_no_protocol);
	tc = trun_case(s, "given");
	tcase_add_test(tc, test_no_socket);
	trun_add_each(tc, test_workers_inherit_nothing, kinds);
	trun_add_each(tc, test_reload, kinds);
	return s;
}
