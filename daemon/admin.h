/* What operators and clients ask for: questions and their answers, which are JSON texts. Loop
 * thread only. */
#ifndef DAEMON_ADMIN_H
#define DAEMON_ADMIN_H

#include "common/span.h"

#include <futured/status.h>

struct session;

/*
 * Answers `what`, about `argument`, as PROTOCOL.md says. FUT_OK and a text that the caller
 * frees. UNSUPPORTED: there is no such question; PERMISSION_DENIED: this session may not ask it;
 * INVALID: not about that. Then *ret, which may be NULL, is a sentence for people. NO_MEMORY.
 * A reload may send the session away that asked for it.
 */
fut_status admin_answer(struct session *s, struct span what, struct span argument, char **ret);

#endif
