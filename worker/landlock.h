/*
 * Landlock: which files a process may touch, by where they are.
 *
 * Through raw system calls, and the version found at run time: Debian 12's headers know the
 * second, kernels have been at the seventh. A rule set is a descriptor. A process that puts one
 * on itself, and all that it forks later, can also no longer look into a process without it;
 * and, from version 6 on, neither send it a signal nor reach its abstract sockets.
 */
#ifndef WORKER_LANDLOCK_H
#define WORKER_LANDLOCK_H

#include <stdbool.h>

/* Of the kernel; 0: it has none, or it is switched off. */
int landlock_version(void);

enum landlock_access {
	LANDLOCK_READ = 1,    /* files, and what directories hold */
	LANDLOCK_WRITE = 2,   /* and make, rename, remove */
	LANDLOCK_EXECUTE = 4, /* as a program; libraries are only read */
	LANDLOCK_DEVICE = 8,  /* ioctl() */
};

/* Rules that allow nothing yet; `network`: TCP is left alone. 0 or -errno. */
int landlock_open(bool network, int *ret_fd);

/* Allows this much to a file, or below a directory. 0 or -errno. */
int landlock_allow(int fd, const char *path, unsigned access);

/* From now on, and for ever. Needs PR_SET_NO_NEW_PRIVS. 0 or -errno. */
int landlock_enter(int fd);

#endif
