/* What a pool's section says of rights, limits and the environment. */
#include "tests/lib/config_files.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config *load_pool(const char *in_pool)
{
	char text[1024];

	(void)snprintf(text, sizeof text,
		       "command c { exec = /bin/c }\npool p {\n kind = threads\n%s\n}\n", in_pool);
	return must_load_text(text);
}

START_TEST(nothing_said_confines_nothing)
{
	struct config *c = load_pool("");
	const struct sandbox *s = &c->pools[0].sandbox;

	ck_assert_int_eq(s->mode, SANDBOX_OFF);
	ck_assert(s->network);
	ck_assert(s->programs);
	ck_assert(!s->has_user);
	ck_assert_uint_eq(s->nreadable, 0);
	ck_assert_uint_eq(s->nwritable, 0);
	for (int i = 0; i < SANDBOX_NLIMITS; i++)
		ck_assert(s->limits[i] == SANDBOX_INHERIT);
	ck_assert_ptr_null(c->pools[0].environment[0]);
	(void)config_free(c);
}
END_TEST

START_TEST(everything_is_taken)
{
	struct config *c = load_pool("sandbox = strict network = no programs = no\n"
				     "readable = {/a, '/b c'} writable = {/d}\n"
				     "environment = {A, 'B=c d', 'E*'}\n"
				     "limit_address_space = 2M limit_core = 3K limit_cpu = 4500ms\n"
				     "limit_file_size = 0 limit_open_files = 16\n"
				     "limit_processes = 7");
	const struct sandbox *s = &c->pools[0].sandbox;

	ck_assert_int_eq(s->mode, SANDBOX_STRICT);
	ck_assert(!s->network);
	ck_assert(!s->programs);
	ck_assert_uint_eq(s->nreadable, 2);
	ck_assert_uint_eq(s->nwritable, 1);
	ck_assert_str_eq(s->paths[0], "/a");
	ck_assert_str_eq(s->paths[1], "/b c");
	ck_assert_str_eq(s->paths[2], "/d");
	ck_assert_uint_eq(s->limits[SANDBOX_ADDRESS_SPACE], 2 << 20);
	ck_assert_uint_eq(s->limits[SANDBOX_CORE], 3 << 10);
	ck_assert_uint_eq(s->limits[SANDBOX_CPU], 5);
	ck_assert_uint_eq(s->limits[SANDBOX_FILE_SIZE], 0);
	ck_assert_uint_eq(s->limits[SANDBOX_OPEN_FILES], 16);
	ck_assert_uint_eq(s->limits[SANDBOX_PROCESSES], 7);
	assert_strings(c->pools[0].environment, STRINGS("A", "B=c d", "E*"));
	(void)config_free(c);
}
END_TEST

START_TEST(a_sandbox_leaves_no_core)
{
	struct config *c = load_pool("sandbox = on");

	ck_assert_int_eq(c->pools[0].sandbox.mode, SANDBOX_ON);
	ck_assert_uint_eq(c->pools[0].sandbox.limits[SANDBOX_CORE], 0);
	(void)config_free(c);
	c = load_pool("sandbox = on limit_core = inherit");
	ck_assert(c->pools[0].sandbox.limits[SANDBOX_CORE] == SANDBOX_INHERIT);
	(void)config_free(c);
}
END_TEST

static const struct {
	const char *in_pool, *expected;
} faults[] = {
	{"sandbox = yes", ":4: sandbox = 'yes' is none of off, on, strict"},
	{"sandbox = on\nnetwork = maybe", ":5: network = 'maybe' is neither yes nor no"},
	{"network = no", ":4: network means nothing without a sandbox: sandbox = on, or strict"},
	{"programs = no", ":4: programs means nothing without a sandbox: sandbox = on, or strict"},
	{"readable = {/a}",
	 ":4: readable means nothing without a sandbox: sandbox = on, or strict"},
	{"writable = {/a}",
	 ":4: writable means nothing without a sandbox: sandbox = on, or strict"},
	{"sandbox = on\nprograms = no\ncommands = {c}",
	 ":5: programs = no does not go with commands, which are programs"},
	{"sandbox = on\nreadable = {a}", ":5: 'a' is not an absolute path"},
	{"sandbox = on\nwritable = {/a, /a}", ":5: '/a' is in this list twice"},
	{"user = no.such.user", ":4: user = 'no.such.user' is nobody here"},
	{"user = 4294967295", ":4: user = '4294967295' is nobody here"},
	{"user = root", ":4: user = 'root' is root: it would keep all rights"},
	{"user = 0", ":4: user = '0' is root: it would keep all rights"},
	{"environment = {'=x'}",
	 ":4: '=x' is no variable: NAME, NAME=VALUE, or the beginning of names and a *"},
	{"environment = {'A*B'}",
	 ":4: 'A*B' is no variable: NAME, NAME=VALUE, or the beginning of names and a *"},
	{"limit_cpu = 10",
	 ":4: limit_cpu = '10' is neither a duration, as 10s, nor the word inherit"},
	{"limit_cpu = 999ms", ":4: limit_cpu = 999ms is too small to start with"},
	{"limit_core = lots",
	 ":4: limit_core = 'lots' is neither a size, as 64M, nor the word inherit"},
	{"limit_file_size = -1",
	 ":4: limit_file_size = '-1' is neither a size, as 64M, nor the word inherit"},
	{"limit_open_files = 15", ":4: limit_open_files = 15 is too small to start with"},
	{"limit_open_files = 64K",
	 ":4: limit_open_files = '64K' is neither a whole number nor the word inherit"},
	{"limit_processes = 0", ":4: limit_processes = 0 is too small to start with"},
	{"limit_address_space = 1K", ":4: limit_address_space = 1K is too small to start with"},
	{"limit_address_space = 18446744073709551616",
	 ":4: limit_address_space = '18446744073709551616' is neither a size, as 64M, nor the word "
	 "inherit"},
};

START_TEST(a_fault_is_named_with_its_line)
{
	char text[1024];

	(void)snprintf(text, sizeof text,
		       "command c { exec = /bin/c }\npool p {\n kind = threads\n%s\n}\n",
		       faults[_i].in_pool);
	write_conf(text);
	must_refuse(-EINVAL);
	assert_error(0, faults[_i].expected);
	ck_assert_int_eq(nconf_errors, 1);
}
END_TEST

START_TEST(lists_have_an_end)
{
	static char text[8192];
	size_t len = (size_t)snprintf(text, sizeof text,
				      "pool p {\nkind = threads\nsandbox = on\nreadable = {\n");

	for (int i = 0; i < SANDBOX_PATHS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "/p%d,\n", i);
	(void)snprintf(text + len, sizeof text - len, "/last}\n}\n");
	write_conf(text);
	must_refuse(-EINVAL);
	ck_assert_int_eq(nconf_errors, 1);
	ck_assert_ptr_nonnull(strstr(conf_errors[0], "'/last' is one too many"));
}
END_TEST

START_TEST(another_user_needs_a_right)
{
	write_conf("pool p {\n kind = threads\n user = nobody\n}\n");
	if (geteuid() == 0) {
		struct config *c = must_load(NULL);
		ck_assert(c->pools[0].sandbox.has_user);
		ck_assert_uint_ne(c->pools[0].sandbox.uid, 0);
		(void)config_free(c);
	}
	/* The file is root's, and readable. */
	ck_assert_int_eq(chmod(conf_path, 0644), 0);
	become_nobody();
	must_refuse(-EINVAL);
	assert_error(0, ":3: user = 'nobody' needs a daemon that is started as root, or with "
			"CAP_SETUID, CAP_SETGID and CAP_KILL");
	become_self();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("config_sandbox");
	TCase *tc = config_case(s, "sandbox");

	tcase_add_test(tc, nothing_said_confines_nothing);
	tcase_add_test(tc, everything_is_taken);
	tcase_add_test(tc, a_sandbox_leaves_no_core);
	trun_add_each(tc, a_fault_is_named_with_its_line, faults);
	tcase_add_test(tc, lists_have_an_end);
	tcase_add_test(tc, another_user_needs_a_right);
	return s;
}
