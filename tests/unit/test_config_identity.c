/* Identities in the configuration: whom a section is for, and what it allows. */
#include "tests/lib/config_files.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

START_TEST(all_is_taken)
{
	struct config *c = must_load_text("audit_log = \"/var/log/futured.audit\"\n"
					  "identity \"spiffe://ex/billing\" {\n"
					  "  tasks = {\"invoice.*\", \"pdf.render\"}\n"
					  "  pools = {\"cpu?\"}\n"
					  "  max_connections = 32\n"
					  "  max_inflight = 256\n"
					  "  max_queue = 4096\n"
					  "  max_payload = 4M\n"
					  "  rate = 500\n"
					  "  burst = 1000\n"
					  "  priority_max = -2\n"
					  "  admin = read\n"
					  "}\n");

	ck_assert_str_eq(c->audit_path, "/var/log/futured.audit");
	ck_assert_uint_eq(c->nidentities, 1);
	const struct config_identity *i = &c->identities[0];
	ck_assert_str_eq(i->name, "spiffe://ex/billing");
	ck_assert_int_eq(i->kind, IDENTITY_CERTIFICATE);
	assert_strings(i->tasks, STRINGS("invoice.*", "pdf.render"));
	assert_strings(i->pools, STRINGS("cpu?"));
	ck_assert_uint_eq(i->max_connections, 32);
	ck_assert_uint_eq(i->max_inflight, 256);
	ck_assert_uint_eq(i->max_queue, 4096);
	ck_assert_uint_eq(i->max_payload_bytes, 4 << 20);
	ck_assert_uint_eq(i->rate, 500);
	ck_assert_uint_eq(i->burst, 1000);
	ck_assert_uint_eq(i->interval_ns, 2000000);
	ck_assert_uint_eq(i->burst_ns, 2000000000);
	ck_assert_int_eq(i->priority_max, -2);
	ck_assert_int_eq(i->admin, ADMIN_READ);
	(void)config_free(c);
}
END_TEST

/* Nothing is allowed that nobody wrote. */
START_TEST(an_empty_section_runs_nothing)
{
	struct config *c = must_load_text("identity \"unix:0\" { }");
	const struct config_identity *i = &c->identities[0];

	assert_strings(i->tasks, STRINGS());
	assert_strings(i->pools, STRINGS("*"));
	ck_assert_uint_eq(i->max_connections, 64);
	ck_assert_uint_eq(i->max_inflight, 0);
	ck_assert_uint_eq(i->max_queue, 0);
	ck_assert_uint_eq(i->max_payload_bytes, 0);
	ck_assert_uint_eq(i->rate, 0);
	ck_assert_uint_eq(i->interval_ns, 0);
	ck_assert_int_eq(i->priority_max, 3);
	ck_assert_int_eq(i->admin, ADMIN_NO);
	(void)config_free(c);
}
END_TEST

static const struct {
	const char *title;
	enum identity_kind kind;
	uint32_t id;
} whom[] = {
	{"unix:root", IDENTITY_USER, 0},
	{"unix:0", IDENTITY_USER, 0},
	{"unix:4294967294", IDENTITY_USER, 4294967294},
	{"unix:%root", IDENTITY_GROUP, 0},
	{"unix:%1234", IDENTITY_GROUP, 1234},
	{"tcp", IDENTITY_TCP, 0},
	{"tcp:", IDENTITY_CERTIFICATE, 0},
	{"client.example", IDENTITY_CERTIFICATE, 0},
	{"a,b", IDENTITY_CERTIFICATE, 0},
	{"*", IDENTITY_CERTIFICATE, 0}, /* an asterisk, and nobody else */
	{"unix", IDENTITY_CERTIFICATE, 0},
};

START_TEST(a_title_says_for_whom)
{
	char text[256];

	snprintf(text, sizeof text, "identity \"%s\" { }\n", whom[_i].title);
	struct config *c = must_load_text(text);
	ck_assert_uint_eq(c->nidentities, 1);
	ck_assert_str_eq(c->identities[0].name, whom[_i].title);
	ck_assert_int_eq(c->identities[0].kind, whom[_i].kind);
	ck_assert_uint_eq(c->identities[0].id, whom[_i].id);
	(void)config_free(c);
}
END_TEST

/* The first that fits counts, so the order is that of the files. */
START_TEST(they_stay_in_order)
{
	write_conf("identity tcp { rate = 7 }\nidentity \"unix:%root\" { }\n");
	write_drop_in("10.conf", "identity a { }\nidentity tcp { burst = 9 admin = yes }\n");
	struct config *c = must_load(NULL);

	ck_assert_uint_eq(c->nidentities, 3);
	ck_assert_str_eq(c->identities[0].name, "tcp");
	ck_assert_str_eq(c->identities[1].name, "unix:%root");
	ck_assert_str_eq(c->identities[2].name, "a");
	ck_assert_uint_eq(c->identities[0].rate, 7);
	ck_assert_uint_eq(c->identities[0].burst, 9);
	ck_assert_int_eq(c->identities[0].admin, ADMIN_YES);
	(void)config_free(c);
}
END_TEST

START_TEST(a_rate_is_its_own_burst)
{
	struct config *c = must_load_text("identity a { rate = 4 admin = no }\n"
					  "identity b { rate = 1000000000 tasks = {} pools = {} }");

	ck_assert_uint_eq(c->identities[0].burst, 4);
	ck_assert_uint_eq(c->identities[0].interval_ns, 250000000);
	ck_assert_uint_eq(c->identities[0].burst_ns, 1000000000);
	ck_assert_uint_eq(c->identities[1].interval_ns, 1);
	assert_strings(c->identities[1].pools, STRINGS());
	(void)config_free(c);
}
END_TEST

#define TITLES "\"unix:USER\", \"unix:%GROUP\", \"tcp\", or the name in a certificate"

static const struct {
	const char *text, *expected;
} faults[] = {
	{"\nidentity \"unix:no-such-user-here\" { }",
	 ":2: identity 'unix:no-such-user-here': there is no user 'no-such-user-here'"},
	{"identity \"unix:%no-such-group\" { }",
	 ":1: identity 'unix:%no-such-group': there is no group 'no-such-group'"},
	{"identity \"unix:\" { }", ":1: identity 'unix:': there is no user ''"},
	{"identity \"unix:*\" { }", ":1: identity 'unix:*': there is no user '*'"},
	{"identity \"unix:%\" { }", ":1: identity 'unix:%': there is no group ''"},
	{"identity \"unix:4294967295\" { }",
	 ":1: identity 'unix:4294967295': 4294967295 is no number of a user or group"},
	{"identity \"\" { }", ":1: '' is no identity: " TITLES},
	{"identity \"a b\" { }", ":1: 'a b' is no identity: " TITLES},
	{"identity unrestricted { }", ":1: 'unrestricted' is no identity: " TITLES},
	{"identity { }", ":1: missing title for section 'identity'"},
	{"identity a {\n tasks = {\"[a-z]+\"} }",
	 ":2: '[a-z]+' is no pattern: the characters of a name, * and ?"},
	{"identity a { tasks = {\"x\", \"x\"} }", ":1: 'x' is in this list twice"},
	{"identity a { max_connections = 0 }",
	 ":1: max_connections = 0 is not in the range 1 to 65536"},
	{"identity a { max_payload = 2G }", ":1: max_payload = 2G is not in the range 0 to 1G"},
	{"identity a { rate = 500/s }", ":1: rate = '500/s' is not a whole number"},
	{"identity a { burst = 5 }", ":1: burst = 5 needs a rate to come back to"},
	{"identity a { priority_max = 4 }", ":1: priority_max = '4' is not in the range -4 to 3"},
	{"identity a { priority_max = -5 }", ":1: priority_max = '-5' is not in the range -4 to 3"},
	{"identity a { priority_max = \"-\" }",
	 ":1: priority_max = '-' is not in the range -4 to 3"},
	{"identity a { admin = maybe }", ":1: admin = 'maybe' is none of no, read, yes"},
	{"identity a { taks = {x} }", ":1: unknown option 'taks' (did you mean 'tasks'?)"},
	{"audit_log = \"audit\"", ":1: audit_log = 'audit' is not an absolute path"},
};

START_TEST(a_fault_is_named_with_its_line)
{
	write_conf(faults[_i].text);
	must_refuse(-EINVAL);
	ck_assert_int_eq(nconf_errors, 1);
	assert_error(0, faults[_i].expected);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("config_identity");
	TCase *tc = config_case(s, "identities");

	tcase_add_test(tc, all_is_taken);
	tcase_add_test(tc, an_empty_section_runs_nothing);
	trun_add_each(tc, a_title_says_for_whom, whom);
	tcase_add_test(tc, they_stay_in_order);
	tcase_add_test(tc, a_rate_is_its_own_burst);
	trun_add_each(tc, a_fault_is_named_with_its_line, faults);
	return s;
}
