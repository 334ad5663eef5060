/*
 * Where a daemon is, as one line of text.
 *
 *	unix:/path/to/socket?pool=NAME
 *	tcp://host:port/NAME        tcp://host:port?pool=NAME        tcp://[::1]:7311
 *	tls://host:port/NAME?ca=FILE&cert=FILE&key=FILE&server_name=NAME
 *	local:?pool=NAME&workers=N&modules=NAME,/PATH
 *
 * `?connect_timeout_us=N` (joined with &) bounds the wait for the welcome. Behind a local:
 * URL is no address but a daemon to be started, with a pool of threads and one of processes.
 */
#ifndef NET_URL_H
#define NET_URL_H

#include <stdint.h>

enum url_scheme { URL_UNIX, URL_TCP, URL_TLS, URL_LOCAL };

enum { URL_CONNECT_TIMEOUT_US = 10 * 1000 * 1000, URL_WORKERS_MAX = 256 };

struct url {
	enum url_scheme scheme;
	char *path;       /* URL_UNIX; "@name" is in the abstract namespace */
	char *host;       /* URL_TCP, URL_TLS; without brackets */
	char *port;       /* URL_TCP, URL_TLS; decimal */
	char *pool;       /* NULL when there is none */
	unsigned workers; /* URL_LOCAL; slots of each pool, 0 when not given */
	char *modules;    /* URL_LOCAL; names and absolute paths, with commas; NULL when not given.
			   * No byte needs more than a pair of single quotes around it. */
	uint64_t connect_timeout_us;
	struct {
		char *ca, *cert, *key; /* paths */
		char *server_name;     /* whose certificate it must be, if not the host's */
	} tls;                         /* URL_TLS; each NULL when not given */
};

/* 0 and a url for url_done(); -ENOMEM; -EINVAL, and *reterr is one static line that says why. */
int url_parse(const char *text, struct url *ret, const char **reterr);
void url_done(struct url *u);

#endif
