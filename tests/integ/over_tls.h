/*
 * A daemon with a tls:// listener, a CA whom it believes, and a client's certificate; beside
 * them a witness on the Unix socket, which must be served whatever comes over TLS.
 */
#ifndef TESTS_OVER_TLS_H
#define TESTS_OVER_TLS_H

#include "common/util.h"
#include "tests/lib/tcert.h"
#include "tests/lib/tdaemon.h"
#include "tests/lib/trun.h"
#include "tests/lib/ttls.h"
#include "tests/lib/twire.h"

#include <dirent.h>
#include <futured/futured.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHAIN(...) ((const struct tcert *const[]){__VA_ARGS__, NULL})
#define NAMED(text)                                                                                \
	{                                                                                          \
		TCERT_NAME(TCERT_URI, text)                                                        \
	}

static struct tdaemon *d;
static struct tw *witness;
static struct tcert ca, server, client;
static char files[64], tls_url[128], client_url[768];

static inline const char *file(const char *name)
{
	static char paths[16][128];
	static unsigned next;
	char *path = paths[next++ % 16];

	snprintf(path, sizeof paths[0], "%s/%s", files, name);
	return path;
}

static inline void make_server(int64_t to_s)
{
	tcert_done(&server);
	server = tcert_make(&ca, &(struct tcert_options){
					 .names = {TCERT_NAME(TCERT_DNS, "localhost"),
						   TCERT_NAME(TCERT_IP, "\x7f\0\0\1")},
					 .usage = TCERT_SERVER,
					 .from_s = -3600,
					 .to_s = to_s,
				 });
	tcert_write(file("server.crt"), CHAIN(&server));
	tcert_write_key(file("server.key"), &server);
}

/* In a folder of their own: the daemon reads them before it has one. */
static inline void make_files(void)
{
	snprintf(files, sizeof files, "/tmp/ttls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(files));
	ca = tcert_make(NULL, &(struct tcert_options){.cn = "the CA", .is_ca = true});
	tcert_write(file("ca.crt"), CHAIN(&ca));
	make_server(7200);
	client = tcert_make(&ca, &(struct tcert_options){.names = NAMED("futured:someone"),
							 .usage = TCERT_CLIENT});
	tcert_write(file("client.crt"), CHAIN(&client));
	tcert_write_key(file("client.key"), &client);
}

static inline void tls_config(char *ret, size_t size, const char *in_tls, const char *top)
{
	snprintf(ret, size,
		 "%s\nkill_grace = 500ms\n"
		 "penalty_auth = 0s\npenalty_protocol = 0s\npenalty_silence = 0s\ntls {\n  "
		 "certificate = \"%s/server.crt\"\n"
		 "  key = \"%s/server.key\"\n  ca = \"%s/ca.crt\"\n%s\n}\n"
		 "pool p {\n  kind = threads\n  slots = 2\n  modules = {basic, testmod_crash}\n}\n",
		 top, files, files, files, in_tls);
}

/* Where it hears TLS, as its log says. */
static inline void find_tls_url(void)
{
	char *log = tdaemon_log(d), *p = strstr(log, "url=tls://");

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sscanf(p, "url=%127s", tls_url), 1);
	free(log);
	snprintf(client_url, sizeof client_url,
		 "%s?ca=%s/ca.crt&cert=%s/client.crt&key=%s/client.key", tls_url, files, files,
		 files);
}

static inline void start_with_env(const char *in_tls, const char *top, const char *const *env)
{
	static const char *const args[] = {"--listen", "tls://127.0.0.1:0", NULL};
	char config[1024];

	tls_config(config, sizeof config, in_tls, top);
	d = tdaemon_start_with(.config = config, .args = args, .env = env);
	find_tls_url();
	witness = tw_open(d->unix_url, "");
}

/* `in_tls` is more of the section, `top` of the rest. */
static inline void start(const char *in_tls, const char *top)
{
	make_files();
	start_with_env(in_tls, top, NULL);
}

/* The other session is answered, and soon: within a bound that only a stuck loop breaks. */
static inline void still_served(const char *after)
{
	uint64_t before_us = td_now_us();

	if (!tdaemon_is_alive(d))
		tdaemon_fail(d, __FILE__, __LINE__, after);
	tw_submit(witness, 0, "echo", "still there");
	tw_expect_value(witness, 0, "still there");
	if (td_now_us() - before_us > (uint64_t)td_patience_ms(5000) * 1000)
		tdaemon_fail(d, __FILE__, __LINE__, after);
}

static inline bool are_gone(void)
{
	return strstr(tw_status(witness), "\"sessions\":1,") != NULL;
}

/* Nothing is left of them but the witness. */
static inline void all_gone(void)
{
	twait_until(d, are_gone());
}

static inline void remove_files(void)
{
	DIR *dir = opendir(files);
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	ck_assert_int_eq(rmdir(files), 0);
}

static inline void stop(void)
{
	still_served("everything");
	all_gone();
	tw_close(witness);
	tdaemon_stop(d);
	tcert_done(&ca);
	tcert_done(&server);
	tcert_done(&client);
	remove_files();
}

/* One job over TLS with the library. */
static inline void expect_echo_at(const char *url)
{
	fut_executor *x;
	fut_future *f;
	fut_error *e = NULL;
	fut_bytes value;

	if (fut_executor_open(url, &x, &e) != FUT_OK)
		ck_abort_msg("%s: %s: %s", url, fut_error_message(e), fut_error_detail(e));
	ck_assert_int_eq(fut_submit(x, "echo", "well", 4, &f, NULL), FUT_OK);
	ck_assert_int_eq(fut_result(f, (int64_t)td_patience_ms(20000) * 1000, &value, NULL),
			 FUT_OK);
	ck_assert_mem_eq(value.data, "well", 4);
	fut_future_unref(f);
	ck_assert_int_eq(
		fut_executor_shutdown(x, true, false, (int64_t)td_patience_ms(20000) * 1000),
		FUT_OK);
	fut_executor_unref(x);
}

/* The library must not get in; its error's detail has this word. */
static inline void expect_refused_at(const char *url, fut_status status, const char *word)
{
	fut_executor *x;
	fut_error *e = NULL;

	ck_assert_int_eq(fut_executor_open(url, &x, &e), status);
	if (!strstr(fut_error_detail(e), word))
		ck_abort_msg("'%s' is not in: %s", word, fut_error_detail(e));
	fut_error_unref(e);
}

#endif
