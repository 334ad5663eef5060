/* What operators ask for: questions and their answers, which are JSON texts. Loop thread only. */
#ifndef DAEMON_ADMIN_H
#define DAEMON_ADMIN_H

#include "common/span.h"

#include <futured/status.h>

struct daemon;

/*
 * Answers `what`, about `argument`, as PROTOCOL.md says. FUT_OK and a text that the caller
 * frees. UNSUPPORTED: there is no such question; INVALID: not about that, and *ret, which may
 * be NULL, is a sentence for people; NO_MEMORY.
 */
fut_status admin_answer(struct daemon *d, struct span what, struct span argument, char **ret);

#endif
