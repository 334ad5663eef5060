/*
 * Taking jobs back, asking them to stop, killing them.
 *
 * The race between a cancel and a slot that starts the job is settled by one
 * compare-and-swap in the ring, so the verdict is the truth. Loop thread only.
 */
#ifndef DAEMON_CANCEL_H
#define DAEMON_CANCEL_H

#include "daemon/job.h"
#include "proto/message.h"

#include <futured/futured.h>

/* Does what `mode` asks for and says what came of it. REMOVED and KILLED answer the job:
 * REMOVED by no Result, KILLED by one with status KILLED. So may TOO_LATE: a job that ran
 * before and was to run again ends with what came of its last attempt. */
fut_verdict job_cancel(struct job *j, enum cancel_mode mode);

/* Takes a job out of queue or ring if it has not started (again). False when it has. The job is
 * then in no place and still unanswered. */
bool job_withdraw(struct job *j);

#endif
