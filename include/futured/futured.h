/*
 * libfutured: concurrent.futures over the network.
 *
 *	fut_executor *x;
 *	fut_future *f;
 *	fut_bytes value;
 *
 *	fut_executor_open("unix:/run/futured.sock?pool=processes", &x, NULL);
 *	fut_submit(x, "square", "7", 1, &f, NULL);
 *	if (fut_result(f, FUT_FOREVER, &value, NULL) == FUT_OK)
 *		printf("%.*s\n", (int)value.len, (const char *)value.data);
 *	fut_future_unref(f);
 *	fut_executor_shutdown(x, true, false, FUT_FOREVER);
 *	fut_executor_unref(x);
 *
 * Rules that hold everywhere:
 *
 * - Handles are opaque, reference-counted and thread-safe, unless a type says
 *   otherwise. `_unref(NULL)` does nothing.
 * - Functions return a fut_status. A `ret_` argument is written only on FUT_OK;
 *   a `reterr` argument may be NULL, and is written only on failure, with an error
 *   that the caller gives back with fut_error_unref().
 * - Time is in microseconds on the monotonic clock. A timeout of FUT_FOREVER (or any
 *   negative number) never ends, 0 only looks. A timeout ends a wait, never a job.
 * - Data given to the library is copied before the call returns.
 * - After fork() a child may only drop its handles; anything else is FUT_FORKED.
 * - Callbacks run on the executor's I/O thread with no lock held. A function that
 *   waits answers FUT_WOULD_DEADLOCK there, unless its timeout is 0.
 */
#ifndef FUTURED_H
#define FUTURED_H

#include <futured/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FUT_API  __attribute__((visibility("default")))
#define FUT_MUST __attribute__((warn_unused_result))
#else
#define FUT_API
#define FUT_MUST
#endif

#define FUT_FOREVER ((int64_t)-1)

typedef struct fut_executor fut_executor;
typedef struct fut_future fut_future;
typedef struct fut_error fut_error;
typedef struct fut_job fut_job;
typedef struct fut_as_completed fut_as_completed;
typedef struct fut_map fut_map;

/* Borrowed memory; each function that hands one out says for how long. */
typedef struct fut_bytes {
	const void *data;
	size_t len;
} fut_bytes;

/* ---- status and errors ------------------------------------------------- */

/* The text of a status, "success" and so on; never NULL. Any thread. */
FUT_API const char *fut_status_text(fut_status status);

/* Its name in this header without the prefix: "TASK_FAILED"; never NULL. */
FUT_API const char *fut_status_name(fut_status status);

/* Whose failure it is. */
FUT_API fut_family fut_status_family(fut_status status);

/* How the process that ran a job ended. */
typedef struct fut_death {
	int64_t pid;
	int exit_code;          /* -1 when a signal ended it */
	int signal;             /* 0 when it exited by itself */
	bool core_dumped;
	bool out_of_memory;     /* ended by the kernel for want of memory, as far as is known */
	uint64_t cpu_us;        /* user and system time of its whole life */
	uint64_t max_rss_bytes;
	fut_bytes stderr_tail;  /* its last 4 KiB of stderr; lives as long as the error */
} fut_death;

/* An error is immutable and may be shared by threads. Strings live as long as the
 * error, and are "" where there is nothing to say. */
FUT_API fut_error *fut_error_ref(fut_error *e);
FUT_API void fut_error_unref(fut_error *e);
FUT_API fut_status fut_error_status(const fut_error *e);
FUT_API const char *fut_error_type(const fut_error *e);    /* the task's, else the status name */
FUT_API const char *fut_error_message(const fut_error *e); /* the primary line */
FUT_API const char *fut_error_detail(const fut_error *e);  /* more about it, one line */
FUT_API const char *fut_error_hint(const fut_error *e);    /* what to try */
FUT_API fut_bytes fut_error_details(const fut_error *e);   /* the bytes the task attached */
FUT_API const char *fut_error_traceback(const fut_error *e);
FUT_API fut_executed fut_error_executed(const fut_error *e);
FUT_API fut_retry fut_error_retry(const fut_error *e);
FUT_API unsigned fut_error_attempt(const fut_error *e);    /* 0 when it never reached a slot */
FUT_API const fut_death *fut_error_death(const fut_error *e); /* NULL when no process died */

/* ---- executor ---------------------------------------------------------- */

/*
 * fut_executor_open connects to a daemon and to one of its pools, and waits for
 * the daemon's welcome.
 *
 *	unix:/path/to/socket?pool=NAME
 *	tcp://host:port/NAME        tcp://host:port?pool=NAME
 *
 * NAME is a pool of the daemon; without one, the daemon's first pool is used.
 * `?connect_timeout_us=N` bounds the wait (default 10 seconds). A NULL url means
 * $FUTURED_URL.
 *
 * Errors: INVALID (url), CONNECT_FAILED, TIMEOUT, PROTOCOL, UNKNOWN_POOL, DRAINING,
 * UNSUPPORTED (a scheme or a version), NO_MEMORY.
 */
FUT_API FUT_MUST fut_status fut_executor_open(const char *url, fut_executor **ret,
					      fut_error **reterr);

FUT_API fut_executor *fut_executor_ref(fut_executor *x);

/* Dropping the last reference is fut_executor_shutdown(x, false, false, 0): what was
 * submitted still runs, and its futures still resolve. */
FUT_API void fut_executor_unref(fut_executor *x);

/*
 * fut_executor_shutdown ends the taking of jobs: later submits answer SHUTDOWN.
 * Futures stay usable. With cancel_futures, jobs that have not started are cancelled;
 * running ones finish. With wait, returns when every future is done: FUT_OK, or
 * FUT_TIMEOUT after timeout_us. Without, returns at once. May be called again.
 */
FUT_API fut_status fut_executor_shutdown(fut_executor *x, bool wait, bool cancel_futures,
					 int64_t timeout_us);

/* The pool's name and kind ("threads" or "processes") and its number of slots, as the
 * daemon told them. The strings live as long as the executor. */
FUT_API const char *fut_executor_pool(const fut_executor *x);
FUT_API const char *fut_executor_kind(const fut_executor *x);
FUT_API unsigned fut_executor_slots(const fut_executor *x);

/* Sends a ping and waits for the answer. *ret_us is the time it took.
 * Errors: TIMEOUT, CONNECTION_LOST, SHUTDOWN, WOULD_DEADLOCK. */
FUT_API fut_status fut_executor_ping(fut_executor *x, int64_t timeout_us, uint64_t *ret_us);

/* Asks the daemon for its status: a JSON text, whose members are described in
 * PROTOCOL.md. The caller frees *ret with free(). Errors as for ping, and NO_MEMORY. */
FUT_API fut_status fut_executor_status(fut_executor *x, int64_t timeout_us, char **ret);

/* ---- jobs -------------------------------------------------------------- */

/* A description of jobs to submit: a task's name and limits. Not thread-safe; may be
 * used for any number of submits. Errors: INVALID (name), NO_MEMORY. */
FUT_API FUT_MUST fut_status fut_job_new(const char *task, fut_job **ret);
FUT_API void fut_job_free(fut_job *job);

/*
 * Limits, in microseconds; 0, the default, is none.
 *
 *	queue     not started by then: QUEUE_LIMIT, and it never runs
 *	run       runs for longer: RUN_LIMIT, it is killed
 *	stall     no chunk and no progress for so long: STALL_LIMIT, it is killed
 *	deadline  for the job as a whole, from its submit: DEADLINE
 */
FUT_API void fut_job_set_queue_limit(fut_job *job, uint64_t limit_us);
FUT_API void fut_job_set_run_limit(fut_job *job, uint64_t limit_us);
FUT_API void fut_job_set_stall_limit(fut_job *job, uint64_t limit_us);
FUT_API void fut_job_set_deadline(fut_job *job, uint64_t from_submit_us);

/*
 * fut_submit asks the pool to run `task` on a copy of `len` bytes at `data`. It does
 * not wait for the daemon. What the daemon refuses (unknown task, full queue) comes
 * back through the future.
 *
 * On FUT_OK, *ret holds a reference that the caller gives back with fut_future_unref().
 * Any thread, callbacks too. Errors: INVALID, PAYLOAD_TOO_BIG, BUSY (the session's window
 * of unfinished jobs is full), SHUTDOWN, DRAINING, CONNECTION_LOST, FORKED, NO_MEMORY.
 */
FUT_API FUT_MUST fut_status fut_submit(fut_executor *x, const char *task, const void *data,
				       size_t len, fut_future **ret, fut_error **reterr);
FUT_API FUT_MUST fut_status fut_submit_job(fut_executor *x, const fut_job *job, const void *data,
					   size_t len, fut_future **ret, fut_error **reterr);

/* ---- futures ----------------------------------------------------------- */

FUT_API fut_future *fut_future_ref(fut_future *f);

/* Dropping the last reference never cancels the job. */
FUT_API void fut_future_unref(fut_future *f);

/*
 * fut_result waits for the job and hands out its value, which lives as long as the
 * caller holds the future. It may be called any number of times, by any threads.
 *
 * Errors: TIMEOUT when it is not done in time; CANCELLED; otherwise what the job
 * failed with, and *reterr says it in full: the very same error each time.
 */
FUT_API fut_status fut_result(fut_future *f, int64_t timeout_us, fut_bytes *ret,
			      fut_error **reterr);

/* Waits likewise. FUT_OK and *ret = the job's error, or NULL when it succeeded.
 * Errors: TIMEOUT, CANCELLED. The caller gives the error back. */
FUT_API fut_status fut_exception(fut_future *f, int64_t timeout_us, fut_error **ret);

/* Snapshots. done: has a value, an error, or was cancelled. running: a slot has started
 * it. cancelled: it never ran and never will. */
FUT_API bool fut_done(const fut_future *f);
FUT_API bool fut_running(const fut_future *f);
FUT_API bool fut_cancelled(const fut_future *f);

typedef enum fut_verdict {
	FUT_VERDICT_PENDING,        /* asked, the answer is not here yet */
	FUT_VERDICT_REMOVED,        /* it never ran and never will */
	FUT_VERDICT_STOP_REQUESTED, /* it runs, and its stop flag is set */
	FUT_VERDICT_KILLED,         /* it ran, and was killed; no other job was */
	FUT_VERDICT_TOO_LATE,       /* it was done, or runs and only cancel was asked */
	FUT_VERDICT_UNKNOWN,        /* the daemon does not know the job */
} fut_verdict;

/*
 * fut_cancel takes a job back that has not started; fut_stop also sets the stop flag of
 * a running one; fut_kill also ends the process of a running one, where no other job can
 * be in it: in a process pool. In a thread pool others run beside it, and it is a stop.
 *
 * They wait up to timeout_us for the daemon's verdict. With timeout 0 they only ask:
 * FUT_OK with FUT_VERDICT_PENDING, unless the verdict is known already. ret may be NULL.
 * Errors: TIMEOUT (the request stands), WOULD_DEADLOCK, FORKED.
 */
FUT_API fut_status fut_cancel(fut_future *f, int64_t timeout_us, fut_verdict *ret);
FUT_API fut_status fut_stop(fut_future *f, int64_t timeout_us, fut_verdict *ret);
FUT_API fut_status fut_kill(fut_future *f, int64_t timeout_us, fut_verdict *ret);
FUT_API const char *fut_verdict_name(fut_verdict v);

/*
 * fut_add_done_callback runs fn(f, arg) exactly once when the future is done: on the
 * executor's I/O thread, or at once on the calling thread when it is done already.
 * Callbacks of one future run in the order they were added. The library holds a
 * reference to the future until fn returns. Errors: INVALID, FORKED, NO_MEMORY.
 */
typedef void (*fut_done_fn)(fut_future *f, void *arg);
FUT_API fut_status fut_add_done_callback(fut_future *f, fut_done_fn fn, void *arg);

/* ---- streaming --------------------------------------------------------- */

/*
 * fut_next_chunk hands out the next piece that the task emitted, in order. The bytes live
 * until the next call on this future, or its last unref. One thread at a time.
 *
 * FUT_OK; FUT_END when the job is done and everything was handed out (fut_result then
 * tells how it ended); TIMEOUT; WOULD_DEADLOCK; FORKED.
 */
FUT_API fut_status fut_next_chunk(fut_future *f, int64_t timeout_us, fut_bytes *ret);

typedef struct fut_progress_info {
	uint64_t reports;  /* how many have come; 0: none yet, and the rest is 0 and "" */
	uint64_t done;
	uint64_t total;    /* 0: unknown */
	char text[201];
} fut_progress_info;

/* The last progress that the task reported. */
FUT_API fut_status fut_progress(fut_future *f, fut_progress_info *ret);

/* ---- wait and as_completed --------------------------------------------- */

typedef enum fut_return_when {
	FUT_FIRST_COMPLETED,
	FUT_FIRST_EXCEPTION, /* an error; a cancelled future is not one */
	FUT_ALL_COMPLETED,
} fut_return_when;

/*
 * fut_wait waits for n futures, of any executors; the same one may be in the list twice.
 * FUT_OK when the condition holds (at once for n = 0), FUT_TIMEOUT when it did not in
 * time. *ret_done (may be NULL) is how many of the n are done, in both cases; fut_done()
 * tells which. Errors: INVALID, WOULD_DEADLOCK, FORKED, NO_MEMORY.
 */
FUT_API fut_status fut_wait(fut_future *const *futures, size_t n, fut_return_when when,
			    int64_t timeout_us, size_t *ret_done);

/*
 * fut_as_completed_open iterates over futures in the order in which they are done, each
 * one once; those done already come first. The time starts at this call and is for the
 * whole iteration. The iterator is for one thread. Errors: INVALID, FORKED, NO_MEMORY.
 */
FUT_API FUT_MUST fut_status fut_as_completed_open(fut_future *const *futures, size_t n,
						  int64_t timeout_us, fut_as_completed **ret);

/* FUT_OK and a reference that the caller gives back (the iterator keeps none); FUT_END
 * when every one was handed out; TIMEOUT; WOULD_DEADLOCK; FORKED. */
FUT_API fut_status fut_as_completed_next(fut_as_completed *it, fut_future **ret);

/* How many were not handed out yet. */
FUT_API size_t fut_as_completed_unfinished(const fut_as_completed *it);
FUT_API void fut_as_completed_close(fut_as_completed *it);

/* ---- map --------------------------------------------------------------- */

/* Fills *ret with the next item, which must stay until the next call, and returns true;
 * false ends the input. Called only inside fut_map_open and fut_map_next. */
typedef bool (*fut_next_item_fn)(void *arg, fut_bytes *ret);

typedef struct fut_map_options {
	size_t chunksize;   /* items that travel as one job; 0 means 1 */
	size_t buffersize;  /* jobs submitted and not handed out; 0: as the session allows */
	bool unordered;     /* results as they come, not as the items went */
} fut_map_options;

typedef struct fut_map_item {
	uint64_t index;    /* of the item in the input, from 0 */
	fut_status status; /* FUT_OK: value; anything else: error */
	fut_bytes value;   /* value and error live until the next call on this map */
	fut_error *error;
} fut_map_item;

/*
 * fut_map_open runs the job's task on every item that next() yields. Items are taken and
 * submitted here, up to buffersize, and then as results are handed out. With chunksize
 * n, n items run one after the other as one job, each with its own outcome. The limits
 * of `job` are for a chunk as a whole. options may be NULL. A map is for one thread.
 * Errors: as for fut_submit.
 */
FUT_API FUT_MUST fut_status fut_map_open(fut_executor *x, const fut_job *job, fut_next_item_fn next,
					 void *arg, const fut_map_options *options, fut_map **ret,
					 fut_error **reterr);

/*
 * fut_map_next hands out the next result: FUT_OK also for an item that failed, whose
 * status and error say why; the iteration goes on behind it. FUT_END when all were handed
 * out; TIMEOUT, after which it may be called again; WOULD_DEADLOCK; FORKED.
 */
FUT_API fut_status fut_map_next(fut_map *m, int64_t timeout_us, fut_map_item *ret);

/* Ends the map; jobs that have not started are cancelled. */
FUT_API void fut_map_close(fut_map *m);

#ifdef __cplusplus
}
#endif

#endif
