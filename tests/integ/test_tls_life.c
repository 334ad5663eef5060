/*
 * What a daemon with TLS does over time: deadlines, places, new files, old certificates; and
 * where its key is.
 */
#include "tests/integ/over_tls.h"
#include "tests/lib/wallclock.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define PATIENCE_US ((int64_t)td_patience_ms(60000) * 1000)

enum { ALERT_EXPIRED = 45 };

static char gate[96];

static fut_executor *must_open(const char *url)
{
	fut_executor *x;
	fut_error *e = NULL;

	if (fut_executor_open(url, &x, &e) != FUT_OK)
		ck_abort_msg("%s: %s: %s", url, fut_error_message(e), fut_error_detail(e));
	return x;
}

static void reload(const char *event)
{
	unsigned n = tdaemon_log_count(d, event);

	tdaemon_signal(d, SIGHUP);
	tdaemon_wait_log_count(d, event, n + 1);
}

static void log_has(const char *text)
{
	char *log = tdaemon_log(d);

	ck_assert_msg(strstr(log, text), "'%s' is not in the log", text);
	free(log);
}

/* ---- deadlines and places ------------------------------------------------------ */

START_TEST(a_handshake_must_be_in_time)
{
	start("", "handshake_timeout = 300ms");
	int silent = ttls_socket(tls_url), slow = ttls_socket(tls_url);

	ck_assert_int_eq(send(slow, "\x16\x03\x01\x02\0\x01", 6, MSG_NOSIGNAL), 6);
	tdaemon_wait_log_count(d, "event=tls.refused", 2);
	log_has("no handshake in time");
	close(silent);
	close(slow);
	stop();
}
END_TEST

START_TEST(a_hello_must_be_in_time)
{
	start("hello_timeout = 300ms", "handshake_timeout = 1h");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});

	ck_assert(ttls_shake(t));
	tdaemon_wait_log(d, "event=session.close");
	log_has("no hello in time");
	ttls_free(t);
	stop();
}
END_TEST

static bool are_sessions(int n)
{
	char text[32];

	snprintf(text, sizeof text, "\"sessions\":%d,", n);
	return strstr(tw_status(witness), text) != NULL;
}

/* Those beyond the limit are not read: what they sent is not even refused. */
START_TEST(handshakes_wait_for_a_place)
{
	int fds[4];

	start("max_handshakes = 2", "handshake_timeout = 1h");
	for (int i = 0; i < 4; i++) {
		fds[i] = ttls_socket(tls_url);
		if (i >= 2)
			ck_assert_int_eq(send(fds[i], "FUTURED1", 8, MSG_NOSIGNAL), 8);
		twait_until(d, are_sessions(2 + i));
	}
	for (int i = 0; i < 20; i++)
		tw_ping(witness); /* as many turns, in which it could be read */
	ck_assert_uint_eq(tdaemon_log_count(d, "event=tls.refused"), 0);
	close(fds[0]);
	/* The first has said nothing, but it went; then the next two are heard. */
	tdaemon_wait_log_count(d, "event=tls.refused", 3);
	close(fds[1]);
	expect_echo_at(client_url);
	close(fds[2]);
	close(fds[3]);
	stop();
}
END_TEST

/* A storm of strangers whom the guard lets in: all are refused, few lines say so, and others are
 * served. */
START_TEST(a_storm_is_counted)
{
	enum { STORM = 200 };
	static int fds[STORM];

	start("max_handshakes = 8",
	      "max_greeting = 500\nmax_greeting_per_source = 500\ngreeting_drop_from = 500");
	for (int i = 0; i < STORM; i++) {
		fds[i] = ttls_socket(tls_url);
		ck_assert_int_eq(send(fds[i], "FUTURED1", 8, MSG_NOSIGNAL), 8);
		if (i % 20 == 0)
			still_served("a stranger");
	}
	expect_echo_at(client_url);
	for (int i = 0; i < STORM; i++)
		close(fds[i]);
	all_gone();
	stop();
}
END_TEST

/* ---- new files ------------------------------------------------------------------- */

START_TEST(a_reload_reads_the_files_again)
{
	start("", "");
	fut_executor *before = must_open(client_url);
	/* Another CA for everybody: who is in stays only if it would still be let in. */
	tcert_done(&ca);
	ca = tcert_make(NULL, &(struct tcert_options){.cn = "another CA", .is_ca = true});
	tcert_write(file("ca.crt"), CHAIN(&ca));
	make_server(7200);
	expect_refused_at(client_url, FUT_CONNECT_FAILED, "certificate verify failed");
	reload("event=daemon.reload");
	expect_refused_at(client_url, FUT_CONNECT_FAILED, "unknown ca");
	tdaemon_wait_log(d, "event=session.leave");
	tcert_done(&client);
	client = tcert_make(&ca, &(struct tcert_options){.names = NAMED("futured:someone"),
							 .usage = TCERT_CLIENT});
	tcert_write(file("client.crt"), CHAIN(&client));
	tcert_write_key(file("client.key"), &client);
	expect_echo_at(client_url);
	fut_executor_unref(before);
	stop();
}
END_TEST

START_TEST(a_reload_that_fails_changes_nothing)
{
	start("", "");
	fut_executor *x = must_open(client_url);
	fut_future *f;
	fut_bytes value;

	tfile_write(file("server.key"), "not a key");
	reload("event=daemon.reload_failed");
	log_has("event=tls.failed");
	expect_echo_at(client_url);
	tcert_write_key(file("server.key"), &server);
	ck_assert_int_eq(chmod(file("server.key"), 0644), 0);
	reload("event=daemon.reload_failed");
	log_has("others may read it");
	expect_echo_at(client_url);
	ck_assert_int_eq(fut_submit(x, "echo", "x", 1, &f, NULL), FUT_OK);
	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, NULL), FUT_OK);
	fut_future_unref(f);
	fut_executor_unref(x);
	stop();
}
END_TEST

/* ---- the end of a session --------------------------------------------------------- */

/* A job is under way when the session is told to leave: it is answered, another is refused, and
 * then the daemon closes. */
static void must_leave(fut_executor *x, void (*make_it)(void), const char *reason)
{
	fut_error *e = NULL;
	fut_future *f, *late;
	fut_bytes value;

	tdaemon_path(d, "gate", gate, sizeof gate);
	ck_assert_int_eq(fut_submit(x, "gate", gate, strlen(gate), &f, NULL), FUT_OK);
	twait_until(d, fut_running(f));
	make_it();
	tdaemon_wait_log(d, "event=session.leave jobs=1");
	log_has(reason);
	/* The goaway may still be on its way: then the daemon refuses it. */
	fut_status status = fut_submit(x, "echo", "x", 1, &late, NULL);
	if (status == FUT_OK) {
		ck_assert_int_eq(fut_result(late, PATIENCE_US, &value, &e), FUT_DRAINING);
		fut_error_unref(e);
		fut_future_unref(late);
	} else {
		ck_assert_int_eq(status, FUT_DRAINING);
	}
	tfile_touch(gate);
	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, NULL), FUT_OK);
	fut_future_unref(f);
	tdaemon_wait_log(d, "event=session.close");
	all_gone();
	fut_executor_unref(x);
}

static void revoke_client(void)
{
	tcert_write_crl(file("ca.crl"), &ca, &client, -3600, 3600, false);
	reload("event=daemon.reload");
}

START_TEST(a_revoked_client_leaves)
{
	char in_tls[96];

	make_files();
	tcert_write_crl(file("ca.crl"), &ca, NULL, -3600, 3600, false);
	snprintf(in_tls, sizeof in_tls, "crl = \"%s/ca.crl\"", files);
	start_with_env(in_tls, "", NULL);
	fut_executor *x = must_open(client_url);
	/* A reload that has nothing against it. */
	reload("event=daemon.reload");
	must_leave(x, revoke_client, "certificate revoked");
	expect_refused_at(client_url, FUT_CONNECT_FAILED, "revoked");
	stop();
}
END_TEST

static void nothing(void) {}

START_TEST(an_old_session_leaves)
{
	start("max_session_age = 700ms", "");
	fut_executor *x = must_open(client_url);

	must_leave(x, nothing, "max_session_age");
	expect_echo_at(client_url);
	stop();
}
END_TEST

/* Jobs that go on and on do not keep it. */
START_TEST(a_session_that_does_not_leave_is_closed)
{
	start("max_session_age = 100ms", "drain_timeout = 300ms");
	fut_executor *x = must_open(client_url);
	fut_error *e = NULL;
	fut_bytes value;
	fut_future *f;

	ck_assert_int_eq(fut_submit(x, "hang", "", 0, &f, NULL), FUT_OK);
	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, &e), FUT_CONNECTION_LOST);
	fut_error_unref(e);
	fut_future_unref(f);
	fut_executor_unref(x);
	tdaemon_wait_log(d, "event=session.close");
	stop();
}
END_TEST

static void three_hours_later(void)
{
	wallclock_shift(3 * 3600);
	reload("event=daemon.reload"); /* who looks at everybody */
}

START_TEST(a_certificate_expires)
{
	char clock[128], library[4200];
	const char *env[] = {clock, library, "ASAN_OPTIONS=verify_asan_link_order=0", NULL};

	make_files();
	make_server(36000); /* of the daemon's own we do not speak here */
	wallclock_share(file("clock"));
	snprintf(clock, sizeof clock, "%s=%s", WALLCLOCK_FILE, file("clock"));
	snprintf(library, sizeof library, "LD_PRELOAD=%s/.libs/libwallclock.so", td_builddir());
	start_with_env("", "", env);
	fut_executor *x = must_open(client_url);
	must_leave(x, three_hours_later, "certificate has expired");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});
	ck_assert_int_eq(ttls_end_of(t), ALERT_EXPIRED);
	ttls_free(t);
	/* This program has the daemon's clock: its own look at its certificate comes first. */
	expect_refused_at(client_url, FUT_INVALID, "it has expired");
	wallclock_shift(0);
	expect_echo_at(client_url);
	stop();
}
END_TEST

/* ---- the key ------------------------------------------------------------------------ */

struct area {
	unsigned long from, to;
	bool is_dumped, is_readable;
};

/* The next mapping of /proc/PID/smaps, with its flags. */
static bool next_area(FILE *f, struct area *a)
{
	char line[4400], mode[8];
	unsigned long from, to;

	a->is_dumped = true;
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3)
			*a = (struct area){from, to, true, mode[0] == 'r'};
		if (strncmp(line, "VmFlags:", 8) != 0)
			continue;
		a->is_dumped = !strstr(line, " dd");
		return true;
	}
	return false;
}

static bool has_either(const uint8_t *p, size_t n, const uint8_t secret[32])
{
	uint8_t turned[32];

	for (int i = 0; i < 32; i++)
		turned[i] = secret[31 - i];
	return memmem(p, n, secret, 32) || memmem(p, n, turned, 32);
}

/* In how many mappings of a process the secret is, as written or as OpenSSL keeps it. */
static void find_secret(pid_t pid, const uint8_t secret[32], unsigned *ret_dumped,
			unsigned *ret_all)
{
	char path[64];
	struct area a;

	*ret_dumped = *ret_all = 0;
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	int mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
	FILE *f = fopen(path, "r");
	ck_assert(mem >= 0 && f);
	while (next_area(f, &a)) {
		size_t n = a.to - a.from;
		if (!a.is_readable || n > 256u * 1024 * 1024)
			continue;
		uint8_t *bytes = malloc(n);
		ssize_t got = pread(mem, bytes, n, (off_t)a.from);
		if (got > 0 && has_either(bytes, (size_t)got, secret)) {
			++*ret_all;
			*ret_dumped += a.is_dumped;
		}
		free(bytes);
	}
	fclose(f);
	close(mem);
}

/* The front has it, where no dump shows it; those it started have it nowhere. */
START_TEST(the_key_is_in_no_dump_and_no_worker)
{
	uint8_t secret[32];
	pid_t hosts[4];
	unsigned dumped, all;

	start("", "");
	expect_echo_at(client_url);
	reload("event=daemon.reload"); /* starts another zygote, with the key in memory */
	tdaemon_wait_log_count(d, "event=zygote.ready", 2);
	expect_echo_at(client_url);
	tcert_secret(&server, secret);
	find_secret(d->pid, secret, &dumped, &all);
	ck_assert_uint_gt(all, 0);
	ck_assert_uint_eq(dumped, 0);
	find_secret(tdaemon_zygote(d, "p"), secret, &dumped, &all);
	ck_assert_uint_eq(all, 0);
	unsigned n = tdaemon_hosts(d, "p", hosts, ARRAY_LEN(hosts));
	ck_assert_uint_gt(n, 0);
	for (unsigned i = 0; i < n; i++) {
		find_secret(hosts[i], secret, &dumped, &all);
		ck_assert_uint_eq(all, 0);
	}
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("tls_life");
	TCase *tc = trun_case(s, "tls_life");

	tcase_add_test(tc, a_handshake_must_be_in_time);
	tcase_add_test(tc, a_hello_must_be_in_time);
	tcase_add_test(tc, handshakes_wait_for_a_place);
	tcase_add_test(tc, a_storm_is_counted);
	tcase_add_test(tc, a_reload_reads_the_files_again);
	tcase_add_test(tc, a_reload_that_fails_changes_nothing);
	tcase_add_test(tc, a_revoked_client_leaves);
	tcase_add_test(tc, an_old_session_leaves);
	tcase_add_test(tc, a_session_that_does_not_leave_is_closed);
	tcase_add_test(tc, a_certificate_expires);
	trun_add_unless(tc, td_is_sanitized() ? "a sanitizer keeps what was freed" : NULL,
			the_key_is_in_no_dump_and_no_worker, 1);
	return s;
}
