#include "net/peer.h"

#include "common/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* An address of any of the families that come here. */
union peer_address {
	struct sockaddr base;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static void ask_credentials(int fd, struct peer *p)
{
	struct ucred who;
	socklen_t len = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return;
	p->kind = PEER_UNIX;
	p->uid = who.uid;
	p->gid = who.gid;
	p->pid = who.pid;
	(void)snprintf(p->text, sizeof p->text, "uid=%u pid=%d", (unsigned)who.uid, (int)who.pid);
}

static void take_v6(const struct sockaddr_in6 *a, struct peer *p)
{
	char host[INET6_ADDRSTRLEN];

	p->kind = PEER_TCP;
	p->address = a->sin6_addr;
	p->port = ntohs(a->sin6_port);
	(void)inet_ntop(AF_INET6, &a->sin6_addr, host, sizeof host);
	(void)snprintf(p->text, sizeof p->text, "[%s]:%u", host, p->port);
}

static void take_v4(const struct sockaddr_in *a, struct peer *p)
{
	char host[INET_ADDRSTRLEN];

	p->kind = PEER_TCP;
	p->address = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(p->address.s6_addr + 12, &a->sin_addr, sizeof a->sin_addr);
	p->port = ntohs(a->sin_port);
	(void)inet_ntop(AF_INET, &a->sin_addr, host, sizeof host);
	(void)snprintf(p->text, sizeof p->text, "%s:%u", host, p->port);
}

void peer_of(int fd, struct peer *ret)
{
	union peer_address a = {0};
	socklen_t len = sizeof a;

	*ret = (struct peer){.kind = PEER_UNKNOWN, .text = "?"};
	if (getpeername(fd, &a.base, &len) < 0)
		return;
	switch (a.base.sa_family) {
	case AF_UNIX:
		ask_credentials(fd, ret);
		return;
	case AF_INET6:
		take_v6(&a.v6, ret);
		return;
	case AF_INET:
		take_v4(&a.v4, ret);
		return;
	}
}

bool peer_is_in_group(const struct peer *p, int fd, gid_t gid)
{
	CLEANUP(free_ptr) gid_t *groups = NULL;
	socklen_t len = 0;

	if (p->kind != PEER_UNIX)
		return false;
	if (p->gid == gid)
		return true;
	/* The first call only asks for how many there are. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
		return false;
	groups = malloc(len);
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof *groups; i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

bool peer_is_loopback(const struct peer *p)
{
	if (p->kind != PEER_TCP)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&p->address))
		return p->address.s6_addr[12] == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&p->address);
}
