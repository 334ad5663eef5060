#include "tests/lib/tdaemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STEP_NS = 2 * 1000 * 1000, SHOWN_LINES = 40, ARGS_MAX = 32, SLOW_FACTOR = 6 };

const char TD_CONFIG[] = "kill_grace = 500ms\n"
			 "pool threads {\n"
			 "  kind = threads\n  slots = 4\n  modules = {basic, testmod_crash}\n}\n"
			 "pool processes {\n"
			 "  kind = processes\n  slots = 2\n  modules = {basic, testmod_crash}\n}\n";

/* ---- time --------------------------------------------------------------- */

bool td_is_sanitized(void)
{
	const char *s = getenv("SANITIZERS");

	return s && *s && strcmp(s, "no") != 0;
}

int td_patience_ms(int ms)
{
	return td_is_sanitized() ? ms * SLOW_FACTOR : ms;
}

uint64_t td_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void twait_step(const struct twait *w)
{
	static const struct timespec step = {.tv_nsec = STEP_NS};

	if (td_now_us() >= w->end_us)
		tdaemon_fail(w->daemon, w->file, w->line, w->what);
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
}

/* ---- files -------------------------------------------------------------- */

static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0, cap = 1 << 16;
	char *text = malloc(cap + 1);
	ssize_t n = 0;

	ck_assert_ptr_nonnull(text);
	while (fd >= 0 && (n = read(fd, text + len, cap - len)) > 0) {
		len += (size_t)n;
		if (len == cap) {
			cap *= 2;
			text = realloc(text, cap + 1);
			ck_assert_ptr_nonnull(text);
		}
	}
	if (fd >= 0)
		close(fd);
	text[len] = '\0';
	return text;
}

void tfile_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

void tfile_touch(const char *path)
{
	tfile_write(path, "");
}

unsigned tfile_lines(const char *path)
{
	char *text = read_file(path);
	unsigned n = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	free(text);
	return n;
}

void tdaemon_path(const struct tdaemon *d, const char *name, char *ret, size_t size)
{
	ck_assert_int_lt(snprintf(ret, size, "%s/%s", d->dir, name), (int)size);
}

const char *td_builddir(void)
{
	static char path[PATH_MAX];
	const char *given = getenv("top_builddir");

	ck_assert_ptr_nonnull(realpath(given && *given ? given : ".", path));
	return path;
}

/* ---- the log ------------------------------------------------------------ */

char *tdaemon_log(const struct tdaemon *d)
{
	return read_file(d->log_path);
}

/* Whether a line has the word, bounded by spaces. */
static bool has_word(const char *line, size_t len, const char *word, size_t n)
{
	for (size_t i = 0; i + n <= len; i++) {
		if (memcmp(line + i, word, n) == 0 && (i == 0 || line[i - 1] == ' ') &&
		    (i + n == len || line[i + n] == ' '))
			return true;
	}
	return false;
}

static bool line_matches(const char *line, size_t len, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, " ");
		if (n > 0 && !has_word(line, len, text, n))
			return false;
		text += n;
		text += strspn(text, " ");
	}
	return true;
}

/* The next line that has all words, from *at on. NULL when there is none. */
static const char *next_line(const char **at, const char *text, size_t *ret_len)
{
	while (**at) {
		const char *line = *at;
		const char *end = strchr(line, '\n');
		if (!end)
			return NULL; /* not written to its end yet */
		*at = end + 1;
		*ret_len = (size_t)(end - line);
		if (line_matches(line, *ret_len, text))
			return line;
	}
	return NULL;
}

unsigned tdaemon_log_count(const struct tdaemon *d, const char *text)
{
	char *log = tdaemon_log(d);
	const char *at = log;
	unsigned n = 0;
	size_t len;

	while (next_line(&at, text, &len))
		n++;
	free(log);
	return n;
}

static bool value_of(const char *line, size_t len, const char *key, char *ret, size_t size)
{
	size_t n = strlen(key);

	for (size_t i = 0; i + n < len; i++) {
		if (memcmp(line + i, key, n) != 0 || line[i + n] != '=' ||
		    (i > 0 && line[i - 1] != ' '))
			continue;
		const char *v = line + i + n + 1, *end = line + len;
		size_t got = 0;
		bool quoted = *v == '"';
		for (v += quoted; v < end && *v != (quoted ? '"' : ' '); v++) {
			if (quoted && *v == '\\' && v + 1 < end)
				v++;
			if (got + 1 < size)
				ret[got++] = *v;
		}
		ret[got] = '\0';
		return true;
	}
	return false;
}

bool tdaemon_log_value(const struct tdaemon *d, const char *text, const char *key, char *ret,
		       size_t size)
{
	char *log = tdaemon_log(d);
	const char *at = log, *line;
	size_t len;
	bool found = (line = next_line(&at, text, &len)) && value_of(line, len, key, ret, size);

	free(log);
	return found;
}

void tdaemon_wait_count_at(const struct tdaemon *d, const char *text, unsigned n, const char *file,
			   int line)
{
	struct twait w = {td_now_us() + (uint64_t)td_patience_ms(TD_WAIT_MS) * 1000, d, text, file,
			  line};

	while (tdaemon_log_count(d, text) < n) {
		if (!tdaemon_is_alive(d) && tdaemon_log_count(d, text) < n)
			tdaemon_fail(d, file, line, text);
		twait_step(&w);
	}
}

static void show_log(const struct tdaemon *d)
{
	char *log = tdaemon_log(d), *p = log + strlen(log);

	for (int lines = 0; p > log && lines <= SHOWN_LINES; p--)
		lines += p > log && p[-1] == '\n';
	for (char *line = strtok(p, "\n"); line; line = strtok(NULL, "\n"))
		fprintf(stderr, "# daemon: %s\n", line);
	free(log);
}

void tdaemon_fail(const struct tdaemon *d, const char *file, int line, const char *what)
{
	if (d)
		show_log(d);
	_ck_assert_failed(file, line, "Failed", "%s", what);
	abort();
}

/* ---- birth -------------------------------------------------------------- */

void tdaemon_configure(const struct tdaemon *d, const char *config)
{
	tfile_write(d->config_path, config);
}

static void set_environment(const struct tdaemon_options *o)
{
	for (const char *const *e = o->env; e && *e; e++)
		putenv((char *)(uintptr_t)*e);
	if (o->max_fds > 0) {
		struct rlimit lim = {o->max_fds, o->max_fds};
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

/* In the child. */
static _Noreturn void become_daemon(const struct tdaemon *d, const struct tdaemon_options *o,
				    pid_t parent)
{
	char program[PATH_MAX + 32], worker[PATH_MAX + 32], modules[PATH_MAX + 32];
	const char *argv[ARGS_MAX] = {"futured", "--worker", o->worker ? o->worker : worker,
				      "--module-dir", modules};
	size_t n = 5;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	snprintf(program, sizeof program, "%s/futured", td_builddir());
	snprintf(worker, sizeof worker, "%s/futured-worker", td_builddir());
	snprintf(modules, sizeof modules, "%s/.libs", td_builddir());
	if (!o->no_config) {
		argv[n++] = "--config";
		argv[n++] = d->config_path;
	}
	if (!o->no_config && !o->no_listen) {
		argv[n++] = "--listen";
		argv[n++] = d->unix_url;
		argv[n++] = "--listen";
		argv[n++] = "tcp://127.0.0.1:0";
	}
	for (const char *const *a = o->args; a && *a && n + 1 < ARGS_MAX; a++)
		argv[n++] = *a;
	int fd = open(d->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(127);
	set_environment(o);
	execv(program, (char **)(uintptr_t)argv);
	perror(program);
	_exit(127);
}

static void make_dir(struct tdaemon *d)
{
	const char *tmp = getenv("TMPDIR");

	/* A Unix socket's path is short. */
	if (!tmp || strlen(tmp) > 24)
		tmp = "/tmp";
	snprintf(d->dir, sizeof d->dir, "%s/tdaemon-XXXXXX", tmp);
	ck_assert_ptr_nonnull(mkdtemp(d->dir));
	tdaemon_path(d, "f.conf", d->config_path, sizeof d->config_path);
	tdaemon_path(d, "log", d->log_path, sizeof d->log_path);
	tdaemon_path(d, "futured.sock", d->socket_path, sizeof d->socket_path);
	snprintf(d->unix_url, sizeof d->unix_url, "unix:%s", d->socket_path);
	tfile_touch(d->log_path);
}

struct tdaemon *tdaemon_spawn(const struct tdaemon_options *o)
{
	struct tdaemon *d = calloc(1, sizeof *d);
	pid_t parent = getpid();

	ck_assert_ptr_nonnull(d);
	make_dir(d);
	if (!o->no_config)
		tdaemon_configure(d, o->config ? o->config : TD_CONFIG);
	/* What the daemon loses becomes ours, and is found by tdaemon_stop(). */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	fflush(NULL);
	d->pid = fork();
	ck_assert_int_ge(d->pid, 0);
	if (d->pid == 0)
		become_daemon(d, o, parent);
	d->pidfd = (int)syscall(SYS_pidfd_open, d->pid, 0);
	ck_assert_int_ge(d->pidfd, 0);
	return d;
}

struct tdaemon *tdaemon_start_at(const struct tdaemon_options *o, const char *file, int line)
{
	struct tdaemon *d = tdaemon_spawn(o);
	char *log;

	tdaemon_wait_count_at(d, "event=daemon.ready", 1, file, line);
	log = tdaemon_log(d);
	for (const char *p = log; (p = strstr(p, "url=tcp://")); p++)
		sscanf(p, "url=%127s", d->tcp_url);
	free(log);
	return d;
}

/* ---- the end ------------------------------------------------------------ */

bool tdaemon_is_alive(const struct tdaemon *d)
{
	struct pollfd p = {.fd = d->pidfd, .events = POLLIN};

	return !d->is_reaped && poll(&p, 1, 0) == 0;
}

void tdaemon_signal(const struct tdaemon *d, int signal)
{
	ck_assert_int_eq(syscall(SYS_pidfd_send_signal, d->pidfd, signal, NULL, 0), 0);
}

int tdaemon_wait_exit_at(struct tdaemon *d, const char *file, int line)
{
	struct pollfd p = {.fd = d->pidfd, .events = POLLIN};

	if (!d->is_reaped) {
		if (poll(&p, 1, td_patience_ms(TD_WAIT_MS)) != 1)
			tdaemon_fail(d, file, line, "the daemon did not exit");
		ck_assert_int_eq(waitpid(d->pid, &d->wait_status, 0), d->pid);
		d->is_reaped = true;
	}
	return WIFEXITED(d->wait_status) ? WEXITSTATUS(d->wait_status) : -WTERMSIG(d->wait_status);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void tdaemon_forget(struct tdaemon *d)
{
	(void)nftw(d->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	close(d->pidfd);
	free(d);
}

/* What the daemon lost became ours. What it killed may take a moment to end; what runs on may
 * not be. */
static void check_orphans(const struct tdaemon *d, const char *file, int line)
{
	struct twait w = {td_now_us() + (uint64_t)td_patience_ms(TD_WAIT_MS) * 1000, d,
			  "the daemon left a process behind", file, line};

	while (waitpid(-1, NULL, WNOHANG) >= 0)
		twait_step(&w);
}

/* A sanitizer's or an assertion's last words are a failure wherever they come from. */
static void check_log(const struct tdaemon *d, const char *file, int line)
{
	char *log = tdaemon_log(d);
	bool bad = strstr(log, "Sanitizer") || strstr(log, "runtime error:") ||
		   strstr(log, "Assertion");

	free(log);
	if (bad)
		tdaemon_fail(d, file, line, "the log has a sanitizer's or an assertion's report");
}

void tdaemon_stop_at(struct tdaemon *d, const char *file, int line)
{
	struct stat st;

	if (tdaemon_is_alive(d))
		tdaemon_signal(d, SIGTERM);
	int status = tdaemon_wait_exit_at(d, file, line);
	check_log(d, file, line);
	if (status != 0) {
		char text[64];
		snprintf(text, sizeof text, "the daemon's exit status is %d", status);
		tdaemon_fail(d, file, line, text);
	}
	check_orphans(d, file, line);
	if (stat(d->socket_path, &st) == 0)
		tdaemon_fail(d, file, line, "the daemon left its socket behind");
	tdaemon_forget(d);
}

/* ---- looking inside ----------------------------------------------------- */

unsigned tdaemon_hosts(const struct tdaemon *d, const char *pool, pid_t *ret, unsigned max)
{
	char want[96], value[32];
	char *log = tdaemon_log(d);
	const char *at = log, *line;
	unsigned n = 0;
	size_t len;

	snprintf(want, sizeof want, "pool=%s", pool);
	while ((line = next_line(&at, want, &len))) {
		if (!value_of(line, len, "pid", value, sizeof value))
			continue;
		pid_t pid = atoi(value);
		if (line_matches(line, len, "event=host.up") && n < max)
			ret[n++] = pid;
		if (!line_matches(line, len, "event=host.died") &&
		    !line_matches(line, len, "event=host.ended"))
			continue;
		for (unsigned i = 0; i < n; i++) {
			if (ret[i] == pid)
				ret[i] = ret[--n];
		}
	}
	free(log);
	return n;
}

pid_t tdaemon_zygote(const struct tdaemon *d, const char *pool)
{
	char want[96], value[32];
	char *log = tdaemon_log(d);
	const char *at = log, *line;
	pid_t pid = -1;
	size_t len;

	snprintf(want, sizeof want, "event=zygote.ready pool=%s", pool);
	while ((line = next_line(&at, want, &len))) {
		if (value_of(line, len, "pid", value, sizeof value))
			pid = atoi(value);
	}
	free(log);
	return pid;
}

unsigned tdaemon_fd_count(const struct tdaemon *d)
{
	char path[64];
	unsigned n = 0;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)d->pid);
	DIR *dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

uint64_t tdaemon_rss_bytes(const struct tdaemon *d)
{
	char path[64];
	unsigned long long kib = 0;

	snprintf(path, sizeof path, "/proc/%d/status", (int)d->pid);
	char *text = read_file(path), *p = strstr(text, "VmRSS:");
	if (p)
		sscanf(p, "VmRSS: %llu", &kib);
	free(text);
	return kib * 1024;
}
