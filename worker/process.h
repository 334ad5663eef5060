/*
 * A child process with three pipes, for a command.
 *
 * Owned by the slot's thread that started it: the child is killed when that thread ends.
 * It stays in the host's process group, so whoever kills the group gets it as well. Our
 * ends of the pipes do not block; one that is closed is -1.
 */
#ifndef WORKER_PROCESS_H
#define WORKER_PROCESS_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;
	int pid_fd;
	int in, out, err; /* its stdin, stdout, stderr */
	int exec_error;   /* tells why it could not be executed */
};

/* Runs argv[0], an absolute path. 0 or -errno; that it cannot be executed is found out
 * later, from process_end(). */
int process_start(struct process *p, char *const argv[]);

void process_signal(const struct process *p, int sig);

/* Waits for its end. 0, what waitid() says of it, and its CPU time with that of its children
 * that it waited for; or -errno, among them the reason why it could not be executed. Either
 * way it is gone, and all is closed. */
int process_end(struct process *p, siginfo_t *ret, uint64_t *ret_cpu_ns);

#endif
