/*
 * One TLS connection, between bytes that came from a socket and bytes that go to it.
 *
 *	socket ──▶ tls_read(): ciphertext in, plaintext out, both in the caller's memory
 *	socket ◀── what waits: handshake, alerts, and the records of tls_write()
 *
 * It knows no socket and no frame: net/stream.c carries the bytes, and nobody else calls this.
 * Reading and writing may be two threads' work at a time: between tls_lock() and tls_unlock()
 * everything belongs to one of them. Every call but tls_new(), tls_free(), and those that say
 * "any time" wants the lock.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "common/buf.h"
#include "net/tls_context.h"

struct tls;

enum { TLS_RECORD_MAX_BYTES = 16 * 1024 };

/* A connection that has said nothing yet; a client's will ask for, and insist on, `server_name`,
 * a host's name or address. 0 and *ret; -EINVAL when it can be neither; -ENOMEM. */
int tls_new(struct tls_context *c, const char *server_name, struct tls **ret);
struct tls *tls_free(struct tls *t); /* always NULL */

void tls_lock(struct tls *t);
void tls_unlock(struct tls *t);

/* Any time: whether the handshake is done, and what waits to be sent. The bytes themselves
 * belong to the lock's owner. */
bool tls_is_ready(const struct tls *t);
bool tls_waits(const struct tls *t);
struct buf *tls_output(struct tls *t);
void tls_note_sent(struct tls *t); /* after some of it was consumed */

/*
 * Takes all n bytes in, and puts what they decrypt to in `plain`: *ret_n bytes, also when it
 * fails, and never more than n + TLS_RECORD_MAX_BYTES, of a record that they end. 0; -ENODATA after
 * a close_notify; -EBADMSG when the connection is over for a reason of its own, which tls_fault()
 * tells: then an alert may wait.
 */
int tls_read(struct tls *t, const uint8_t *p, size_t n, uint8_t *plain, size_t *ret_n);

/* Begins a client's handshake, and encrypts n bytes once it is done. 0, -ENOMEM, -EBADMSG. */
int tls_start(struct tls *t);
int tls_write(struct tls *t, const uint8_t *p, size_t n);

/* Says that nothing more follows. */
void tls_shutdown(struct tls *t);

/* Why it is over. Lives as long as the connection. */
const char *tls_fault(const struct tls *t);

/* Once ready, of a server: the client's identity, and until when its certificate is valid, in
 * seconds of the time of day. */
int tls_client(struct tls *t, struct tls_identity *ret, int64_t *ret_not_after_s);

/* Likewise: NULL, or why another context would not let this client in now. */
const char *tls_client_fault(struct tls *t, struct tls_context *c);

#endif
