/* One daemon as an operator meets it, and two files for the tasks of a test. */
#ifndef TESTS_ONE_DAEMON_H
#define TESTS_ONE_DAEMON_H

#include "common/util.h"
#include "tests/lib/tdaemon.h"
#include "tests/lib/trun.h"
#include "tests/lib/twire.h"

#define POOL(kind, slots, modules)                                                                 \
	"pool p {\n  kind = " kind "\n  slots = " slots "\n  modules = {" modules "}\n}\n"

enum { MIB = 1024 * 1024 };

static struct tdaemon *d;
static char mark[96], gate[96];

static inline void start(const char *text)
{
	d = tdaemon_start(text);
	tdaemon_path(d, "mark", mark, sizeof mark);
	tdaemon_path(d, "gate", gate, sizeof gate);
}

static inline void expect_echo(const char *pool)
{
	struct tw *w = tw_open(d->unix_url, pool);

	tw_submit(w, 0, "echo", "well");
	tw_expect_value(w, 0, "well");
	tw_close(w);
}

#endif
