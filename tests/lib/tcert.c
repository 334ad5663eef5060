#include "tests/lib/tcert.h"

#include <check.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One that says what failed, by its text. */
#define good(call) ck_assert_msg((call), "%s", #call)

enum { HOUR_S = 3600 };

static EVP_PKEY *key_new(enum tcert_key kind)
{
	switch (kind) {
	case TCERT_RSA_1024:
		return EVP_RSA_gen(1024);
	case TCERT_RSA_2048:
		return EVP_RSA_gen(2048);
	case TCERT_P256:
		break;
	}
	return EVP_EC_gen("P-256");
}

static void add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	good(e);
	good(X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static GENERAL_NAME *name_new(const struct tcert_name *from)
{
	static const int types[] = {
		[TCERT_URI] = GEN_URI,
		[TCERT_DNS] = GEN_DNS,
		[TCERT_EMAIL] = GEN_EMAIL,
		[TCERT_IP] = GEN_IPADD,
	};
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *s = ASN1_STRING_type_new(from->kind == TCERT_IP ? V_ASN1_OCTET_STRING
								     : V_ASN1_IA5STRING);

	good(name && s && ASN1_STRING_set(s, from->bytes, (int)from->len) == 1);
	GENERAL_NAME_set0_value(name, types[from->kind], s);
	return name;
}

static void add_names(X509 *x, const struct tcert_name *names)
{
	GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();

	for (int i = 0; i < TCERT_NAMES_MAX && names[i].bytes; i++)
		good(sk_GENERAL_NAME_push(all, name_new(&names[i])) > 0);
	if (sk_GENERAL_NAME_num(all) > 0)
		good(X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, 0) == 1);
	GENERAL_NAMES_free(all);
}

static void add_padding(X509 *x, size_t n)
{
	char *text = malloc(n + 1);

	good(text);
	memset(text, 'x', n);
	text[n] = '\0';
	add_extension(x, NID_netscape_comment, text);
	free(text);
}

static void set_dates(X509 *x, const struct tcert_options *o)
{
	bool is_default = o->from_s == 0 && o->to_s == 0;
	time_t now = time(NULL);

	good(X509_time_adj_ex(X509_getm_notBefore(x), 0, is_default ? -HOUR_S : o->from_s, &now));
	good(X509_time_adj_ex(X509_getm_notAfter(x), 0, is_default ? 2 * HOUR_S : o->to_s, &now));
}

static void set_extensions(X509 *x, const struct tcert_options *o)
{
	add_extension(x, NID_subject_key_identifier, "hash");
	add_extension(x, NID_basic_constraints, o->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	add_extension(x, NID_key_usage,
		      o->is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
	if (o->usage != TCERT_ANY_USE)
		add_extension(x, NID_ext_key_usage,
			      o->usage == TCERT_CLIENT ? "clientAuth" : "serverAuth");
	add_names(x, o->names);
	if (o->padding_bytes > 0)
		add_padding(x, o->padding_bytes);
}

struct tcert tcert_make(const struct tcert *issuer, const struct tcert_options *o)
{
	static long serial;
	struct tcert c = {X509_new(), key_new(o->key)};
	const char *cn = o->cn ? o->cn : "test";

	good(c.x && c.key);
	if (!issuer)
		issuer = &c;
	good(X509_set_version(c.x, X509_VERSION_3) == 1);
	good(ASN1_INTEGER_set(X509_get_serialNumber(c.x), ++serial) == 1);
	good(X509_NAME_add_entry_by_txt(X509_get_subject_name(c.x), "CN", MBSTRING_UTF8,
					(const unsigned char *)cn, -1, -1, 0) == 1);
	good(X509_set_issuer_name(c.x, X509_get_subject_name(issuer->x)) == 1);
	good(X509_set_pubkey(c.x, c.key) == 1);
	set_dates(c.x, o);
	set_extensions(c.x, o);
	good(X509_sign(c.x, issuer->key, o->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
	return c;
}

void tcert_done(struct tcert *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	*c = (struct tcert){NULL, NULL};
}

/* ---- files ---------------------------------------------------------------- */

static FILE *create(const char *path, bool append, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), mode);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	good(f);
	return f;
}

void tcert_write(const char *path, const struct tcert *const *chain)
{
	FILE *f = create(path, false, 0644);

	for (; *chain; chain++)
		good(PEM_write_X509(f, (*chain)->x) == 1);
	good(fclose(f) == 0);
}

void tcert_write_key(const char *path, const struct tcert *c)
{
	FILE *f = create(path, false, 0600);

	good(PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL) == 1);
	good(fclose(f) == 0);
}

static void add_revoked(X509_CRL *crl, const struct tcert *c)
{
	X509_REVOKED *one = X509_REVOKED_new();
	ASN1_TIME *at = X509_gmtime_adj(NULL, -HOUR_S);

	good(X509_REVOKED_set_serialNumber(one, X509_get_serialNumber(c->x)) == 1);
	good(X509_REVOKED_set_revocationDate(one, at) == 1);
	good(X509_CRL_add0_revoked(crl, one) == 1);
	ASN1_TIME_free(at);
}

void tcert_write_crl(const char *path, const struct tcert *issuer, const struct tcert *revoked,
		     int64_t from_s, int64_t to_s, bool append)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, from_s), *to = X509_gmtime_adj(NULL, to_s);

	good(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1);
	good(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x)) == 1);
	good(X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, to) == 1);
	if (revoked)
		add_revoked(crl, revoked);
	good(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
	FILE *f = create(path, append, 0644);
	good(PEM_write_X509_CRL(f, crl) == 1);
	good(fclose(f) == 0);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(crl);
}

void tcert_secret(const struct tcert *c, uint8_t ret[32])
{
	BIGNUM *n = NULL;

	good(EVP_PKEY_get_bn_param(c->key, OSSL_PKEY_PARAM_PRIV_KEY, &n) == 1);
	good(BN_bn2binpad(n, ret, 32) == 32);
	BN_clear_free(n);
}
