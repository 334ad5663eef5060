/*
 * The built futured-worker over its control socket, with modules compiled here and commands
 * made here; the test plays the front. $FUTURED_WORKER names the program, or else it is in
 * $top_builddir. A wait ends with the test after WAIT_MS.
 */
#ifndef TESTS_WORKER_ZYGOTE_H
#define TESTS_WORKER_ZYGOTE_H

#include "proto/control.h"
#include "tests/lib/worker_front.h"

#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- modules ---- */

/* The tasks of a module that is compiled without an option. */
enum { ECHO, CRASH, STUCK, FACTS, POOL_NAME, ORPHAN, FIRST_COMMAND };

/* Adds a case whose tests have a directory, which they share, with the module's source. */
TCase *zygote_case(Suite *s, const char *name);

/* A path in that directory, and a file there; to be freed. */
char *path_in(const char *name);
char *write_file(const char *name, const char *text, mode_t mode);

/* A module that is what the option makes of it; its path, to be freed. */
char *compile(const char *name, const char *option);

/* ---- the zygote ---- */

extern pid_t zygote;
extern int zygote_fd; /* its pidfd */
extern int control;   /* the front's end */

/* Becomes the worker with this socket. */
void zygote_exec(int socket);

void zygote_open(void);
void zygote_open_stopped(void); /* before it begins, until SIGCONT */
void zygote_open_ready(void);   /* up to READY with the plain module */
int zygote_close(void);         /* how it ended */

void wait_gone(int pid_fd);

void say(struct control_message m, const int *fds, size_t nfds);
void say_text(enum control_type type, const char *text, size_t len);
void say_pool(void);
void say_module(const char *path);
void say_start(void);

/* The next message must be this one. */
struct control_message hear_with(enum control_type type, int *ret_fd);
struct control_message hear(enum control_type type); /* without a descriptor */
void hear_text(enum control_type type, const char *text);
void hear_failed(const char *path, const char *why);
void hear_until_ready(void);
void hear_tasks(void); /* those of the plain module */

/* ---- its hosts ---- */

enum { FIRST_SLOT = 7 }; /* of every host */

struct host {
	struct front front;
	pid_t pid;
	int pid_fd;
	int stderr_fd; /* what it says */
};

void host_open(struct host *h, unsigned number, unsigned slots, uint64_t max_result);
void host_wait_ready(struct host *h); /* sleeps until it says so */
void host_close(struct host *h);
struct control_message hear_exited(const struct host *h, unsigned number);

/* All that it said on stderr until it ended. */
void expect_said(const struct host *h, const char *text);

/* Has it run a job. */
struct answered host_answer(struct host *h, unsigned slot, uint32_t task, const char *payload);
void expect_result(struct host *h, unsigned slot, uint32_t task, const char *payload,
		   const char *result);

void expect_error(const struct answered *a, const char *type, const char *message,
		  const char *details);

#endif
