/* Why a job does not run yet: one reason for each state it may wait in. Loop thread only. */
#ifndef DAEMON_ADMIN_WHY_H
#define DAEMON_ADMIN_WHY_H

#include <jansson.h>

struct job;
struct session;

/* What the list says of the job, and the reason: as a word, as a sentence, and the facts.
 * Members: PROTOCOL.md. NULL without memory. */
json_t *admin_why(const struct session *viewer, const struct job *j);

#endif
