/*
 * Reading a URL: one pass from left to right over a copy of the text.
 *
 * Nothing is guessed and nothing is ignored: a part that is not understood is an error,
 * so that a mistyped parameter is found when it is typed. Any thread.
 */
#include "net/url.h"

#include "common/name.h"
#include "common/util.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

enum { URL_TEXT_MAX = 1024, HOST_MAX = 253, PORT_MAX = 65535 };

/* Reads a decimal number up to max, and nothing else. */
static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		uint64_t digit = (uint64_t)(*text - '0');
		if (v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

static int copy(const char *text, char **ret)
{
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int set_pool(struct url *u, const char *name, const char **reterr)
{
	if (u->pool) {
		*reterr = "the pool is named twice";
		return -EINVAL;
	}
	if (!name_is_valid(span_str(name))) {
		*reterr = "the pool is not a valid name";
		return -EINVAL;
	}
	if (u->scheme == URL_LOCAL && strcmp(name, "threads") != 0 &&
	    strcmp(name, "processes") != 0) {
		*reterr = "the pools of a local: URL are threads and processes";
		return -EINVAL;
	}
	return copy(name, &u->pool);
}

static int set_workers(struct url *u, const char *value, const char **reterr)
{
	uint64_t n;

	if (u->workers > 0) {
		*reterr = "workers is given twice";
		return -EINVAL;
	}
	if (!parse_number(value, URL_WORKERS_MAX, &n) || n == 0) {
		*reterr = "workers is not a number from 1 to 256";
		return -EINVAL;
	}
	u->workers = (unsigned)n;
	return 0;
}

/* A name, or an absolute path of bytes that mean nothing between single quotes. */
static bool module_is_valid(struct span module)
{
	const uint8_t *byte = module.data;

	if (module.len == 0 || byte[0] != '/')
		return name_is_valid(module);
	for (size_t i = 0; i < module.len; i++) {
		if (byte[i] < ' ' || byte[i] == 0x7f || byte[i] == '\'' || byte[i] == '\\')
			return false;
	}
	return true;
}

/* Whether a module is in the list before the place where it begins. */
static bool is_listed(const char *list, struct span module)
{
	while (list < (const char *)module.data) {
		size_t len = strcspn(list, ",");

		if (span_equal(span_of(list, len), module))
			return true;
		list += len + 1;
	}
	return false;
}

static int set_modules(struct url *u, const char *value, const char **reterr)
{
	const char *at = value;

	if (u->modules) {
		*reterr = "modules is given twice";
		return -EINVAL;
	}
	for (;; at++) {
		struct span module = span_of(at, strcspn(at, ","));

		if (!module_is_valid(module)) {
			*reterr = "modules is not a list of names and absolute paths, with commas";
			return -EINVAL;
		}
		if (is_listed(value, module)) {
			*reterr = "a module is named twice";
			return -EINVAL;
		}
		at += module.len;
		if (!*at)
			return copy(value, &u->modules);
	}
}

static int set_tls(struct url *u, const char *name, const char *value, bool *ret_known,
		   const char **reterr)
{
	const struct {
		const char *name;
		char **to;
	} known[] = {
		{"ca", &u->tls.ca},
		{"cert", &u->tls.cert},
		{"key", &u->tls.key},
		{"server_name", &u->tls.server_name},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		*ret_known = true;
		if (*known[i].to || !*value) {
			*reterr = "ca, cert, key and server_name each have one value";
			return -EINVAL;
		}
		return copy(value, known[i].to);
	}
	*ret_known = false;
	return 0;
}

static const char *unknown_parameter(enum url_scheme scheme)
{
	switch (scheme) {
	case URL_LOCAL:
		return "unknown parameter; there are pool, workers, modules and "
		       "connect_timeout_us";
	case URL_TLS:
		return "unknown parameter; there are pool, ca, cert, key, server_name and "
		       "connect_timeout_us";
	case URL_UNIX:
	case URL_TCP:
		break;
	}
	return "unknown parameter; there are pool and connect_timeout_us (workers and modules go "
	       "with local: alone)";
}

static int set_parameter(struct url *u, char *text, const char **reterr)
{
	const bool is_local = u->scheme == URL_LOCAL;
	char *value = strchr(text, '=');
	bool is_known;

	if (!value) {
		*reterr = "a parameter has the form name=value";
		return -EINVAL;
	}
	*value++ = '\0';
	if (strcmp(text, "pool") == 0)
		return set_pool(u, value, reterr);
	if (strcmp(text, "connect_timeout_us") == 0) {
		if (parse_number(value, INT64_MAX, &u->connect_timeout_us))
			return 0;
		*reterr = "connect_timeout_us is not a number of microseconds";
		return -EINVAL;
	}
	if (is_local && strcmp(text, "workers") == 0)
		return set_workers(u, value, reterr);
	if (is_local && strcmp(text, "modules") == 0)
		return set_modules(u, value, reterr);
	if (u->scheme == URL_TLS) {
		int r = set_tls(u, text, value, &is_known, reterr);
		if (r < 0 || is_known)
			return r;
	}
	*reterr = unknown_parameter(u->scheme);
	return -EINVAL;
}

static int parse_query(struct url *u, char *query, const char **reterr)
{
	for (char *rest = query; rest;) {
		char *one = strsep(&rest, "&");
		int r = set_parameter(u, one, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_unix(struct url *u, char *text, const char **reterr)
{
	u->scheme = URL_UNIX;
	if (strncmp(text, "///", 3) == 0)
		text += 2; /* unix:///path is how others write it */
	if ((text[0] != '/' && text[0] != '@') || !text[1]) {
		*reterr = "the path of a unix: URL starts with / (or @, an abstract name)";
		return -EINVAL;
	}
	if (strlen(text) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
		*reterr = "the path is longer than a Unix socket's may be (107 bytes)";
		return -EINVAL;
	}
	return copy(text, &u->path);
}

static bool host_is_valid(const char *host, bool bracketed)
{
	static const char name_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789.-_";
	size_t n = strlen(host);

	if (n == 0 || n > HOST_MAX)
		return false;
	if (!bracketed)
		return host[strspn(host, name_chars)] == '\0';
	/* An address, perhaps with a zone: fe80::1%eth0. */
	size_t address = strspn(host, "0123456789abcdefABCDEF:.");
	if (host[address] == '%')
		return host[address + 1 + strspn(host + address + 1, name_chars)] == '\0';
	return host[address] == '\0';
}

/* Splits "host:port" or "[address]:port"; *ret_bracketed tells which. NULL when it is neither. */
static char *split_port(char **host, bool *ret_bracketed)
{
	char *end;

	*ret_bracketed = **host == '[';
	if (!*ret_bracketed) {
		end = strchr(*host, ':');
		if (end)
			*end++ = '\0';
		return end;
	}
	end = strchr(*host, ']');
	if (!end || end[1] != ':')
		return NULL;
	*end = '\0';
	(*host)++;
	return end + 2;
}

static int parse_host(struct url *u, char *text, const char **reterr)
{
	uint64_t port_number;
	bool bracketed;

	char *host = text;
	char *pool = strchr(text, '/');
	if (pool)
		*pool++ = '\0';
	char *port = split_port(&host, &bracketed);
	if (!port) {
		*reterr = u->scheme == URL_TLS ? "a tls: URL names host and port: tls://host:port"
					       : "a tcp: URL names host and port: tcp://host:port";
		return -EINVAL;
	}
	if (!host_is_valid(host, bracketed)) {
		*reterr = "the host is not a valid name or address";
		return -EINVAL;
	}
	if (strlen(port) > 5 || !parse_number(port, PORT_MAX, &port_number)) {
		*reterr = "the port is not a number up to 65535";
		return -EINVAL;
	}
	int r = copy(host, &u->host);
	if (r == 0)
		r = copy(port, &u->port);
	if (r == 0 && pool && *pool)
		r = set_pool(u, pool, reterr);
	return r;
}

static int parse_local(struct url *u, const char *text, const char **reterr)
{
	u->scheme = URL_LOCAL;
	if (!*text)
		return 0;
	*reterr = "a local: URL has parameters alone: local:?pool=NAME";
	return -EINVAL;
}

static int parse(struct url *u, char *text, const char **reterr)
{
	char *query = strchr(text, '?');
	int r;

	if (query)
		*query++ = '\0';
	if (strncmp(text, "unix:", 5) == 0) {
		r = parse_unix(u, text + 5, reterr);
	} else if (strncmp(text, "tcp://", 6) == 0) {
		u->scheme = URL_TCP;
		r = parse_host(u, text + 6, reterr);
	} else if (strncmp(text, "tls://", 6) == 0) {
		u->scheme = URL_TLS;
		r = parse_host(u, text + 6, reterr);
	} else if (strncmp(text, "local:", 6) == 0) {
		r = parse_local(u, text + 6, reterr);
	} else {
		*reterr = "it starts with none of unix:, tcp://, tls:// and local:";
		return -EINVAL;
	}
	return r == 0 && query ? parse_query(u, query, reterr) : r;
}

int url_parse(const char *text, struct url *ret, const char **reterr)
{
	struct url u = {.connect_timeout_us = URL_CONNECT_TIMEOUT_US};

	if (strlen(text) > URL_TEXT_MAX) {
		*reterr = "it is longer than 1024 bytes";
		return -EINVAL;
	}
	CLEANUP(free_ptr) char *mine = strdup(text);
	if (!mine)
		return -ENOMEM;
	int r = parse(&u, mine, reterr);
	if (r < 0) {
		url_done(&u);
		return r;
	}
	*ret = u;
	return 0;
}

void url_done(struct url *u)
{
	free(u->path);
	free(u->host);
	free(u->port);
	free(u->pool);
	free(u->modules);
	free(u->tls.ca);
	free(u->tls.cert);
	free(u->tls.key);
	free(u->tls.server_name);
	*u = (struct url){0};
}
