/*
 * A program that leaves in the middle of its work, in the way that it is told:
 *
 *	leaver WAY URL DIRECTORY
 *
 * It submits a job that waits for DIRECTORY/gate and MARKS jobs behind it, which leave a
 * line each in DIRECTORY/mark. It makes DIRECTORY/leaving when it is about to go.
 */
#include <futured/futured.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARKS = 10, CHILD_PATIENCE_S = 60 };

#define MUST(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "leaver: line %d: %s\n", __LINE__, #cond);                 \
			_exit(99);                                                                 \
		}                                                                                  \
	} while (0)

static const char *url, *directory;
static fut_executor *x;
static fut_future *last;
static atomic_int called;

static const char *path(const char *name)
{
	static _Thread_local char text[200];

	snprintf(text, sizeof text, "%s/%s", directory, name);
	return text;
}

static fut_executor *open_executor(void)
{
	fut_executor *made;
	fut_error *e = NULL;

	if (fut_executor_open(url, &made, &e) != FUT_OK) {
		fprintf(stderr, "leaver: %s: %s\n", fut_error_message(e), fut_error_detail(e));
		_exit(98);
	}
	return made;
}

static fut_future *submit(fut_executor *on, const char *task, const char *file)
{
	fut_future *f = NULL;

	MUST(fut_submit(on, task, path(file), strlen(path(file)), &f, NULL) == FUT_OK);
	return f;
}

static void submit_marks(fut_executor *on)
{
	for (int i = 0; i < MARKS; i++) {
		fut_future_unref(last);
		last = submit(on, "mark", "mark");
	}
}

static void submit_all(fut_executor *on)
{
	fut_future_unref(submit(on, "gate", "gate"));
	submit_marks(on);
}

static void await_running(fut_future *f)
{
	while (!fut_running(f))
		(void)fut_result(f, 1000, &(fut_bytes){0}, NULL);
}

static void touch(const char *name)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	MUST(fd >= 0);
	close(fd);
}

/* ---- at the end of main() ------------------------------------------------ */

static int keep_everything(void)
{
	x = open_executor();
	submit_all(x);
	return 0;
}

static int drop_everything(void)
{
	(void)keep_everything();
	fut_future_unref(last);
	fut_executor_unref(x);
	return 0;
}

static int shut_down(void)
{
	(void)keep_everything();
	MUST(fut_executor_shutdown(x, false, false, 0) == FUT_OK);
	return 0;
}

/* It has heard what became of them before it goes: else the gate might open first. */
static int shut_down_and_cancel(void)
{
	fut_bytes value;

	x = open_executor();
	fut_future *f = submit(x, "gate", "gate");
	await_running(f);
	submit_marks(x);
	MUST(fut_executor_shutdown(x, false, true, 0) == FUT_OK);
	MUST(fut_result(last, FUT_FOREVER, &value, NULL) == FUT_CANCELLED);
	return 0;
}

static int use_two(void)
{
	(void)drop_everything();
	last = NULL;
	return drop_everything();
}

/* ---- handlers ------------------------------------------------------------ */

static void submit_late(void)
{
	submit_marks(x);
	touch("leaving");
}

/* Registered later than the library's, so called before it. */
static int submit_in_a_handler(void)
{
	x = open_executor();
	fut_future_unref(submit(x, "gate", "gate"));
	MUST(atexit(submit_late) == 0);
	return 0;
}

static void look_when_all_is_over(void)
{
	fut_executor *none = NULL;
	fut_future *f = NULL;
	fut_bytes value;
	fut_error *e = NULL;

	MUST(fut_result(last, 0, &value, NULL) == FUT_OK);
	MUST(atomic_load(&called) == MARKS);
	MUST(fut_submit(x, "echo", "", 0, &f, NULL) == FUT_SHUTDOWN);
	MUST(fut_executor_open(url, &none, &e) == FUT_SHUTDOWN && !none);
	fut_error_unref(e);
	MUST(fut_executor_shutdown(x, true, false, FUT_FOREVER) == FUT_OK);
	fut_future_unref(last);
	fut_executor_unref(x);
}

/* Follows what another one began, or is told that it may not: whichever, nobody waits. */
static void count_and_go_on(fut_future *f, void *arg)
{
	fut_future *next = NULL;

	(void)f, (void)arg;
	atomic_fetch_add(&called, 1);
	fut_status status = fut_submit(x, "echo", "", 0, &next, NULL);
	MUST(status == FUT_OK || status == FUT_SHUTDOWN);
	fut_future_unref(next);
}

static int look_in_an_earlier_handler(void)
{
	MUST(atexit(look_when_all_is_over) == 0);
	x = open_executor();
	fut_future_unref(submit(x, "gate", "gate"));
	for (int i = 0; i < MARKS; i++) {
		fut_future_unref(last);
		last = submit(x, "mark", "mark");
		MUST(fut_add_done_callback(last, count_and_go_on, NULL) == FUT_OK);
	}
	return 0;
}

/* ---- exit() elsewhere ---------------------------------------------------- */

static _Noreturn void wait_for_the_end(void)
{
	for (;;)
		pause();
}

static void exit_here(fut_future *f, void *arg)
{
	(void)f, (void)arg;
	touch("leaving");
	exit(3);
}

/* On an I/O thread, which has work left itself. Two slots: one for what never ends. */
static int exit_in_a_callback(void)
{
	fut_executor *other = open_executor();
	fut_future *never = submit(other, "gate", "never"), *go = submit(other, "gate", "go");

	MUST(fut_add_done_callback(go, exit_here, NULL) == FUT_OK);
	await_running(never);
	await_running(go);
	x = open_executor();
	submit_all(x);
	touch("go");
	wait_for_the_end();
}

static void *exit_now(void *arg)
{
	(void)arg;
	touch("leaving");
	exit(4);
}

static int exit_on_a_thread(void)
{
	pthread_t thread;

	x = open_executor();
	submit_all(x);
	MUST(pthread_create(&thread, NULL, exit_now, NULL) == 0);
	wait_for_the_end();
}

/* ---- forks --------------------------------------------------------------- */

static void await_child(pid_t child)
{
	int status;

	MUST(child > 0);
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The child has nothing to wait for, though the gate is shut. */
static int fork_one_that_leaves(void)
{
	(void)drop_everything();
	pid_t child = fork();
	if (child == 0) {
		alarm(CHILD_PATIENCE_S);
		exit(0);
	}
	await_child(child);
	return 0;
}

/* The child has its own to wait for. */
static int fork_one_that_works(void)
{
	x = open_executor();
	/* The I/O thread sleeps then: sanitizers have locks that a fork does not free. */
	MUST(fut_executor_ping(x, FUT_FOREVER, NULL) == FUT_OK);
	pid_t child = fork();
	if (child == 0) {
		alarm(CHILD_PATIENCE_S);
		submit_marks(open_executor());
		exit(0);
	}
	await_child(child);
	return 0;
}

/* The child goes on with the exit() that its parent began, and has its own to wait for. */
static void fork_late(void)
{
	pid_t child = fork();

	if (child > 0) {
		await_child(child);
		return;
	}
	alarm(CHILD_PATIENCE_S);
	submit_marks(open_executor());
}

static int fork_when_all_is_over(void)
{
	MUST(atexit(fork_late) == 0);
	x = open_executor();
	return 0;
}

/* ---- without exit() ------------------------------------------------------ */

static int leave_at_once(void)
{
	(void)keep_everything();
	touch("leaving");
	_exit(5);
}

static int die(void)
{
	(void)keep_everything();
	touch("leaving");
	(void)raise(SIGKILL);
	return 0;
}

static const struct {
	const char *name;
	int (*go)(void);
} ways[] = {
	{"keep", keep_everything},
	{"drop", drop_everything},
	{"shutdown", shut_down},
	{"cancel", shut_down_and_cancel},
	{"two", use_two},
	{"handler", submit_in_a_handler},
	{"earlier", look_in_an_earlier_handler},
	{"callback", exit_in_a_callback},
	{"thread", exit_on_a_thread},
	{"fork", fork_one_that_leaves},
	{"fork_works", fork_one_that_works},
	{"fork_late", fork_when_all_is_over},
	{"_exit", leave_at_once},
	{"die", die},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	url = argv[2];
	directory = argv[3];
	for (int i = 0; ways[i].name; i++) {
		if (strcmp(ways[i].name, argv[1]) != 0)
			continue;
		int code = ways[i].go();
		if (ways[i].go != submit_in_a_handler)
			touch("leaving");
		return code;
	}
	return 2;
}
