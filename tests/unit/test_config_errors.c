/* What a configuration file may not say, and how it is told. */
#include "tests/lib/config_files.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *text, *expected;
} faults[] = {
	/* names */
	{"\n\nmodles = 1", ":3: unknown option 'modles'"},
	{"lisen = {}", ":1: unknown option 'lisen' (did you mean 'listen'?)"},
	{"pol x { }", ":1: unknown option 'pol' (did you mean 'pool'?)"},
	{"# c\n/* c\n c */\npool p {\n# c\n kind = threads\n modles = {}\n}",
	 ":7: unknown option 'modles' (did you mean 'modules'?)"},
	{"pool p { kind = threads }\npool p { exec = x }", ":2: unknown option 'exec'"},
	{"command c { exc = x }", ":1: unknown option 'exc' (did you mean 'exec'?)"},
	{"slots = 1", ":1: unknown option 'slots'"},
	{"include(\"x\")", ":1: unknown option 'include'"},
	{"max_sessions = 1\n\nmax_sessions = 1",
	 ":3: 'max_sessions' is set again: it was in line 1"},
	{"listen = {'unix:/a'}\nlisten = {'unix:/b'}",
	 ":2: 'listen' is set again: it was in line 1"},
	{"pool p {\n kind = threads\n kind = processes\n}",
	 ":3: 'kind' is set again: it was in line 2"},
	{"pool p { kind = threads }\npool p { kind = threads }",
	 ":2: 'kind' is set again: it was in line 1"},
	{"pool p { kind = threads }\npool|slots = 3", ":2: unknown option 'slots'"},
	{"pool p { kind = threads }\npool| = 3", ":2: unknown option ''"},
	{"\n\"max_sessions\" = 3", ":2: the name of an option is written without quotes"},
	{"\npool \"a b\" { kind = threads }",
	 ":2: 'a b' is not a name for a pool: 1 to 63 letters, digits, dots, dashes or _"},
	{"command -c { exec = /x }",
	 ":1: '-c' is not a name for a command: 1 to 63 letters, digits, dots, dashes or _"},

	/* syntax */
	{"max_sessions 3", ":1: missing equal sign after option 'max_sessions'"},
	{"max_sessions = {3}", ":1: unexpected token '{'"},
	{"\npool p {\n kind = threads\n", ":2: this brace is never closed"},
	{"pool p { kind = threads\n commands = {a, b\n", ":2: this brace is never closed"},
	{"max_sessions =", ":1: premature end of file"},
	{"pool p { kind = { { { {", ":1: this brace is never closed"},
	{"pool {\n}", ":1: missing title for section 'pool'"},
	{"pool p\nmax_sessions = 1", ":2: missing opening brace for section 'pool'"},
	{"\n}", ":2: unexpected closing brace"},
	{"\nlisten = {\"unix:/a\n", ":2: this quoted text has no end"},
	{"listen = 'unix:/a", ":1: this quoted text has no end"},
	{"listen = \"unix:/a\\", ":1: this quoted text has no end"},
	{"\n/* a\n\n b", ":2: this comment has no end"},
	{"\nlisten += {\"unix:/a\"}", ":2: '+=' is not known: write the whole list"},
	{"module_dir = a+b", ":1: unexpected '+': quote the value"},
	{"module_dir = /a/*", ":1: unexpected '*': quote the value"},
	{"\nmodule_dir = \"/${HOME}\"",
	 ":2: '${' in double quotes would be replaced from the environment: use single quotes"},
	{"\nmodule_dir = ${HOME}",
	 ":2: '${' would be replaced from the environment: use single quotes"},
	{"\nmodule_dir = /a${HOME}",
	 ":2: '${' would be replaced from the environment: use single quotes"},
	{"\xef\xbb\xbfmax_sessions = 1", ":1: it begins with a byte order mark: save it without"},
	{"\xff\xfem", ":1: this is UTF-16: save it as UTF-8"},
	{"\xfe\xff", ":1: this is UTF-16: save it as UTF-8"},
	{"\n\n\x01", ":3: a control character: this is not a text file"},
	{"max_sessions = \"\\400\"", ":1: invalid octal number '\\400'"},

	/* words */
	{"log_level = loud", ":1: log_level = 'loud' is none of error, warning, info, debug"},
	{"insecure = maybe", ":1: insecure = 'maybe' is neither true nor false"},
	{"module_dir = modules", ":1: module_dir = 'modules' is not an absolute path"},
	{"module_dir = ''", ":1: module_dir = '' is not an absolute path"},
	{"pool p {\n kind = threads\n min_hosts = 2\n}",
	 ":3: min_hosts = 2: a pool of threads has one process, or none"},
	{"pool p {\n kind = processes\n min_hosts = 4\n slots = 3\n}",
	 ":3: min_hosts = 4 is more than the pool's 3 slots"},
	{"pool p { kind = processes slots = 999 min_hosts = 100 }",
	 ":1: slots = 999 is not in the range 0 to 256"},
	{"pool p {\n kind = threads\n fresh = true\n}",
	 ":3: fresh needs kind = processes: threads share one process"},
	{"pool p {\n kind = processes\n fresh = true\n max_tasks = 2\n}",
	 ":4: max_tasks = 2 does not go with fresh, which is one job for each process"},
	{"pool p { kind = processes fresh = maybe }",
	 ":1: fresh = 'maybe' is neither true nor false"},
	{"pool p { kind = fibers }", ":1: kind = 'fibers' is neither threads nor processes"},
	{"\npool p\n{\n}", ":3: pool 'p' has no kind: kind = threads, or processes"},

	/* numbers */
	{"max_payload = 16MB",
	 ":1: max_payload = '16MB' is not a size: bytes, or a whole number with K, M or G"},
	{"max_payload = 1.5M",
	 ":1: max_payload = '1.5M' is not a size: bytes, or a whole number with K, M or G"},
	{"max_sessions = -1", ":1: max_sessions = '-1' is not a whole number"},
	{"max_sessions = ''", ":1: max_sessions = '' is not a whole number"},
	{"max_sessions = 99999999999999999999",
	 ":1: max_sessions = 99999999999999999999 is not in the range 1 to 65536"},
	{"kill_grace =\n5",
	 ":2: kill_grace = '5' is not a duration: a number with us, ms, s, min or h"},
	{"\nmax_payload = 2M max_queued = 1M",
	 ":2: max_queued is less than max_payload: one that large would never fit"},
	{"max_result = 1G",
	 ":1: max_output is less than max_result: one that large would never fit"},

	/* addresses */
	{"\nlisten = {}", ":2: listen is empty: nobody could connect"},
	{"\nlisten = {\n# none\n}", ":4: listen is empty: nobody could connect"},
	{"listen = {''}", ":1: listen is empty: nobody could connect"},
	{"listen = {unix:/a,\nunix:/a}", ":2: 'unix:/a' is in this list twice"},
	{"listen = {unix:/a,\nunix:b}",
	 ":2: 'unix:b' needs an absolute path: unix:/run/futured.sock"},
	{"listen = tls://127.0.0.1:1",
	 ":1: 'tls://127.0.0.1:1' needs a tls section with certificate, key and ca"},
	{"listen = tls://host", ":1: 'tls://host' needs a port: HOST:PORT"},
	{"listen = http://x:1",
	 ":1: 'http://x:1' is no address to listen on: unix:/PATH, tls://HOST:PORT or "
	 "tcp://HOST:PORT"},
	{"listen = {unix:/a, ''}",
	 ":1: '' is no address to listen on: unix:/PATH, tls://HOST:PORT or "
	 "tcp://HOST:PORT"},
	{"listen = tcp://localhost", ":1: 'tcp://localhost' needs a port: HOST:PORT"},
	{"listen = tcp://localhost:65536",
	 ":1: 'tcp://localhost:65536' needs a port from 0 to 65535: HOST:PORT"},
	{"listen = tcp://localhost:1/x",
	 ":1: 'tcp://localhost:1/x' needs a port from 0 to 65535: HOST:PORT"},
	{"listen = tcp://:1", ":1: 'tcp://:1' needs a host name or an address: HOST:PORT"},
	{"listen = \"tcp://*:1\"", ":1: 'tcp://*:1' needs a host name or an address: HOST:PORT"},
	{"listen = tcp://::1:1",
	 ":1: 'tcp://::1:1' needs brackets around its IPv6 address: [::1]:PORT"},
	{"listen = tcp://[::1:1", ":1: 'tcp://[::1:1' has no IPv6 address in its brackets"},
	{"listen = tcp://[]:1", ":1: 'tcp://[]:1' has no IPv6 address in its brackets"},
	{"listen = {tcp://localhost:1,\n tcp://0.0.0.0:1}",
	 ":2: 'tcp://0.0.0.0:1' is plain TCP beyond this machine, where anyone can read it and "
	 "run jobs (set insecure = true to allow it)"},
	{"listen = tcp://[::]:1",
	 ":1: 'tcp://[::]:1' is plain TCP beyond this machine, where anyone can read it and "
	 "run jobs (set insecure = true to allow it)"},
	{"listen = tcp://localhost.evil.example:1",
	 ":1: 'tcp://localhost.evil.example:1' is plain TCP beyond this machine, where anyone "
	 "can read it and run jobs (set insecure = true to allow it)"},

	/* modules and commands */
	{"pool p { kind = threads\nmodules = {a, ./b.so} }",
	 ":2: './b.so' is no module: a name, or an absolute path"},
	{"pool p { kind = threads\nmodules = {a, ..} }",
	 ":2: '..' is no module: a name, or an absolute path"},
	{"pool p { kind = threads\nmodules = {a, ''} }",
	 ":2: '' is no module: a name, or an absolute path"},
	{"pool p { kind = threads\nmodules = {a,\n a} }", ":3: 'a' is in this list twice"},
	{"pool p { kind = threads\ncommands = {a} }", ":2: command 'a' is not declared"},
	{"pool p { kind = threads\ncommands = {gizp} }\ncommand gzip { exec = /g }",
	 ":2: command 'gizp' is not declared (did you mean 'gzip'?)"},
	{"pool p { kind = threads\ncommands = {c, c} }\ncommand c { exec = /g }",
	 ":2: 'c' is in this list twice"},
	{"\ncommand c {}", ":2: command 'c' has nothing to run: exec = {\"/PATH\", ...}"},
	{"command c {\nexec = {} }", ":2: command 'c' has nothing to run: exec = {\"/PATH\", ...}"},
	{"command c {\nexec = {gzip, -c} }",
	 ":2: command 'c': exec needs an absolute path, not 'gzip'"},
};

START_TEST(a_fault_is_named_with_its_line)
{
	write_conf(faults[_i].text);
	must_refuse(-EINVAL);
	ck_assert_int_eq(nconf_errors, 1);
	assert_error(0, faults[_i].expected);

	/* libconfuse's scanner is global: a fault must leave nothing behind. */
	nconf_errors = 0;
	struct config *c = must_load_text("max_sessions = 7\n");
	ck_assert_uint_eq(c->max_sessions, 7);
	(void)config_free(c);
}
END_TEST

START_TEST(all_faults_are_named)
{
	write_conf("max_sessions = 0\n"
		   "listen = {\"unix:a\", \"tls://h\"}\n"
		   "pool p {\n kind = x\n slots = 257\n commands = {a, b}\n}\n"
		   "unknown = 1\n"
		   "max_inflight = 0\n");
	must_refuse(-EINVAL);
	/* What may stand behind the unknown option is not said to be missing. */
	ck_assert_int_eq(nconf_errors, 6);
	assert_error(0, ":8: unknown option 'unknown'");
	assert_error(1, ":1: max_sessions = 0 is not in the range 1 to 65536");
	assert_error(2, ":2: 'unix:a' needs an absolute path: unix:/run/futured.sock");
	assert_error(3, ":2: 'tls://h' needs a port: HOST:PORT");
	assert_error(4, ":4: kind = 'x' is neither threads nor processes");
	assert_error(5, ":5: slots = 257 is not in the range 0 to 256");
}
END_TEST

START_TEST(a_long_socket_path_is_refused)
{
	char text[256] = "listen = unix:/";
	size_t n = strlen(text);

	memset(text + n, 'x', 106);
	struct config *c = must_load_text(text); /* 107 bytes with the slash */
	(void)config_free(c);
	text[n + 106] = 'x';
	write_conf(text);
	must_refuse(-EINVAL);
	ck_assert_ptr_nonnull(strstr(conf_errors[0], "107 bytes"));
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("config_errors");
	TCase *tc = config_case(s, "errors");

	trun_add_each(tc, a_fault_is_named_with_its_line, faults);
	tcase_add_test(tc, all_faults_are_named);
	tcase_add_test(tc, a_long_socket_path_is_refused);
	return s;
}
