/* net/url.c: what is a URL, what is not, and why not. */
#include "net/url.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static struct url must_parse(const char *text)
{
	const char *why = "";
	struct url u;
	int r = url_parse(text, &u, &why);

	ck_assert_msg(r == 0, "%s: %s", text, why);
	return u;
}

START_TEST(unix_urls)
{
	struct url u = must_parse("unix:/run/futured.sock");

	ck_assert_int_eq(u.scheme, URL_UNIX);
	ck_assert_str_eq(u.path, "/run/futured.sock");
	ck_assert_ptr_null(u.pool);
	ck_assert_uint_eq(u.connect_timeout_us, URL_CONNECT_TIMEOUT_US);
	url_done(&u);

	u = must_parse("unix:///a?pool=cpu&connect_timeout_us=5");
	ck_assert_str_eq(u.path, "/a");
	ck_assert_str_eq(u.pool, "cpu");
	ck_assert_uint_eq(u.connect_timeout_us, 5);
	url_done(&u);

	u = must_parse("unix:@abstract");
	ck_assert_str_eq(u.path, "@abstract");
	url_done(&u);
}
END_TEST

START_TEST(tcp_urls)
{
	struct url u = must_parse("tcp://host.example:7311/io");

	ck_assert_int_eq(u.scheme, URL_TCP);
	ck_assert_str_eq(u.host, "host.example");
	ck_assert_str_eq(u.port, "7311");
	ck_assert_str_eq(u.pool, "io");
	url_done(&u);

	u = must_parse("tcp://[::1]:0?pool=x");
	ck_assert_str_eq(u.host, "::1");
	ck_assert_str_eq(u.port, "0");
	ck_assert_str_eq(u.pool, "x");
	url_done(&u);

	u = must_parse("tcp://[fe80::1%eth0]:65535/");
	ck_assert_str_eq(u.host, "fe80::1%eth0");
	ck_assert_ptr_null(u.pool);
	url_done(&u);
}
END_TEST

START_TEST(local_urls)
{
	struct url u = must_parse("local:");

	ck_assert_int_eq(u.scheme, URL_LOCAL);
	ck_assert_ptr_null(u.pool);
	ck_assert_ptr_null(u.modules);
	ck_assert_uint_eq(u.workers, 0);
	ck_assert_uint_eq(u.connect_timeout_us, URL_CONNECT_TIMEOUT_US);
	url_done(&u);

	u = must_parse("local:?pool=processes&workers=256&modules=a,/b/c d.so,a-b&"
		       "connect_timeout_us=7");
	ck_assert_str_eq(u.pool, "processes");
	ck_assert_uint_eq(u.workers, 256);
	ck_assert_str_eq(u.modules, "a,/b/c d.so,a-b");
	ck_assert_uint_eq(u.connect_timeout_us, 7);
	url_done(&u);

	u = must_parse("local:?modules=one&workers=1&pool=threads");
	ck_assert_str_eq(u.pool, "threads");
	ck_assert_uint_eq(u.workers, 1);
	ck_assert_str_eq(u.modules, "one");
	url_done(&u);
}
END_TEST

static const char *const bad_urls[] = {
	"",
	"http://host:1",
	"unix:",
	"unix:relative",
	"unix:/",
	"unix:/a?",
	"unix:/a?pool",
	"unix:/a?pool=",
	"unix:/a?pool=a/b",
	"unix:/a?pool=a&pool=b",
	"unix:/a?colour=red",
	"unix:/a?connect_timeout_us=",
	"unix:/a?connect_timeout_us=-1",
	"unix:/a?connect_timeout_us=1s",
	"unix:/a?connect_timeout_us=9223372036854775808",
	"unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	"tcp:host:1",
	"tcp://",
	"tcp://host",
	"tcp://host:",
	"tcp://host:http",
	"tcp://host:65536",
	"tcp://host:000001",
	"tcp://:7311",
	"tcp://ho st:1",
	"tcp://user@host:1",
	"tcp://::1:7311",
	"tcp://[::1]",
	"tcp://[::1:7311",
	"tcp://[host]:1",
	"tcp://host:1/a/b",
	"tcp://host:1/a?pool=b",
	"tcp://host:1?workers=2",
	"unix:/a?modules=basic",
	"local",
	"local:threads",
	"local:/a",
	"local://",
	"local:?",
	"local:?pool=gpu",
	"local:?workers=",
	"local:?workers=0",
	"local:?workers=257",
	"local:?workers=two",
	"local:?workers=2&workers=2",
	"local:?modules=",
	"local:?modules=a,",
	"local:?modules=,a",
	"local:?modules=a b",
	"local:?modules=./a.so",
	"local:?modules=/it's.so",
	"local:?modules=/a\\b.so",
	"local:?modules=/a\nb.so",
	"local:?modules=a,b,a",
	"local:?modules=a&modules=b",
	"local:?colour=red",
};

START_TEST(bad_url)
{
	const char *why = NULL;
	struct url u;

	ck_assert_msg(url_parse(bad_urls[_i], &u, &why) == -EINVAL, "%s", bad_urls[_i]);
	ck_assert_ptr_nonnull(why);
}
END_TEST

START_TEST(longest_unix_path)
{
	char text[5 + 108 + 1] = "unix:/";
	struct url u;

	for (size_t i = 6; i < 5 + 107; i++)
		text[i] = 'a';
	u = must_parse(text);
	url_done(&u);
}
END_TEST

START_TEST(tls_names_files_and_a_server)
{
	struct url u = must_parse("tls://[::1]:7311/cpu?ca=/c a&cert=x.crt&server_name=a.b&key=k");

	ck_assert_int_eq(u.scheme, URL_TLS);
	ck_assert_str_eq(u.host, "::1");
	ck_assert_str_eq(u.port, "7311");
	ck_assert_str_eq(u.pool, "cpu");
	ck_assert_str_eq(u.tls.ca, "/c a");
	ck_assert_str_eq(u.tls.cert, "x.crt");
	ck_assert_str_eq(u.tls.key, "k");
	ck_assert_str_eq(u.tls.server_name, "a.b");
	url_done(&u);
	u = must_parse("tls://host:1?pool=p");
	ck_assert_str_eq(u.pool, "p");
	ck_assert_ptr_null(u.tls.ca);
	ck_assert_ptr_null(u.tls.server_name);
	url_done(&u);
}
END_TEST

/* What would not be verified, and what means nothing without TLS. */
static const char *const bad_tls[] = {
	"tls://host",
	"tls:host:1",
	"tls://host:1?ca=",
	"tls://host:1?ca",
	"tls://:1",
	"tls://host:1?ca=a&ca=a",
	"tls://host:1?verify=no",
	"tcp://host:1?ca=/a",
	"unix:/a?ca=b",
	"tls://host:1?insecure=1",
	"tls://host:1?server_name=",
	"local:?key=k",
};

START_TEST(tls_is_never_half_said)
{
	const char *why = NULL;
	struct url u;

	ck_assert_int_eq(url_parse(bad_tls[_i], &u, &why), -EINVAL);
	ck_assert_ptr_nonnull(why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("url");
	TCase *tc = tcase_create("url");

	tcase_add_test(tc, unix_urls);
	tcase_add_test(tc, tcp_urls);
	tcase_add_test(tc, local_urls);
	tcase_add_loop_test(tc, bad_url, 0, (int)(sizeof bad_urls / sizeof bad_urls[0]));
	tcase_add_test(tc, longest_unix_path);
	tcase_add_test(tc, tls_names_files_and_a_server);
	tcase_add_loop_test(tc, tls_is_never_half_said, 0,
			    (int)(sizeof bad_tls / sizeof bad_tls[0]));
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
