/*
 * Jobs as operators see them: a list, and how each is called, SESSION-PLACE-GENERATION.
 *
 * Who looks is a session, the viewer. It sees the jobs of its identity; those of others as well
 * when it may, and else they are as if they were not there. A list takes a look at every
 * unfinished job. Loop thread only.
 */
#ifndef DAEMON_ADMIN_JOBS_H
#define DAEMON_ADMIN_JOBS_H

#include "common/span.h"
#include "daemon/job.h"

#include <jansson.h>

enum { JOB_NAME_SIZE = 48, JOBS_LISTED_MAX = 1000 };

struct daemon;

bool admin_sees_all(const struct session *viewer);
bool admin_sees(const struct session *viewer, const struct session *s);

/* The oldest jobs that it sees, and how many more there are. NULL without memory. */
json_t *admin_jobs(const struct session *viewer);

/* What the list says of one. NULL without memory. */
json_t *admin_job(const struct daemon *d, const struct job *j);

/* The job of that name; NULL when it sees none. *ret_valid says whether it can be one. */
struct job *admin_find_job(const struct session *viewer, struct span name, bool *ret_valid);

/* Writes its name. */
void admin_job_name(const struct job *j, char text[JOB_NAME_SIZE]);

#endif
