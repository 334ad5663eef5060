/*
 * A real daemon for one test: started by one line, stopped by another, gone with the test.
 *
 * It listens on a Unix socket in a directory of its own and on a TCP port that the kernel
 * chose; its log is a file there. Everything waits for a condition with an upper bound, and
 * a test fails, at the caller's line, when the bound is reached.
 *
 * Binaries come from $top_builddir (default "."). Start it inside the test: Check forks one
 * process per test, and the daemon ends with the thread that started it.
 */
#ifndef TESTS_TDAEMON_H
#define TESTS_TDAEMON_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { TD_WAIT_MS = 10000, TD_HOSTS_MAX = 512 };

struct tdaemon {
	pid_t pid;
	int pidfd;
	bool is_reaped;
	int wait_status;
	char dir[64];
	char config_path[96], log_path[96], socket_path[96];
	char unix_url[128], tcp_url[128];
};

struct tdaemon_options {
	const char *config;      /* text; NULL: TD_CONFIG */
	const char *worker;      /* NULL: the one that was built */
	const char *const *args; /* more of the command line, NULL-terminated */
	const char *const *env;  /* more of the environment, "NAME=value" */
	bool no_config;          /* no --config, no --listen: it finds its own way */
	bool no_listen;          /* where the configuration says */
	unsigned max_fds;        /* RLIMIT_NOFILE; 0: as it is */
};

/* Both kinds of pool, small, with all tasks of the basic and the crash module. */
extern const char TD_CONFIG[];

/* The time limits of tests, longer where a sanitizer makes everything slow. */
int td_patience_ms(int ms);
bool td_is_sanitized(void);
uint64_t td_now_us(void);

/* Waits until a log line has all words of `text`; "event=host.died pool=threads" */
#define tdaemon_start(text)                                                                        \
	tdaemon_start_at(&(struct tdaemon_options){.config = (text)}, __FILE__, __LINE__)
#define tdaemon_start_with(...)                                                                    \
	tdaemon_start_at(&(struct tdaemon_options){__VA_ARGS__}, __FILE__, __LINE__)
#define tdaemon_wait_log(d, text) tdaemon_wait_count_at((d), (text), 1, __FILE__, __LINE__)
#define tdaemon_wait_log_count(d, text, n)                                                         \
	tdaemon_wait_count_at((d), (text), (n), __FILE__, __LINE__)
#define tdaemon_wait_exit(d) tdaemon_wait_exit_at((d), __FILE__, __LINE__)
#define tdaemon_stop(d)      tdaemon_stop_at((d), __FILE__, __LINE__)

/* Starts one and waits for event=daemon.ready. */
struct tdaemon *tdaemon_start_at(const struct tdaemon_options *o, const char *file, int line);

/* Starts one and waits for nothing. */
struct tdaemon *tdaemon_spawn(const struct tdaemon_options *o);

/* SIGTERM; then it must exit with status 0, and leave no process and no socket behind. */
void tdaemon_stop_at(struct tdaemon *d, const char *file, int line);

/* Waits for its end. The exit status, or minus the signal. */
int tdaemon_wait_exit_at(struct tdaemon *d, const char *file, int line);

/* After its end by other means: nothing may be left, and the memory goes. */
void tdaemon_forget(struct tdaemon *d);

void tdaemon_signal(const struct tdaemon *d, int signal);
void tdaemon_configure(const struct tdaemon *d, const char *config);

/* Its log so far, to be freed; and how many of its lines have all words of `text`. */
char *tdaemon_log(const struct tdaemon *d);
unsigned tdaemon_log_count(const struct tdaemon *d, const char *text);
void tdaemon_wait_count_at(const struct tdaemon *d, const char *text, unsigned n, const char *file,
			   int line);

/* What the first such line says for `key`, unquoted only where it was plain. */
bool tdaemon_log_value(const struct tdaemon *d, const char *text, const char *key, char *ret,
		       size_t size);

/* The processes, as the log has them. */
unsigned tdaemon_hosts(const struct tdaemon *d, const char *pool, pid_t *ret, unsigned max);
pid_t tdaemon_zygote(const struct tdaemon *d, const char *pool);

unsigned tdaemon_fd_count(const struct tdaemon *d);
uint64_t tdaemon_rss_bytes(const struct tdaemon *d);
bool tdaemon_is_alive(const struct tdaemon *d);

/* For conditions of the test's own: `while (!condition) twait_step(&w);` */
struct twait {
	uint64_t end_us;
	const struct tdaemon *daemon; /* whose log is shown on failure; may be NULL */
	const char *what, *file;
	int line;
};

#define twait_for(d, what)                                                                         \
	((struct twait){td_now_us() + (uint64_t)td_patience_ms(TD_WAIT_MS) * 1000, (d), (what),    \
			__FILE__, __LINE__})
void twait_step(const struct twait *w);

/* wait until `cond` is true */
#define twait_until(d, cond)                                                                       \
	do {                                                                                       \
		struct twait w_ = twait_for((d), #cond);                                           \
		while (!(cond))                                                                    \
			twait_step(&w_);                                                           \
	} while (0)

/* Fails the test, and shows the end of the daemon's log. */
_Noreturn void tdaemon_fail(const struct tdaemon *d, const char *file, int line, const char *what);

/* Files in the daemon's directory, for tasks that meet the test there. */
void tdaemon_path(const struct tdaemon *d, const char *name, char *ret, size_t size);
void tfile_touch(const char *path);
void tfile_write(const char *path, const char *text);
unsigned tfile_lines(const char *path); /* 0 where there is no such file */

/* The absolute path of $top_builddir. */
const char *td_builddir(void);

#endif
