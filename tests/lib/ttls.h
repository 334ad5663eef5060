/*
 * A TLS client that does what a test says: any certificate, any version, no manners. It
 * verifies nothing. Blocking, but every wait is bounded.
 */
#ifndef TESTS_TTLS_H
#define TESTS_TTLS_H

#include "tests/lib/tcert.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How it ended: the number of the fatal alert that came, or one of these. */
enum ttls_end { TTLS_CLOSED = 256, TTLS_CUT, TTLS_DATA, TTLS_SILENT, TTLS_OTHER };

struct ttls_options {
	const struct tcert *const *chain; /* its own first, NULL-terminated; NULL: none */
	const char *alpn;                 /* as on the wire; NULL: ours; "": none */
	const char *server_name;          /* SNI; NULL: none */
	int least, most;                  /* versions; 0: any */
	const char *suites12;             /* NULL: any */
};

struct ttls {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	unsigned ntickets;  /* that came */
	uint8_t secret[32]; /* of what it sends in 1.3 with TLS_AES_128_GCM_SHA256 */
};

/* A TCP connection to tls://HOST:PORT or tcp://HOST:PORT, HOST an IPv4 address. */
int ttls_socket(const char *url);

struct ttls *ttls_new(const char *url, const struct ttls_options *o);
void ttls_free(struct ttls *t); /* closes without a word */

/* Its side of the handshake; whether it is done. In 1.3 the server may still refuse. */
bool ttls_shake(struct ttls *t);

/* Shakes hands, and waits for what the server makes of it, or says first. */
int ttls_end_of(struct ttls *t);

/* Reads until the end, through whatever data comes. */
int ttls_drain(struct ttls *t);

/* Sends n records of 1.3 without a byte in them, which OpenSSL would not; before anything else is
 * sent, on a connection with TLS_AES_128_GCM_SHA256. False when the other side has closed. */
bool ttls_send_empty(struct ttls *t, unsigned n);

/* Sends all; false when the other side has closed. */
bool ttls_send(struct ttls *t, const void *p, size_t n);

#endif
