#include "tests/lib/worker_zygote.h"

#include "tests/lib/trun.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- modules ---- */

static const char module_source[] =
	"#include <futured/task.h>\n"
	"#include <signal.h>\n"
	"#include <stdio.h>\n"
	"#include <fcntl.h>\n"
	"#include <stdlib.h>\n"
	"#include <string.h>\n"
	"#include <unistd.h>\n"
	"static char pool[64];\n"
	"static int echo(struct fut_call *c)\n"
	"{ struct fut_view v = fut_call_payload(c); return fut_call_return(c, v.data, v.len); }\n"
	"static int pool_name(struct fut_call *c)\n"
	"{ return fut_call_return(c, pool, strlen(pool)); }\n"
	"static int crash(struct fut_call *c)\n"
	"{ (void)c; puts(\"last words\"); signal(SIGSEGV, SIG_DFL); raise(SIGSEGV); return 0; }\n"
	"static int stuck(struct fut_call *c)\n"
	"{ fut_call_emit(c, \"x\", 1); for (;;) pause(); }\n"
	"static int orphan(struct fut_call *c)\n"
	"{ pid_t p = fork(); if (p == 0) for (;;) pause();\n"
	"  fut_call_emit(c, &p, sizeof p); raise(SIGKILL); return 0; }\n"
	"static int facts(struct fut_call *c)\n"
	"{ char t[256]; sigset_t s; struct sigaction i, p; sigprocmask(0, 0, &s);\n"
	"  sigaction(SIGTERM, 0, &i); sigaction(SIGPIPE, 0, &p);\n"
	"  int n = snprintf(t, sizeof t, \"leads=%d chld=%d term=%d pipe=%d in=%d\",\n"
	"    getpgrp() == getpid(), sigismember(&s, SIGCHLD), i.sa_handler == SIG_DFL,\n"
	"    p.sa_handler == SIG_IGN, (int)read(0, t, 1));\n"
	"  return fut_call_return(c, t, n); }\n"
	"static const struct fut_task tasks[] = {\n"
	"#if defined BAD_NAME\n"
	"	{ .name = \"not a name\", .run = echo },\n"
	"#elif defined NO_RUN\n"
	"	{ .name = \"empty\" },\n"
	"#elif defined SECOND\n"
	"	{ .name = \"second\", .run = echo }, { .name = \"echo\", .run = crash },\n"
	"	{ .name = \"third\", .run = echo },\n"
	"#else\n"
	"	{ .name = \"echo\", .run = echo }, { .name = \"crash\", .run = crash },\n"
	"	{ .name = \"stuck\", .run = stuck }, { .name = \"facts\", .run = facts },\n"
	"	{ .name = \"pool\", .run = pool_name }, { .name = \"orphan\", .run = orphan },\n"
	"#endif\n"
	"	{ .name = NULL },\n"
	"};\n"
	"static int init(const char *name)\n"
	"{\n"
	"	strncpy(pool, name, sizeof pool - 1);\n"
	"#ifdef INIT_CRASHES\n"
	"	signal(SIGABRT, SIG_DFL); abort();\n"
	"#endif\n"
	"#ifdef INIT_REFUSES\n"
	"	return -1;\n"
	"#endif\n"
	"	return 0;\n"
	"}\n"
	"#ifdef FINI_FILE\n"
	"static void fini(void) { FILE *f = fopen(FINI_FILE, \"w\"); if (f) fclose(f); }\n"
	"#else\n"
	"static void fini(void) { }\n"
	"#endif\n"
	"#ifdef SLOT_FILE\n"
	"static __thread unsigned my_slot;\n"
	"static void note(const char *what)\n"
	"{ char t[64]; int fd = open(SLOT_FILE, O_WRONLY | O_APPEND | O_CREAT, 0600);\n"
	"  int n = snprintf(t, sizeof t, \"%s %s %s %u\\n\", SLOT_NAME, what, pool, my_slot);\n"
	"  write(fd, t, n); close(fd); }\n"
	"static int slot_init(const char *name, unsigned slot)\n"
	"{ my_slot = slot; note(strcmp(name, pool) ? \"wrong\" : \"init\");\n"
	"#ifdef SLOT_CRASHES\n"
	"  signal(SIGABRT, SIG_DFL); abort();\n"
	"#endif\n"
	"#ifdef SLOT_REFUSES\n"
	"  if (slot == SLOT_REFUSES) return 5;\n"
	"  for (;;) pause();\n"
	"#endif\n"
	"  return 0; }\n"
	"static void slot_fini(void) { note(\"fini\"); }\n"
	"#endif\n"
	"#ifdef NO_SYMBOL\n"
	"int something_else = 1;\n"
	"#else\n"
	"FUT_MODULE(.name = \"test\", .init = init, .fini = fini, .tasks = tasks\n"
	"#ifdef OLD_ABI\n"
	"	, .abi = 99\n"
	"#endif\n"
	"#ifdef SLOT_FILE\n"
	"	, .slot_init = slot_init, .slot_fini = slot_fini\n"
	"#endif\n"
	"#ifdef SMALL\n"
	"	, .task_size = 8\n"
	"#endif\n"
	");\n"
	"#endif\n";

static char directory[64];

char *path_in(const char *name)
{
	char *path;

	ck_assert_int_gt(asprintf(&path, "%s/%s", directory, name), 0);
	return path;
}

char *write_file(const char *name, const char *text, mode_t mode)
{
	char *path = path_in(name);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

char *compile(const char *name, const char *option)
{
	const char *cc = getenv("CC"), *top = getenv("top_srcdir");
	char *out = path_in(name), *command;

	ck_assert_int_gt(asprintf(&command, "%s -w -shared -fPIC -I%s/include %s -o %s %s/module.c",
				  cc ? cc : "cc", top ? top : ".", option, out, directory),
			 0);
	ck_assert_int_eq(system(command), 0);
	free(command);
	return out;
}

static void make_directory(void)
{
	strcpy(directory, "/tmp/futured-zygote-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	free(write_file("module.c", module_source, 0600));
}

static void remove_directory(void)
{
	char *command;

	ck_assert_int_gt(asprintf(&command, "rm -rf %s", directory), 0);
	ck_assert_int_eq(system(command), 0);
	free(command);
}

TCase *zygote_case(Suite *s, const char *name)
{
	TCase *tc = trun_case(s, name);

	tcase_add_unchecked_fixture(tc, make_directory, remove_directory);
	return tc;
}

/* ---- the zygote ---- */

int control;
pid_t zygote;
int zygote_fd;

static struct front_shared *page;
static int page_fd, event_fd;

static int pid_fd_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

void wait_gone(int pid_fd)
{
	struct pollfd fd = {.fd = pid_fd, .events = POLLIN};

	ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "the process is still there");
}

void zygote_exec(int socket)
{
	const char *worker = getenv("FUTURED_WORKER"), *top = getenv("top_builddir");
	char path[4096];

	(void)snprintf(path, sizeof path, "%s/futured-worker", top ? top : ".");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(socket, CONTROL_FD);
	execl(worker ? worker : path, "futured-worker", NULL);
	_exit(126);
}

static void open_zygote(bool stopped)
{
	int sockets[2];

	page_fd = event_fd = -1;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	/* Out of the way of descriptor 3. */
	control = fcntl(sockets[0], F_DUPFD_CLOEXEC, 20);
	int theirs = fcntl(sockets[1], F_DUPFD_CLOEXEC, 20);
	close_fd(sockets[0]);
	close_fd(sockets[1]);
	zygote = fork();
	if (zygote == 0) {
		if (stopped)
			raise(SIGSTOP);
		zygote_exec(theirs);
	}
	if (stopped)
		ck_assert_int_eq(waitpid(zygote, NULL, WUNTRACED), zygote);
	close_fd(theirs);
	zygote_fd = pid_fd_open(zygote);
	ck_assert_int_eq(front_page_create(&page_fd, &page), 0);
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void zygote_open(void)
{
	open_zygote(false);
}

void zygote_open_stopped(void)
{
	open_zygote(true);
}

int zygote_close(void)
{
	int status;

	control = close_fd(control);
	wait_gone(zygote_fd);
	ck_assert_int_eq(waitpid(zygote, &status, 0), zygote);
	close_fd(zygote_fd);
	close_fd(page_fd);
	close_fd(event_fd);
	return status;
}

void say(struct control_message m, const int *fds, size_t nfds)
{
	ck_assert_int_eq(control_send(control, &m, fds, nfds), 0);
}

void say_text(enum control_type type, const char *text, size_t len)
{
	struct control_message m = {.type = type, .text_len = (uint32_t)len};

	memcpy(m.text, text, len);
	say(m, NULL, 0);
}

void say_pool(void)
{
	struct control_message m = {.type = CONTROL_POOL, .text_len = 3, .text = "cpu"};

	say(m, (int[]){page_fd, event_fd}, 2);
}

void say_module(const char *path)
{
	say_text(CONTROL_MODULE, path, strlen(path));
}

void say_start(void)
{
	say_text(CONTROL_START, "", 0);
}

struct control_message hear_with(enum control_type type, int *ret_fd)
{
	struct control_message m;
	struct pollfd fd = {.fd = control, .events = POLLIN};
	int fds[CONTROL_FDS_MAX];

	ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "the zygote says nothing");
	ck_assert_int_eq(control_receive(control, &m, fds), 1);
	ck_assert_msg(m.type == type, "type %u instead of %u: %s", m.type, (unsigned)type, m.text);
	*ret_fd = fds[0];
	return m;
}

struct control_message hear(enum control_type type)
{
	int fd;
	struct control_message m = hear_with(type, &fd);

	ck_assert_int_eq(fd, -1);
	return m;
}

void hear_text(enum control_type type, const char *text)
{
	struct control_message m = hear(type);

	ck_assert_str_eq(m.text, text);
	ck_assert_uint_eq(m.text_len, strlen(text));
}

void hear_failed(const char *path, const char *why)
{
	struct control_message m = hear(CONTROL_MODULE_FAILED);

	ck_assert_str_eq(m.text, path);
	ck_assert_uint_gt(m.text_len, strlen(path) + 1);
	ck_assert_msg(strstr(m.text + strlen(path) + 1, why), "'%s' does not say '%s'",
		      m.text + strlen(path) + 1, why);
	ck_assert_int_eq(m.text[m.text_len - 1], '\0');
}

void hear_until_ready(void)
{
	struct control_message m;
	struct pollfd fd = {.fd = control, .events = POLLIN};
	int fds[CONTROL_FDS_MAX];

	do {
		ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "the zygote says nothing");
		ck_assert_int_eq(control_receive(control, &m, fds), 1);
	} while (m.type != CONTROL_READY);
}

void hear_tasks(void)
{
	static const char *const names[] = {"echo", "crash", "stuck", "facts", "pool", "orphan"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		hear_text(CONTROL_TASK, names[i]);
}

void zygote_open_ready(void)
{
	char *path = compile("plain.so", "");

	zygote_open();
	say_pool();
	say_module(path);
	say_start();
	hear_text(CONTROL_LOADING, path);
	hear_tasks();
	(void)hear(CONTROL_READY);
	free(path);
}

/* ---- its hosts ---- */

void host_open(struct host *h, unsigned number, unsigned slots, uint64_t max_result)
{
	int pipe_fds[2];

	front_open(&h->front, slots, 4096, max_result);
	close_fd(h->front.page_fd);
	close_fd(h->front.event_fd);
	h->front.page = page;
	h->front.event_fd = event_fd;
	h->front.page_fd = -1;
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	h->stderr_fd = pipe_fds[0];
	struct control_message m = {
		.type = CONTROL_FORK, .host = number, .slots = slots, .first_slot = FIRST_SLOT};
	say(m, (int[]){h->front.region_fd, pipe_fds[1]}, 2);
	close_fd(pipe_fds[1]);
	m = hear_with(CONTROL_FORKED, &h->pid_fd);
	ck_assert_uint_eq(m.host, number);
	ck_assert_int_ge(h->pid_fd, 0);
	h->pid = (pid_t)m.pid;
}

void host_wait_ready(struct host *h)
{
	struct pollfd fd = {.fd = event_fd, .events = POLLIN};
	eventfd_t ignored;

	while (atomic_load(&h->front.host->ready) < h->front.nslots) {
		ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "the host was never ready");
		(void)eventfd_read(event_fd, &ignored);
	}
}

void host_close(struct host *h)
{
	h->front.event_fd = -1;
	front_close(&h->front);
	close_fd(h->pid_fd);
	close_fd(h->stderr_fd);
}

struct control_message hear_exited(const struct host *h, unsigned number)
{
	struct control_message m = hear(CONTROL_EXITED);

	ck_assert_uint_eq(m.host, number);
	ck_assert_int_eq((pid_t)m.pid, h->pid);
	ck_assert_uint_gt(m.max_rss_bytes, 4096);
	wait_gone(h->pid_fd);
	return m;
}

void expect_said(const struct host *h, const char *text)
{
	char said[4096];
	size_t len = 0;
	ssize_t n;

	while ((n = read(h->stderr_fd, said + len, sizeof said - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	ck_assert_msg(strstr(said, text), "'%s' is not in '%s'", text, said);
}

struct answered host_answer(struct host *h, unsigned slot, uint32_t task, const char *payload)
{
	struct job j = {.task = task, .payload_len = (uint32_t)strlen(payload)};

	(void)front_submit(&h->front, slot, j, payload);
	return front_answer(&h->front, slot);
}

void expect_result(struct host *h, unsigned slot, uint32_t task, const char *payload,
		   const char *result)
{
	struct answered a = host_answer(h, slot, task, payload);

	ck_assert_uint_eq(a.status, FUT_OK);
	assert_bytes(a.bytes, a.len, result);
	free(a.bytes);
}

void expect_error(const struct answered *a, const char *type, const char *message,
		  const char *details)
{
	static struct arena arena;
	struct error_info e;

	arena_reset(&arena);
	ck_assert_uint_eq(a->status, FUT_TASK_FAILED);
	ck_assert_int_eq(error_decode(span_of(a->bytes, a->len), &arena, &e), 0);
	assert_bytes(e.type.data, e.type.len, type);
	assert_bytes(e.message.data, e.message.len, message);
	assert_bytes(e.details.data, e.details.len, details);
}
