/* Whether a job that a client submits becomes one. Loop thread only. */
#ifndef DAEMON_ADMISSION_H
#define DAEMON_ADMISSION_H

#include "daemon/session.h"
#include "proto/submit.h"

/*
 * Admits one job of an open session, or answers it at once with what is against it. Its id is
 * free, and `payload` has what the job claims. May end the session.
 */
void admission_submit(struct session *s, const struct job_spec *spec, const uint8_t *payload);

#endif
