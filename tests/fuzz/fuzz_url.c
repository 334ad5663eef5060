/* A daemon's URL: what is accepted is bounded, and clean where others rely on it. */
#include "tests/fuzz/fuzz.h"

#include "common/name.h"
#include "net/url.h"

#include <errno.h>
#include <string.h>

static void check_url(const struct url *u)
{
	fuzz_must(!u->pool || name_is_valid(span_str(u->pool)));
	fuzz_must(u->workers <= URL_WORKERS_MAX);
	if (u->scheme == URL_UNIX) {
		fuzz_must(u->path && u->path[0] && !u->host && !u->modules);
	} else if (u->scheme == URL_LOCAL) {
		fuzz_must(!u->path && !u->host);
	} else {
		fuzz_must(u->host && u->host[0] && u->port && !u->path && !u->modules);
		fuzz_must(u->port[strspn(u->port, "0123456789")] == '\0');
		fuzz_must(strtoul(u->port, NULL, 10) <= 65535);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	struct url u;
	char *text = fuzz_text(data, size);

	int r = url_parse(text, &u, &why);
	fuzz_must(r == 0 || r == -EINVAL || r == -ENOTSUP);
	fuzz_must(r != -EINVAL || (why && *why));
	if (r == 0) {
		check_url(&u);
		url_done(&u);
	}
	free(text);
	return 0;
}
