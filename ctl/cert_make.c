#include "ctl/cert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CA_DAYS = 3650, BACKDATE_S = 3600, DAY_S = 24 * 3600, SERIAL_BYTES = 16 };

/* One pair: who it is, and who vouches for it (itself, when nobody does). */
struct pair {
	X509 *certificate;
	EVP_PKEY *key;
};

static bool complain(const char *path, const char *why)
{
	fprintf(stderr, "futurectl: cert: %s: %s\n", path, why);
	return false;
}

static void pair_done(struct pair *p)
{
	X509_free(p->certificate);
	EVP_PKEY_free(p->key);
}

/* ---- one certificate -------------------------------------------------------- */

static bool set_serial(X509 *x)
{
	unsigned char bytes[SERIAL_BYTES];

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and of full length */
	BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
	bool is_set = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return is_set;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	bool is_added = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return is_added;
}

static bool set_subject(X509 *x, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x);

	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name,
					  -1, -1, 0) == 1;
}

static bool begin(struct pair *p, const char *name, int days)
{
	p->key = EVP_EC_gen("P-256");
	p->certificate = X509_new();
	return p->key && p->certificate && X509_set_version(p->certificate, X509_VERSION_3) == 1 &&
	       set_serial(p->certificate) && set_subject(p->certificate, name) &&
	       X509_gmtime_adj(X509_getm_notBefore(p->certificate), -BACKDATE_S) &&
	       X509_time_adj_ex(X509_getm_notAfter(p->certificate), days, 0, NULL) &&
	       X509_set_pubkey(p->certificate, p->key) == 1 &&
	       add_extension(p->certificate, NULL, NID_subject_key_identifier, "hash");
}

static bool make_ca(struct pair *p, int days)
{
	return begin(p, "futured CA", days > CA_DAYS ? days : CA_DAYS) &&
	       X509_set_issuer_name(p->certificate, X509_get_subject_name(p->certificate)) == 1 &&
	       add_extension(p->certificate, NULL, NID_basic_constraints,
			     "critical,CA:TRUE,pathlen:0") &&
	       add_extension(p->certificate, NULL, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	       X509_sign(p->certificate, p->key, EVP_sha256()) > 0;
}

static bool make_end(struct pair *p, const struct pair *ca, const char *name, int days,
		     const char *usage, const char *names)
{
	return begin(p, name, days) &&
	       X509_set_issuer_name(p->certificate, X509_get_subject_name(ca->certificate)) == 1 &&
	       add_extension(p->certificate, ca->certificate, NID_authority_key_identifier,
			     "keyid:always") &&
	       add_extension(p->certificate, NULL, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(p->certificate, NULL, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(p->certificate, NULL, NID_ext_key_usage, usage) &&
	       add_extension(p->certificate, NULL, NID_subject_alt_name, names) &&
	       X509_sign(p->certificate, ca->key, EVP_sha256()) > 0;
}

/* ---- files ---------------------------------------------------------------------- */

static char *path_of(const char *dir, const char *name, const char *ending)
{
	char *path;

	return asprintf(&path, "%s/%s.%s", dir, name, ending) < 0 ? NULL : path;
}

/* A new file, closed to others from its birth where it is a key. */
static FILE *create(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		(void)complain(path, strerror(errno));
	return f;
}

static bool finish(FILE *f, const char *path, bool is_good)
{
	is_good = is_good && fflush(f) == 0 && fsync(fileno(f)) == 0;
	is_good = fclose(f) == 0 && is_good;
	return is_good || complain(path, "cannot be written");
}

static bool write_pair(const struct pair *p, const char *dir, const char *name)
{
	char *key = path_of(dir, name, "key"), *certificate = path_of(dir, name, "crt");
	FILE *f = key && certificate ? create(key, 0600) : NULL;
	bool is_good =
		f && finish(f, key,
			    PEM_write_PKCS8PrivateKey(f, p->key, NULL, NULL, 0, NULL, NULL) == 1);

	f = is_good ? create(certificate, 0644) : NULL;
	is_good = f && finish(f, certificate, PEM_write_X509(f, p->certificate) == 1);
	free(key);
	free(certificate);
	return is_good;
}

static bool is_free(const char *dir, const char *name)
{
	static const char *const endings[] = {"crt", "key"};
	bool is_good = true;

	for (int i = 0; i < 2 && is_good; i++) {
		struct stat st;
		char *path = path_of(dir, name, endings[i]);

		is_good = path && (lstat(path, &st) == 0
					   ? complain(path, "it is there already")
					   : errno == ENOENT || complain(path, strerror(errno)));
		free(path);
	}
	return is_good;
}

/* ---- the whole -------------------------------------------------------------------- */

static bool is_address(const char *name)
{
	struct in6_addr ignored;

	return inet_pton(AF_INET, name, &ignored) == 1 || inet_pton(AF_INET6, name, &ignored) == 1;
}

/* "DNS:a,IP:127.0.0.1", as OpenSSL reads it. */
static char *names_of(const struct cert_plan *plan)
{
	char *names = NULL;
	size_t len;
	FILE *f = open_memstream(&names, &len);

	for (unsigned i = 0; f && i < plan->nservers; i++)
		fprintf(f, "%s%s:%s", i ? "," : "", is_address(plan->servers[i]) ? "IP" : "DNS",
			plan->servers[i]);
	return f && fclose(f) == 0 ? names : NULL;
}

static bool make_server(const struct cert_plan *plan, const struct pair *ca)
{
	char *names = names_of(plan);
	struct pair p = {NULL, NULL};
	bool is_good = names && make_end(&p, ca, plan->servers[0], plan->days, "serverAuth", names);

	if (!is_good)
		(void)complain("server", "no certificate can be made of these names");
	is_good = is_good && write_pair(&p, plan->dir, "server");
	pair_done(&p);
	free(names);
	return is_good;
}

static bool make_client(const struct cert_plan *plan, const struct pair *ca, const char *name)
{
	char identity[CERT_NAME_MAX + 32];
	struct pair p = {NULL, NULL};

	(void)snprintf(identity, sizeof identity, "URI:futured:%s", name);
	bool is_good = make_end(&p, ca, name, plan->days, "clientAuth", identity);
	if (!is_good)
		(void)complain(name, "no certificate can be made of this name");
	is_good = is_good && write_pair(&p, plan->dir, name);
	pair_done(&p);
	return is_good;
}

static bool make_all(const struct cert_plan *plan)
{
	struct pair ca = {NULL, NULL};
	bool is_good = make_ca(&ca, plan->days) || complain("ca", "OpenSSL cannot make keys");

	is_good = is_good && write_pair(&ca, plan->dir, "ca") && make_server(plan, &ca);
	for (unsigned i = 0; is_good && i < plan->nclients; i++)
		is_good = make_client(plan, &ca, plan->clients[i]);
	pair_done(&ca);
	return is_good;
}

bool cert_make(const struct cert_plan *plan)
{
	if (mkdir(plan->dir, 0700) < 0 && errno != EEXIST)
		return complain(plan->dir, strerror(errno));
	if (!is_free(plan->dir, "ca") || !is_free(plan->dir, "server"))
		return false;
	for (unsigned i = 0; i < plan->nclients; i++) {
		if (!is_free(plan->dir, plan->clients[i]))
			return false;
	}
	return make_all(plan);
}
