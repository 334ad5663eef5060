/* net/tls_peer.c: which certificate names somebody, and whom. */
#include "net/tls_peer.h"
#include "tests/lib/tcert.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <string.h>

#define URI(text) TCERT_NAME(TCERT_URI, text)
#define DNS(text) TCERT_NAME(TCERT_DNS, text)
#define LABEL_63  "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij123"

static const struct {
	enum tls_identity_kind kind;
	struct tcert_name names[TCERT_NAMES_MAX];
	const char *identity; /* NULL: it has none */
	int error;
} rows[] = {
	/* one of the kind; others do not matter */
	{TLS_IDENTITY_URI, {URI("spiffe://ex/billing")}, "spiffe://ex/billing", 0},
	{TLS_IDENTITY_URI, {URI("futured:a")}, "futured:a", 0},
	{TLS_IDENTITY_URI, {DNS("a.example"), URI("urn:x:y")}, "urn:x:y", 0},
	{TLS_IDENTITY_DNS, {DNS("a.example")}, "a.example", 0},
	{TLS_IDENTITY_DNS, {URI("x:y"), DNS("a-1.example")}, "a-1.example", 0},
	{TLS_IDENTITY_DNS, {DNS(LABEL_63 ".x")}, LABEL_63 ".x", 0},

	/* none, or more than one */
	{TLS_IDENTITY_URI, {{0}}, NULL, -ENOENT},
	{TLS_IDENTITY_URI, {DNS("a.example")}, NULL, -ENOENT},
	{TLS_IDENTITY_DNS, {URI("x:y")}, NULL, -ENOENT},
	{TLS_IDENTITY_URI, {TCERT_NAME(TCERT_IP, "\x7f\0\0\1")}, NULL, -ENOENT},
	{TLS_IDENTITY_URI, {URI("x:y"), URI("x:z")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:y"), URI("x:y")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("a"), DNS("b")}, NULL, -EINVAL},

	/* not what it seems */
	{TLS_IDENTITY_URI, {URI("")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:admin\0.evil")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:admin\0")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:a b")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:a\nb")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:a\"b")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:a,b")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:*")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:\xc3\xa9")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:\x7f")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("unknown")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("x:")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI(":x")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("1x:y")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("no-scheme")}, NULL, -EINVAL},
	{TLS_IDENTITY_URI, {URI("X:y")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("unknown")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("UNKNOWN")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("*.example")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("a.*.example")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("xn--mller-kva.example")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("a.XN--mller-kva")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("A.example")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("a..example")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("a.example.")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS(".a")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("-a.example")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("a-.example")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("a_b.example")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS(LABEL_63 "4.x")}, NULL, -EINVAL},
	{TLS_IDENTITY_DNS, {DNS("a\0.example")}, NULL, -EINVAL},
};

static int identity_of(const struct tcert_name *names, enum tls_identity_kind kind,
		       struct tls_identity *ret)
{
	struct tcert_options o = {.cn = "futured:other", .usage = TCERT_CLIENT};
	const char *why = NULL;

	memcpy(o.names, names, sizeof o.names);
	struct tcert c = tcert_make(NULL, &o);
	int r = tls_identity_of(c.x, kind, ret, &why);
	ck_assert(r == 0 || (why && *why));
	tcert_done(&c);
	return r;
}

START_TEST(one_name_or_none)
{
	struct tls_identity id = {.len = 77};

	int r = identity_of(rows[_i].names, rows[_i].kind, &id);
	ck_assert_int_eq(r, rows[_i].error);
	if (!rows[_i].identity) {
		ck_assert_uint_eq(id.len, 77); /* untouched */
		return;
	}
	ck_assert_uint_eq(id.len, strlen(rows[_i].identity));
	ck_assert_str_eq(id.bytes, rows[_i].identity);
}
END_TEST

START_TEST(the_longest_has_255_bytes)
{
	char text[257] = "x:";
	struct tls_identity id;

	memset(text + 2, 'y', sizeof text - 2);
	struct tcert_name names[TCERT_NAMES_MAX] = {{TCERT_URI, text, 255}};
	ck_assert_int_eq(identity_of(names, TLS_IDENTITY_URI, &id), 0);
	ck_assert_uint_eq(id.len, 255);
	ck_assert_uint_eq(strlen(id.bytes), 255);
	names[0].len = 256;
	ck_assert_int_eq(identity_of(names, TLS_IDENTITY_URI, &id), -EINVAL);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("tls_peer");
	TCase *tc = trun_case(s, "tls_peer");

	trun_add_each(tc, one_name_or_none, rows);
	tcase_add_test(tc, the_longest_has_255_bytes);
	return s;
}
