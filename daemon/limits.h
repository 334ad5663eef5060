/*
 * The time limits of jobs: queue, run, stall, and the deadline of the whole.
 *
 * One timer per job that has any, set to the nearest of those that count in its state. Of a
 * job that runs again, the queue limit counts no more, and run and stall begin anew.
 * Loop thread only.
 */
#ifndef DAEMON_LIMITS_H
#define DAEMON_LIMITS_H

#include "daemon/job.h"
#include "proto/submit.h"

/* Gives an admitted job its limits. 0, also when there are none, or -ENOMEM. */
int limits_attach(struct job *j, const struct job_spec *spec);
void limits_detach(struct job *j);

/* The job has started, or shown a sign of life: other limits count now. */
void limits_update(struct job *j);

#endif
