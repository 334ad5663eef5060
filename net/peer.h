/* Who is at the other end of a connected socket, as the kernel says. */
#ifndef NET_PEER_H
#define NET_PEER_H

#include "net/address.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum peer_kind { PEER_UNKNOWN, PEER_UNIX, PEER_TCP };

struct peer {
	enum peer_kind kind;
	uid_t uid; /* PEER_UNIX: of the process that connected, when it did */
	gid_t gid;
	pid_t pid;
	struct in6_addr address; /* PEER_TCP; an IPv4 address is mapped into IPv6 */
	uint16_t port;
	char text[ADDRESS_TEXT_MAX]; /* for logs: "127.0.0.1:50412", or "uid=1000 pid=4242" */
};

/* PEER_UNKNOWN, and "?" for a text, when the kernel does not say. */
void peer_of(int fd, struct peer *ret);

/* PEER_UNIX: whether the process was in the group when it connected, as its own or as one of the
 * others; `fd` is the socket. False also without memory. */
bool peer_is_in_group(const struct peer *p, int fd, gid_t gid);

/* PEER_TCP: whether the other end is on this machine. */
bool peer_is_loopback(const struct peer *p);

#endif
