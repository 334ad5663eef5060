#include "net/tls_context.h"

#include "common/util.h"
#include "net/tls_error.h"
#include "net/tls_key.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_12                                                                                  \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS "X25519:P-256:P-384"

enum { SECURITY_LEVEL = 2 };

struct tls_context {
	SSL_CTX *ssl;
	_Atomic unsigned refs;
	enum tls_side side;
	enum tls_identity_kind identity;
	char **server_names; /* NULL: any */
};

/* ---- what went wrong ------------------------------------------------------ */

static int complain(char *reterr, const char *what, const char *path, const char *why)
{
	(void)snprintf(reterr, TLS_TEXT_MAX, "%s %.200s: %s", what, path, why);
	return -EINVAL;
}

static int complain_openssl(char *reterr, const char *what, const char *path)
{
	char why[128];

	tls_error_take(why, sizeof why, "cannot be read");
	return complain(reterr, what, path, why);
}

/* ---- our own certificate --------------------------------------------------- */

static int use_key(SSL_CTX *ssl, const char *path, char *reterr)
{
	const char *fault = NULL;
	EVP_PKEY *key;

	if (tls_key_read(path, &key, &fault) < 0)
		return fault ? complain(reterr, "key", path, fault)
			     : complain_openssl(reterr, "key", path);
	/* This looks whether it is the certificate's, too. */
	bool used = SSL_CTX_use_PrivateKey(ssl, key) == 1;
	EVP_PKEY_free(key);
	return used ? 0 : complain_openssl(reterr, "key", path);
}

static int use_certificate(SSL_CTX *ssl, const struct tls_settings *s, char *reterr)
{
	if (SSL_CTX_use_certificate_chain_file(ssl, s->certificate) != 1)
		return complain_openssl(reterr, "certificate", s->certificate);
	if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ssl))) <= 0)
		return complain(reterr, "certificate", s->certificate, "it has expired");
	return use_key(ssl, s->key, reterr);
}

/* ---- whom we believe -------------------------------------------------------- */

static int use_crl(SSL_CTX *ssl, const char *path, char *reterr)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

	if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) <= 0)
		return complain_openssl(reterr, "crl", path);
	/* Of the whole chain: an intermediate CA can be revoked, too. */
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return 0;
}

/* A certificate without any EKU passes OpenSSL's own check of the purpose. */
static bool is_for_its_side(X509 *certificate, enum tls_side ours)
{
	uint32_t usage = X509_get_extended_key_usage(certificate);

	return usage != UINT32_MAX &&
	       (usage & (ours == TLS_SERVER ? XKU_SSL_CLIENT : XKU_SSL_SERVER));
}

/* Both sides of a connection, and a look at it later. 0, or an error of X509_V_ERR_. */
static int verify(const struct tls_context *c, X509_STORE_CTX *store, const char **reterr)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	struct tls_identity identity;

	if (X509_verify_cert(store) <= 0)
		return X509_STORE_CTX_get_error(store);
	if (!is_for_its_side(leaf, c->side))
		return X509_V_ERR_INVALID_PURPOSE;
	if (c->side == TLS_SERVER && tls_identity_of(leaf, c->identity, &identity, reterr) < 0)
		return X509_V_ERR_APPLICATION_VERIFICATION;
	return X509_V_OK;
}

/* Within the handshake, so that whoever is refused learns it there. */
static int on_verify(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	int error = verify(arg, store, SSL_get_app_data(ssl));

	X509_STORE_CTX_set_error(store, error);
	return error == X509_V_OK;
}

const char *tls_context_fault(struct tls_context *c, X509 *leaf, STACK_OF(X509) * chain)
{
	const char *why = NULL;
	X509_STORE_CTX *store = X509_STORE_CTX_new();

	if (!store)
		return "out of memory";
	int error = X509_V_ERR_OUT_OF_MEM;
	if (X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(c->ssl), leaf, chain) == 1 &&
	    X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(store), SSL_CTX_get0_param(c->ssl)) ==
		    1) {
		X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(store), SECURITY_LEVEL);
		error = verify(c, store, &why);
	}
	X509_STORE_CTX_free(store);
	ERR_clear_error();
	if (error == X509_V_OK)
		return NULL;
	return why ? why : X509_verify_cert_error_string(error);
}

static int believe(struct tls_context *c, const struct tls_settings *s, char *reterr)
{
	bool is_server = s->side == TLS_SERVER;

	/* Never the system's store. */
	if (SSL_CTX_load_verify_file(c->ssl, s->ca) != 1)
		return complain_openssl(reterr, "ca", s->ca);
	SSL_CTX_set_verify(
		c->ssl, SSL_VERIFY_PEER | (is_server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	SSL_CTX_set_verify_depth(c->ssl, TLS_DEPTH_MAX);
	SSL_CTX_set_max_cert_list(c->ssl, TLS_CHAIN_MAX_BYTES);
	SSL_CTX_set_cert_verify_callback(c->ssl, on_verify, c);
	if (SSL_CTX_set_purpose(c->ssl,
				is_server ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER) != 1)
		return complain_openssl(reterr, "ca", s->ca);
	return s->crl ? use_crl(c->ssl, s->crl, reterr) : 0;
}

/* ---- what a client may ask for ---------------------------------------------- */

static const unsigned char alpn[] = "\x09" TLS_ALPN;

/* A client that offers no protocol at all does not get as far as on_alpn(). */
static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
	const unsigned char *p;
	size_t n;

	(void)arg;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &p,
				      &n))
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	return SSL_CLIENT_HELLO_ERROR;
}

static int on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
		   const unsigned char *offered, unsigned int len, void *arg)
{
	unsigned char *found;

	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&found, ret_len, alpn, sizeof alpn - 1, offered, len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = found;
	return SSL_TLSEXT_ERR_OK;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_context *c = arg;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	if (!c->server_names)
		return SSL_TLSEXT_ERR_OK;
	for (char **name = c->server_names; asked && *name; name++) {
		if (strcasecmp(asked, *name) == 0)
			return SSL_TLSEXT_ERR_OK;
	}
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int copy_names(struct tls_context *c, char *const *names)
{
	size_t n = 0;

	while (names && names[n])
		n++;
	if (n == 0)
		return 0;
	c->server_names = calloc(n + 1, sizeof *c->server_names);
	for (size_t i = 0; c->server_names && i < n; i++) {
		c->server_names[i] = strdup(names[i]);
		if (!c->server_names[i])
			return -ENOMEM;
	}
	return c->server_names ? 0 : -ENOMEM;
}

static int meet_clients(struct tls_context *c, const struct tls_settings *s)
{
	SSL_CTX_set_client_hello_cb(c->ssl, on_client_hello, NULL);
	SSL_CTX_set_alpn_select_cb(c->ssl, on_alpn, NULL);
	SSL_CTX_set_tlsext_servername_callback(c->ssl, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(c->ssl, c);
	return copy_names(c, s->server_names);
}

/* ---- the whole ---------------------------------------------------------------- */

static bool restrict_protocol(SSL_CTX *ssl, bool allow_tls12)
{
	SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
	SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_clear_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_LEGACY_SERVER_CONNECT);
	/* A resumed session would have no certificate looked at. */
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_passwd_cb(ssl, tls_no_passphrase);
	return SSL_CTX_set_num_tickets(ssl, 0) == 1 && SSL_CTX_set_max_early_data(ssl, 0) == 1 &&
	       SSL_CTX_set_min_proto_version(ssl, allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) ==
		       1 &&
	       SSL_CTX_set_ciphersuites(ssl, SUITES_13) == 1 &&
	       SSL_CTX_set_cipher_list(ssl, SUITES_12) == 1 &&
	       SSL_CTX_set1_groups_list(ssl, GROUPS) == 1;
}

static int build(struct tls_context *c, const struct tls_settings *s, char *reterr)
{
	bool is_server = s->side == TLS_SERVER;

	c->ssl = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	if (!c->ssl)
		return -ENOMEM;
	if (!restrict_protocol(c->ssl, is_server && s->allow_tls12))
		return complain_openssl(reterr, "TLS", "settings");
	int r = s->certificate ? use_certificate(c->ssl, s, reterr) : 0;
	if (r == 0)
		r = believe(c, s, reterr);
	if (r < 0)
		return r;
	if (is_server)
		return meet_clients(c, s);
	return SSL_CTX_set_alpn_protos(c->ssl, alpn, sizeof alpn - 1) == 0 ? 0 : -ENOMEM;
}

int tls_context_new(const struct tls_settings *s, struct tls_context **ret, char *reterr)
{
	/* In a program that ends, a client's I/O thread may still need what OpenSSL's own handler
	 * for that would take away. */
	if (OPENSSL_init_ssl(s->side == TLS_CLIENT ? OPENSSL_INIT_NO_ATEXIT : 0, NULL) != 1)
		return -ENOMEM;
	struct tls_context *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	atomic_init(&c->refs, 1);
	c->side = s->side;
	c->identity = s->identity;
	ERR_clear_error();
	int r = build(c, s, reterr);
	ERR_clear_error();
	if (r < 0) {
		(void)tls_context_unref(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

struct tls_context *tls_context_unref(struct tls_context *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	SSL_CTX_free(c->ssl);
	for (char **name = c->server_names; name && *name; name++)
		free(*name);
	free(c->server_names);
	free(c);
	return NULL;
}

SSL_CTX *tls_context_openssl(struct tls_context *c)
{
	return c->ssl;
}

enum tls_side tls_context_side(const struct tls_context *c)
{
	return c->side;
}

enum tls_identity_kind tls_context_identity(const struct tls_context *c)
{
	return c->identity;
}
