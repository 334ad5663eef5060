/*
 * What a task module needs: this header and libc.
 *
 * A module is a shared object that exports one symbol, `fut_module`, made by
 * FUT_MODULE(). Four functions of it, all optional, prepare for its tasks:
 *
 *	init()       once, in the pool's zygote, which loads the module and forks the
 *	             hosts: whatever it builds is shared copy-on-write by every host. A
 *	             module that starts threads or processes here is refused
 *	slot_init()  in the host, on each slot's own thread, before the slot's first job:
 *	             what cannot be shared or does not survive a fork, such as a
 *	             connection, a thread, or a thread's own data
 *	slot_fini()  on the same thread, when the slot ends in an orderly way
 *	fini()       once, in the zygote, when the pool ends
 *
 *	static int shout(struct fut_call *call)
 *	{
 *		struct fut_view in = fut_call_payload(call);
 *		...
 *		return fut_call_return(call, out, out_len);
 *	}
 *
 *	static const struct fut_task tasks[] = {
 *		{ .name = "shout", .run = shout },
 *		{ .name = NULL },
 *	};
 *	FUT_MODULE(.name = "example", .tasks = tasks);
 *
 * A task may be called from several threads of one process at once. Everything
 * reached through `call` belongs to that one thread for that one call.
 */
#ifndef FUTURED_TASK_H
#define FUTURED_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when a module built against an older header would break. The loader
 * refuses every other number. */
#define FUT_TASK_ABI 2u

/* A borrowed piece of memory. */
struct fut_view {
	const void *data;
	size_t len;
};

struct fut_call;

/* Filled in by the worker; modules use the functions below. */
struct fut_call_ops {
	struct fut_view (*payload)(const struct fut_call *);
	int64_t (*remaining_us)(const struct fut_call *);
	bool (*stopped)(const struct fut_call *);
	unsigned (*attempt)(const struct fut_call *);
	int (*emit)(struct fut_call *, const void *data, size_t len);
	int (*progress)(struct fut_call *, uint64_t done, uint64_t total, const char *text);
	int (*give_back)(struct fut_call *, const void *data, size_t len);
	int (*fail)(struct fut_call *, const char *type, const char *message, const void *details,
		    size_t details_len);
	void (*trace)(struct fut_call *, const char *file, int line, const char *text);
};

/* The worker's own part follows this one. */
struct fut_call {
	const struct fut_call_ops *ops;
};

/* The job's input. Valid until run() returns. `data` is aligned to 16 bytes, but not when the
 * call is one item of a map that was sent in chunks: those lie one behind the other. */
static inline struct fut_view fut_call_payload(const struct fut_call *call)
{
	return call->ops->payload(call);
}

/* Microseconds until the job's run limit or deadline, whichever comes first:
 * 0 when it has passed, -1 when there is none. */
static inline int64_t fut_call_remaining_us(const struct fut_call *call)
{
	return call->ops->remaining_us(call);
}

/* True once somebody asked this job to stop. A task that runs for long looks at
 * it now and then, and returns early: fut_call_fail(call, "Stopped", ...). */
static inline bool fut_call_stopped(const struct fut_call *call)
{
	return call->ops->stopped(call);
}

/* 1 on the first attempt at this job. */
static inline unsigned fut_call_attempt(const struct fut_call *call)
{
	return call->ops->attempt(call);
}

/* Sends a piece of the result ahead, in order; at most 64 KiB a piece. The bytes are
 * copied. May block while the daemon is behind. Also resets the job's stall limit. 0, or -1
 * when the daemon is gone or the piece is too large. */
static inline int fut_call_emit(struct fut_call *call, const void *data, size_t len)
{
	return call->ops->emit(call, data, len);
}

/* Reports progress; total 0 means unknown, text may be NULL and is cut at 200
 * bytes. Also resets the job's stall limit. 0, or -1 when the daemon is gone. */
static inline int fut_call_progress(struct fut_call *call, uint64_t done, uint64_t total,
				    const char *text)
{
	return call->ops->progress(call, done, total, text);
}

/* Sets the result; the bytes are copied. The last call wins. A task that never
 * calls it returns an empty result. Returns 0, or -1 when there is no memory or
 * the result is larger than the daemon allows; the job then fails with that. */
static inline int fut_call_return(struct fut_call *call, const void *data, size_t len)
{
	return call->ops->give_back(call, data, len);
}

/* Adds a line to the traceback that a failure carries, innermost first: "FILE:LINE: TEXT". Of
 * use to a task that runs another language, or that passes errors up; `text` may be NULL, and
 * so may `file`, which leaves the place out. The whole is cut at 8 KiB. */
static inline void fut_call_trace(struct fut_call *call, const char *file, int line,
				  const char *text)
{
	call->ops->trace(call, file, line, text);
}

#ifdef __FILE_NAME__
#define FUT_TASK_FILE __FILE_NAME__ /* without the folders it was built in */
#else
#define FUT_TASK_FILE __FILE__
#endif

/* Makes the job fail. `type` is a short name that callers can compare (at most 63
 * bytes), `message` one line for a person, `details` any bytes or NULL. All are
 * copied. Where it is called becomes the first line of the traceback. Always returns -1, so
 * that a task can `return fut_call_fail(...)`. */
#define fut_call_fail(call, type, message, details, details_len)                                   \
	fut_call_fail_at((call), FUT_TASK_FILE, __LINE__, __func__, (type), (message), (details),  \
			 (details_len))

static inline int fut_call_fail_at(struct fut_call *call, const char *file, int line,
				   const char *function, const char *type, const char *message,
				   const void *details, size_t details_len)
{
	call->ops->trace(call, file, line, function);
	return call->ops->fail(call, type, message, details, details_len);
}

/* A task. run() returns 0 for success; anything else is a failure, of type
 * "TaskError" unless fut_call_fail() named one. The thread is the slot's: a task that
 * ends it, with pthread_exit(), ends the process. Names are 1 to 63 bytes of
 * letters, digits and . _ - */
struct fut_task {
	const char *name;
	int (*run)(struct fut_call *call);
};

struct fut_module {
	uint32_t abi;         /* FUT_TASK_ABI; set by FUT_MODULE */
	uint32_t module_size; /* sizeof(struct fut_module); set by FUT_MODULE */
	uint32_t task_size;   /* sizeof(struct fut_task); set by FUT_MODULE */
	const char *name;
	/* Optional. Single-threaded, and must not leave threads behind. Returns 0, or -1
	 * to refuse: the pool then goes without this module and the log says so. */
	int (*init)(const char *pool_name);
	void (*fini)(void);
	const struct fut_task *tasks; /* ends with a NULL name */
	/* Optional. Runs once on the thread that runs the slot's jobs, before the first of them,
	 * for each module of the pool in the order of the configuration; the slots of one process
	 * may run it at the same time. `slot` counts from 0 to the pool's slots less one, and no
	 * other slot has the same number at the time: two processes that take turns may. Returns
	 * 0, or anything else to refuse: then the process ends and the pool starts another one;
	 * when one after the other is refused, the pool refuses its jobs with POOL_BROKEN, and
	 * tries again later. The process must be ready within the daemon's start_timeout. */
	int (*slot_init)(const char *pool_name, unsigned slot);
	/* Optional. On the same thread after the slot's last job, in the opposite order of
	 * modules; at most the daemon's kill_grace long. Not when the process dies or is killed. */
	void (*slot_fini)(void);
};

#define FUT_MODULE(...)                                                                            \
	extern const struct fut_module fut_module;                                                 \
	__attribute__((visibility("default"))) const struct fut_module fut_module = {              \
		.abi = FUT_TASK_ABI,                                                               \
		.module_size = sizeof(struct fut_module),                                          \
		.task_size = sizeof(struct fut_task),                                              \
		__VA_ARGS__                                                                        \
	}

#ifdef __cplusplus
}
#endif

#endif
