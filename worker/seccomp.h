/*
 * The system calls that no task has a use for: whoever makes one dies of SIGSYS, with all of its
 * threads.
 *
 * They look into other processes, load code into the kernel, change what is mounted, or are
 * where its holes are found. In place for the process and all that it forks and executes. Without
 * libseccomp at build time there is none of it.
 */
#ifndef WORKER_SECCOMP_H
#define WORKER_SECCOMP_H

#include <stdbool.h>
#include <stddef.h>

/* Names, whatever the architecture has of them; ends with NULL. */
extern const char *const seccomp_forbidden[];

/* The number of a system call here, or -1. */
int seccomp_number(const char *name);

/*
 * From now on, and for ever. Without `network` there are no sockets but pairs; with it there are
 * those of TCP, UDP and Unix. Without `programs` nothing is executed. Needs PR_SET_NO_NEW_PRIVS.
 * 0, or -EOPNOTSUPP: not the kernel or not this build; or -errno.
 */
int seccomp_enter(bool network, bool programs);

#endif
