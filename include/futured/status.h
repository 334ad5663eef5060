/*
 * Every status of futured, one line each.
 *
 * X(NAME, number, family, text). The number travels on the wire and lives in
 * compiled programs: it never changes and is never used again. The family lets
 * a caller tell whose failure it is without reading text:
 *
 *   NONE    nothing failed
 *   TASK    the task ran and failed
 *   SYSTEM  what carries the task failed: daemon, host process, network, limits
 *   CALLER  the caller stopped waiting, cancelled, or asked for something invalid
 */
#ifndef FUTURED_STATUS_H
#define FUTURED_STATUS_H

#define FUT_STATUSES(X)                                                                            \
	X(OK, 0, NONE, "success")                                                                  \
	X(END, 1, NONE, "nothing more to come")                                                    \
                                                                                                   \
	X(TASK_FAILED, 10, TASK, "the task failed")                                                \
	X(RUN_LIMIT, 11, TASK, "the task ran longer than its run limit")                           \
	X(STALL_LIMIT, 12, TASK, "the task made no progress for its stall limit")                  \
	X(RESULT_TOO_BIG, 13, TASK, "the task's result is larger than allowed")                    \
                                                                                                   \
	X(HOST_DIED, 30, SYSTEM, "the process that ran the task died")                             \
	X(CONNECT_FAILED, 31, SYSTEM, "no connection to the daemon")                               \
	X(CONNECTION_LOST, 32, SYSTEM, "the connection to the daemon was lost")                    \
	X(PROTOCOL, 33, SYSTEM, "the other side broke the protocol")                               \
	X(BUSY, 34, SYSTEM, "the queue is full")                                                   \
	X(UNKNOWN_TASK, 35, SYSTEM, "the pool has no such task")                                   \
	X(UNKNOWN_POOL, 36, SYSTEM, "the daemon has no such pool")                                 \
	X(PAYLOAD_TOO_BIG, 37, SYSTEM, "the payload is larger than allowed")                       \
	X(DRAINING, 38, SYSTEM, "the daemon is shutting down")                                     \
	X(POOL_BROKEN, 39, SYSTEM, "the pool cannot start its hosts")                              \
	X(QUEUE_LIMIT, 40, SYSTEM, "the job did not start within its queue limit")                 \
	X(DEADLINE, 41, SYSTEM, "the job's deadline passed")                                       \
	X(NO_MEMORY, 42, SYSTEM, "out of memory")                                                  \
	X(UNSUPPORTED, 43, SYSTEM, "not supported")                                                \
	X(INTERNAL, 44, SYSTEM, "internal error")                                                  \
	X(QUARANTINED, 45, SYSTEM, "the job killed its host as often as it may")                   \
	X(PERMISSION_DENIED, 46, SYSTEM, "not permitted")                                          \
	X(QUOTA, 47, SYSTEM, "a limit of the client's identity is reached")                        \
                                                                                                   \
	X(TIMEOUT, 60, CALLER, "not done yet when the wait ended")                                 \
	X(CANCELLED, 61, CALLER, "the job was cancelled before it ran")                            \
	X(KILLED, 62, CALLER, "the job was killed on request")                                     \
	X(INVALID, 63, CALLER, "invalid argument")                                                 \
	X(SHUTDOWN, 64, CALLER, "the executor was shut down")                                      \
	X(FORKED, 65, CALLER, "the handle belongs to the parent process")                          \
	X(WOULD_DEADLOCK, 66, CALLER, "waiting here would wait for itself")

typedef enum fut_status {
#define X(name, number, family, text) FUT_##name = number,
	FUT_STATUSES(X)
#undef X
} fut_status;

typedef enum fut_family {
	FUT_FAMILY_NONE,
	FUT_FAMILY_TASK,
	FUT_FAMILY_SYSTEM,
	FUT_FAMILY_CALLER,
} fut_family;

/* Did the task's code run? What a caller must know before it submits again. */
typedef enum fut_executed {
	FUT_EXECUTED_NO,
	FUT_EXECUTED_MAYBE,
	FUT_EXECUTED_YES,
} fut_executed;

/* What a caller may do about it. */
typedef enum fut_retry {
	FUT_RETRY_NEVER,   /* the same job will fail again */
	FUT_RETRY_NOW,     /* never ran: submit it again at once */
	FUT_RETRY_LATER,   /* never ran: submit it again after a pause */
	FUT_RETRY_NEW_JOB, /* it may have run: again only if running twice is harmless */
} fut_retry;

#endif
