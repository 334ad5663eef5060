/* The client library over TLS: jobs, large and many, from several threads; and who is refused. */
#include "tests/integ/over_tls.h"

#include <pthread.h>

#define PATIENCE_US ((int64_t)td_patience_ms(60000) * 1000)

enum { LARGE = 4 * 1024 * 1024, MANY = 2000, THREADS = 4, EACH = 200 };

static fut_executor *must_open(const char *url)
{
	fut_executor *x;
	fut_error *e = NULL;

	if (fut_executor_open(url, &x, &e) != FUT_OK)
		ck_abort_msg("%s: %s: %s", url, fut_error_message(e), fut_error_detail(e));
	return x;
}

static void must_close(fut_executor *x)
{
	ck_assert_int_eq(fut_executor_shutdown(x, true, false, PATIENCE_US), FUT_OK);
	fut_executor_unref(x);
}

static fut_future *submit(fut_executor *x, const void *p, size_t n)
{
	fut_future *f;

	ck_assert_int_eq(fut_submit(x, "echo", p, n, &f, NULL), FUT_OK);
	return f;
}

static void must_be(fut_future *f, const void *p, size_t n)
{
	fut_bytes value;

	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, NULL), FUT_OK);
	ck_assert_uint_eq(value.len, n);
	ck_assert_int_eq(memcmp(value.data, p, n), 0);
	fut_future_unref(f);
}

START_TEST(jobs_of_every_size)
{
	static uint8_t bytes[LARGE];

	start("", "");
	fut_executor *x = must_open(client_url);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t n = 1; n <= LARGE; n *= 4)
		must_be(submit(x, bytes, n), bytes, n);
	/* Both ways at once, more than the sockets hold. */
	fut_future *f[8];
	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		f[i] = submit(x, bytes + i, LARGE - i);
	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		must_be(f[i], bytes + i, LARGE - i);
	must_close(x);
	stop();
}
END_TEST

START_TEST(many_jobs)
{
	static fut_future *f[MANY];
	char text[16];

	start("", "");
	fut_executor *x = must_open(client_url);
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "%d", i);
		f[i] = submit(x, text, strlen(text));
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "%d", i);
		must_be(f[i], text, strlen(text));
	}
	must_close(x);
	stop();
}
END_TEST

static void *submit_and_wait(void *arg)
{
	char text[16];

	for (int i = 0; i < EACH; i++) {
		snprintf(text, sizeof text, "%d", i);
		must_be(submit(arg, text, strlen(text)), text, strlen(text));
	}
	return NULL;
}

/* Callers write themselves while the I/O thread reads. */
START_TEST(several_threads)
{
	pthread_t threads[THREADS];

	start("", "");
	fut_executor *x = must_open(client_url);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_and_wait, x), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	must_close(x);
	stop();
}
END_TEST

START_TEST(the_environment_names_files)
{
	char url[256];

	start("", "");
	setenv("FUTURED_TLS_CA", file("ca.crt"), 1);
	setenv("FUTURED_TLS_CERT", file("client.crt"), 1);
	setenv("FUTURED_TLS_KEY", file("client.key"), 1);
	expect_echo_at(tls_url);
	snprintf(url, sizeof url, "%s/p?server_name=localhost", tls_url);
	expect_echo_at(url);
	stop();
}
END_TEST

START_TEST(a_client_says_why_not)
{
	char url[1024];

	start("", "");
	struct tcert other = tcert_make(NULL, &(struct tcert_options){.cn = "x", .is_ca = true});
	tcert_write(file("other.crt"), CHAIN(&other));
	tcert_done(&other);
	/* what is not given, or is no good */
	expect_refused_at(tls_url, FUT_INVALID, "no CA");
	snprintf(url, sizeof url, "%s?ca=%s&cert=%s", tls_url, file("ca.crt"), file("client.crt"));
	expect_refused_at(url, FUT_INVALID, "go together");
	snprintf(url, sizeof url, "%s?ca=%s", tls_url, file("nothing"));
	expect_refused_at(url, FUT_INVALID, "nothing");
	/* whom it does not believe */
	snprintf(url, sizeof url, "%s?ca=%s", tls_url, file("other.crt"));
	expect_refused_at(url, FUT_CONNECT_FAILED, "certificate verify failed");
	snprintf(url, sizeof url, "%s&server_name=elsewhere.example", client_url);
	expect_refused_at(url, FUT_CONNECT_FAILED, "hostname mismatch");
	/* who does not believe it */
	snprintf(url, sizeof url, "%s?ca=%s", tls_url, file("ca.crt"));
	expect_refused_at(url, FUT_CONNECT_FAILED, "certificate required");
	/* who is somebody else */
	snprintf(url, sizeof url, "tls%s?ca=%s", d->tcp_url + 3, file("ca.crt"));
	expect_refused_at(url, FUT_CONNECT_FAILED, "");
	snprintf(url, sizeof url, "tcp%s", tls_url + 3);
	expect_refused_at(url, FUT_CONNECT_FAILED, "");
	stop();
}
END_TEST

/* A daemon that is killed says no goodbye: its end is not taken for one. */
START_TEST(a_daemon_that_is_gone)
{
	start("", "");
	fut_executor *x = must_open(client_url);
	fut_error *e = NULL;
	fut_bytes value;
	fut_future *f;

	ck_assert_int_eq(fut_submit(x, "hang", "", 0, &f, NULL), FUT_OK);
	twait_until(d, fut_running(f));
	tdaemon_signal(d, SIGKILL);
	ck_assert_int_eq(fut_result(f, PATIENCE_US, &value, &e), FUT_CONNECTION_LOST);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "cut off"));
	fut_error_unref(e);
	fut_future_unref(f);
	fut_executor_unref(x);
	ck_assert_int_eq(tdaemon_wait_exit(d), -SIGKILL);
	tw_close(witness);
	tdaemon_forget(d);
	remove_files();
}
END_TEST

START_TEST(a_drain_ends_sessions_of_tls)
{
	start("", "");
	fut_executor *x = must_open(client_url);
	must_be(submit(x, "x", 1), "x", 1);
	tw_close(witness);
	tdaemon_stop(d);
	fut_executor_unref(x);
	remove_files();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("tls_jobs");
	TCase *tc = trun_case(s, "tls_jobs");

	tcase_add_test(tc, jobs_of_every_size);
	tcase_add_test(tc, many_jobs);
	tcase_add_test(tc, several_threads);
	tcase_add_test(tc, the_environment_names_files);
	tcase_add_test(tc, a_client_says_why_not);
	tcase_add_test(tc, a_daemon_that_is_gone);
	tcase_add_test(tc, a_drain_ends_sessions_of_tls);
	return s;
}
