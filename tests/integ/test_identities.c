/*
 * Several identities at one daemon: what each may, and that none sees what another has.
 *
 * Two are there for every user: the one of the tests, which a section names, and whoever comes by
 * TCP. Root has any number: a child becomes somebody, connects, and hands the socket back.
 */
#include "tests/integ/one_daemon.h"

#include <grp.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STRANGER = 65533, OTHER = 65532, GROUP = 65531 };

#define ALL       "tasks = {\"*\"}"
#define ONE       POOL("threads", "1", "basic, testmod_crash")
#define BOTH      ME(ALL) TCP(ALL) ONE
#define TCP(what) "identity tcp { " what " }\n"
#define ME(what)  "identity \"unix:%u\" { " what " }\n"

/* The configuration with this user's number where it has %u; who is refused may come again. */
static const char *mine(const char *format)
{
	static char text[2048];
	const char *number = strstr(format, "%u");

	ck_assert_ptr_nonnull(number);
	snprintf(text, sizeof text, "penalty_auth = 0s\n%.*s%u%s", (int)(number - format), format,
		 (unsigned)geteuid(), number + 2);
	return text;
}

static void reload(const char *text)
{
	unsigned before = tdaemon_log_count(d, "event=audit.reload");

	tdaemon_configure(d, text);
	tdaemon_signal(d, SIGHUP);
	tdaemon_wait_log_count(d, "event=audit.reload result=done", before + 1);
}

/* A job that keeps the only slot, until the gate is touched. */
static void close_slot(struct tw *w, uint64_t id)
{
	tw_submit(w, id, "gate", gate);
	tw_wait_started(w, id);
}

static json_int_t number_in(struct tw *w, const char *what, const char *member)
{
	json_error_t e;
	json_t *root = json_loads(tw_ask(w, what, ""), 0, &e);

	ck_assert_msg(root != NULL, "%s", w->admin_reply);
	json_t *n = json_object_get(root, member);
	ck_assert_msg(json_is_integer(n), "%s", w->admin_reply);
	json_int_t value = json_integer_value(n);
	json_decref(root);
	return value;
}

/* ---- nobody sees another's ------------------------------------------------ */

START_TEST(unique_names_are_ones_own)
{
	start(mine(BOTH));
	struct tw *a = tw_open(d->unix_url, "p"), *b = tw_open(d->tcp_url, "p");
	struct tw *also_b = tw_open(d->tcp_url, "p");
	struct tw *sessions[] = {a, b, also_b};

	close_slot(a, 9);
	for (size_t i = 0; i < ARRAY_LEN(sessions); i++) {
		tw_submit_limits(sessions[i], 1, "mark", mark, .unique = span_str("nightly"));
		tw_ping(sessions[i]);
	}
	/* another payload would be refused where the name is taken */
	tw_submit_limits(a, 2, "echo", "a", .unique = span_str("other"));
	tw_submit_limits(b, 2, "echo", "b", .unique = span_str("other"));
	tfile_touch(gate);
	for (size_t i = 0; i < ARRAY_LEN(sessions); i++)
		tw_expect_status(sessions[i], 1, FUT_OK);
	tw_expect_value(a, 2, "a");
	tw_expect_value(b, 2, "b");
	ck_assert_uint_eq(tfile_lines(mark), 2); /* one for each identity */
	for (size_t i = 0; i < ARRAY_LEN(sessions); i++)
		tw_close(sessions[i]);
	tdaemon_stop(d);
}
END_TEST

/* B33: jobs of others, those that are done, and those that never were: no way to tell. */
START_TEST(foreign_finished_and_unknown_are_the_same)
{
	static const uint64_t place = 3;
	char name[64], first[256] = "";

	start(mine(BOTH));
	struct tw *a = tw_open(d->unix_url, "p"), *b = tw_open(d->tcp_url, "p");
	close_slot(a, 0);
	tw_submit(a, place, "echo", "waits");
	tw_ping(a);
	const uint64_t sessions[] = {a->session, b->session, 99999};
	tw_submit(b, 7, "no_such_task", "");
	tw_expect_status(b, 7, FUT_UNKNOWN_TASK);
	for (size_t i = 0; i < ARRAY_LEN(sessions); i++) {
		snprintf(name, sizeof name, "%llu-3-0", (unsigned long long)sessions[i]);
		const char *text = tw_ask(b, "why", name);
		ck_assert_uint_eq(b->admin_status, FUT_INVALID);
		if (i == 0)
			snprintf(first, sizeof first, "%s", text);
		ck_assert_str_eq(text, first);
	}
	snprintf(name, sizeof name, "%llu-3-0", (unsigned long long)a->session);
	(void)tw_ask(a, "why", name);
	ck_assert_uint_eq(a->admin_status, FUT_OK);
	/* a Cancel speaks of the session's own, whatever its number is elsewhere */
	ck_assert_int_eq(tw_cancel(b, place, 2), FUT_VERDICT_UNKNOWN);
	ck_assert_int_eq(tw_cancel(b, 7, 2), FUT_VERDICT_UNKNOWN);
	ck_assert_int_eq(tw_cancel(b, 8, 2), FUT_VERDICT_UNKNOWN);
	tfile_touch(gate);
	tw_expect_value(a, place, "waits");
	tw_expect_value(a, 0, "open");
	tw_close(a);
	tw_close(b);
	tdaemon_stop(d);
}
END_TEST

START_TEST(lists_and_counts_are_ones_own)
{
	start(mine(ME(ALL " admin = read") TCP(ALL) ONE));
	struct tw *a = tw_open(d->unix_url, "p"), *b = tw_open(d->tcp_url, "p");

	close_slot(a, 0);
	tw_submit(a, 1, "echo", "1");
	tw_ping(a);
	ck_assert_str_eq(tw_ask(b, "jobs", ""), "{\"jobs\":[],\"more\":0}");
	ck_assert_int_eq(number_in(b, "status", "jobs_running"), 0);
	ck_assert_int_eq(number_in(b, "status", "jobs_queued"), 0);
	ck_assert_int_eq(number_in(b, "status", "payload_bytes"), 0);
	ck_assert_int_eq(number_in(b, "status", "sessions"), 1);
	ck_assert_ptr_null(strstr(tw_status(b), "\"idle\""));
	tw_submit(b, 5, "echo", "5");
	tw_ping(b);
	ck_assert_ptr_null(strstr(tw_ask(b, "jobs", ""), "gate"));
	ck_assert_ptr_nonnull(strstr(b->admin_reply, "\"identity\":\"tcp\""));
	ck_assert_int_eq(number_in(b, "status", "jobs_queued"), 1);
	char name[64];
	snprintf(name, sizeof name, "%llu-5-0", (unsigned long long)b->session);
	const char *why = tw_ask(b, "why", name);
	ck_assert_ptr_null(strstr(why, "busy\":"));
	ck_assert_ptr_null(strstr(why, "other_shares"));
	/* who may look sees all of it */
	ck_assert_int_eq(number_in(a, "status", "jobs_queued"), 2);
	ck_assert_int_eq(number_in(a, "status", "jobs_running"), 1);
	ck_assert_int_eq(number_in(a, "status", "sessions"), 2);
	ck_assert_ptr_nonnull(strstr(tw_ask(a, "jobs", ""), "\"identity\":\"tcp\""));
	(void)tw_ask(a, "why", name);
	ck_assert_uint_eq(a->admin_status, FUT_OK);
	(void)tw_ask(a, "reload", "");
	ck_assert_uint_eq(a->admin_status, FUT_PERMISSION_DENIED);
	tfile_touch(gate);
	tw_expect_value(b, 5, "5");
	tw_expect_value(a, 1, "1");
	/* and what it used is nothing again */
	ck_assert_int_eq(number_in(b, "whoami", "inflight"), 0);
	ck_assert_int_eq(number_in(b, "whoami", "queued"), 0);
	ck_assert_int_eq(number_in(b, "whoami", "payload_bytes"), 0);
	tw_close(a);
	tw_close(b);
	tdaemon_stop(d);
}
END_TEST

/* ---- who is let in -------------------------------------------------------- */

/* Says Hello for this pool, and hears why it cannot be. */
static void expect_denied(const char *url, const char *pool)
{
	struct tw *w = tw_connect(url);

	tw_put_raw(w, "FUTURED1", 8);
	tw_put_hello(w, 1, 1, pool);
	tw_flush(w);
	tw_expect_goaway(w, FUT_PERMISSION_DENIED);
	ck_assert_str_eq(w->goaway_message, "not permitted");
	ck_assert_str_eq(w->goaway_detail, "");
	tw_expect_end(w);
	tw_close(w);
}

START_TEST(one_answer_whatever_the_reason)
{
	start(mine(ME(ALL " pools = {p}") ONE));
	expect_denied(d->tcp_url, "p");
	expect_denied(d->tcp_url, "");
	expect_denied(d->tcp_url, "no_such_pool");
	expect_denied(d->unix_url, "no_such_pool");
	expect_denied(d->unix_url, "q");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=policy.open"), 0);
	expect_echo("p");
	expect_echo("");
	tdaemon_stop(d);
}
END_TEST

/* ---- limits --------------------------------------------------------------- */

static void expect_quota(struct tw *w, uint64_t id, const char *limit)
{
	const struct error_info *e = tw_error(w, tw_expect_status(w, id, FUT_QUOTA));

	ck_assert_msg(strstr(tw_text(e->detail), limit) != NULL, "%s", tw_text(e->detail));
	ck_assert_int_eq(e->executed, FUT_EXECUTED_NO);
	ck_assert_int_eq(e->retry, FUT_RETRY_LATER);
	ck_assert_uint_gt(e->hint.len, 0);
}

START_TEST(jobs_are_limited_in_all_sessions_together)
{
	start(mine(ME(ALL) TCP(ALL " max_queue = 2 max_inflight = 4") ONE));
	struct tw *a = tw_open(d->unix_url, "p"), *b = tw_open(d->tcp_url, "p");
	struct tw *also_b = tw_open(d->tcp_url, "p");

	ck_assert_uint_eq(b->max_inflight, 4);
	close_slot(a, 0);
	tw_submit(b, 0, "echo", "0");
	tw_submit(also_b, 0, "echo", "0");
	tw_ping(b);
	tw_ping(also_b);
	tw_submit(b, 1, "echo", "1");
	expect_quota(b, 1, "max_queue of identity 'tcp': 2");
	tw_submit(a, 1, "echo", "another's"); /* has nothing to do with it */
	tfile_touch(gate);
	tw_expect_value(a, 1, "another's");
	tw_expect_value(b, 0, "0");
	tw_expect_value(also_b, 0, "0");
	tw_submit(b, 2, "echo", "2");
	tw_expect_value(b, 2, "2");
	tw_close(a);
	tw_close(b);
	tw_close(also_b);
	tdaemon_stop(d);
}
END_TEST

START_TEST(unfinished_jobs_are_limited)
{
	start(mine(ME(ALL) TCP(ALL " max_inflight = 2")
			   POOL("threads", "4", "basic, testmod_crash")));
	struct tw *b = tw_open(d->tcp_url, "p"), *also_b = tw_open(d->tcp_url, "p");

	close_slot(b, 0);
	close_slot(also_b, 0);
	tw_submit(b, 1, "echo", "");
	expect_quota(b, 1, "max_inflight of identity 'tcp': 2");
	tfile_touch(gate);
	tw_expect_value(b, 0, "open");
	tw_submit(b, 1, "echo", "1");
	tw_expect_value(b, 1, "1");
	tw_close(b);
	tw_close(also_b);
	tdaemon_stop(d);
}
END_TEST

START_TEST(connections_are_limited)
{
	start(mine(ME(ALL) TCP(ALL " max_connections = 2") ONE));
	struct tw *one = tw_open(d->tcp_url, "p"), *two = tw_open(d->tcp_url, "p");

	struct tw *refused[3];
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		refused[i] = tw_connect(d->tcp_url);
		tw_put_raw(refused[i], "FUTURED1", 8);
		tw_put_hello(refused[i], 1, 1, "p");
		tw_flush(refused[i]);
		tw_expect_goaway(refused[i], FUT_QUOTA);
		ck_assert_str_eq(refused[i]->goaway_detail, "max_connections of identity 'tcp': 2");
	}
	/* those are open on this side, and no connections of the identity's any more */
	tw_close(one);
	twait_until(d, tdaemon_log_count(d, "reason=\"closed by the client\"") >= 1);
	tw_close(tw_open(d->tcp_url, "p"));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		tw_close(refused[i]);
	tw_close(two);
	tdaemon_stop(d);
}
END_TEST

START_TEST(the_rate_is_limited)
{
	start(mine(ME(ALL) TCP(ALL " rate = 1 burst = 3") ONE));
	struct tw *b = tw_open(d->tcp_url, "p");
	unsigned n = 0;

	for (uint64_t id = 0; id < 200; id++)
		tw_put(b, id, "echo", "");
	tw_flush(b);
	tw_wait_answers(b, 200);
	for (uint64_t id = 0; id < 200; id++) {
		if (tw_job(b, id)->status == FUT_OK)
			n++;
		else
			expect_quota(b, id, "rate of identity 'tcp': 1");
	}
	ck_assert_uint_ge(n, 3);
	ck_assert_uint_lt(n, 200);
	tw_close(b);
	tdaemon_stop(d);
}
END_TEST

START_TEST(payload_and_priority)
{
	start(mine(ME(ALL) TCP(ALL " max_payload = 2K priority_max = -1") ONE));
	struct tw *a = tw_open(d->unix_url, "p"), *b = tw_open(d->tcp_url, "p");

	ck_assert_uint_eq(b->max_payload, 2048);
	ck_assert_uint_gt(a->max_payload, 2048);
	close_slot(a, 0);
	tw_submit_limits(b, 0, "echo", "", .priority = 3);
	tw_submit_limits(b, 1, "echo", "", .priority = -3);
	tw_ping(b);
	const char *jobs = tw_ask(b, "jobs", "");
	ck_assert_msg(strstr(jobs, "\"priority\":-1") && strstr(jobs, "\"priority\":-3"), "%s",
		      jobs);
	tfile_touch(gate);
	tw_expect_status(b, 0, FUT_OK);
	/* a narrower limit later is for each job */
	reload(mine(ME(ALL) TCP(ALL " max_payload = 3") ONE));
	tw_submit(b, 2, "echo", "abcd");
	tw_expect_status(b, 2, FUT_PAYLOAD_TOO_BIG);
	tw_submit(b, 3, "echo", "abc");
	tw_expect_value(b, 3, "abc");
	tw_close(a);
	tw_close(b);
	tdaemon_stop(d);
}
END_TEST

/* ---- tasks ---------------------------------------------------------------- */

START_TEST(tasks_that_are_not_allowed)
{
	static const char *const names[] = {"gate", "no_such_task", "ech", "echoo",
					    "*",    "ech?",         "e*"};

	start(mine(ME(ALL) TCP("tasks = {echo, \"mar*\"}") ONE));
	struct tw *b = tw_open(d->tcp_url, "p");

	for (uint64_t id = 0; id < ARRAY_LEN(names); id++) {
		tw_submit(b, id, names[id], "");
		const struct error_info *e =
			tw_error(b, tw_expect_status(b, id, FUT_PERMISSION_DENIED));
		ck_assert_int_eq(e->executed, FUT_EXECUTED_NO);
		ck_assert_int_eq(e->retry, FUT_RETRY_NEVER);
		tw_submit(b, 100 + id, "echo", "x"); /* and what was found out is not mixed up */
		tw_expect_value(b, 100 + id, "x");
	}
	tw_submit(b, 50, "mark", mark);
	tw_expect_status(b, 50, FUT_OK);
	ck_assert_ptr_null(strstr(tw_status(b), "gate"));
	tw_close(b);
	tdaemon_stop(d);
}
END_TEST

/* ---- reload --------------------------------------------------------------- */

static void expect_taken_away(struct tw *w, uint64_t id)
{
	const struct error_info *e = tw_error(w, tw_expect_status(w, id, FUT_PERMISSION_DENIED));

	ck_assert_int_eq(e->executed, FUT_EXECUTED_NO);
}

START_TEST(a_reload_that_narrows)
{
	start(mine(BOTH));
	struct tw *a = tw_open(d->unix_url, "p"), *b = tw_open(d->tcp_url, "p");

	close_slot(b, 0);
	tw_submit(b, 1, "echo", "1");
	tw_submit(b, 2, "mark", mark);
	tw_submit_limits(b, 3, "mark", mark, .unique = span_str("u"));
	tw_submit_limits(b, 4, "mark", mark, .unique = span_str("u"));
	tw_submit(a, 1, "mark", mark);
	tw_ping(b);
	tw_ping(a);
	reload(mine(ME(ALL) TCP("tasks = {echo}") ONE));
	for (uint64_t id = 2; id < 5; id++)
		expect_taken_away(b, id);
	ck_assert(!tw_job(b, 0)->answered); /* it runs, and may end */
	tw_submit(b, 5, "gate", gate);
	tw_expect_status(b, 5, FUT_PERMISSION_DENIED);
	tfile_touch(gate);
	tw_expect_value(b, 0, "open");
	tw_expect_value(b, 1, "1");
	tw_expect_status(a, 1, FUT_OK);
	ck_assert_uint_eq(tfile_lines(mark), 1);
	tw_close(a);
	tw_close(b);
	tdaemon_stop(d);
}
END_TEST

START_TEST(a_reload_that_removes)
{
	start(mine(BOTH));
	struct tw *a = tw_open(d->unix_url, "p"), *b = tw_open(d->tcp_url, "p");
	struct tw *also_b = tw_open(d->tcp_url, "p");

	close_slot(a, 0);
	tw_submit_limits(b, 1, "mark", mark, .unique = span_str("u"));
	tw_submit_limits(also_b, 1, "mark", mark, .unique = span_str("u"));
	tw_submit(b, 2, "mark", mark);
	tw_submit(a, 2, "echo", "2");
	tw_ping(b);
	tw_ping(also_b);
	tw_ping(a);
	reload(mine(ME(ALL) ONE));
	expect_taken_away(b, 1);
	expect_taken_away(b, 2);
	expect_taken_away(also_b, 1);
	tw_expect_goaway(b, FUT_PERMISSION_DENIED);
	tw_expect_goaway(also_b, FUT_PERMISSION_DENIED);
	tw_expect_end(b);
	tw_close(b);
	tw_close(also_b);
	expect_denied(d->tcp_url, "p");
	tfile_touch(gate);
	tw_expect_value(a, 0, "open");
	tw_expect_value(a, 2, "2");
	ck_assert_uint_eq(tfile_lines(mark), 0);
	tw_close(a);
	tdaemon_stop(d);
}
END_TEST

/* From everything to sections: those who were among all others have to come anew. */
START_TEST(the_first_sections)
{
	start(ONE);
	tdaemon_wait_log(d, "level=warning event=policy.open");
	struct tw *b = tw_open(d->tcp_url, "p"), *a = tw_open(d->unix_url, "p");

	close_slot(a, 0);
	tw_submit(b, 1, "mark", mark);
	tw_ping(b);
	reload(TCP(ALL) ONE);
	tw_expect_goaway(b, FUT_PERMISSION_DENIED);
	tw_close(b);
	b = tw_open(d->tcp_url, "p");
	tw_submit(b, 1, "echo", "anew");
	tw_ping(b);
	reload(ONE); /* and back again: nobody has to go */
	tfile_touch(gate);
	tw_expect_value(b, 1, "anew");
	tw_expect_value(a, 0, "open"); /* it owns the daemon */
	tw_close(a);
	tw_close(b);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	tdaemon_stop(d);
}
END_TEST

/* ---- audit ---------------------------------------------------------------- */

/* Of so many refusals some are lines, and the others a number. */
START_TEST(a_flood_of_refusals_is_counted)
{
	enum { REFUSALS = 2000 };
	unsigned lines, omitted = 0;

	start(mine(ME(ALL) TCP("tasks = {}") ONE));
	uint64_t before_us = td_now_us();
	struct tw *b = tw_open(d->tcp_url, "p");
	for (uint64_t id = 0; id < REFUSALS; id++)
		tw_put(b, id, "echo", "");
	tw_flush(b);
	tw_wait_answers(b, REFUSALS);
	tw_close(b);
	tdaemon_signal(d, SIGTERM);
	ck_assert_int_eq(tdaemon_wait_exit(d), 0);
	lines = tdaemon_log_count(d, "event=audit.deny");
	char *log = tdaemon_log(d);
	for (const char *p = log; (p = strstr(p, "event=audit.omitted of=audit.deny count=")); p++)
		omitted += (unsigned)strtoul(strstr(p, "count=") + 6, NULL, 10);
	free(log);
	ck_assert_uint_eq(lines + omitted, REFUSALS);
	ck_assert_uint_ge(lines, 100);
	/* so many at once, and 20 for each second that it took */
	ck_assert_uint_le(lines, 101 + (td_now_us() - before_us) / 50000);
	tdaemon_forget(d);
}
END_TEST

/* ---- as root -------------------------------------------------------------- */

/* In a child that is somebody else by now. */
static int connect_there(const char *path)
{
	struct sockaddr_un there = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(there.sun_path, sizeof there.sun_path, "%s", path);
	return connect(fd, (struct sockaddr *)&there, sizeof there) < 0 ? -1 : fd;
}

static void give_fd(int to, int fd)
{
	char room[CMSG_SPACE(sizeof fd)] = {0}, byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof room};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	(void)sendmsg(to, &m, 0);
}

static int take_fd(int from)
{
	char room[CMSG_SPACE(sizeof(int))] = {0}, byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof room};
	int fd;

	ck_assert_int_eq(recvmsg(from, &m, MSG_CMSG_CLOEXEC), 1);
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&m));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

/* A connection of this user, with this one more group; nothing is said yet. */
static struct tw *connect_as(uid_t uid, gid_t gid, gid_t also)
{
	int pair[2], status;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(chmod(d->dir, 0711), 0);
	ck_assert_int_eq(chmod(d->socket_path, 0666), 0);
	pid_t child = fork();
	if (child == 0) {
		if (setgroups(1, &also) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
			_exit(1);
		int fd = connect_there(d->socket_path);
		if (fd < 0)
			_exit(2);
		give_fd(pair[1], fd);
		_exit(0);
	}
	close(pair[1]);
	int fd = take_fd(pair[0]);
	close(pair[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	return tw_over(fd);
}

static struct tw *open_as(uid_t uid, gid_t gid, gid_t also)
{
	struct tw *w = connect_as(uid, gid, also);

	tw_greet(w, "p");
	return w;
}

static void expect_nobody(uid_t uid, gid_t gid)
{
	struct tw *w = connect_as(uid, gid, gid);

	tw_put_raw(w, "FUTURED1", 8);
	tw_put_hello(w, 1, 1, "p");
	tw_flush(w);
	tw_expect_goaway(w, FUT_PERMISSION_DENIED);
	tw_close(w);
}

START_TEST(other_users)
{
	start("identity \"unix:65532\" { tasks = {echo} }\n"
	      "identity \"unix:%65531\" { tasks = {echo, mark} max_queue = 1 }\n" ONE);
	struct tw *root = tw_open(d->unix_url, "p");
	struct tw *s = open_as(STRANGER, GROUP, STRANGER), *o = open_as(OTHER, OTHER, GROUP);
	struct tw *second = open_as(OTHER + 2, STRANGER, GROUP);

	ck_assert_ptr_nonnull(strstr(tw_ask(s, "whoami", ""), "\"identity\":\"unix:65533\""));
	ck_assert_ptr_nonnull(strstr(s->admin_reply, "\"section\":\"unix:%65531\""));
	ck_assert_ptr_nonnull(strstr(tw_ask(o, "whoami", ""), "\"section\":\"unix:65532\""));
	ck_assert_ptr_nonnull(strstr(tw_ask(second, "whoami", ""), "\"section\":\"unix:%65531\""));
	expect_nobody(STRANGER, STRANGER);
	/* members of a group are not each other, nor is a limit theirs together */
	close_slot(root, 0);
	tw_submit_limits(s, 1, "mark", mark, .unique = span_str("u"));
	tw_submit_limits(second, 1, "mark", mark, .unique = span_str("u"));
	tw_ping(s);
	tw_ping(second);
	tw_submit(s, 2, "echo", "");
	expect_quota(s, 2, "max_queue of identity 'unix:65533': 1");
	tw_submit(o, 2, "mark", mark);
	tw_expect_status(o, 2, FUT_PERMISSION_DENIED);
	ck_assert_ptr_null(strstr(tw_ask(s, "jobs", ""), "unix:65534"));
	const char *all = tw_ask(root, "identities", "");
	ck_assert(strstr(all, "unix:65532") && strstr(all, "unix:65533") &&
		  strstr(all, "unix:65534") && strstr(all, "unrestricted"));
	tfile_touch(gate);
	tw_expect_status(s, 1, FUT_OK);
	tw_expect_status(second, 1, FUT_OK);
	ck_assert_uint_eq(tfile_lines(mark), 2);
	/* the group is asked for anew: it is what it was when the client connected */
	reload("identity \"unix:%65531\" { tasks = {echo} }\n" ONE);
	tw_submit(s, 3, "echo", "3");
	tw_expect_value(s, 3, "3");
	tw_submit(o, 3, "echo", "3");
	tw_expect_value(o, 3, "3");
	tw_close(root);
	tw_close(s);
	tw_close(o);
	tw_close(second);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("identities");
	TCase *tc = trun_case(s, "apart");
	const char *why_not = geteuid() == 0 ? NULL : "needs root, to be other users";

	tcase_add_test(tc, unique_names_are_ones_own);
	tcase_add_test(tc, foreign_finished_and_unknown_are_the_same);
	tcase_add_test(tc, lists_and_counts_are_ones_own);
	tc = trun_case(s, "limits");
	tcase_add_test(tc, one_answer_whatever_the_reason);
	tcase_add_test(tc, jobs_are_limited_in_all_sessions_together);
	tcase_add_test(tc, unfinished_jobs_are_limited);
	tcase_add_test(tc, connections_are_limited);
	tcase_add_test(tc, the_rate_is_limited);
	tcase_add_test(tc, payload_and_priority);
	tcase_add_test(tc, tasks_that_are_not_allowed);
	tc = trun_case(s, "reload");
	tcase_add_test(tc, a_reload_that_narrows);
	tcase_add_test(tc, a_reload_that_removes);
	tcase_add_test(tc, the_first_sections);
	tc = trun_case(s, "audit");
	tcase_add_test(tc, a_flood_of_refusals_is_counted);
	tc = trun_case(s, "users");
	trun_add_unless(tc, why_not, other_users, 1);
	return s;
}
