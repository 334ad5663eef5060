/*
 * Who a certificate is for: its one subject alternative name of the wanted kind.
 *
 * Names decide who may do what, so they are bytes with a length, and whatever could be read
 * in two ways is no name: a certificate without exactly one, a NUL or a control character in
 * it, a wildcard, an internationalized name, or `unknown`, which is what logs call a peer
 * without identity. The subject (CN) is never looked at.
 */
#ifndef NET_TLS_PEER_H
#define NET_TLS_PEER_H

#include <stdint.h>

struct x509_st;

enum { TLS_IDENTITY_MAX_BYTES = 255 };

enum tls_identity_kind { TLS_IDENTITY_URI, TLS_IDENTITY_DNS };

struct tls_identity {
	uint8_t len;                            /* 0: none */
	char bytes[TLS_IDENTITY_MAX_BYTES + 1]; /* ends with a NUL, and holds no other */
};

/* 0 and *ret; -ENOENT without a name; -EINVAL when it is none to rely on: then *reterr is one
 * static line that says why. */
int tls_identity_of(struct x509_st *certificate, enum tls_identity_kind kind,
		    struct tls_identity *ret, const char **reterr);

#endif
