/* Who somebody is, and what that may: from credentials and certificates, as TLS and the kernel
 * will have them. */
#include "daemon/policy.h"

#include "daemon/account.h"
#include "daemon/daemon.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static struct daemon d;
static struct config config;
static struct session session;

static void setup(void)
{
	config = (struct config){.max_payload_bytes = 1000, .max_inflight = 100};
	d = (struct daemon){.config = &config};
	session = (struct session){.daemon = &d, .stream = {.fd = -1}};
}

static void come_by_unix(uid_t uid, gid_t gid)
{
	session.peer = (struct peer){.kind = PEER_UNIX, .uid = uid, .gid = gid};
}

static void come_by_tcp(const char *certificate)
{
	session.peer = (struct peer){.kind = PEER_TCP};
	strcpy(session.certificate.bytes, certificate);
	session.certificate.len = (uint8_t)strlen(certificate);
}

/* ---- who ----------------------------------------------------------------- */

static const char *who_is_it(void)
{
	static struct identity who;

	return identity_of(&session, &who) < 0 ? "nobody" : who.name;
}

START_TEST(by_where_it_came_from)
{
	come_by_unix(1234, 5);
	ck_assert_str_eq(who_is_it(), "unix:1234");
	come_by_tcp("");
	ck_assert_str_eq(who_is_it(), "tcp");
	come_by_tcp("spiffe://ex/billing");
	ck_assert_str_eq(who_is_it(), "spiffe://ex/billing");
	session.peer.kind = PEER_UNKNOWN;
	session.certificate.len = 0;
	ck_assert_str_eq(who_is_it(), "nobody");
}
END_TEST

/* B55: a certificate cannot make itself somebody else, nor more than one. */
static const struct {
	const char *certificate, *name;
} certificates[] = {
	{"a,b", "a,b"},      {"*", "*"},
	{"adm*n", "adm*n"},  {"unix", "unix"},
	{"tcp:", "tcp:"},    {"unix:0", "nobody"},
	{"unix:", "nobody"}, {"unix:%wheel", "nobody"},
	{"tcp", "nobody"},   {"unrestricted", "nobody"},
	{"a b", "nobody"},   {"a\n", "nobody"},
	{"a\x7f", "nobody"}, {"a\xc3\xa4", "nobody"},
};

START_TEST(a_certificate_is_literal)
{
	come_by_tcp(certificates[_i].certificate);
	ck_assert_str_eq(who_is_it(), certificates[_i].name);
}
END_TEST

START_TEST(owners)
{
	struct identity who;

	come_by_unix(0, 0);
	ck_assert_int_eq(identity_of(&session, &who), 0);
	ck_assert(who.is_owner);
	come_by_unix(geteuid(), 0);
	ck_assert_int_eq(identity_of(&session, &who), 0);
	ck_assert(who.is_owner);
	come_by_unix(geteuid() + 1, getegid());
	ck_assert_int_eq(identity_of(&session, &who), 0);
	ck_assert(!who.is_owner);
	come_by_tcp("root");
	ck_assert_int_eq(identity_of(&session, &who), 0);
	ck_assert(!who.is_owner);
}
END_TEST

/* ---- which section ------------------------------------------------------- */

static char *tasks[] = {(char[]){"invoice.*"}, (char[]){"pdf.render"}, NULL};
static char *pools[] = {(char[]){"cpu?"}, NULL};

static struct config_identity sections[] = {
	{.name = (char[]){"spiffe://ex/billing"}, .kind = IDENTITY_CERTIFICATE},
	{.name = (char[]){"*"}, .kind = IDENTITY_CERTIFICATE},
	{.name = (char[]){"unix:70001"}, .kind = IDENTITY_USER, .id = 70001},
	{.name = (char[]){"unix:%70002"}, .kind = IDENTITY_GROUP, .id = 70002},
	{.name = (char[]){"unix:70003"}, .kind = IDENTITY_USER, .id = 70003},
	{.name = (char[]){"tcp"}, .kind = IDENTITY_TCP},
};

static const struct config_identity *rules(void)
{
	struct identity who;

	return identity_of(&session, &who) < 0 ? &policy_nothing
					       : policy_find(&config, &session, &who);
}

static void use_sections(size_t from, size_t n)
{
	config.identities = sections + from;
	config.nidentities = n;
}

START_TEST(without_sections_all_is_allowed)
{
	come_by_tcp("");
	ck_assert_ptr_null(rules());
	come_by_unix(70001, 1);
	ck_assert_ptr_null(rules());
	ck_assert(policy_may_run(NULL, span_str("anything")));
	ck_assert(policy_may_use(NULL, span_str("anything")));
	ck_assert_int_eq(policy_admin(NULL), ADMIN_YES);
	ck_assert_uint_eq(policy_max_payload_bytes(&config, NULL), 1000);
	ck_assert_uint_eq(policy_max_inflight(&config, NULL), 100);
}
END_TEST

START_TEST(with_sections_only_those)
{
	use_sections(0, ARRAY_LEN(sections));
	come_by_unix(70001, 1);
	ck_assert_ptr_eq(rules(), &sections[2]);
	come_by_unix(70009, 70002);
	ck_assert_ptr_eq(rules(), &sections[3]);
	come_by_unix(70009, 1);
	ck_assert_ptr_eq(rules(), &policy_nothing);
	come_by_tcp("");
	ck_assert_ptr_eq(rules(), &sections[5]);
	come_by_tcp("spiffe://ex/billing");
	ck_assert_ptr_eq(rules(), &sections[0]);
	/* a name with a wildcard is for who is called so */
	come_by_tcp("*");
	ck_assert_ptr_eq(rules(), &sections[1]);
	come_by_tcp("spiffe://ex/billin");
	ck_assert_ptr_eq(rules(), &policy_nothing);
	come_by_tcp("spiffe://ex/billing2");
	ck_assert_ptr_eq(rules(), &policy_nothing);
	come_by_tcp("spiffe://ex/billing,*");
	ck_assert_ptr_eq(rules(), &policy_nothing);
}
END_TEST

START_TEST(the_first_counts)
{
	use_sections(2, 4);
	come_by_unix(70003, 70002);
	ck_assert_ptr_eq(rules(), &sections[3]);
	come_by_unix(70001, 70002);
	ck_assert_ptr_eq(rules(), &sections[2]);
}
END_TEST

START_TEST(owners_need_no_section)
{
	struct config_identity own[] = {
		{.name = (char[]){"%"}, .kind = IDENTITY_GROUP, .id = getegid()},
		{.name = (char[]){"me"}, .kind = IDENTITY_USER, .id = geteuid()},
	};

	config.identities = own;
	config.nidentities = 1;
	come_by_unix(geteuid(), getegid());
	ck_assert_ptr_null(rules()); /* a group does not take it away */
	config.nidentities = 2;
	ck_assert_ptr_eq(rules(), &own[1]); /* what names them does */
	session.is_only = true;
	ck_assert_ptr_null(rules());
}
END_TEST

/* The kernel knows the groups of a process that connected; this one's, here. */
START_TEST(other_groups_count)
{
	gid_t groups[64];
	int fds[2], n = getgroups(ARRAY_LEN(groups), groups);

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	come_by_unix(70001, getegid());
	for (int i = 0; i < n; i++)
		ck_assert(peer_is_in_group(&session.peer, fds[0], groups[i]));
	ck_assert(peer_is_in_group(&session.peer, fds[0], getegid()));
	ck_assert(!peer_is_in_group(&session.peer, fds[0], 0xfffffff0));
	ck_assert(!peer_is_in_group(&session.peer, -1, 0xfffffff0));
	session.peer.kind = PEER_TCP;
	ck_assert(!peer_is_in_group(&session.peer, fds[0], getegid()));
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* ---- what it may --------------------------------------------------------- */

START_TEST(patterns)
{
	const struct config_identity r = {.tasks = tasks, .pools = pools, .admin = ADMIN_READ};

	ck_assert(policy_may_run(&r, span_str("invoice.make")));
	ck_assert(policy_may_run(&r, span_str("pdf.render")));
	ck_assert(!policy_may_run(&r, span_str("pdf.rende*")));
	ck_assert(!policy_may_run(&r, span_str("pdf?render")));
	ck_assert(!policy_may_run(&r, span_str("*")));
	ck_assert(!policy_may_run(&r, SPAN_EMPTY));
	ck_assert(!policy_may_run(&r, span_of("pdf.render\0", 11)));
	ck_assert(policy_may_use(&r, span_str("cpu1")));
	ck_assert(!policy_may_use(&r, span_str("cpu")));
	ck_assert_int_eq(policy_admin(&r), ADMIN_READ);
	ck_assert(!policy_may_run(&policy_nothing, span_str("a")));
	ck_assert(!policy_may_use(&policy_nothing, SPAN_EMPTY));
	ck_assert_int_eq(policy_admin(&policy_nothing), ADMIN_NO);
}
END_TEST

START_TEST(the_smaller_limit_counts)
{
	struct config_identity r = {.max_payload_bytes = 10, .max_inflight = 5};

	ck_assert_uint_eq(policy_max_payload_bytes(&config, &r), 10);
	ck_assert_uint_eq(policy_max_inflight(&config, &r), 5);
	r = (struct config_identity){.max_payload_bytes = 2000, .max_inflight = 500};
	ck_assert_uint_eq(policy_max_payload_bytes(&config, &r), 1000);
	ck_assert_uint_eq(policy_max_inflight(&config, &r), 100);
	r = (struct config_identity){0};
	ck_assert_uint_eq(policy_max_payload_bytes(&config, &r), 1000);
	ck_assert_uint_eq(policy_max_inflight(&config, &r), 100);
}
END_TEST

START_TEST(limits_are_reached)
{
	struct config_identity r = {.max_inflight = 5, .max_queue = 3};
	struct account a = {.inflight = 4, .queued = 2};
	uint64_t limit = 0;

	session.rules = &r;
	session.account = &a;
	ck_assert_ptr_null(policy_limit_reached(&session, &limit));
	a.queued = 3;
	ck_assert_str_eq(policy_limit_reached(&session, &limit), "max_queue");
	ck_assert_uint_eq(limit, 3);
	a.inflight = 5;
	ck_assert_str_eq(policy_limit_reached(&session, &limit), "max_inflight");
	ck_assert_uint_eq(limit, 5);
	r.max_inflight = r.max_queue = 0;
	ck_assert_ptr_null(policy_limit_reached(&session, &limit));
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("policy");
	TCase *tc = trun_case(s, "policy");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, by_where_it_came_from);
	trun_add_each(tc, a_certificate_is_literal, certificates);
	tcase_add_test(tc, owners);
	tcase_add_test(tc, without_sections_all_is_allowed);
	tcase_add_test(tc, with_sections_only_those);
	tcase_add_test(tc, the_first_counts);
	tcase_add_test(tc, owners_need_no_section);
	tcase_add_test(tc, other_groups_count);
	tcase_add_test(tc, patterns);
	tcase_add_test(tc, the_smaller_limit_counts);
	tcase_add_test(tc, limits_are_reached);
	return s;
}
