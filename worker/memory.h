/* How much memory this process has resident, as ps shows it. */
#ifndef WORKER_MEMORY_H
#define WORKER_MEMORY_H

#include <stdint.h>

/* What memory_resident() reads; of the process that opened it, and not of its children. A
 * descriptor or -errno. */
int memory_open(void);

/* One system call. 0 or -errno. */
int memory_resident(int fd, uint64_t *ret_bytes);

#endif
