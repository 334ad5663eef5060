/*
 * Sockets made from URLs, for both ends.
 *
 * Resolving a host's name may take as long as the system's resolver takes: a deadline
 * bounds connecting, not that. Any thread; blocks only in address_connect(), and in the
 * resolver.
 */
#include "net/address.h"

#include "common/clock.h"
#include "common/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { UNIX_MODE = 0660, BACKLOG_RETRY_MS = 5 };

/* A connection on which nothing happens is probed after a while, and then again. */
enum {
	PROBES = 4,
	PROBE_INTERVAL_S = 10,
	PROBE_AFTER_S = ADDRESS_SILENCE_MAX_S - PROBES * PROBE_INTERVAL_S,
};

static void free_addresses(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static int resolve_error(int r)
{
	if (r == EAI_MEMORY)
		return -ENOMEM;
	return r == EAI_SYSTEM && errno ? -errno : -EHOSTUNREACH;
}

static int resolve(const struct url *u, bool passive, struct addrinfo **ret)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0),
	};
	if (u->scheme == URL_LOCAL)
		return -EAFNOSUPPORT; /* there is a daemon behind it, and no address */
	int r = getaddrinfo(u->host, u->port, &hints, ret);

	return r == 0 ? 0 : resolve_error(r);
}

static socklen_t unix_address(const char *path, struct sockaddr_un *ret)
{
	size_t n = strnlen(path, sizeof ret->sun_path - 1);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, n);
	if (path[0] != '@')
		return (socklen_t)sizeof *ret;
	ret->sun_path[0] = '\0'; /* an abstract name is as long as the address says */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static int new_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static void set_option(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

/* What a listener has, the sockets that it accepts have, too. */
static void set_tcp_options(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, PROBE_AFTER_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_INTERVAL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	/* While bytes are on their way there are no probes: this is for them. */
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ADDRESS_SILENCE_MAX_S * 1000);
}

/* ---- connecting ---------------------------------------------------------- */

static int wait_connected(int fd, uint64_t deadline_us)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int error = 0;
	int n;

	do {
		n = poll(&p, 1, clock_poll_ms(deadline_us));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

static int connect_fd(int fd, const struct sockaddr *address, socklen_t len, uint64_t deadline_us)
{
	for (;;) {
		if (connect(fd, address, len) == 0)
			return 0;
		if (errno == EINPROGRESS || errno == EINTR)
			return wait_connected(fd, deadline_us);
		/* A Unix socket whose backlog is full says so, and cannot be polled for room. */
		if (errno != EAGAIN)
			return -errno;
		if (clock_now_us() >= deadline_us)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, BACKLOG_RETRY_MS);
	}
}

static int connect_one(int family, const struct sockaddr *address, socklen_t len,
		       uint64_t deadline_us, int *ret_fd)
{
	CLEANUP(close_fdp) int fd = new_socket(family);

	if (fd < 0)
		return fd;
	if (family != AF_UNIX)
		set_tcp_options(fd);
	int r = connect_fd(fd, address, len, deadline_us);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int address_connect(const struct url *u, uint64_t deadline_us, int *ret_fd)
{
	if (u->scheme == URL_UNIX) {
		struct sockaddr_un address;
		socklen_t len = unix_address(u->path, &address);
		return connect_one(AF_UNIX, (struct sockaddr *)&address, len, deadline_us, ret_fd);
	}

	CLEANUP(free_addresses) struct addrinfo *list = NULL;
	int r = resolve(u, false, &list);
	if (r < 0)
		return r;
	r = -EHOSTUNREACH;
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		r = connect_one(a->ai_family, a->ai_addr, a->ai_addrlen, deadline_us, ret_fd);
		if (r == 0)
			return 0;
	}
	return r;
}

/* ---- listening ----------------------------------------------------------- */

/* True when the file is a socket that refuses connections: its listener is gone. */
static bool is_abandoned(const char *path, const struct sockaddr_un *address, socklen_t len)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	CLEANUP(close_fdp) int fd = new_socket(AF_UNIX);
	return fd >= 0 && connect(fd, (const struct sockaddr *)address, len) < 0 &&
	       errno == ECONNREFUSED;
}

static int bind_unix(int fd, const char *path)
{
	struct sockaddr_un address;
	socklen_t len = unix_address(path, &address);

	/* The file is born with the socket's mode, less the umask: never wider than meant. */
	if (fchmod(fd, UNIX_MODE) < 0)
		return -errno;
	int r = bind(fd, (struct sockaddr *)&address, len);
	if (r < 0 && errno == EADDRINUSE && path[0] != '@' && is_abandoned(path, &address, len)) {
		if (unlink(path) < 0)
			return -errno;
		r = bind(fd, (struct sockaddr *)&address, len);
	}
	if (r < 0)
		return -errno;
	if (path[0] != '@' && chmod(path, UNIX_MODE) < 0)
		return -errno;
	return 0;
}

static int bind_tcp(int fd, const struct addrinfo *a)
{
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set_tcp_options(fd);
	return bind(fd, a->ai_addr, a->ai_addrlen) < 0 ? -errno : 0;
}

/* `a` is NULL for a Unix socket. */
static int listen_one(const struct url *u, const struct addrinfo *a, int backlog, int *ret_fd)
{
	CLEANUP(close_fdp) int fd = new_socket(a ? a->ai_family : AF_UNIX);

	if (fd < 0)
		return fd;
	int r = a ? bind_tcp(fd, a) : bind_unix(fd, u->path);
	if (r < 0)
		return r;
	if (listen(fd, backlog) < 0)
		return -errno;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int address_listen(const struct url *u, int backlog, int *ret_fd)
{
	CLEANUP(free_addresses) struct addrinfo *list = NULL;

	if (u->scheme == URL_UNIX)
		return listen_one(u, NULL, backlog, ret_fd);
	int r = resolve(u, true, &list);
	if (r < 0)
		return r;
	r = -EHOSTUNREACH;
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		r = listen_one(u, a, backlog, ret_fd);
		if (r == 0)
			return 0;
	}
	return r;
}

/* ---- names --------------------------------------------------------------- */

/* An address of any of the families that come here. */
union any_address {
	struct sockaddr base;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
	struct sockaddr_storage space;
};

static unsigned port_of(const union any_address *a)
{
	if (a->base.sa_family == AF_INET)
		return ntohs(a->v4.sin_port);
	return a->base.sa_family == AF_INET6 ? ntohs(a->v6.sin6_port) : 0;
}

void address_of_listener(const struct url *u, int fd, char ret[ADDRESS_TEXT_MAX])
{
	union any_address a = {0};
	socklen_t len = sizeof a;

	if (u->scheme == URL_UNIX) {
		(void)snprintf(ret, ADDRESS_TEXT_MAX, "unix:%s", u->path);
		return;
	}
	if (getsockname(fd, &a.base, &len) < 0)
		a.base.sa_family = AF_UNSPEC;
	bool is_v6 = strchr(u->host, ':') != NULL;
	(void)snprintf(ret, ADDRESS_TEXT_MAX, "%s://%s%.*s%s:%u",
		       u->scheme == URL_TLS ? "tls" : "tcp", is_v6 ? "[" : "",
		       ADDRESS_TEXT_MAX - 20, u->host, is_v6 ? "]" : "", port_of(&a));
}

static bool is_loopback(const struct sockaddr *address, socklen_t len)
{
	union any_address a = {0};

	memcpy(&a.space, address, len < sizeof a ? len : sizeof a);
	if (a.base.sa_family == AF_INET)
		return ntohl(a.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (a.base.sa_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr))
		return a.v6.sin6_addr.s6_addr[12] == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

bool address_is_loopback(const struct url *u)
{
	CLEANUP(free_addresses) struct addrinfo *list = NULL;

	if (u->scheme == URL_UNIX)
		return true;
	if (resolve(u, false, &list) < 0)
		return false;
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		if (!is_loopback(a->ai_addr, a->ai_addrlen))
			return false;
	}
	return list != NULL;
}
