/*
 * Certificates for tests, made when they are needed: with any fault, and any dates.
 *
 *	tcert_make(NULL, &(struct tcert_options){.is_ca = true})     who vouches
 *	tcert_make(&ca, &(struct tcert_options){.usage = ...})        what it vouches for
 *
 * Keys are ECDSA P-256 where nothing else is said. A failure fails the test.
 */
#ifndef TESTS_TCERT_H
#define TESTS_TCERT_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TCERT_NAMES_MAX = 3 };

enum tcert_usage { TCERT_ANY_USE, TCERT_CLIENT, TCERT_SERVER }; /* the first has no EKU */
enum tcert_key { TCERT_P256, TCERT_RSA_1024, TCERT_RSA_2048 };
enum tcert_name_kind { TCERT_URI, TCERT_DNS, TCERT_EMAIL, TCERT_IP };

/* Any bytes; of an address, the four or sixteen of it. */
struct tcert_name {
	enum tcert_name_kind kind;
	const char *bytes;
	size_t len;
};
#define TCERT_NAME(kind_, text_)                                                                   \
	{                                                                                          \
		.kind = (kind_), .bytes = (text_), .len = sizeof(text_) - 1                        \
	}

struct tcert_options {
	const char *cn;                           /* NULL: "test" */
	struct tcert_name names[TCERT_NAMES_MAX]; /* up to the first without bytes */
	bool is_ca;
	enum tcert_usage usage;
	enum tcert_key key;
	bool sha1;            /* the signature of whoever vouches */
	int64_t from_s, to_s; /* seconds from now; 0 and 0: from an hour ago, for two hours */
	size_t padding_bytes; /* in a comment that makes it so much larger */
};

struct tcert {
	X509 *x;
	EVP_PKEY *key;
};

/* `issuer` NULL: itself. */
struct tcert tcert_make(const struct tcert *issuer, const struct tcert_options *o);
void tcert_done(struct tcert *c);

/* PEM files: of several certificates one behind the other, NULL-terminated; of a key, mode 0600;
 * of a CRL, which revokes one certificate (or none: NULL), and holds from and to seconds from
 * now. `append` adds another CRL to the file. */
void tcert_write(const char *path, const struct tcert *const *chain);
void tcert_write_key(const char *path, const struct tcert *c);
void tcert_write_crl(const char *path, const struct tcert *issuer, const struct tcert *revoked,
		     int64_t from_s, int64_t to_s, bool append);

/* The private key's bytes, of an EC key: to be looked for. */
void tcert_secret(const struct tcert *c, uint8_t ret[32]);

#endif
