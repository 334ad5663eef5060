/*
 * From a URL to a socket, and from a socket to a name. All sockets are non-blocking and
 * close-on-exec. TCP ones have Nagle's algorithm off, and end with -ETIMEDOUT when the peer's
 * machine, or the way to it, has been gone for ADDRESS_SILENCE_MAX_S.
 *
 * A local: URL has no address: for that every function here that makes a socket answers
 * -EAFNOSUPPORT.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "net/url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDRESS_TEXT_MAX = 160, ADDRESS_SILENCE_MAX_S = 60 };

/* Connects, trying each address of a host in turn, until `deadline_us` of the monotonic
 * clock (CLOCK_NEVER: none). 0 and *ret_fd; -errno: -ETIMEDOUT, -ECONNREFUSED, -ENOENT (no
 * such socket), -EHOSTUNREACH (the name has no address), and so on. */
int address_connect(const struct url *u, uint64_t deadline_us, int *ret_fd);

/*
 * Listens: a Unix socket gets mode 0660 from its birth, and replaces a file that is a
 * socket nobody listens on any more (-EADDRINUSE when somebody does). TCP port 0 lets the
 * kernel choose. One socket per URL: of a host's addresses the first that works.
 */
int address_listen(const struct url *u, int backlog, int *ret_fd);

/* The URL a client would use for a listening socket ("tcp://127.0.0.1:41234", "unix:/path"),
 * with the port the kernel chose. */
void address_of_listener(const struct url *u, int fd, char ret[ADDRESS_TEXT_MAX]);

/* Whether every address of the URL's host is a loopback one; true for Unix sockets. */
bool address_is_loopback(const struct url *u);

#endif
