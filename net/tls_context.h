/*
 * What all TLS connections of one side have in common: our certificate and key, whom we
 * believe, and how strictly.
 *
 *   versions    1.3; a server may be told to take 1.2, too
 *   suites      AES-GCM and ChaCha20 only, with X25519, P-256 or P-384; security level 2
 *   never       resumption, tickets, early data, renegotiation, compression
 *   peers       must show a certificate of the one CA that the file holds, made for their side
 *               (EKU), with at most TLS_DEPTH_MAX others between; a server wants exactly one
 *               identity in it (tls_peer.h), a client the name it connects to
 *   revocation  with a CRL: of every certificate of the chain; one that is out of date lets
 *               nobody in
 *   protocol    ALPN "futured/1"
 *
 * Immutable once made, and shared by reference: to change anything make another one. Each
 * connection keeps its context alive. References: any thread.
 */
#ifndef NET_TLS_CONTEXT_H
#define NET_TLS_CONTEXT_H

#include "net/tls_peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_ALPN "futured/1"

enum { TLS_TEXT_MAX = 384, TLS_DEPTH_MAX = 4, TLS_CHAIN_MAX_BYTES = 32 * 1024 };

enum tls_side { TLS_SERVER, TLS_CLIENT };

/* Paths of PEM files. */
struct tls_settings {
	enum tls_side side;
	const char *certificate; /* with what is between it and the CA; NULL: none (client) */
	const char *key;         /* of the certificate */
	const char *ca;          /* whom to believe, and nobody else */
	const char *crl;         /* CRLs; NULL: nothing is revoked */
	bool allow_tls12;        /* server */
	enum tls_identity_kind identity; /* server: what names a client */
	char *const *server_names;       /* server: those a client may ask for, NULL-terminated;
					  * NULL or empty: any, or none */
};

struct tls_context;
struct ssl_ctx_st;
struct stack_st_X509;

/*
 * Reads and checks everything. 0 and a reference; -ENOMEM; or -EINVAL and in `reterr`, a
 * buffer of TLS_TEXT_MAX, one line that says what is wrong with which file. The key must be a
 * regular file that belongs to this user or root and that nobody else may read.
 */
int tls_context_new(const struct tls_settings *settings, struct tls_context **ret, char *reterr);
struct tls_context *tls_context_ref(struct tls_context *c);
struct tls_context *tls_context_unref(struct tls_context *c); /* always NULL */

/* Looks again at a certificate that was good once, with the chain that came with it: whether it
 * would be now. NULL when it would, else a line that lives for ever. */
const char *tls_context_fault(struct tls_context *c, struct x509_st *leaf,
			      struct stack_st_X509 *chain);

/* What net/tls.c makes connections of. Their app data is a `const char **`, which is set to a
 * line that lives for ever when a certificate is refused for what OpenSSL has no error for. */
struct ssl_ctx_st *tls_context_openssl(struct tls_context *c);
enum tls_side tls_context_side(const struct tls_context *c);
enum tls_identity_kind tls_context_identity(const struct tls_context *c);

#endif
