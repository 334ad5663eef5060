/* How the daemon starts: command line, configuration, modules, and the worker program. */
#include "tests/integ/one_daemon.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the command line and the configuration ----------------------------- */

static struct tdaemon *run_to_end(const char *text, const char *const *args, int status)
{
	struct tdaemon *run = tdaemon_spawn(
		&(struct tdaemon_options){.config = text, .args = args, .no_listen = true});
	int got = tdaemon_wait_exit(run);

	if (got != status) {
		char what[64];
		snprintf(what, sizeof what, "exit status %d instead of %d", got, status);
		tdaemon_fail(run, __FILE__, __LINE__, what);
	}
	return run;
}

static void expect_text(struct tdaemon *run, const char *text)
{
	char *log = tdaemon_log(run);

	if (!strstr(log, text))
		tdaemon_fail(run, __FILE__, __LINE__, text);
	free(log);
}

START_TEST(test_check_config)
{
	static const char *const check[] = {"--check-config", NULL};
	char where[128];

	struct tdaemon *run = run_to_end(TD_CONFIG, check, 0);
	expect_text(run, "the configuration is fine");
	tdaemon_forget(run);
	run = run_to_end("max_payload = 1M\nmax_payloads = 2M\n", check, 78);
	snprintf(where, sizeof where, "futured: %s:2: ", run->config_path);
	expect_text(run, where);
	tdaemon_forget(run);
	/* Without --check-config it does not start either. */
	run = run_to_end("\n\npool p {\n  kind = threads\n  slots = 1000\n}\n", NULL, 78);
	snprintf(where, sizeof where, "futured: %s:5: ", run->config_path);
	expect_text(run, where);
	tdaemon_forget(run);
	static const char *const nowhere[] = {"--config", "/nowhere/futured.conf", NULL};
	run = run_to_end(NULL, nowhere, 78);
	expect_text(run, "/nowhere/futured.conf: ");
	tdaemon_forget(run);
	static const char *const nonsense[] = {"--nonsense", NULL};
	tdaemon_forget(run_to_end(NULL, nonsense, 64));
}
END_TEST

START_TEST(test_plain_tcp)
{
	static const char *const everywhere[] = {"--listen", "tcp://0.0.0.0:0", NULL};
	static const char *const every6[] = {"--listen", "tcp://[::]:0", NULL};

	struct tdaemon *run = run_to_end("listen = {\"tcp://0.0.0.0:0\"}\n", NULL, 78);
	expect_text(run, "insecure = true");
	tdaemon_forget(run);
	run = run_to_end(POOL("threads", "1", "basic"), everywhere, 1);
	expect_text(run, "event=listener.failed");
	expect_text(run, "insecure = true");
	tdaemon_forget(run);
	tdaemon_forget(run_to_end(POOL("threads", "1", "basic"), every6, 1));
	d = tdaemon_start_with(.config = "insecure = true\n" POOL("threads", "1", "basic"),
			       .args = everywhere);
	expect_echo("p");
	tdaemon_stop(d);
}
END_TEST

START_TEST(test_without_a_configuration)
{
	char dir[] = "/tmp/tdaemon-run-XXXXXX", runtime[80], url[80];
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(runtime, sizeof runtime, "RUNTIME_DIRECTORY=%s", dir);
	snprintf(url, sizeof url, "unix:%s/futured.sock", dir);
	const char *const env[] = {runtime, NULL};
	d = tdaemon_start_with(.no_config = true, .env = env);
	ck_assert_int_eq(stat(url + 5, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	static const char *const pools[][2] = {
		{"", "threads"}, {"threads", "threads"}, {"processes", "processes"}};
	for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
		struct tw *w = tw_open(url, pools[i][0]);
		ck_assert_str_eq(w->pool, pools[i][1]);
		ck_assert_str_eq(w->pool_kind, pools[i][1]);
		ck_assert_uint_gt(w->slots, 0);
		ck_assert_uint_eq(w->max_payload, 16 * MIB);
		tw_submit(w, 0, "echo", "no file");
		tw_expect_value(w, 0, "no file");
		tw_close(w);
	}
	tdaemon_stop(d);
	ck_assert_int_lt(stat(url + 5, &st), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(test_socket_that_is_there)
{
	const char *args[] = {"--listen", NULL, NULL};
	struct stat st;
	char path[96];

	/* A live one is somebody's. */
	start(POOL("threads", "1", "basic"));
	args[1] = d->unix_url;
	struct tdaemon *second = run_to_end(POOL("threads", "1", "basic"), args, 1);
	expect_text(second, "event=listener.failed");
	tdaemon_forget(second);
	expect_echo("p");
	/* One that a killed daemon left is not. */
	tdaemon_signal(d, SIGKILL);
	ck_assert_int_eq(tdaemon_wait_exit(d), -SIGKILL);
	ck_assert_int_eq(stat(d->socket_path, &st), 0);
	while (waitpid(-1, NULL, 0) > 0)
		;
	struct tdaemon *killed = d;
	d = tdaemon_start_with(.config = POOL("threads", "1", "basic"), .no_listen = true,
			       .args = args);
	struct tw *w = tw_open(killed->unix_url, "p");
	tw_submit(w, 0, "echo", "instead");
	tw_expect_value(w, 0, "instead");
	tw_close(w);
	tdaemon_stop(d);
	ck_assert_int_lt(stat(killed->socket_path, &st), 0);
	/* What is no socket is left alone. */
	tdaemon_path(killed, "precious", path, sizeof path);
	tfile_write(path, "a file\n");
	char url[128];
	snprintf(url, sizeof url, "unix:%s", path);
	args[1] = url;
	tdaemon_forget(run_to_end(POOL("threads", "1", "basic"), args, 1));
	ck_assert_uint_eq(tfile_lines(path), 1);
	tdaemon_forget(killed);
}
END_TEST

/* ---- modules ------------------------------------------------------------ */

START_TEST(test_bad_modules)
{
	static const struct {
		const char *file, *reason;
	} bad[] = {
		{"nowhere.so", "cannot be read"},
		{"passwd", "cannot be loaded"},
		{"testmod_wrong_abi.so", "ABI 999"},
		{"testmod_refuse_init.so", "init() refused"},
		{"testmod_crash_init.so", "the zygote ended"},
		{"testmod_no_symbol.so", "fut_module"},
		{"testmod_bad_name.so", "no spaces please"},
	};
	static const char *const gone[] = {"wrong_abi_never", "refuse_init_never",
					   "crash_init_never", "bad_name_neighbour"};
	unsigned seen[ARRAY_LEN(bad)] = {0};

	start("pool p {\n kind = threads\n slots = 2\n modules = {nowhere, \"/etc/passwd\", basic, "
	      "testmod_wrong_abi, testmod_refuse_init, testmod_crash_init, testmod_no_symbol, "
	      "testmod_bad_name, testmod_crash}\n}\n");
	char *log = tdaemon_log(d);
	for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
		for (size_t i = 0; strstr(line, "event=module.failed") && i < ARRAY_LEN(bad); i++) {
			if (!strstr(line, bad[i].file))
				continue;
			seen[i]++;
			if (!strstr(line, bad[i].reason) || !strstr(line, "pool=p"))
				ck_abort_msg("%s: %s", bad[i].file, line);
		}
	}
	free(log);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (seen[i] == 0)
			ck_abort_msg("%s is not reported", bad[i].file);
	}
	struct tw *w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < ARRAY_LEN(gone); id++) {
		tw_submit(w, id, gone[id], "");
		tw_expect_status(w, id, FUT_UNKNOWN_TASK);
	}
	/* The rest of the pool works, before and behind them. */
	tw_submit(w, 10, "echo", "before");
	tw_expect_value(w, 10, "before");
	tw_submit(w, 11, "pid", "");
	tw_expect_status(w, 11, FUT_OK);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* ---- a worker program that is not there, or no good --------------------- */

static void expect_broken(const char *worker)
{
	d = tdaemon_start_with(.config = POOL("threads", "1", "basic"), .worker = worker);
	tdaemon_wait_log(d, "event=pool.failed pool=p");
	tdaemon_wait_log_count(d, "event=zygote.failed pool=p", 3);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "echo", "");
	const struct error_info *e = tw_error(w, tw_expect_status(w, 0, FUT_POOL_BROKEN));
	ck_assert_int_eq(e->executed, FUT_EXECUTED_NO);
	ck_assert_int_eq(e->retry, FUT_RETRY_LATER);
	ck_assert_uint_gt(e->hint.len, 0);
	ck_assert_ptr_nonnull(strstr(tw_status(w), "\"phase\":\"failed\""));
	tw_close(w);
}

START_TEST(test_worker_that_ends_at_once)
{
	expect_broken("/bin/false");
	tdaemon_stop(d);
}
END_TEST

/* When it comes back, so does the pool. */
START_TEST(test_worker_that_is_missing)
{
	char worker[PATH_MAX + 32], link[] = "/tmp/tdaemon-worker-XXXXXX";
	int fd = mkstemp(link);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(unlink(link), 0);
	snprintf(worker, sizeof worker, "%s/futured-worker", td_builddir());
	expect_broken(link);
	ck_assert_int_eq(symlink(worker, link), 0);
	tdaemon_wait_log(d, "event=pool.ready pool=p");
	expect_echo("p");
	ck_assert_int_eq(unlink(link), 0);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("daemon");
	TCase *tc = trun_case(s, "start");

	tcase_add_test(tc, test_check_config);
	tcase_add_test(tc, test_plain_tcp);
	tcase_add_test(tc, test_without_a_configuration);
	tcase_add_test(tc, test_socket_that_is_there);
	tc = trun_case(s, "modules");
	tcase_add_test(tc, test_bad_modules);
	tcase_add_test(tc, test_worker_that_ends_at_once);
	tcase_add_test(tc, test_worker_that_is_missing);
	return s;
}
