/*
 * Whether this process is a child of the one that made a handle, without a system call.
 *
 * A page that the kernel wipes in a child holds a mark; a handle remembers the mark that
 * was there when it was made. Any thread.
 */
#ifndef CLIENT_FORK_H
#define CLIENT_FORK_H

#include <stdbool.h>
#include <stdint.h>

/* This process' mark; 0 when there is no memory for the page. */
uint32_t fork_mark(void);

/* Whether a fork() lies between now and the making of the mark. */
bool fork_happened(uint32_t mark);

#endif
