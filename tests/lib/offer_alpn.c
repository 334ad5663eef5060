/*
 * Makes a program's TLS clients offer our protocol: preloaded into sslscan, which offers none,
 * and would get no further than that. Those that are OpenSSL's are told to; into a hello that
 * the program writes and sends by itself the extension is put on its way.
 */
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define VISIBLE __attribute__((visibility("default")))

enum { RECORD_HEAD = 5, HELLO_HEAD = 4 + 2 + 32, ROOM = 4096 };

static const unsigned char ours[] = "\x09"
				    "futured/1";
static const unsigned char extension[] = "\0\x10\0\x0c\0\x0a\x09"
					 "futured/1";

VISIBLE SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
	SSL_CTX *(*make)(const SSL_METHOD *);

	*(void **)&make = dlsym(RTLD_NEXT, "SSL_CTX_new");
	SSL_CTX *ctx = make ? make(method) : NULL;
	if (ctx && SSL_CTX_set_alpn_protos(ctx, ours, sizeof ours - 1) != 0)
		abort();
	return ctx;
}

static void add_to(unsigned char *p, int bytes, size_t n)
{
	size_t value = n;

	for (int i = 0; i < bytes; i++)
		value += (size_t)p[i] << (8 * (bytes - 1 - i));
	for (int i = bytes - 1; i >= 0; i--, value >>= 8)
		p[i] = (unsigned char)value;
}

/* Where the extensions of a hello begin, or 0 for what is none. */
static size_t extensions_of(const unsigned char *p, size_t n)
{
	size_t at = RECORD_HEAD + HELLO_HEAD;

	if (n < at + 1 || p[0] != SSL3_RT_HANDSHAKE || p[RECORD_HEAD] != SSL3_MT_CLIENT_HELLO)
		return 0;
	at += 1 + (size_t)p[at];
	if (at + 2 > n)
		return 0;
	at += 2 + ((size_t)p[at] << 8 | p[at + 1]);
	if (at + 1 > n)
		return 0;
	at += 1 + (size_t)p[at];
	return at <= n ? at : 0;
}

/* The new length; 0 when there is nothing to do. */
static size_t offer(unsigned char *p, size_t n)
{
	size_t at = extensions_of(p, n), added = sizeof extension - 1;

	if (at == 0)
		return 0;
	if (at == n) {
		p[n] = p[n + 1] = 0;
		n += 2;
		added += 2;
	}
	memcpy(p + n, extension, sizeof extension - 1);
	add_to(p + at, 2, sizeof extension - 1);
	add_to(p + RECORD_HEAD + 1, 3, added);
	add_to(p + 3, 2, added);
	return n + sizeof extension - 1;
}

VISIBLE ssize_t send(int fd, const void *p, size_t n, int flags)
{
	ssize_t (*next)(int, const void *, size_t, int);
	unsigned char hello[ROOM + 64];

	*(void **)&next = dlsym(RTLD_NEXT, "send");
	if (n > ROOM)
		return next(fd, p, n, flags);
	memcpy(hello, p, n);
	size_t longer = offer(hello, n);
	if (longer == 0)
		return next(fd, p, n, flags);
	return next(fd, hello, longer, flags) == (ssize_t)longer ? (ssize_t)n : -1;
}
