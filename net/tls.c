/*
 * OpenSSL between two of our buffers: a BIO of our own reads from the caller's ciphertext, and
 * writes to the end of `output`. So nothing is copied on the way in that OpenSSL does not copy
 * itself, and a connection that is idle has no buffers.
 */
#include "net/tls.h"

#include "common/util.h"
#include "net/tls_error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	OUTPUT_MAX_BYTES = 1024 * 1024, /* far more than a batch of stream.c's */
	/* After its handshake a peer may send so many messages of the protocol's own (new keys,
	 * another handshake, which we decline), and one more for so many bytes. */
	SPARE_MESSAGES = 32,
	BYTES_PER_MESSAGE = 64 * 1024,
};

struct tls {
	SSL *ssl;
	struct tls_context *context;
	pthread_mutex_t lock;
	const uint8_t *input; /* the caller's, during tls_read() */
	size_t input_len;
	struct buf output;
	_Atomic bool waits; /* there is output */
	_Atomic bool ready;
	bool is_over;
	uint64_t bytes, messages; /* taken in; the latter since the handshake */
	const char *refusal;
	char fault[TLS_TEXT_MAX];
};

/* ---- our BIO --------------------------------------------------------------- */

static int on_bio_read(BIO *bio, char *ret, size_t size, size_t *ret_n)
{
	struct tls *t = BIO_get_data(bio);
	size_t n = size < t->input_len ? size : t->input_len;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(ret, t->input, n);
	t->input += n;
	t->input_len -= n;
	*ret_n = n;
	return 1;
}

static int on_bio_write(BIO *bio, const char *p, size_t n, size_t *ret_n)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (buf_add(&t->output, p, n) < 0)
		return 0;
	atomic_store_explicit(&t->waits, true, memory_order_relaxed);
	*ret_n = n;
	return 1;
}

static long on_bio_ctrl(BIO *bio, int what, long n, void *p)
{
	(void)bio, (void)n, (void)p;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "futured");
	if (!method)
		return;
	(void)BIO_meth_set_read_ex(method, on_bio_read);
	(void)BIO_meth_set_write_ex(method, on_bio_write);
	(void)BIO_meth_set_ctrl(method, on_bio_ctrl);
}

static BIO *bio_new(struct tls *t)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_method);
	BIO *bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return NULL;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	return bio;
}

/* ---- birth and end ---------------------------------------------------------- */

/* Each message of the handshake protocol that comes in. */
static void on_message(int is_sent, int version, int type, const void *p, size_t n, SSL *ssl,
		       void *arg)
{
	struct tls *t = arg;

	(void)version, (void)p, (void)n, (void)ssl;
	if (!is_sent && type == SSL3_RT_HANDSHAKE && tls_is_ready(t))
		t->messages++;
}

static bool is_address(const char *host)
{
	struct in6_addr ignored;

	return inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1;
}

static int insist_on(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (is_address(name))
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 ? 0 : -EINVAL;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
						       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return *name && SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1
		       ? 0
		       : -EINVAL;
}

static int build(struct tls *t, const char *server_name)
{
	t->ssl = SSL_new(tls_context_openssl(t->context));
	BIO *bio = t->ssl ? bio_new(t) : NULL;
	if (!bio)
		return -ENOMEM;
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, &t->refusal);
	SSL_set_msg_callback(t->ssl, on_message);
	SSL_set_msg_callback_arg(t->ssl, t);
	if (tls_context_side(t->context) == TLS_SERVER) {
		SSL_set_accept_state(t->ssl);
		return 0;
	}
	SSL_set_connect_state(t->ssl);
	return insist_on(t->ssl, server_name);
}

int tls_new(struct tls_context *c, const char *server_name, struct tls **ret)
{
	struct tls *t = calloc(1, sizeof *t);

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	buf_init(&t->output, OUTPUT_MAX_BYTES);
	t->context = tls_context_ref(c);
	ERR_clear_error();
	int r = build(t, server_name);
	ERR_clear_error();
	if (r < 0) {
		(void)tls_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

struct tls *tls_free(struct tls *t)
{
	if (!t)
		return NULL;
	SSL_free(t->ssl);
	(void)tls_context_unref(t->context);
	buf_done(&t->output);
	pthread_mutex_destroy(&t->lock);
	free(t);
	return NULL;
}

void tls_lock(struct tls *t)
{
	pthread_mutex_lock(&t->lock);
}

void tls_unlock(struct tls *t)
{
	pthread_mutex_unlock(&t->lock);
}

/* ---- what it says of itself -------------------------------------------------- */

bool tls_is_ready(const struct tls *t)
{
	return atomic_load_explicit(&t->ready, memory_order_relaxed);
}

bool tls_waits(const struct tls *t)
{
	return atomic_load_explicit(&t->waits, memory_order_relaxed);
}

struct buf *tls_output(struct tls *t)
{
	return &t->output;
}

void tls_note_sent(struct tls *t)
{
	if (buf_len(&t->output) > 0)
		return;
	buf_trim(&t->output, 0);
	atomic_store_explicit(&t->waits, false, memory_order_relaxed);
}

const char *tls_fault(const struct tls *t)
{
	return t->is_over ? t->fault : "TLS failed"; /* it does not change any more */
}

/* ---- reading and writing ------------------------------------------------------ */

static int fail(struct tls *t, const char *why)
{
	if (!t->is_over)
		(void)snprintf(t->fault, sizeof t->fault, "%s", why);
	t->is_over = true;
	ERR_clear_error();
	return -EBADMSG;
}

/* A refused certificate has a better reason than that it was refused. */
static int fail_openssl(struct tls *t)
{
	long verdict = SSL_get_verify_result(t->ssl);
	char why[128];

	tls_error_take(why, sizeof why, "TLS failed");
	if (!t->is_over && !tls_is_ready(t) && verdict != X509_V_OK)
		(void)snprintf(t->fault, sizeof t->fault, "%s: %s", why,
			       t->refusal ? t->refusal : X509_verify_cert_error_string(verdict));
	else if (!t->is_over)
		(void)snprintf(t->fault, sizeof t->fault, "%s", why);
	t->is_over = true;
	return -EBADMSG;
}

/* OpenSSL's answer to a call that did not succeed: 0 when it only wants more input. */
static int why_not(struct tls *t, int r)
{
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return -ENODATA;
	}
	return fail_openssl(t);
}

static bool has_our_protocol(SSL *ssl)
{
	const unsigned char *p;
	unsigned int n;

	SSL_get0_alpn_selected(ssl, &p, &n);
	return n == strlen(TLS_ALPN) && memcmp(p, TLS_ALPN, n) == 0;
}

static int shake_hands(struct tls *t)
{
	ERR_clear_error();
	int r = SSL_do_handshake(t->ssl);
	if (r != 1)
		return why_not(t, r);
	if (!has_our_protocol(t->ssl))
		return fail(t, "the other side does not speak " TLS_ALPN);
	atomic_store_explicit(&t->ready, true, memory_order_relaxed);
	return 0;
}

static int decrypt(struct tls *t, uint8_t *plain, size_t size, size_t *ret_n)
{
	while (*ret_n < size) {
		size_t n;

		ERR_clear_error();
		int r = SSL_read_ex(t->ssl, plain + *ret_n, size - *ret_n, &n);
		if (t->messages > SPARE_MESSAGES + t->bytes / BYTES_PER_MESSAGE)
			return fail(t, "too many messages beside the data");
		if (r != 1)
			return why_not(t, r);
		*ret_n += n;
	}
	return 0;
}

int tls_read(struct tls *t, const uint8_t *p, size_t n, uint8_t *plain, size_t *ret_n)
{
	int r = 0;

	*ret_n = 0;
	if (t->is_over)
		return -EBADMSG;
	t->input = p;
	t->input_len = n;
	t->bytes += n;
	if (!tls_is_ready(t))
		r = shake_hands(t);
	if (r == 0 && tls_is_ready(t))
		r = decrypt(t, plain, n + TLS_RECORD_MAX_BYTES, ret_n);
	t->input = NULL;
	t->input_len = 0;
	return r;
}

int tls_start(struct tls *t)
{
	return shake_hands(t);
}

int tls_write(struct tls *t, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t taken;

		if (t->is_over)
			return -EBADMSG;
		ERR_clear_error();
		int r = SSL_write_ex(t->ssl, p, n, &taken);
		if (r != 1)
			return why_not(t, r) == 0 ? fail(t, "another handshake") : -EBADMSG;
		p += taken;
		n -= taken;
	}
	return 0;
}

void tls_shutdown(struct tls *t)
{
	if (!tls_is_ready(t) || t->is_over)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

/* ---- the client -------------------------------------------------------------- */

int tls_client(struct tls *t, struct tls_identity *ret, int64_t *ret_not_after_s)
{
	X509 *certificate = SSL_get0_peer_certificate(t->ssl);
	const char *ignored;
	struct tm tm;

	if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return -EINVAL;
	*ret_not_after_s = timegm(&tm);
	return tls_identity_of(certificate, tls_context_identity(t->context), ret, &ignored);
}

const char *tls_client_fault(struct tls *t, struct tls_context *c)
{
	X509 *certificate = SSL_get0_peer_certificate(t->ssl);

	return tls_context_fault(c, certificate, SSL_get_peer_cert_chain(t->ssl));
}
