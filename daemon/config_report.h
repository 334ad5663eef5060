/* Says what is wrong with a configuration, and where: "FILE:LINE: message". */
#ifndef DAEMON_CONFIG_REPORT_H
#define DAEMON_CONFIG_REPORT_H

#include "daemon/config.h"

#include <stddef.h>

struct config_place {
	const char *file; /* NULL: none */
	unsigned line;    /* 0: the file as a whole */
};

struct config_report {
	config_error_fn on_error; /* may be NULL */
	void *arg;
	unsigned ncomplaints;
};

void config_complain(struct config_report *report, struct config_place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The name nearest to `word`, when at most two typing errors separate them; or NULL. */
const char *config_nearest(const char *word, const char *const *names, size_t n);

#endif
