/* The section tls, and listeners that need it. */
#include "daemon/config_table.h"
#include "daemon/config_tls.h"
#include "net/tls_context.h"
#include "tests/lib/config_files.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILES "certificate = /a.crt\n key = /a.key\n ca = /ca.crt\n"

START_TEST(all_is_taken)
{
	struct config *c = must_load_text(
		"listen = tls://0.0.0.0:7311\n"
		"tls {\n" FILES "crl = /ca.crl\n identity = dns\n min_version = 1.2\n"
		"server_names = {a.example, b.example}\n max_handshakes = 7\n"
		"hello_timeout = 10ms\n max_session_age = 2h\n}\n");

	ck_assert_str_eq(c->tls.certificate, "/a.crt");
	ck_assert_str_eq(c->tls.key, "/a.key");
	ck_assert_str_eq(c->tls.ca, "/ca.crt");
	ck_assert_str_eq(c->tls.crl, "/ca.crl");
	assert_strings(c->tls.server_names, STRINGS("a.example", "b.example"));
	ck_assert_uint_eq(c->tls.max_handshakes, 7);
	ck_assert_uint_eq(c->tls.hello_timeout_us, 10000);
	ck_assert_uint_eq(c->tls.max_session_age_us, 7200000000);
	struct tls_settings s = config_tls_settings(&c->tls);
	ck_assert_int_eq(s.side, TLS_SERVER);
	ck_assert(s.allow_tls12);
	ck_assert_int_eq(s.identity, TLS_IDENTITY_DNS);
	(void)config_free(c);
}
END_TEST

START_TEST(the_defaults_are_strict)
{
	struct config *c = must_load_text("tls {\n" FILES "}\n");
	struct tls_settings s = config_tls_settings(&c->tls);

	ck_assert(!s.allow_tls12);
	ck_assert_int_eq(s.identity, TLS_IDENTITY_URI);
	ck_assert_ptr_null(s.crl);
	assert_strings(c->tls.server_names, STRINGS());
	ck_assert_uint_eq(c->tls.max_handshakes, 64);
	ck_assert_uint_eq(c->tls.hello_timeout_us, 3000000);
	ck_assert_uint_eq(c->tls.max_session_age_us, 86400000000);
	(void)config_free(c);
	c = must_load_text("");
	ck_assert_ptr_null(c->tls.certificate);
	(void)config_free(c);
}
END_TEST

START_TEST(a_drop_in_replaces_words)
{
	write_conf("tls {\n" FILES "}\n");
	write_drop_in("10.conf", "tls { key = /other.key }\n");
	struct config *c = must_load(NULL);

	ck_assert_str_eq(c->tls.key, "/other.key");
	ck_assert_str_eq(c->tls.certificate, "/a.crt");
	(void)config_free(c);
}
END_TEST

static const struct {
	const char *text, *complaint;
} faults[] = {
	{"listen = tls://h:1", ":1: 'tls://h:1' needs a tls section with certificate, key and ca"},
	{"tls { certificate = /a\nkey = /b }", ":1: tls needs ca = FILE"},
	{"tls {\n key = /b\nca = /c }", ":1: tls needs certificate = FILE"},
	{"tls {\n certificate = /b\nca = /c }", ":1: tls needs key = FILE"},
	{"tls {\n" FILES "crl = x\n}", ":5: crl = 'x' is not an absolute path"},
	{"tls {\n" FILES "identity = cn\n}", ":5: identity = 'cn' is neither uri nor dns"},
	{"tls {\n" FILES "min_version = 1.1\n}", ":5: min_version = '1.1' is neither 1.2 nor 1.3"},
	{"tls {\n" FILES "server_names = {a, a}\n}", ":5: 'a' is in this list twice"},
	{"tls {\n" FILES "max_handshakes = 0\n}",
	 ":5: max_handshakes = 0 is not in the range 1 to 65536"},
	{"tls {\n" FILES "max_handshakes = 65537\n}",
	 ":5: max_handshakes = 65537 is not in the range 1 to 65536"},
	{"tls {\n" FILES "hello_timeout = 0s\n}",
	 ":5: hello_timeout = 0s is not in the range 1ms to 24h"},
	{"tls {\n" FILES "hello_timeout = 25h\n}",
	 ":5: hello_timeout = 25h is not in the range 1ms to 24h"},
	{"tls {\n" FILES "max_session_age = 0s\n}",
	 ":5: max_session_age = 0s is not in the range 1ms to 24h"},
	{"tls {\n" FILES "max_session_age = 25h\n}",
	 ":5: max_session_age = 25h is not in the range 1ms to 24h"},
	{"tls {\n" FILES "cert = /x\n}", ":5: unknown option 'cert' (did you mean 'crl'?)"},
	{"tls {\n" FILES "keys = /x\n}", ":5: unknown option 'keys' (did you mean 'key'?)"},
	{"certificate = /x", ":1: unknown option 'certificate'"},
};

START_TEST(faults_are_named)
{
	write_conf(faults[_i].text);
	must_refuse(-EINVAL);
	ck_assert_int_eq(nconf_errors, 1);
	assert_error(0, faults[_i].complaint);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("config_tls");
	TCase *tc = config_case(s, "tls");

	tcase_add_test(tc, all_is_taken);
	tcase_add_test(tc, the_defaults_are_strict);
	tcase_add_test(tc, a_drop_in_replaces_words);
	trun_add_each(tc, faults_are_named, faults);
	return s;
}
