#include "ctl/url.h"

#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		ctl_no_memory();
	return text;
}

static bool env_is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

/* The socket in a directory, if there is one. */
static char *socket_in(const char *dir, size_t len)
{
	char *url = format("unix:%.*s/futured.sock", (int)len, dir);

	if (access(url + strlen("unix:"), F_OK) == 0)
		return url;
	free(url);
	return NULL;
}

static char *find_daemon(void)
{
	const char *service = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");
	char *url = NULL;

	/* systemd names several directories with colons between them. */
	if (env_is_set("RUNTIME_DIRECTORY"))
		url = socket_in(service, strcspn(service, ":"));
	if (!url)
		url = socket_in("/run", strlen("/run"));
	if (!url && env_is_set("XDG_RUNTIME_DIR"))
		url = socket_in(user, strlen(user));
	return url;
}

/* Where the path begins in SCHEME://AUTHORITY/PATH, or the end of the text. NULL for a
 * URL without an authority, as unix: ones are. */
static char *authority_end(char *url)
{
	char *authority = strstr(url, "://");

	if (!authority || strncmp(url, "unix:", 5) == 0)
		return NULL;
	authority += strlen("://");
	return authority + strcspn(authority, "/");
}

/* Appends the parameters of a query except its pool. */
static char *with_query(char *url, char *query, char separator)
{
	for (char *p = strtok(query, "&"); p; p = strtok(NULL, "&")) {
		char *longer;

		if (strncmp(p, "pool=", 5) == 0)
			continue;
		longer = format("%s%c%s", url, separator, p);
		free(url);
		url = longer;
		separator = '&';
	}
	return url;
}

/* Takes the URL over. */
static char *with_pool(char *url, const char *pool)
{
	char *query = strchr(url, '?');
	char *path, *made;
	char none[] = "";

	if (query)
		*query++ = '\0';
	path = authority_end(url);
	if (path) {
		*path = '\0';
		made = format("%s/%s", url, pool);
		made = with_query(made, query ? query : none, '?');
	} else {
		made = format("%s?pool=%s", url, pool);
		made = with_query(made, query ? query : none, '&');
	}
	free(url);
	return made;
}

char *url_make(const char *url, const char *pool, bool may_start)
{
	char *made;

	if (!url && env_is_set("FUTURED_URL"))
		url = getenv("FUTURED_URL");
	made = url ? format("%s", url) : find_daemon();
	if (!made && may_start)
		made = format("local:");
	return made && pool ? with_pool(made, pool) : made;
}

bool url_pool_is_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	return *name && name[strspn(name, letters)] == '\0';
}
