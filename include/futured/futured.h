/*
 * libfutured: concurrent.futures over the network.
 *
 *	fut_executor *x;
 *	fut_future *f;
 *	fut_bytes value;
 *
 *	fut_executor_open("local:?pool=processes", &x, NULL);
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
 * - After fork() a child may only drop the handles it inherited, which does nothing;
 *   anything else is FUT_FORKED, and what returns no status tells what was known at the
 *   fork. Executors that it opens itself are like any other.
 * - Callbacks run with no lock held, on the executor's I/O thread unless they are pumped
 *   (fut_executor_set_dispatch). A function that waits answers FUT_WOULD_DEADLOCK on an
 *   I/O thread, unless its timeout is 0.
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
typedef struct fut_waitset fut_waitset;
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

/* What ended a process, as far as is known. */
typedef enum fut_death_cause {
	FUT_DEATH_EXIT,           /* it exited by itself */
	FUT_DEATH_SIGNAL,         /* a crash, or somebody's kill */
	FUT_DEATH_OUT_OF_MEMORY,  /* the kernel, for want of memory */
	FUT_DEATH_RESOURCE_LIMIT, /* SIGXCPU, SIGXFSZ: over a limit of its own (setrlimit) */
	FUT_DEATH_SANDBOX,        /* SIGSYS: a system call that it may not make */
} fut_death_cause;

/* How the process that ran a job ended. */
typedef struct fut_death {
	fut_death_cause cause;
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
 *	tls://host:port/NAME?ca=FILE&cert=FILE&key=FILE&server_name=NAME
 *	local:?pool=NAME&workers=N&modules=A,B
 *
 * NAME is a pool of the daemon; without one, the daemon's first pool is used.
 * `?connect_timeout_us=N` bounds the wait (default 10 seconds). Parameters are joined with
 * `&`. A NULL url means $FUTURED_URL, and `local:` when that is not set or empty.
 *
 * tls: verifies the daemon, always: its certificate must be of the CA in `ca`, and for the
 * host of the URL, or for `server_name` instead. `cert` and `key` show who the program is.
 * They are PEM files; what the URL does not name is in $FUTURED_TLS_CA, $FUTURED_TLS_CERT
 * and $FUTURED_TLS_KEY. The key must be closed to other users.
 *
 * local: starts a daemon for this executor alone. It has two pools, `threads` (the first)
 * and `processes`, as a daemon without a configuration has, so that a program that works
 * with it works with a daemon elsewhere. All is optional: `workers` are the slots of each
 * pool, 1 to 256 (default: processors + 4, at most 32, for threads, and one per processor
 * for processes); `modules` are loaded instead of the sample ones, each a name, or an
 * absolute path without a comma, quote or backslash. The wait includes the loading. What
 * cannot be loaded is said on stderr, and its tasks are unknown.
 *
 * The daemon ends when its executor is done (a shutdown that waits waits for that, too),
 * and with the program, however that ends: what runs then is killed. Task code may read
 * nothing of the program's input, and a ^C at the terminal is not for the daemon. It is a
 * child of the program, which the library waits for; a program that waits for any child,
 * or ignores SIGCHLD, does no harm.
 *
 * The program that local: starts is the futured that was installed with the library, or
 * $FUTURED_DAEMON; then $FUTURED_WORKER and $FUTURED_MODULE_DIR are its --worker and
 * --module-dir. A set-user-ID program ignores these three.
 *
 * Errors: INVALID (url), CONNECT_FAILED, TIMEOUT, PROTOCOL, UNKNOWN_POOL, DRAINING,
 * UNSUPPORTED (a scheme or a version), SHUTDOWN (exit() was called), NO_MEMORY.
 */
FUT_API FUT_MUST fut_status fut_executor_open(const char *url, fut_executor **ret,
					      fut_error **reterr);

FUT_API fut_executor *fut_executor_ref(fut_executor *x);

/* Dropping the last reference is fut_executor_shutdown(x, false, false, 0): what was
 * submitted still runs, its futures still resolve, and exit() waits for it. Callbacks that
 * are due to be pumped run inside it. */
FUT_API void fut_executor_unref(fut_executor *x);

/*
 * fut_executor_shutdown ends the taking of jobs: later submits answer SHUTDOWN. Futures
 * stay usable.
 *
 *	wait  cancel_futures
 *	no    no              returns at once; everything runs to its end
 *	no    yes             returns at once; what has not started is cancelled
 *	yes   no              returns when every future is done
 *	yes   yes             cancels what has not started, and returns when the rest is done
 *
 * With wait, FUT_TIMEOUT when some are not done after timeout_us; 0 only looks. Without
 * wait the timeout does not matter. When it returns FUT_OK after a wait that might sleep,
 * each callback on the I/O thread has returned too, and that thread is gone. Callbacks that
 * are to be pumped still can be.
 *
 * It may be called again, by any threads. A later call adds to what earlier ones asked for,
 * and takes nothing back: what was cancelled stays so, and the doors stay closed. It is no
 * error that the connection is lost. Errors: TIMEOUT, INVALID, WOULD_DEADLOCK (with wait,
 * and then nothing was done), FORKED, NO_MEMORY (not everything was cancelled).
 */
FUT_API fut_status fut_executor_shutdown(fut_executor *x, bool wait, bool cancel_futures,
					 int64_t timeout_us);

typedef enum fut_force {
	FUT_FORCE_STOP, /* as fut_stop() */
	FUT_FORCE_KILL, /* as fut_kill(): in a pool of threads a stop */
} fut_force;

/*
 * fut_executor_force_shutdown is a shutdown that lets nothing run on: it takes no more
 * jobs, cancels those that wait, and stops or kills those that run. Jobs of others are not
 * touched. It waits until every future is done.
 *
 * What does not look at its stop flag ends only by a kill, which a pool of threads has not:
 * there it runs on, and FUT_TIMEOUT says so. Another call may be harder (KILL after STOP),
 * or softer, which changes nothing. On an executor that is idle, shut down, or without a
 * connection, there is nothing to do: FUT_OK. Errors: as for fut_executor_shutdown with
 * wait; INVALID also for another `how`.
 */
FUT_API fut_status fut_executor_force_shutdown(fut_executor *x, fut_force how, int64_t timeout_us);

/*
 * The end of a program. exit(), and so the return from main(), waits until everything that
 * the program submitted is done and its callbacks have returned, as if every executor were
 * shut down with wait and without cancel_futures: also those whose last reference was
 * dropped, and those that were shut down without wait. Nothing that was submitted is lost.
 * Who does not want to wait shuts down by force before, gives jobs limits, or calls _exit().
 *
 * - The wait is an exit handler, which the first fut_executor_open() registers. Handlers and
 *   destructors that were registered later run before it, and what they submit is waited
 *   for. Those registered earlier run after it: futures can be read there, but submits and
 *   opens answer SHUTDOWN. So they do in callbacks, from the beginning of the wait.
 * - exit() may be called by any thread. In a callback on an I/O thread it waits for all
 *   executors but the one that this thread serves, whose unfinished jobs are lost. While
 *   another thread is in exit(), nobody else may call it: neither may callbacks.
 * - A forked child waits for what it submitted itself, and for nothing of its parent's.
 * - Callbacks that are due to be pumped are not waited for, and do not run.
 * - _exit(), quick_exit(), abort() and signals that end the program do not wait. The daemon
 *   then removes what has not started, and asks what runs to stop.
 * - The library stays in memory after dlclose(), which does not wait either.
 */

/* The pool's name and kind ("threads" or "processes") and its number of slots, as the
 * daemon told them. The strings live as long as the executor. */
FUT_API const char *fut_executor_pool(const fut_executor *x);
FUT_API const char *fut_executor_kind(const fut_executor *x);
FUT_API unsigned fut_executor_slots(const fut_executor *x);

/* Sends a ping and waits for the answer. *ret_us is the time it took.
 * Errors: TIMEOUT, CONNECTION_LOST, SHUTDOWN, WOULD_DEADLOCK. */
FUT_API fut_status fut_executor_ping(fut_executor *x, int64_t timeout_us, uint64_t *ret_us);

/*
 * fut_executor_ask asks the daemon something that is no job. The answer is a JSON text,
 * which the caller frees with free(); PROTOCOL.md lists the questions and the members of
 * their answers.
 *
 *	status   what the daemon and its pools do; takes no argument (NULL)
 *	jobs     the unfinished jobs of all clients; takes no argument
 *	why      what the job named by the argument (see fut_job_name) waits for; INVALID when the
 *	         daemon has no such job
 *
 * fut_executor_status asks for the status. Errors: as for ping; INVALID (no question, or
 * more than 63 bytes of it, or 4096 of the argument), UNSUPPORTED (the daemon does not know
 * the question), what else the daemon answers, NO_MEMORY.
 */
FUT_API fut_status fut_executor_ask(fut_executor *x, const char *what, const char *argument,
				    int64_t timeout_us, char **ret);
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
 * fut_job_set_priority says how soon the job runs: eight levels, of which a larger one goes
 * first, and 0, the default, is the normal one. A job that waits long while others go
 * before it rises, so that none starves. A high priority does not stop what runs.
 * Errors: INVALID (outside of FUT_PRIORITY_MIN to FUT_PRIORITY_MAX).
 */
enum { FUT_PRIORITY_MIN = -4, FUT_PRIORITY_MAX = 3 };
FUT_API fut_status fut_job_set_priority(fut_job *job, int priority);

/*
 * fut_job_set_key names whose share of the pool the job uses: a user, a project. Among jobs
 * of one priority each key gets the same time of the pool's slots, or what its weight in
 * the daemon's configuration says, however many jobs it has waiting and whichever sessions
 * they come from. Jobs of one key and priority start in the order of their submits.
 *
 * A key is a name, 1 to 63 of A-Z a-z 0-9 . _ - and not beginning with . or -. NULL or "",
 * the default: the share of the executor's session. Copied. Errors: INVALID.
 */
FUT_API fut_status fut_job_set_key(fut_job *job, const char *key);

/*
 * fut_job_set_repeatable says that the job may run twice, and how often the daemon may run
 * it again by itself: crash_retries times after its process died under it, error_retries
 * times after the task failed (TASK_FAILED), counted apart, each at most 100. What ends a
 * job on purpose ends it for good: a limit, a kill, the daemon's shutdown; and once somebody
 * asked to cancel, stop or kill it, no attempt follows the one that runs.
 *
 * Before each further attempt the job waits: pause_us after the first failure, doubled
 * with each one of either kind, by up to a half of it more or less, at most 30 s; 0: not at
 * all. It keeps no slot and no other job waiting meanwhile, and its future is not running.
 * The run and stall limits are for each attempt; the queue limit is for the first start;
 * the deadline is for all of it, pauses too.
 *
 * Chunks of a lost attempt that nobody has read yet are dropped; those of the next one come
 * from its beginning, also what was read before (the task knows its attempt). Progress stays
 * until the next report. The value is always one attempt's.
 *
 * A job whose process died once more than it may be repeated ends with QUARANTINED, the last
 * death, and a detail that lists the processes (HOST_DIED where crash_retries is 0, or where
 * the daemon itself ended that process for another job's sake). One that is cancelled,
 * stopped or killed between two attempts has run: the verdict is TOO_LATE, and it ends with
 * the error of its last attempt.
 *
 * A chunk of a map is one job: when its process dies, all of its items run again; an item
 * that fails is an outcome inside the chunk, which is not run again for it.
 */
FUT_API void fut_job_set_repeatable(fut_job *job, unsigned crash_retries, unsigned error_retries,
				    uint64_t pause_us);

/*
 * fut_job_set_unique names the job, so that unfinished jobs of the pool with the same task and
 * name are one run: whoever submits it again, in this program or another, gets the outcome of
 * the run that is there. So a job can be submitted twice, because nobody knows whether the
 * first one arrived, and runs once.
 *
 * The payload must be the same, else the job fails with INVALID. Limits, priority and retries
 * are those of the first. A cancel, stop or kill takes its own job away from a run that has not
 * started (REMOVED), and does nothing to one that others wait for too (TOO_LATE). When the run
 * is done the name is free again: results are not kept. NULL or "": a run of its own. Not for
 * a map. Errors: INVALID (the name: as that of a task).
 */
FUT_API FUT_MUST fut_status fut_job_set_unique(fut_job *job, const char *name);

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
 * it; no longer true between two attempts of a repeatable job. cancelled: it never ran and
 * never will. */
FUT_API bool fut_done(const fut_future *f);
FUT_API bool fut_running(const fut_future *f);
FUT_API bool fut_cancelled(const fut_future *f);

typedef struct fut_snapshot {
	bool done, running, cancelled;
	fut_status status; /* done: FUT_OK, CANCELLED, or what it failed with; else TIMEOUT */
	fut_bytes value;   /* done with FUT_OK; lives as long as the future */
	fut_error *error;  /* done with an error, else NULL; borrowed from the future */
	unsigned attempt;  /* done: as fut_error_attempt(); else 0 */
} fut_snapshot;

/* All of that in one atomic look, which never waits. Errors: INVALID, FORKED. */
FUT_API fut_status fut_poll(const fut_future *f, fut_snapshot *ret);

/*
 * fut_describe says what a future is, for people: "pending", "running", "cancelled",
 * "finished with 5 bytes", "failed: TASK_FAILED: message". Like snprintf() it writes at
 * most `size` bytes with the NUL, and returns how long the whole text is without it.
 */
FUT_API size_t fut_describe(const fut_future *f, char *text, size_t size);

/* What the daemon and futurectl call the job: the number of the session, and the job's place
 * and generation in it, in decimal: "7-3-1". It is the same for all attempts. Writes and
 * returns like fut_describe(). */
FUT_API size_t fut_job_name(const fut_future *f, char *text, size_t size);

typedef enum fut_verdict {
	FUT_VERDICT_PENDING,        /* asked, the answer is not here yet */
	FUT_VERDICT_REMOVED,        /* it never ran and never will */
	FUT_VERDICT_STOP_REQUESTED, /* it runs, and its stop flag is set */
	FUT_VERDICT_KILLED,         /* it ran, and was killed; no other job was */
	FUT_VERDICT_TOO_LATE,       /* it was done; or runs, and only cancel was asked; or ran before */
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
 * fut_add_done_callback runs fn(f, arg) exactly once when the future is done. Those added
 * before run then, one by one in the order in which they were added: on the executor's I/O
 * thread, or where it is pumped. One that is added while they wait or run, also by one of
 * them, lines up behind them. Otherwise, when the future is done, it runs at once, inside
 * this call.
 *
 * A callback may do what any thread may: submit, add another, drop what it has. On the I/O
 * thread it holds everything else up, and does not wait. The library holds a reference to
 * the future until fn returns. Errors: INVALID, FORKED, NO_MEMORY.
 */
typedef void (*fut_done_fn)(fut_future *f, void *arg);
FUT_API fut_status fut_add_done_callback(fut_future *f, fut_done_fn fn, void *arg);

typedef enum fut_dispatch {
	FUT_DISPATCH_IO,   /* callbacks run on the executor's I/O thread */
	FUT_DISPATCH_PUMP, /* they run in fut_executor_pump(), on the thread that calls it */
} fut_dispatch;

/* Where the callbacks of an executor's futures run, FUT_DISPATCH_IO if not said otherwise.
 * Errors: INVALID (no such way, or another one, after a callback was added), FORKED. */
FUT_API fut_status fut_executor_set_dispatch(fut_executor *x, fut_dispatch how);

/*
 * fut_executor_pump runs the callbacks that are due, on this thread; it waits for the first.
 * What becomes due meanwhile is left for the next call. Any thread may pump, also several
 * at once: those of one future run on one of them. Callbacks may wait there, but not pump.
 *
 * FUT_OK and in *ret_ran (may be NULL) how many ran, at least one; TIMEOUT when none was due
 * in time; FUT_END when none is and none will be, for the executor was shut down or lost
 * its connection and its futures are done. WOULD_DEADLOCK inside a callback, whatever the
 * timeout. INVALID when the executor is not pumped. FORKED.
 *
 * A shutdown does not wait for callbacks that are to be pumped, and they can be pumped after
 * it. The last fut_executor_unref() runs what is due by then, inside it; what becomes due
 * later runs on the I/O thread. Those that are due when the program exits do not run.
 */
FUT_API fut_status fut_executor_pump(fut_executor *x, int64_t timeout_us, size_t *ret_ran);

/* A descriptor that is readable exactly while callbacks are due, for poll(), epoll, libevent
 * and the like, as fut_waitset_fd(). It lives as long as the executor. -1 when that is not
 * pumped, when no descriptor is left, or after fork(). */
FUT_API int fut_executor_pump_fd(fut_executor *x);

/* What never came, in a fut_timeline. */
#define FUT_NEVER UINT64_MAX

/*
 * Where a job's time went. There are two clocks, of two machines perhaps, and none of these
 * numbers is made by comparing them: the client's, from the submit on, and the daemon's, from
 * when it accepted the job. Both measure durations alike, so they may be added and subtracted.
 *
 *	submitted | accepted  queued  dispatched  started  first chunk  finished | delivered
 *	0         | 0         ................. the daemon's .................. | total_us
 *
 * The daemon's times and cpu_us are of the last attempt that was made, in this order; FUT_NEVER
 * is a time that never came, or that nobody saw: all of them when the connection was lost or
 * the job was cancelled or refused, and the start of one whose process died at once.
 */
typedef struct fut_timeline {
	uint64_t submitted_us;   /* the client's CLOCK_MONOTONIC when fut_submit was called */
	uint64_t total_us;       /* the client's: from then until its end was here */

	uint64_t queued_us;      /* the daemon's, all five; 0 but for a further attempt */
	uint64_t dispatched_us;  /* it was handed to a slot */
	uint64_t started_us;     /* the slot started it */
	uint64_t first_chunk_us; /* the task emitted its first chunk */
	uint64_t finished_us;    /* it ended, or was given up */

	/* total_us less finished_us: the network both ways, and the queues at its ends. */
	uint64_t transit_us;

	/* CPU time of the thread that ran the task, and of the commands that it ran, as far as
	 * they have ended; for jobs of less than 20 us, how long they ran. FUT_NEVER for one that
	 * was killed or died. */
	uint64_t cpu_us;

	uint64_t payload_bytes;
	uint64_t result_bytes;   /* of the value; 0 when it failed */
	uint64_t chunk_bytes;    /* of all chunks together, of the last attempt */
	unsigned attempt;        /* 0 when it never reached a slot */
} fut_timeline;

/* The timeline of a future that is done. Never waits. Errors: TIMEOUT (not done yet),
 * INVALID, FORKED. */
FUT_API fut_status fut_timeline_of(const fut_future *f, fut_timeline *ret);

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
 * fut_wait_n waits likewise until `count` of the n are done, however they ended; at once
 * for a count of 0. One that is in the list twice counts twice. INVALID when count > n.
 */
FUT_API fut_status fut_wait_n(fut_future *const *futures, size_t n, size_t count,
			      int64_t timeout_us, size_t *ret_done);

/*
 * fut_as_completed_open iterates over futures in the order in which they are done, each
 * one once; those done already come first. The time starts at this call and is for the
 * whole iteration. The iterator is for one thread. Errors: INVALID, FORKED, NO_MEMORY.
 */
FUT_API FUT_MUST fut_status fut_as_completed_open(fut_future *const *futures, size_t n,
						  int64_t timeout_us, fut_as_completed **ret);

/* FUT_OK and a reference that the caller gives back (the iterator keeps none); FUT_END
 * when every one was handed out; TIMEOUT; WOULD_DEADLOCK; FORKED. After a TIMEOUT it may be
 * called again: what is done is handed out, however late. */
FUT_API fut_status fut_as_completed_next(fut_as_completed *it, fut_future **ret);

/*
 * fut_as_completed_add adds one more while the iteration goes on, also behind its FUT_END.
 * Each future is handed out once: one that the iterator has, or has handed out, is not
 * added again, and that is no error. To know them it remembers each until it is closed, in
 * less than 100 bytes; for work that never ends there is fut_waitset. Its time stays what
 * it was. Errors: INVALID, FORKED, NO_MEMORY.
 */
FUT_API fut_status fut_as_completed_add(fut_as_completed *it, fut_future *f);

/* How many were not handed out yet, and how many there have ever been. */
FUT_API size_t fut_as_completed_unfinished(const fut_as_completed *it);
FUT_API size_t fut_as_completed_total(const fut_as_completed *it);
FUT_API void fut_as_completed_close(fut_as_completed *it);

/* ---- wait sets --------------------------------------------------------- */

/*
 * A wait set holds any number of futures, of any executors, behind one descriptor: for a
 * program with a loop of its own, and for work that never ends. It is for one thread;
 * its futures may end on any. Errors: INVALID, NO_MEMORY (or no descriptor is left).
 */
FUT_API FUT_MUST fut_status fut_waitset_new(fut_waitset **ret);

/*
 * The descriptor is readable exactly while fut_waitset_next() has a future to hand out, for
 * poll(), epoll, libevent and the like. With edge-triggered epoll, answer each event by
 * taking until there is no FUT_OK. It lives as long as the set, is closed on exec, and is
 * only to be polled, never read or closed.
 */
FUT_API int fut_waitset_fd(const fut_waitset *ws);

/*
 * fut_waitset_add puts a future in, with a reference that the set holds and a tag that
 * comes back with it. One that is in it already is INVALID; one that was taken or removed
 * may be added again. fut_waitset_remove takes one out; INVALID when it is not in.
 * Errors: INVALID, FORKED, NO_MEMORY (add).
 */
FUT_API fut_status fut_waitset_add(fut_waitset *ws, fut_future *f, void *tag);
FUT_API fut_status fut_waitset_remove(fut_waitset *ws, fut_future *f);

/*
 * fut_waitset_next takes out the next future that is done, in the order in which they ended
 * or were added, whichever came later. A future may be done a moment before its set has it
 * to hand out.
 *
 * FUT_OK, a reference that the caller gives back, and the tag (ret_tag may be NULL);
 * FUT_END when the set is empty; TIMEOUT; INVALID; WOULD_DEADLOCK; FORKED.
 */
FUT_API fut_status fut_waitset_next(fut_waitset *ws, int64_t timeout_us, fut_future **ret,
				    void **ret_tag);

/* How many are in it, done or not. */
FUT_API size_t fut_waitset_len(const fut_waitset *ws);

/* Drops what is in it; the jobs go on. */
FUT_API void fut_waitset_free(fut_waitset *ws);

/* ---- map --------------------------------------------------------------- */

/* Fills *ret with the next item, which must stay until the next call, and returns true;
 * false ends the input. Called only inside fut_map_open and fut_map_next. */
typedef bool (*fut_next_item_fn)(void *arg, fut_bytes *ret);

typedef struct fut_map_options {
	size_t chunksize;   /* items that travel as one job; 0 means 1 */
	size_t buffersize;  /* jobs submitted and not handed out; 0: as the session allows */
	bool unordered;     /* results as they come, not as the items went */
	uint64_t timeout_us; /* for the whole map, from its open; 0: none */
} fut_map_options;

typedef struct fut_map_item {
	uint64_t index;    /* of the item in the input, from 0 */
	fut_status status; /* FUT_OK: value; anything else: error */
	fut_bytes value;   /* value and error live until the next call on this map */
	fut_error *error;
} fut_map_item;

/*
 * fut_map_open runs the job's task on every item that next() yields; a NULL next yields
 * none. Items are taken and submitted here, exactly as many as make buffersize jobs, and
 * then as results are handed out: the input may have no end. With chunksize n, n items run
 * one after the other as one job, each with its own outcome. The limits of `job` are for a
 * chunk as a whole. options may be NULL. A map is for one thread. Errors: as for fut_submit.
 */
FUT_API FUT_MUST fut_status fut_map_open(fut_executor *x, const fut_job *job, fut_next_item_fn next,
					 void *arg, const fut_map_options *options, fut_map **ret,
					 fut_error **reterr);

/*
 * fut_map_next hands out the next result: FUT_OK also for an item that failed, whose
 * status and error say why; the iteration goes on behind it, also inside a chunk. FUT_END
 * when all were handed out.
 *
 * TIMEOUT after timeout_us: it may be called again. TIMEOUT also when the map's own time is
 * over, unless the next result is here already; then the jobs that have not started are
 * cancelled, no more input is taken, and the next call answers FUT_END. A task that failed
 * because something timed out is an item that failed, and neither of these.
 *
 * When the executor takes no more jobs (SHUTDOWN, DRAINING, CONNECTION_LOST), what was
 * submitted is handed out first, ordered or not. Behind it comes one item with that status,
 * the first that did not run, for it and all that would have followed; then FUT_END. The
 * input is not taken any further.
 *
 * Other errors: WOULD_DEADLOCK, FORKED.
 */
FUT_API fut_status fut_map_next(fut_map *m, int64_t timeout_us, fut_map_item *ret);

/* Ends the map, wherever it is; jobs that have not started are cancelled. */
FUT_API void fut_map_close(fut_map *m);

#ifdef __cplusplus
}
#endif

#endif
