/*
 * What strangers do to a TLS port, B41 to B51: each is refused with the alert it has coming,
 * the log says why, another session is served meanwhile, and nothing is left of them.
 */
#include "tests/integ/over_tls.h"

#include <openssl/err.h>
#include <sys/socket.h>

enum {
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_BAD_CERTIFICATE = 42,
	ALERT_UNSUPPORTED_CERTIFICATE = 43,
	ALERT_REVOKED = 44,
	ALERT_EXPIRED = 45,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_UNKNOWN_CA = 48,
	ALERT_DECODE_ERROR = 50,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_UNRECOGNIZED_NAME = 112,
	ALERT_CERTIFICATE_REQUIRED = 116,
	ALERT_NO_APPLICATION_PROTOCOL = 120,
};

/* It ends so, for this reason in the log, without harm. */
static void must_end(struct ttls *t, int end, const char *reason)
{
	char why[512];

	int got = ttls_end_of(t);
	ck_assert_msg(got == end, "it ended with %d, not %d", got, end);
	ttls_free(t);
	tdaemon_wait_log(d, "event=tls.refused");
	ck_assert(tdaemon_log_value(d, "event=tls.refused", "reason", why, sizeof why));
	ck_assert_msg(strstr(why, reason), "the reason is '%s', not '%s'", why, reason);
	still_served(reason);
}

static void expect_no_entry(const struct ttls_options *o, int end, const char *reason)
{
	must_end(ttls_new(tls_url, o), end, reason);
	stop();
}

static void expect_entry(struct ttls *t)
{
	ck_assert(ttls_shake(t));
	ck_assert(ttls_send(t, "FUTURED1", 8));
	tdaemon_wait_log(d, "event=tls.ready certificate=futured:someone");
	ttls_free(t);
}

/* ---- versions ------------------------------------------------------------------ */

static const struct {
	int most;
	bool allow_tls12;
} old_versions[] = {
	{TLS1_VERSION, false},
	{TLS1_1_VERSION, false},
	{TLS1_2_VERSION, false},
	{TLS1_1_VERSION, true},
};

START_TEST(b41_old_versions)
{
	start(old_versions[_i].allow_tls12 ? "min_version = 1.2" : "", "");
	expect_no_entry(
		&(struct ttls_options){.chain = CHAIN(&client), .most = old_versions[_i].most},
		ALERT_PROTOCOL_VERSION, "unsupported protocol");
}
END_TEST

START_TEST(b41_version_12_when_the_operator_says_so)
{
	start("min_version = 1.2", "log_level = debug");
	expect_entry(ttls_new(
		tls_url, &(struct ttls_options){.chain = CHAIN(&client), .most = TLS1_2_VERSION}));
	stop();
}
END_TEST

START_TEST(b41_weak_suites_of_version_12)
{
	start("min_version = 1.2", "");
	expect_no_entry(&(struct ttls_options){.chain = CHAIN(&client),
					       .most = TLS1_2_VERSION,
					       .suites12 = "ECDHE-ECDSA-AES128-SHA256:AES128-SHA:"
							   "DHE-RSA-AES128-GCM-SHA256"},
			ALERT_HANDSHAKE_FAILURE, "no shared cipher");
}
END_TEST

START_TEST(b42_renegotiation)
{
	start("min_version = 1.2", "log_level = debug");
	struct ttls *t = ttls_new(
		tls_url, &(struct ttls_options){.chain = CHAIN(&client), .most = TLS1_2_VERSION});
	ck_assert(ttls_shake(t));
	ck_assert_int_eq(SSL_renegotiate(t->ssl), 1);
	/* The warning that comes back is the end of it for this client. */
	ck_assert_int_ne(SSL_do_handshake(t->ssl), 1);
	ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), SSL_R_NO_RENEGOTIATION);
	ttls_free(t);
	still_served("renegotiation");
	stop();
}
END_TEST

/* ---- certificates ------------------------------------------------------------- */

static struct tcert made[8]; /* by a row; freed with the test's process */

static const struct tcert *make(int at, const struct tcert *issuer, struct tcert_options o)
{
	if (!o.names[0].bytes && !o.is_ca)
		o.names[0] = (struct tcert_name)TCERT_NAME(TCERT_URI, "futured:someone");
	if (!o.is_ca && o.usage == TCERT_ANY_USE)
		o.usage = TCERT_CLIENT;
	made[at] = tcert_make(issuer, &o);
	return &made[at];
}

static const struct tcert *const *of_chain(const struct tcert *leaf)
{
	static const struct tcert *chain[8];

	chain[0] = leaf;
	return chain;
}

static const struct tcert *const *unknown_ca(void)
{
	const struct tcert *other = make(0, NULL, (struct tcert_options){.is_ca = true});
	return of_chain(make(1, other, (struct tcert_options){.cn = "x"}));
}

/* Its issuer has our CA's name, and not its key. */
static const struct tcert *const *false_ca(void)
{
	const struct tcert *other =
		make(0, NULL, (struct tcert_options){.cn = "the CA", .is_ca = true});
	return of_chain(make(1, other, (struct tcert_options){.cn = "x"}));
}

static const struct tcert *const *self_signed(void)
{
	return of_chain(make(0, NULL, (struct tcert_options){.cn = "x"}));
}

static const struct tcert *const *expired(void)
{
	return of_chain(make(0, &ca, (struct tcert_options){.from_s = -7200, .to_s = -3600}));
}

static const struct tcert *const *not_yet_valid(void)
{
	return of_chain(make(0, &ca, (struct tcert_options){.from_s = 3600, .to_s = 7200}));
}

static const struct tcert *const *for_servers(void)
{
	return of_chain(make(0, &ca, (struct tcert_options){.usage = TCERT_SERVER}));
}

static const struct tcert *const *without_usage(void)
{
	made[0] = tcert_make(&ca, &(struct tcert_options){.names = NAMED("futured:someone")});
	return of_chain(&made[0]);
}

static const struct tcert *const *of_no_ca(void)
{
	const struct tcert *end = make(0, &ca, (struct tcert_options){.cn = "end"});
	const struct tcert *leaf = make(1, end, (struct tcert_options){.cn = "x"});
	static const struct tcert *chain[3];

	chain[0] = leaf, chain[1] = end;
	return chain;
}

/* Five between the leaf and the CA. */
static const struct tcert *const *deep(void)
{
	static const struct tcert *chain[8];
	static const char *const names[] = {"1", "2", "3", "4", "5"};
	const struct tcert *issuer = &ca;

	for (int i = 0; i < 5; i++) {
		issuer = make(i, issuer, (struct tcert_options){.cn = names[i], .is_ca = true});
		chain[5 - i] = issuer;
	}
	chain[0] = make(5, issuer, (struct tcert_options){.cn = "x"});
	return chain;
}

static const struct tcert *const *large(void)
{
	return of_chain(make(0, &ca, (struct tcert_options){.padding_bytes = 100 * 1000}));
}

static const struct tcert *const *short_key(void)
{
	return of_chain(make(0, &ca, (struct tcert_options){.key = TCERT_RSA_1024}));
}

static const struct tcert *const *sha1_signature(void)
{
	return of_chain(make(0, &ca, (struct tcert_options){.sha1 = true}));
}

static const struct tcert *const *none(void)
{
	return NULL;
}

static const struct {
	const struct tcert *const *(*make)(void);
	int alert;
	const char *reason;
} certificates[] = {
	{none, ALERT_CERTIFICATE_REQUIRED, "peer did not return a certificate"},
	{unknown_ca, ALERT_UNKNOWN_CA, "unable to get local issuer certificate"},
	{false_ca, 51, "certificate signature failure"},
	{self_signed, ALERT_UNKNOWN_CA, "self-signed certificate"},
	{expired, ALERT_EXPIRED, "certificate has expired"},
	{not_yet_valid, ALERT_BAD_CERTIFICATE, "certificate is not yet valid"},
	{for_servers, ALERT_UNSUPPORTED_CERTIFICATE, "certificate purpose"},
	{without_usage, ALERT_UNSUPPORTED_CERTIFICATE, "certificate purpose"},
	{of_no_ca, ALERT_UNKNOWN_CA, "invalid CA certificate"},
	{deep, ALERT_UNKNOWN_CA, "certificate chain too long"},
	{large, ALERT_ILLEGAL_PARAMETER, "excessive message size"},
	{short_key, ALERT_BAD_CERTIFICATE, "EE certificate key too weak"},
	{sha1_signature, ALERT_BAD_CERTIFICATE, "CA signature digest algorithm too weak"},
};

START_TEST(b43_certificates)
{
	start("", "");
	expect_no_entry(&(struct ttls_options){.chain = certificates[_i].make()},
			certificates[_i].alert, certificates[_i].reason);
}
END_TEST

/* ---- who is revoked ------------------------------------------------------------ */

static void start_with_crl(void)
{
	char in_tls[96];

	snprintf(in_tls, sizeof in_tls, "  crl = \"%s/ca.crl\"", files);
	start_with_env(in_tls, "log_level = debug", NULL);
}

START_TEST(b43_revoked)
{
	make_files();
	tcert_write_crl(file("ca.crl"), &ca, &client, -3600, 3600, false);
	start_with_crl();
	expect_no_entry(&(struct ttls_options){.chain = CHAIN(&client)}, ALERT_REVOKED,
			"certificate revoked");
}
END_TEST

START_TEST(b43_an_old_crl_lets_nobody_in)
{
	make_files();
	tcert_write_crl(file("ca.crl"), &ca, NULL, -7200, -3600, false);
	start_with_crl();
	expect_no_entry(&(struct ttls_options){.chain = CHAIN(&client)}, ALERT_EXPIRED,
			"CRL has expired");
}
END_TEST

/* The CA between is revoked, whose own CRL has nothing against the client. */
START_TEST(b43_a_revoked_intermediate)
{
	make_files();
	const struct tcert *between =
		make(0, &ca, (struct tcert_options){.cn = "between", .is_ca = true});
	const struct tcert *leaf = make(1, between, (struct tcert_options){.cn = "x"});
	tcert_write_crl(file("ca.crl"), &ca, _i ? between : NULL, -3600, 3600, false);
	tcert_write_crl(file("ca.crl"), between, NULL, -3600, 3600, true);
	start_with_crl();
	if (_i) {
		expect_no_entry(&(struct ttls_options){.chain = CHAIN(leaf, between)},
				ALERT_REVOKED, "certificate revoked");
		return;
	}
	expect_entry(ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(leaf, between)}));
	stop();
}
END_TEST

/* ---- names ------------------------------------------------------------------------- */

static const struct {
	struct tcert_name names[TCERT_NAMES_MAX];
	const char *reason;
	bool by_dns;
} names[] = {
	{{TCERT_NAME(TCERT_URI, "futured:admin\0.evil")}, "bytes that no name may have", false},
	{{TCERT_NAME(TCERT_URI, "futured:a"), TCERT_NAME(TCERT_URI, "futured:b")},
	 "more than one name",
	 false},
	{{TCERT_NAME(TCERT_DNS, "*.example")}, "bytes that no name may have", true},
	{{TCERT_NAME(TCERT_URI, "futured:*")}, "bytes that no name may have", false},
	{{TCERT_NAME(TCERT_EMAIL, "a@b.example")}, "no URI among its names", false},
	{{TCERT_NAME(TCERT_DNS, "xn--mller-kva.example")}, "no plain DNS name", true},
	{{TCERT_NAME(TCERT_URI, "futured:m\xc3\xbcller")}, "bytes that no name may have", false},
	{{TCERT_NAME(TCERT_URI, "unknown")}, "stands for no name", false},
};

START_TEST(b44_names)
{
	start(names[_i].by_dns ? "identity = dns" : "", "");
	made[0] = tcert_make(
		&ca, &(struct tcert_options){.cn = "futured:someone",
					     .names = {names[_i].names[0], names[_i].names[1]},
					     .usage = TCERT_CLIENT});
	expect_no_entry(&(struct ttls_options){.chain = CHAIN(&made[0])}, ALERT_HANDSHAKE_FAILURE,
			names[_i].reason);
}
END_TEST

START_TEST(b44_a_common_name_alone)
{
	start("", "");
	made[0] = tcert_make(
		&ca, &(struct tcert_options){.cn = "futured:someone", .usage = TCERT_CLIENT});
	expect_no_entry(&(struct ttls_options){.chain = CHAIN(&made[0])}, ALERT_HANDSHAKE_FAILURE,
			"no subject alternative name");
}
END_TEST

/* ---- what it asks for ---------------------------------------------------------------- */

static const char *const protocols[] = {"",
					"\x02h2",
					"\x08http/1.1",
					"\x09"
					"futured/2",
					"\x08"
					"futured/",
					"\x0a"
					"futured/10"};

START_TEST(b45_alpn)
{
	start("", "");
	expect_no_entry(&(struct ttls_options){.chain = CHAIN(&client), .alpn = protocols[_i]},
			ALERT_NO_APPLICATION_PROTOCOL, *protocols[_i] ? "" : "callback failed");
}
END_TEST

static const char *const wrong_servers[] = {NULL, "other.example", "a.example.evil", "*.example"};

START_TEST(b46_server_names)
{
	start("server_names = {a.example, b.example}", "log_level = debug");
	expect_no_entry(
		&(struct ttls_options){.chain = CHAIN(&client), .server_name = wrong_servers[_i]},
		ALERT_UNRECOGNIZED_NAME, "");
}
END_TEST

START_TEST(b46_a_known_server_name)
{
	start("server_names = {a.example, b.example}", "log_level = debug");
	expect_entry(ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client),
							      .server_name = "B.example"}));
	stop();
}
END_TEST

#define MARK "mark.example"

enum { HELLO_MAX_BYTES = 4096, RECORD_LENGTH_AT = 3, HELLO_LENGTH_AT = 6, ALERT_BYTES = 7 };

/* The library's first record, and where in it the name MARK is. */
static size_t first_record(struct ttls *t, uint8_t ret[HELLO_MAX_BYTES], size_t *ret_name_at)
{
	BIO *out = BIO_new(BIO_s_mem());

	SSL_set_bio(t->ssl, BIO_new(BIO_s_mem()), out);
	ck_assert_int_eq(SSL_set_tlsext_host_name(t->ssl, MARK), 1);
	ck_assert_int_eq(SSL_connect(t->ssl), -1);
	int n = BIO_read(out, ret, HELLO_MAX_BYTES / 2);
	ck_assert_int_gt(n, 0);
	uint8_t *name = memmem(ret, (size_t)n, MARK, strlen(MARK));
	ck_assert_ptr_nonnull(name);
	*ret_name_at = (size_t)(name - ret);
	return (size_t)n;
}

static void add_to_length(uint8_t *p, unsigned more)
{
	unsigned n = (unsigned)p[0] << 8 | p[1];

	n += more;
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

/* Where the hello says how long all its extensions are: behind the version and the random bytes,
 * and then the session, the suites and the compressions, each with its length. */
static uint8_t *length_of_extensions(uint8_t *hello)
{
	uint8_t *p = hello + RECORD_LENGTH_AT + 2 + 4 + 2 + 32;

	p += 1 + p[0];
	p += 2 + ((size_t)p[0] << 8 | p[1]);
	return p + 1 + p[0];
}

/* The name with so many bytes more, and all lengths around it. */
static void make_name_longer(uint8_t *hello, size_t *len, size_t name_at, unsigned more)
{
	uint8_t *name = hello + name_at;

	memmove(name + more, name, *len - name_at);
	memset(name, 'a', more);
	*len += more;
	add_to_length(name - 2, more); /* of the name, */
	add_to_length(name - 5, more); /* of the list of names, */
	add_to_length(name - 7, more); /* of the extension */
	add_to_length(length_of_extensions(hello), more);
	add_to_length(hello + HELLO_LENGTH_AT + 1, more); /* the lower two of three bytes */
	add_to_length(hello + RECORD_LENGTH_AT, more);
}

/* Names that the library would not send: of 300 bytes, or with a NUL. */
START_TEST(b46_broken_server_names)
{
	uint8_t hello[HELLO_MAX_BYTES], alert[ALERT_BYTES];
	size_t name_at;

	start("", "");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});
	size_t len = first_record(t, hello, &name_at);
	if (_i)
		make_name_longer(hello, &len, name_at, 300 - (unsigned)strlen(MARK));
	else
		hello[name_at + 3] = '\0';
	ck_assert_int_eq(send(t->fd, hello, len, MSG_NOSIGNAL), (ssize_t)len);
	ck_assert_int_eq(recv(t->fd, alert, sizeof alert, MSG_WAITALL), ALERT_BYTES);
	ck_assert_uint_eq(alert[0], SSL3_RT_ALERT);
	ck_assert_uint_eq(alert[ALERT_BYTES - 1], ALERT_UNRECOGNIZED_NAME);
	ttls_free(t);
	tdaemon_wait_log(d, "event=tls.refused");
	still_served("a broken name");
	stop();
}
END_TEST

/* ---- beside the data ------------------------------------------------------------------ */

START_TEST(b47_early_data)
{
	start("", "log_level = debug");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});
	ck_assert(ttls_shake(t));
	ck_assert_uint_eq(SSL_SESSION_get_max_early_data(SSL_get0_session(t->ssl)), 0);
	ck_assert_int_eq(SSL_get_early_data_status(t->ssl), SSL_EARLY_DATA_NOT_SENT);
	ttls_free(t);
	stop();
}
END_TEST

START_TEST(b48_key_updates)
{
	start("", "");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});
	ck_assert(ttls_shake(t));
	bool is_open = true;
	for (int i = 0; i < 100000 && is_open; i++) {
		ck_assert_int_eq(SSL_key_update(t->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		is_open = SSL_do_handshake(t->ssl) == 1;
		if (i % 10 == 0)
			still_served("keys");
	}
	ck_assert(!is_open);
	tdaemon_wait_log(d, "event=session.close");
	char *log = tdaemon_log(d);
	ck_assert_ptr_nonnull(strstr(log, "too many messages beside the data"));
	free(log);
	ttls_free(t);
	stop();
}
END_TEST

/* A few are nobody's business, a flood is refused. */
START_TEST(b48_empty_records)
{
	char why[256];

	start("", "");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});
	ck_assert_int_eq(SSL_set_ciphersuites(t->ssl, "TLS_AES_128_GCM_SHA256"), 1);
	ck_assert(ttls_shake(t));
	(void)ttls_send_empty(t, 1000);
	tdaemon_wait_log(d, "event=session.close");
	ck_assert(tdaemon_log_value(d, "event=session.close", "reason", why, sizeof why));
	ck_assert_str_eq(why, "record too small");
	ttls_free(t);
	stop();
}
END_TEST

START_TEST(b48_tiny_records)
{
	const char *hello = "FUTURED1";

	start("", "");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});
	ck_assert(ttls_shake(t));
	for (int i = 0; i < 8; i++)
		ck_assert(ttls_send(t, hello + i, 1));
	/* The announced frame is within its limit, and comes byte by byte. */
	ck_assert(ttls_send(t, "\0\0\x1f\xff\0\0\0\0", 8));
	for (int i = 0; i < 8000; i++) {
		ck_assert(ttls_send(t, "\0", 1));
		if (i % 1000 == 0)
			still_served("tiny records");
	}
	ttls_free(t);
	stop();
}
END_TEST

/* ---- ends and beginnings ---------------------------------------------------------------- */

START_TEST(b49_cut_in_mid_frame)
{
	start("", "");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});
	ck_assert(ttls_shake(t));
	ck_assert(ttls_send(t, "FUTURED1\0\0\0\x20\0\0", 14));
	ttls_free(t);
	tdaemon_wait_log(d, "event=session.close");
	char *log = tdaemon_log(d);
	ck_assert_ptr_nonnull(strstr(log, "cut off"));
	free(log);
	stop();
}
END_TEST

/* One that says goodbye first is no accident. */
START_TEST(b49_a_close_that_is_announced)
{
	start("", "");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});
	ck_assert(ttls_shake(t));
	ck_assert(ttls_send(t, "FUTURED1", 8));
	ck_assert_int_ge(SSL_shutdown(t->ssl), 0);
	tdaemon_wait_log(d, "event=session.close");
	char *log = tdaemon_log(d);
	ck_assert_ptr_nonnull(strstr(log, "closed by the client"));
	free(log);
	ttls_free(t);
	stop();
}
END_TEST

static const struct {
	const char *bytes;
	size_t n;
} early_bytes[] = {
	{"FUTURED1\0\0\0\0", 12},    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27},
	{"SSH-2.0-x\r\n", 11},       {"\x16\x03\x01\xff\xff\x01", 6},
	{"\x17\x03\x03\0\x01\0", 6}, {"\x80\x2e\x01\0\x02\0\x15", 7},
};

START_TEST(b50_bytes_before_the_handshake)
{
	char got[64];
	ssize_t n;

	start("", "");
	int fd = ttls_socket(tls_url);
	ck_assert_int_eq(send(fd, early_bytes[_i].bytes, early_bytes[_i].n, MSG_NOSIGNAL),
			 (ssize_t)early_bytes[_i].n);
	/* An alert record at most; never a frame. */
	while ((n = recv(fd, got, sizeof got, 0)) > 0)
		ck_assert_int_eq(got[0], 0x15);
	close(fd);
	tdaemon_wait_log(d, "event=tls.refused");
	still_served("bytes");
	stop();
}
END_TEST

/* Then a handshake on the same connection comes too late. */
START_TEST(b50_a_handshake_behind_other_bytes)
{
	start("", "");
	struct ttls *t = ttls_new(tls_url, &(struct ttls_options){.chain = CHAIN(&client)});
	ck_assert_int_eq(send(t->fd, "FUTURED1", 8, MSG_NOSIGNAL), 8);
	ck_assert(!ttls_shake(t));
	ttls_free(t);
	tdaemon_wait_log(d, "event=tls.refused");
	stop();
}
END_TEST

START_TEST(b51_no_tickets)
{
	start(_i ? "min_version = 1.2" : "", "");
	struct ttls *t = ttls_new(
		tls_url, &(struct ttls_options){.chain = CHAIN(&client),
						.most = _i ? TLS1_2_VERSION : TLS1_3_VERSION});
	ck_assert(ttls_shake(t));
	ck_assert_int_eq(SSL_SESSION_has_ticket(SSL_get0_session(t->ssl)), 0);
	/* What it would send with the handshake it would have sent before the goaway. */
	ck_assert(ttls_send(t, "x", 1));
	(void)ttls_drain(t);
	ck_assert_uint_eq(t->ntickets, 0);
	SSL_SESSION *session = SSL_get1_session(t->ssl);
	struct ttls *again = ttls_new(
		tls_url, &(struct ttls_options){.chain = CHAIN(&client),
						.most = _i ? TLS1_2_VERSION : TLS1_3_VERSION});
	(void)SSL_set_session(again->ssl, session);
	ck_assert(ttls_shake(again));
	ck_assert_int_eq(SSL_session_reused(again->ssl), 0);
	ttls_free(again);
	ttls_free(t);
	SSL_SESSION_free(session);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("tls_hostile");
	TCase *tc = trun_case(s, "tls_hostile");

	trun_add_each(tc, b41_old_versions, old_versions);
	tcase_add_test(tc, b41_version_12_when_the_operator_says_so);
	tcase_add_test(tc, b41_weak_suites_of_version_12);
	tcase_add_test(tc, b42_renegotiation);
	trun_add_each(tc, b43_certificates, certificates);
	tcase_add_test(tc, b43_revoked);
	tcase_add_test(tc, b43_an_old_crl_lets_nobody_in);
	tcase_add_loop_test(tc, b43_a_revoked_intermediate, 0, 2);
	trun_add_each(tc, b44_names, names);
	tcase_add_test(tc, b44_a_common_name_alone);
	trun_add_each(tc, b45_alpn, protocols);
	trun_add_each(tc, b46_server_names, wrong_servers);
	tcase_add_test(tc, b46_a_known_server_name);
	tcase_add_loop_test(tc, b46_broken_server_names, 0, 2);
	tcase_add_test(tc, b47_early_data);
	tcase_add_test(tc, b48_key_updates);
	tcase_add_test(tc, b48_empty_records);
	tcase_add_test(tc, b48_tiny_records);
	tcase_add_test(tc, b49_cut_in_mid_frame);
	tcase_add_test(tc, b49_a_close_that_is_announced);
	trun_add_each(tc, b50_bytes_before_the_handshake, early_bytes);
	tcase_add_test(tc, b50_a_handshake_behind_other_bytes);
	tcase_add_loop_test(tc, b51_no_tickets, 0, 2);
	return s;
}
