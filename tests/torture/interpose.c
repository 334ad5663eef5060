/*
 * Makes the N-th call that can fail do so: every allocation, and every system call that has an
 * error. For LD_PRELOAD; run.c starts programs with it, and reads what it says in the end.
 *
 *	TORTURE_AT      which call, from 1; 0: none, the calls are only counted
 *	TORTURE_STICKY  1: and all calls after it
 *	TORTURE_RANGES  file of "START END" lines: the product's code in the program
 *	TORTURE_REPORT  descriptor for the report: "CALLS LIVE VERDICT NAME"
 *
 * Only what the product calls is counted, directly or through a library: neither the test, nor
 * Check. LIVE is how many of those allocations were not freed. VERDICT is 'e' when the program
 * came to an end, 'p' when it crashed in the product, 't' when in the test. NAME is of the call
 * that failed; 'f' when a test failed, which is the end of it. Programs that are started from this
 *one are left alone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

enum { RANGES_MAX = 4096, OBJECTS_MAX = 64, LIVE_MAX = 1 << 18 };

struct range {
	uintptr_t start, end;
};

static struct range ranges[RANGES_MAX]; /* the product's, in the program; sorted */
static size_t nranges;
static struct range program;
static struct range objects[OBJECTS_MAX]; /* libraries that work for the product */
static size_t nobjects;

static unsigned long fail_at, calls;
static bool is_sticky, is_on;
static int report_fd = -1;
static const char *failed_name = "-";
static _Thread_local bool is_inside; /* what the wrappers call is not counted again */

/* Allocations of the product's that live, by address: a hash table with linear probing. */
static void *live[LIVE_MAX];
static unsigned long nlive;
static atomic_flag lock = ATOMIC_FLAG_INIT;

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void __libc_free(void *p);

/* ---- who calls ----------------------------------------------------------- */

static bool contains(const struct range *r, uintptr_t a)
{
	return a >= r->start && a < r->end;
}

static bool is_product(uintptr_t a)
{
	size_t low = 0, high = nranges;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (contains(&ranges[mid], a))
			return true;
		if (a < ranges[mid].start)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

static bool is_counted(const void *caller)
{
	uintptr_t a = (uintptr_t)caller;

	if (contains(&program, a))
		return is_product(a);
	for (size_t i = 0; i < nobjects; i++) {
		if (contains(&objects[i], a))
			return true;
	}
	return false;
}

/* True when this call is to fail. */
static bool fails(const char *name, const void *caller)
{
	if (!is_on || is_inside || !is_counted(caller))
		return false;
	unsigned long n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	if (fail_at == 0 || n < fail_at || (n > fail_at && !is_sticky))
		return false;
	if (n == fail_at)
		failed_name = name;
	return true;
}

/* ---- the balance --------------------------------------------------------- */

static size_t place_of(const void *p)
{
	return ((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 46;
}

static void enter(void)
{
	while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
		;
}

static void leave(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}

static void note(void *p)
{
	if (!p)
		return;
	enter();
	size_t i = place_of(p);
	while (live[i])
		i = (i + 1) % LIVE_MAX;
	if (nlive < LIVE_MAX / 2) {
		live[i] = p;
		nlive++;
	}
	leave();
}

/* Takes it out, and moves up what stands behind it. True when it was there. */
static bool forget(const void *p)
{
	bool found = false;

	enter();
	size_t i = place_of(p);
	while (live[i] && live[i] != p)
		i = (i + 1) % LIVE_MAX;
	if (live[i]) {
		found = true;
		nlive--;
		live[i] = NULL;
		for (size_t j = (i + 1) % LIVE_MAX; live[j]; j = (j + 1) % LIVE_MAX) {
			size_t home = place_of(live[j]);
			if ((j - home) % LIVE_MAX < (j - i) % LIVE_MAX)
				continue;
			live[i] = live[j];
			live[j] = NULL;
			i = j;
		}
	}
	leave();
	return found;
}

/* ---- allocations --------------------------------------------------------- */

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

static void *noted(void *p, const void *caller)
{
	if (is_on && (is_inside || is_counted(caller)))
		note(p);
	return p;
}

#define CALLER __builtin_return_address(0)

EXPORTED void *malloc(size_t n)
{
	return fails("malloc", CALLER) ? no_memory() : noted(__libc_malloc(n), CALLER);
}

EXPORTED void *calloc(size_t n, size_t size)
{
	return fails("calloc", CALLER) ? no_memory() : noted(__libc_calloc(n, size), CALLER);
}

EXPORTED void *realloc(void *p, size_t n)
{
	if (fails("realloc", CALLER))
		return no_memory();
	bool was_noted = is_on && p && forget(p);
	void *grown = __libc_realloc(p, n);
	if (was_noted && (grown || n == 0))
		note(grown);
	else if (was_noted)
		note(p);
	else if (!p)
		(void)noted(grown, CALLER);
	return grown;
}

EXPORTED void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || fails("reallocarray", CALLER))
		return no_memory();
	bool was_noted = is_on && p && forget(p);
	void *grown = __libc_realloc(p, bytes);
	if (was_noted || (!p && is_on && is_counted(CALLER)))
		note(grown ? grown : p);
	return grown;
}

EXPORTED void free(void *p)
{
	if (is_on && p)
		(void)forget(p);
	__libc_free(p);
}

EXPORTED char *strdup(const char *s)
{
	size_t n = strlen(s) + 1;

	if (fails("strdup", CALLER))
		return no_memory();
	char *copy = noted(__libc_malloc(n), CALLER);
	return copy ? memcpy(copy, s, n) : NULL;
}

EXPORTED char *strndup(const char *s, size_t most)
{
	size_t n = strnlen(s, most);

	if (fails("strndup", CALLER))
		return no_memory();
	char *copy = noted(__libc_malloc(n + 1), CALLER);
	if (!copy)
		return NULL;
	copy[n] = '\0';
	return memcpy(copy, s, n);
}

static int print(char **ret, const char *format, va_list ap, const void *caller)
{
	if (fails("asprintf", caller)) {
		errno = ENOMEM;
		return -1;
	}
	int n = vasprintf(ret, format, ap);
	if (n >= 0)
		(void)noted(*ret, caller);
	return n;
}

EXPORTED int asprintf(char **ret, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int n = print(ret, format, ap, CALLER);
	va_end(ap);
	return n;
}

int __asprintf_chk(char **ret, int flag, const char *format, ...);

EXPORTED int __asprintf_chk(char **ret, int flag, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	int n = print(ret, format, ap, CALLER);
	va_end(ap);
	return n;
}

int __vasprintf_chk(char **ret, int flag, const char *format, va_list ap);

EXPORTED int __vasprintf_chk(char **ret, int flag, const char *format, va_list ap)
{
	(void)flag;
	return print(ret, format, ap, CALLER);
}

/* ---- system calls -------------------------------------------------------- */

/* A function of the C library's whose failure is `bad` with an errno; with FORTIFY_SOURCE the
 * compiler calls another one, which has the object's size for its last argument. */
#define FAILING(type, name, bad, error, params, args)                                              \
	type name params;                                                                          \
	EXPORTED type name params                                                                  \
	{                                                                                          \
		static type(*real) params;                                                         \
		if (fails(#name, CALLER)) {                                                        \
			errno = (error);                                                           \
			return (bad);                                                              \
		}                                                                                  \
		if (!real)                                                                         \
			real = (type(*) params)dlsym(RTLD_NEXT, #name);                            \
		return real args;                                                                  \
	}

/* clang-format off */
FAILING(ssize_t, read, -1, EIO, (int fd, void *p, size_t n), (fd, p, n))
FAILING(ssize_t, __read_chk, -1, EIO, (int fd, void *p, size_t n, size_t room), (fd, p, n, room))
FAILING(ssize_t, pread, -1, EIO, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
FAILING(ssize_t, __pread_chk, -1, EIO, (int fd, void *p, size_t n, off_t at, size_t room),
	(fd, p, n, at, room))
FAILING(ssize_t, write, -1, ENOSPC, (int fd, const void *p, size_t n), (fd, p, n))
FAILING(ssize_t, pwrite, -1, ENOSPC, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
FAILING(ssize_t, recv, -1, ECONNRESET, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
FAILING(ssize_t, __recv_chk, -1, ECONNRESET, (int fd, void *p, size_t n, size_t room, int flags),
	(fd, p, n, room, flags))
FAILING(ssize_t, send, -1, EPIPE, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
FAILING(ssize_t, sendmsg, -1, EPIPE, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
FAILING(ssize_t, recvmsg, -1, ECONNRESET, (int fd, struct msghdr *m, int flags), (fd, m, flags))
FAILING(int, socket, -1, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
FAILING(int, socketpair, -1, EMFILE, (int domain, int type, int protocol, int fds[2]),
	(domain, type, protocol, fds))
FAILING(int, accept4, -1, EMFILE, (int fd, struct sockaddr *sa, socklen_t *len, int flags),
	(fd, sa, len, flags))
FAILING(int, bind, -1, EACCES, (int fd, const struct sockaddr *sa, socklen_t len), (fd, sa, len))
FAILING(int, listen, -1, EADDRINUSE, (int fd, int backlog), (fd, backlog))
FAILING(int, connect, -1, ECONNREFUSED, (int fd, const struct sockaddr *sa, socklen_t len),
	(fd, sa, len))
FAILING(int, getsockopt, -1, EINVAL, (int fd, int level, int name, void *p, socklen_t *len),
	(fd, level, name, p, len))
FAILING(int, setsockopt, -1, EINVAL, (int fd, int level, int name, const void *p, socklen_t len),
	(fd, level, name, p, len))
FAILING(int, getsockname, -1, ENOBUFS, (int fd, struct sockaddr *sa, socklen_t *len), (fd, sa, len))
FAILING(int, getpeername, -1, ENOTCONN, (int fd, struct sockaddr *sa, socklen_t *len),
	(fd, sa, len))
FAILING(int, shutdown, -1, ENOTCONN, (int fd, int how), (fd, how))
FAILING(int, epoll_create1, -1, EMFILE, (int flags), (flags))
FAILING(int, epoll_ctl, -1, ENOSPC, (int fd, int op, int of, struct epoll_event *e),
	(fd, op, of, e))
FAILING(int, eventfd, -1, EMFILE, (unsigned n, int flags), (n, flags))
FAILING(int, pipe2, -1, EMFILE, (int fds[2], int flags), (fds, flags))
FAILING(int, dup, -1, EMFILE, (int fd), (fd))
FAILING(int, dup2, -1, EMFILE, (int fd, int as), (fd, as))
FAILING(int, memfd_create, -1, EMFILE, (const char *name, unsigned flags), (name, flags))
FAILING(int, ftruncate, -1, ENOSPC, (int fd, off_t n), (fd, n))
FAILING(int, fstat, -1, EIO, (int fd, struct stat *st), (fd, st))
FAILING(int, stat, -1, EACCES, (const char *path, struct stat *st), (path, st))
FAILING(int, unlink, -1, EACCES, (const char *path), (path))
FAILING(void *, mmap, MAP_FAILED, ENOMEM,
	(void *at, size_t n, int prot, int flags, int fd, off_t from), (at, n, prot, flags, fd, from))
FAILING(FILE *, fopen, NULL, EMFILE, (const char *path, const char *mode), (path, mode))
FAILING(FILE *, fmemopen, NULL, ENOMEM, (void *p, size_t n, const char *mode), (p, n, mode))
FAILING(pid_t, fork, -1, EAGAIN, (void), ())
FAILING(int, pthread_create, EAGAIN, 0,
	(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg), (t, a, fn, arg))
FAILING(int, posix_spawn, EAGAIN, 0,
	(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
	 const posix_spawnattr_t *attr, char *const *argv, char *const *env),
	(pid, path, actions, attr, argv, env))
FAILING(ssize_t, getrandom, -1, ENOSYS, (void *p, size_t n, unsigned flags), (p, n, flags))
/* clang-format on */

EXPORTED int open(const char *path, int flags, ...)
{
	static int (*real)(const char *path, int flags, mode_t mode);
	va_list ap;

	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (fails("open", CALLER)) {
		errno = EMFILE;
		return -1;
	}
	if (!real)
		real = (int (*)(const char *, int, mode_t))dlsym(RTLD_NEXT, "open");
	return real(path, flags, mode);
}

/* All that is asked of it here has an int, or nothing, for its argument. */
EXPORTED int fcntl(int fd, int cmd, ...)
{
	static int (*real)(int fd, int cmd, long arg);
	va_list ap;

	va_start(ap, cmd);
	long arg = va_arg(ap, long);
	va_end(ap);
	if (fails("fcntl", CALLER)) {
		errno = EMFILE;
		return -1;
	}
	if (!real)
		real = (int (*)(int, int, long))dlsym(RTLD_NEXT, "fcntl");
	return real(fd, cmd, arg);
}

/* ---- the end ------------------------------------------------------------- */

static void report(char verdict)
{
	char line[160];

	is_on = false;
	int n = snprintf(line, sizeof line, "%lu %lu %c %s\n", calls, nlive, verdict, failed_name);
	if (report_fd >= 0)
		(void)!write(report_fd, line, (size_t)n);
}

/* Whose fault it is says the first of our frames; it is past saving in any case. */
static void on_crash(int signal)
{
	void *frames[64];
	int n;

	is_on = false;
	(void)signal;
	n = backtrace(frames, 64);
	for (int i = 0; i < n; i++) {
		uintptr_t a = (uintptr_t)frames[i];
		if (!contains(&program, a) && !is_counted(frames[i]))
			continue;
		report(contains(&program, a) && !is_product(a) ? 't' : 'p');
		_exit(99);
	}
	report('p');
	_exit(99);
}

/* How Check leaves a test that failed. What it left behind is in no order any more, so that
 * fixtures and other tests would say nothing about the product. */
#define LEAVING(name)                                                                              \
	void name(void *env, int value) __attribute__((noreturn));                                 \
	EXPORTED void name(void *env, int value)                                                   \
	{                                                                                          \
		void (*real)(void *, int) = (void (*)(void *, int))dlsym(RTLD_NEXT, #name);        \
		if (is_on) {                                                                       \
			report('f');                                                               \
			_exit(98);                                                                 \
		}                                                                                  \
		real(env, value);                                                                  \
		abort();                                                                           \
	}

LEAVING(longjmp)
LEAVING(siglongjmp)
LEAVING(__longjmp_chk)

/* ---- the beginning ------------------------------------------------------- */

static bool has_word(const char *text, const char *const *words)
{
	for (; *words; words++) {
		if (strstr(text, *words))
			return true;
	}
	return false;
}

static int look_at_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	/* The C library's and Check's calls are not ours. libconfuse does not look whether its own
	 * allocations failed, and crashes in cfg_free(): a configuration is read once, at the
	 * start. */
	static const char *const not_counted[] = {
		"libconfuse", "/libc.",     "/ld-linux",  "interpose", "libcheck", "libsubunit",
		"/libm.",     "libpthread", "linux-vdso", "libgcc_s",  "testmod_", NULL};
	struct range r = {UINTPTR_MAX, 0};
	bool *is_first = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		uintptr_t start = info->dlpi_addr + p->p_vaddr;
		r.start = start < r.start ? start : r.start;
		r.end = start + p->p_memsz > r.end ? start + p->p_memsz : r.end;
	}
	if (*is_first) {
		program = r;
		for (size_t i = 0; i < nranges; i++) {
			ranges[i].start += info->dlpi_addr;
			ranges[i].end += info->dlpi_addr;
		}
		*is_first = false;
	} else if (!has_word(info->dlpi_name, not_counted) && nobjects < OBJECTS_MAX) {
		objects[nobjects++] = r;
	}
	return 0;
}

static void read_ranges(const char *path)
{
	FILE *f = path ? fopen(path, "re") : NULL;

	while (f && nranges < RANGES_MAX &&
	       fscanf(f, "%lx %lx", &ranges[nranges].start, &ranges[nranges].end) == 2)
		nranges++;
	if (f)
		(void)fclose(f);
}

static unsigned long number_of(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	struct sigaction sa = {.sa_handler = on_crash};
	bool is_first = true;
	void *frame;

	if (!getenv("TORTURE_REPORT"))
		return;
	report_fd = (int)number_of("TORTURE_REPORT");
	fail_at = number_of("TORTURE_AT");
	is_sticky = number_of("TORTURE_STICKY");
	read_ranges(getenv("TORTURE_RANGES"));
	(void)dl_iterate_phdr(look_at_object, &is_first);
	(void)backtrace(&frame, 1); /* loads what it needs while it can */
	for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
		(void)sigaction(crashes[i], &sa, NULL);
	(void)unsetenv("LD_PRELOAD");
	(void)unsetenv("TORTURE_REPORT");
	(void)fcntl(report_fd, F_SETFD, FD_CLOEXEC);
	is_on = true;
}

__attribute__((destructor)) static void end(void)
{
	if (is_on)
		report('e');
}
