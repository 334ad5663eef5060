/*
 * What a network does to a contract: connections that end at the worst moment, daemons that
 * die, answers that come twice or make no sense, peers that are gone (CFX-02, 03, 04 and
 * 13).
 */
#include "tests/lib/fake_daemon.h"

#include "net/address.h"
#include "tests/contract/contract.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct fake *fake;

static void count_call(fut_future *f, void *arg)
{
	_Atomic unsigned *calls = arg;

	ck_assert(fut_done(f));
	(*calls)++;
}

/* The one outcome that a job without an answer may have; says whether it may have run. */
static void must_be_lost(fut_future *f, fut_status want, fut_executed executed)
{
	fut_error *e = must_fail(f, want), *same = NULL;

	ck_assert_int_eq(fut_status_family(want), FUT_FAMILY_SYSTEM);
	ck_assert_int_eq(fut_error_executed(e), executed);
	if (want == FUT_PROTOCOL) /* the same daemon would say the same again */
		ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEVER);
	else if (executed == FUT_EXECUTED_NO)
		ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NOW);
	else
		ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEW_JOB);
	ck_assert(fut_done(f) && !fut_running(f) && !fut_cancelled(f));
	ck_assert_int_eq(fut_exception(f, 0, &same), FUT_OK);
	ck_assert_ptr_eq(same, e);
	fut_error_unref(same);
	fut_error_unref(e);
}

/* The executor says so, too, and does not hang when it is shut down. */
static void must_refuse_more(void)
{
	fut_future *none = NULL;
	fut_error *e;

	ck_assert_int_eq(fut_submit(x, "echo", "", 0, &none, &e), FUT_CONNECTION_LOST);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_CONNECTION_LOST);
}

/* ---- CFX-02: the connection ends ---------------------------------------- */

/* How far a job got. The wire has no acknowledgement: that the daemon has it is known only
 * by a Pong behind it, and is worth no more than that it was sent. */
enum phase { UNSENT, SENT, TAKEN, STARTED, STREAMING, MID_RESULT, MID_FRAME, PHASES };

static void send_half_a_result(uint64_t id)
{
	struct buf b;

	buf_init(&b, 4096);
	ck_assert_int_eq(
		result_put(&b, &(struct result){.id = id, .attempt = 1}, span_str("value")), 0);
	fake_send_raw(fake, buf_data(&b), buf_len(&b) - 3);
	buf_done(&b);
}

static void answer_ping(struct fake *f)
{
	uint64_t nonce = fake_expect(f, MESSAGE_PING).ping.nonce;

	fake_send(f, &(struct message){.kind = MESSAGE_PONG, .pong.nonce = nonce}, SPAN_EMPTY);
}

/* Plays the daemon up to this phase. */
static void play(enum phase phase, uint64_t id)
{
	if (phase >= TAKEN) {
		fake_run(fake, answer_ping);
		ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
		fake_join(fake);
	}
	if (phase >= STARTED)
		fake_started(fake, id);
	if (phase == STREAMING)
		fake_chunk(fake, id, "piece", 5);
	if (phase == MID_RESULT)
		fake_part(fake, id, "half of the value", 17);
	if (phase == MID_FRAME)
		send_half_a_result(id);
}

START_TEST(cfx_02_connection_lost)
{
	enum phase phase = (enum phase)_i;
	_Atomic unsigned calls = 0;
	fut_bytes chunk;

	fake = fake_new();
	fake->max_payload = 8 * 1024 * 1024;
	x = fake_connect(fake);
	/* More than what lies between two sockets: the end of it does not leave. */
	size_t len = phase == UNSENT ? fake->max_payload : 1;
	char *payload = calloc(1, len);
	fut_future *f = submit_on(x, "task", payload, len);
	ck_assert_int_eq(fut_add_done_callback(f, count_call, &calls), FUT_OK);
	if (phase != UNSENT)
		play(phase, fake_expect_submit(fake).spec.id);
	if (phase >= STARTED)
		twait_until(NULL, fut_running(f));
	fake_hang_up(fake);
	must_be_lost(f, FUT_CONNECTION_LOST,
		     phase == UNSENT ? FUT_EXECUTED_NO : FUT_EXECUTED_MAYBE);
	/* What had come is there, and then nothing that could be taken for the rest. */
	if (phase == STREAMING) {
		ck_assert_int_eq(fut_next_chunk(f, 0, &chunk), FUT_OK);
		ck_assert_uint_eq(chunk.len, 5);
	}
	ck_assert_int_eq(fut_next_chunk(f, 0, &chunk), FUT_END);
	twait_until(NULL, calls == 1);
	must_refuse_more();
	fut_future_unref(f);
	free(payload);
	fake_goodbye(fake, x);
	fake_free(fake);
}
END_TEST

/* Ends every connection of this program, as a network would. */
static void cut_all_links(void)
{
	char path[300];
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir("/proc/self/fd");

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
		if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
			(void)shutdown(atoi(entry->d_name), SHUT_RDWR);
	}
	closedir(dir);
}

/* The same with a real daemon: it drops what waits, asks what runs to stop, and goes on. */
START_TEST(cfx_02_link_is_cut)
{
	start(_i, 1);
	states_begin();
	fut_future *waits = submit("mark", mark);
	/* Behind the pong all of it has left. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	cut_all_links();
	must_be_lost(in_state[RUNNING], FUT_CONNECTION_LOST, FUT_EXECUTED_MAYBE);
	must_be_lost(in_state[PENDING], FUT_CONNECTION_LOST, FUT_EXECUTED_MAYBE);
	must_fail_(waits, FUT_CONNECTION_LOST);
	must_be(in_state[SUCCEEDED], "42");
	must_fail_(in_state[FAILED], FUT_TASK_FAILED);
	ck_assert(fut_cancelled(in_state[CANCELLED]));
	must_refuse_more();
	close_executor(x);

	x = open_url(url_of(_i), "p");
	pass_through(); /* the one slot is free: the gate was never opened */
	ck_assert_uint_eq(tfile_lines(mark), 0);
	unref_all(in_state, STATES);
	fut_future_unref(waits);
	stop();
}
END_TEST

/* ---- CFX-03: the daemon is killed --------------------------------------- */

/* Another one on the addresses of the first. */
static struct tdaemon *start_again(const struct tdaemon *dead, int way)
{
	const char *const args[] = {"--listen", dead->unix_url, "--listen", dead->tcp_url, NULL};
	char text[160];

	snprintf(text, sizeof text,
		 "pool p {\n  kind = %s\n  slots = 1\n  modules = {basic, testmod_crash}\n}\n",
		 kind_of(way));
	return tdaemon_start_with(.config = text, .args = args);
}

START_TEST(cfx_03_daemon_killed)
{
	_Atomic unsigned calls = 0;
	fut_bytes chunk;
	char url[160];

	start(_i, 1);
	snprintf(url, sizeof url, "%s", url_of(_i));
	fut_future *streamed = submit("count", "3");
	must_be(streamed, "3");
	states_begin();
	ck_assert_int_eq(fut_add_done_callback(in_state[PENDING], count_call, &calls), FUT_OK);
	ck_assert_int_eq(fut_add_done_callback(in_state[RUNNING], count_call, &calls), FUT_OK);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	tdaemon_signal(d, SIGKILL);
	must_be_lost(in_state[RUNNING], FUT_CONNECTION_LOST, FUT_EXECUTED_MAYBE);
	must_be_lost(in_state[PENDING], FUT_CONNECTION_LOST, FUT_EXECUTED_MAYBE);
	twait_until(NULL, calls == 2);
	/* What was known before is still known. */
	must_be(in_state[SUCCEEDED], "42");
	must_fail_(in_state[FAILED], FUT_TASK_FAILED);
	must_fail_(in_state[CANCELLED], FUT_CANCELLED);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(fut_next_chunk(streamed, 0, &chunk), FUT_OK);
	ck_assert_int_eq(fut_next_chunk(streamed, 0, &chunk), FUT_END);
	must_refuse_more();
	unref_all(in_state, STATES);
	fut_future_unref(streamed);
	ck_assert_int_eq(tdaemon_wait_exit(d), -SIGKILL);
	/* Its hosts die with it, and come to us. */
	struct twait w = twait_for(d, "the hosts to end");
	while (waitpid(-1, NULL, WNOHANG) >= 0)
		twait_step(&w);

	struct tdaemon *second = start_again(d, _i);
	must_refuse_more(); /* a session does not come back */
	close_executor(x);
	x = open_url(url, "p");
	pass_through();
	close_executor(x);
	tdaemon_forget(d);
	tdaemon_stop(second);
}
END_TEST

/* ---- CFX-04: answers that nobody waits for ------------------------------ */

static fut_future *submit_to_fake(uint64_t *ret_id)
{
	fut_future *f = must_submit(x, "p");

	*ret_id = fake_expect_submit(fake).spec.id;
	return f;
}

/* Returns once the library has dealt with all that was said before. */
static void fake_barrier(void)
{
	fake_send(fake, &(struct message){.kind = MESSAGE_PING, .ping = {9}}, SPAN_EMPTY);
	fake_expect(fake, MESSAGE_PONG);
}

/* Everything that can be said of a job. */
static void say_everything(uint64_t id)
{
	fake_started(fake, id);
	fake_chunk(fake, id, "late", 4);
	fake_part(fake, id, "late", 4);
	fake_verdict(fake, id, FUT_VERDICT_TOO_LATE);
	fake_verdict(fake, id, FUT_VERDICT_UNKNOWN);
	fake_error(fake, id, FUT_HOST_DIED, "late");
	fake_text(fake, id, "late");
}

START_TEST(cfx_04_duplicate_and_late)
{
	_Atomic unsigned calls = 0;
	uint64_t id, next;

	fake = fake_new();
	x = fake_connect(fake);
	fut_future *f = submit_to_fake(&id);
	ck_assert_int_eq(fut_add_done_callback(f, count_call, &calls), FUT_OK);
	fake_text(fake, id, "once");
	say_everything(id);
	fake_barrier();
	must_be(f, "once");
	/* The next job has its place, and is not meant. */
	fut_future *g = submit_to_fake(&next);
	ck_assert_uint_ne(next, id);
	say_everything(id);
	fake_barrier();
	ck_assert(!fut_done(g) && !fut_running(g));
	fake_text(fake, next, "next");
	must_be(g, "next");
	must_be(f, "once");
	ck_assert_uint_eq(calls, 1);
	unref_all((fut_future *[]){f, g}, 2);
	fake_goodbye(fake, x);
	fake_free(fake);
}
END_TEST

START_TEST(cfx_04_result_after_cancel)
{
	_Atomic unsigned calls = 0;
	fut_verdict v;
	uint64_t id;

	fake = fake_new();
	x = fake_connect(fake);
	/* The daemon took it back, and a result comes all the same: it is too late. */
	fut_future *f = submit_to_fake(&id);
	ck_assert_int_eq(fut_add_done_callback(f, count_call, &calls), FUT_OK);
	ck_assert_int_eq(fut_cancel(f, 0, NULL), FUT_OK);
	fake_expect(fake, MESSAGE_CANCEL);
	fake_verdict(fake, id, FUT_VERDICT_REMOVED);
	say_everything(id);
	fake_barrier();
	ck_assert(fut_cancelled(f));
	must_fail_(f, FUT_CANCELLED);
	must_cancel(f, FUT_VERDICT_REMOVED);
	ck_assert_uint_eq(calls, 1);
	fut_future_unref(f);

	/* The result was on its way when the cancel was: it counts. */
	f = submit_to_fake(&id);
	ck_assert_int_eq(fut_cancel(f, 0, &v), FUT_OK);
	ck_assert_int_eq(v, FUT_VERDICT_PENDING);
	fake_expect(fake, MESSAGE_CANCEL);
	fake_text(fake, id, "ran");
	fake_verdict(fake, id, FUT_VERDICT_TOO_LATE);
	fake_barrier();
	must_be(f, "ran");
	ck_assert(!fut_cancelled(f));
	must_cancel(f, FUT_VERDICT_TOO_LATE);
	fut_future_unref(f);
	fake_goodbye(fake, x);
	fake_free(fake);
}
END_TEST

/* A result for a job that there never was: such a daemon cannot be believed any more. */
START_TEST(cfx_04_unknown_id)
{
	uint64_t id;

	fake = fake_new();
	x = fake_connect(fake);
	fut_future *f = submit_to_fake(&id);
	fake_text(fake, id + 1, "whose?");
	must_be_lost(f, FUT_PROTOCOL, FUT_EXECUTED_MAYBE);
	must_refuse_more();
	fut_future_unref(f);
	fake_goodbye(fake, x);
	fake_free(fake);
}
END_TEST

/* ---- CFX-13: half-open connections -------------------------------------- */

static int option_of(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	ck_assert_int_eq(getsockopt(fd, level, option, &value, &len), 0);
	return value;
}

/* The kernel asks a peer that says nothing, and gives up one that does not answer. */
static void must_notice_silence(int fd)
{
	ck_assert_int_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	int idle_s = option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE);
	int interval_s = option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL);
	int probes = option_of(fd, IPPROTO_TCP, TCP_KEEPCNT);
	int unacknowledged_ms = option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT);

	ck_assert_int_le(idle_s + interval_s * probes, ADDRESS_SILENCE_MAX_S);
	/* The same where bytes are on their way, and no probe is sent. */
	ck_assert_int_gt(unacknowledged_ms, 0);
	ck_assert_int_le(unacknowledged_ms, ADDRESS_SILENCE_MAX_S * 1000);
}

static bool is_connected_tcp(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.ss_family == AF_INET;
}

/* Of this process, or of the daemon: its descriptors are looked at as copies. */
static unsigned check_sockets(pid_t pid, int pidfd)
{
	char path[64];
	struct dirent *entry;
	unsigned n = 0;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
		if (fd >= 0 && is_connected_tcp(fd)) {
			must_notice_silence(fd);
			n++;
		}
		if (fd >= 0)
			close(fd);
	}
	closedir(dir);
	return n;
}

/* Both ends ask the kernel to notice; and a peer that is there but does not answer is found
 * by a ping with a bound. */
START_TEST(cfx_13_half_open)
{
	int self;

	start(OVER_TCP | _i, 1);
	self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	ck_assert_int_ge(self, 0);
	ck_assert_uint_eq(check_sockets(getpid(), self), 1);
	ck_assert_uint_eq(check_sockets(d->pid, d->pidfd), 1);
	close(self);

	tdaemon_signal(d, SIGSTOP);
	ck_assert_int_eq(fut_executor_ping(x, 50 * MS, NULL), FUT_TIMEOUT);
	tdaemon_signal(d, SIGCONT);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	pass_through();
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CFX, the wire");
	TCase *tc = trun_case(s, "connections");

	tcase_add_loop_test(tc, cfx_02_connection_lost, 0, PHASES);
	each_way(tc, cfx_02_link_is_cut);
	each_way(tc, cfx_03_daemon_killed);
	tc = trun_case(s, "answers");
	tcase_add_test(tc, cfx_04_duplicate_and_late);
	tcase_add_test(tc, cfx_04_result_after_cancel);
	tcase_add_test(tc, cfx_04_unknown_id);
	tc = trun_case(s, "half-open");
	each_kind(tc, cfx_13_half_open);
	return s;
}
