#include "tests/lib/ttls.h"

#include "tests/lib/tdaemon.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ours[] = "\x09"
			   "futured/1";

int ttls_socket(const char *url)
{
	struct timeval patience = {.tv_sec = td_patience_ms(TD_WAIT_MS) / 1000};
	struct sockaddr_in a = {.sin_family = AF_INET};
	unsigned port = 0;
	char host[64];

	ck_assert_int_eq(sscanf(url, "%*[a-z]://%63[0-9.]:%u", host, &port), 2);
	a.sin_port = htons((uint16_t)port);
	ck_assert_int_eq(inet_pton(AF_INET, host, &a.sin_addr), 1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct ttls *t = SSL_get_app_data(ssl);

	(void)session;
	t->ntickets++;
	return 0;
}

/* "CLIENT_TRAFFIC_SECRET_0 RANDOM SECRET", in hexadecimal. */
static void on_secret(const SSL *ssl, const char *line)
{
	struct ttls *t = SSL_get_app_data(ssl);
	const char *p = strrchr(line, ' ');

	if (!t || strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0 || strlen(p + 1) != 64)
		return;
	for (size_t i = 0; i < sizeof t->secret; i++) {
		unsigned byte;
		ck_assert_int_eq(sscanf(p + 1 + 2 * i, "%2x", &byte), 1);
		t->secret[i] = (uint8_t)byte;
	}
}

static void set_certificate(struct ttls *t, const struct tcert *const *chain)
{
	STACK_OF(X509) *rest = sk_X509_new_null();

	for (const struct tcert *const *c = chain + 1; *c; c++)
		ck_assert_int_gt(sk_X509_push(rest, (*c)->x), 0);
	ck_assert_int_eq(SSL_CTX_use_cert_and_key(t->ctx, chain[0]->x, chain[0]->key, rest, 1), 1);
	sk_X509_free(rest);
}

static void set_alpn(struct ttls *t, const char *alpn)
{
	const unsigned char *p = (const unsigned char *)(alpn ? alpn : ours);

	if (*p)
		ck_assert_int_eq(
			SSL_CTX_set_alpn_protos(t->ctx, p, (unsigned)strlen((const char *)p)), 0);
}

struct ttls *ttls_new(const char *url, const struct ttls_options *o)
{
	struct ttls *t = calloc(1, sizeof *t);

	ck_assert_ptr_nonnull(t);
	signal(SIGPIPE, SIG_IGN);
	t->fd = ttls_socket(url);
	t->ctx = SSL_CTX_new(TLS_client_method());
	ck_assert_ptr_nonnull(t->ctx);
	SSL_CTX_set_security_level(t->ctx, 0);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(t->ctx, on_ticket);
	SSL_CTX_set_keylog_callback(t->ctx, on_secret);
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(t->ctx, o->least), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(t->ctx, o->most), 1);
	ck_assert_int_eq(
		SSL_CTX_set_cipher_list(t->ctx, o->suites12 ? o->suites12 : "ALL:@SECLEVEL=0"), 1);
	if (o->chain)
		set_certificate(t, o->chain);
	set_alpn(t, o->alpn);
	t->ssl = SSL_new(t->ctx);
	ck_assert_ptr_nonnull(t->ssl);
	SSL_set_app_data(t->ssl, t);
	SSL_set_fd(t->ssl, t->fd);
	if (o->server_name)
		ck_assert_int_eq(SSL_set_tlsext_host_name(t->ssl, o->server_name), 1);
	return t;
}

void ttls_free(struct ttls *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	close(t->fd);
	free(t);
	ERR_clear_error();
}

static int end_of(struct ttls *t, int r)
{
	int error = SSL_get_error(t->ssl, r);
	unsigned long first = ERR_get_error();
	int reason = ERR_GET_REASON(first);

	if (error == SSL_ERROR_ZERO_RETURN)
		return TTLS_CLOSED;
	if (error == SSL_ERROR_SYSCALL)
		return errno == EAGAIN ? TTLS_SILENT : TTLS_CUT;
	if (error == SSL_ERROR_WANT_READ)
		return TTLS_SILENT;
	if (ERR_SYSTEM_ERROR(first) || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return TTLS_CUT;
	return reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256
		       ? reason - SSL_AD_REASON_OFFSET
		       : TTLS_OTHER;
}

bool ttls_shake(struct ttls *t)
{
	ERR_clear_error();
	return SSL_connect(t->ssl) == 1;
}

int ttls_end_of(struct ttls *t)
{
	char byte;

	ERR_clear_error();
	int r = SSL_connect(t->ssl);
	if (r == 1)
		r = SSL_read(t->ssl, &byte, 1);
	return r > 0 ? TTLS_DATA : end_of(t, r);
}

int ttls_drain(struct ttls *t)
{
	char bytes[4096];
	int r;

	ERR_clear_error();
	do {
		r = SSL_read(t->ssl, bytes, sizeof bytes);
	} while (r > 0);
	return end_of(t, r);
}

bool ttls_send(struct ttls *t, const void *p, size_t n)
{
	size_t sent;

	ERR_clear_error();
	return SSL_write_ex(t->ssl, p, n, &sent) == 1 && sent == n;
}

/* ---- records by hand ---------------------------------------------------------- */

/* HKDF-Expand-Label of RFC 8446, without a context. */
static void expand(const uint8_t secret[32], const char *label, uint8_t *ret, size_t n)
{
	uint8_t info[32] = {0, (uint8_t)n, (uint8_t)(6 + strlen(label))};
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	size_t len = 3 + 6 + strlen(label) + 1;
	char digest[] = "SHA256";
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, strlen(label));
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret,
						  32),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, len),
		OSSL_PARAM_construct_end(),
	};
	ck_assert_int_eq(EVP_KDF_derive(ctx, ret, n, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* One record that holds its type (23, data) and nothing else. */
static void make_empty(const uint8_t key[16], const uint8_t iv[12], unsigned number,
		       uint8_t ret[22])
{
	static const uint8_t head[5] = {23, 3, 3, 0, 17}, type = 23;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12];
	int n;

	memcpy(nonce, iv, sizeof nonce);
	for (int i = 0; i < 4; i++)
		nonce[11 - i] ^= (uint8_t)(number >> (8 * i));
	memcpy(ret, head, sizeof head);
	ck_assert_int_eq(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce), 1);
	ck_assert_int_eq(EVP_EncryptUpdate(ctx, NULL, &n, head, sizeof head), 1);
	ck_assert_int_eq(EVP_EncryptUpdate(ctx, ret + 5, &n, &type, 1), 1);
	ck_assert_int_eq(EVP_EncryptFinal_ex(ctx, ret + 6, &n), 1);
	ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, ret + 6), 1);
	EVP_CIPHER_CTX_free(ctx);
}

bool ttls_send_empty(struct ttls *t, unsigned n)
{
	uint8_t key[16], iv[12], record[22];

	expand(t->secret, "key", key, sizeof key);
	expand(t->secret, "iv", iv, sizeof iv);
	for (unsigned i = 0; i < n; i++) {
		make_empty(key, iv, i, record);
		if (send(t->fd, record, sizeof record, MSG_NOSIGNAL) != sizeof record)
			return false;
	}
	return true;
}
