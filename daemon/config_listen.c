#include "daemon/config_listen.h"

#include "common/util.h"
#include "daemon/config_units.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum { HOST_MAX_BYTES = 253 };

/* What follows `prefix`, or NULL. */
static const char *after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

static const char *path_fault(const char *path)
{
	if (path[0] != '/')
		return "needs an absolute path: unix:/run/futured.sock";
	if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return "has a path of more than 107 bytes, which the system does not take";
	return NULL;
}

static bool is_host_name(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";

	return host[0] != '\0' && host[0] != '-' && host[strspn(host, allowed)] == '\0';
}

/* "[::1]" to "::1", in place; false when the brackets do not hold an IPv6 address. */
static bool unwrap(char *host)
{
	size_t n = strlen(host);
	struct in6_addr ignored;

	if (n < 2 || host[n - 1] != ']')
		return false;
	memmove(host, host + 1, n - 2);
	host[n - 2] = '\0';
	return inet_pton(AF_INET6, host, &ignored) == 1;
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == IN_LOOPBACKNET;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcmp(host, "localhost") == 0;
}

static const char *host_fault(const char *address, bool may_be_anywhere)
{
	char host[HOST_MAX_BYTES + 1];
	const char *colon = strrchr(address, ':');
	uint64_t port;

	if (!colon)
		return "needs a port: HOST:PORT";
	if (config_parse_count(colon + 1, &port) < 0 || port > UINT16_MAX)
		return "needs a port from 0 to 65535: HOST:PORT";
	if ((size_t)(colon - address) >= sizeof host)
		return "has a host name of more than 253 bytes";
	(void)snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);

	if (host[0] == '[') {
		if (!unwrap(host))
			return "has no IPv6 address in its brackets";
	} else if (strchr(host, ':')) {
		return "needs brackets around its IPv6 address: [::1]:PORT";
	} else if (!is_host_name(host)) {
		return "needs a host name or an address: HOST:PORT";
	}
	if (!may_be_anywhere && !is_loopback(host))
		return "is plain TCP beyond this machine, where anyone can read it and run jobs "
		       "(set insecure = true to allow it)";
	return NULL;
}

const char *config_listen_fault(const char *url, bool insecure)
{
	const char *rest;

	rest = after(url, "unix:");
	if (rest)
		return path_fault(rest);
	rest = after(url, "tcp://");
	if (rest)
		return host_fault(rest, insecure);
	rest = after(url, "tls://");
	if (rest)
		return host_fault(rest, true);
	return "is no address to listen on: unix:/PATH, tls://HOST:PORT or tcp://HOST:PORT";
}

char *config_listen_default(void)
{
	const char *dirs = getenv("RUNTIME_DIRECTORY"); /* systemd's: a list with colons */
	const char *own = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");
	char *url;
	int n;

	if (dirs && dirs[0] == '/')
		n = asprintf(&url, "unix:%.*s/futured.sock", (int)strcspn(dirs, ":"), dirs);
	else if (own && own[0] == '/')
		n = asprintf(&url, "unix:%s/futured.sock", own);
	else
		n = asprintf(&url, "unix:/tmp/futured-%u.sock", (unsigned)geteuid());
	return n < 0 ? NULL : url;
}
