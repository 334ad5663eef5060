/* Giving up what the daemon was started with; the calling thread is the only one. */
#ifndef WORKER_PRIVILEGES_H
#define WORKER_PRIVILEGES_H

#include <sys/types.h>

/* Nothing that is executed gets more rights than its caller, ever again. 0 or -errno. */
int privileges_freeze(void);

/* Becomes this user with this one group and no capabilities, for good. Takes the signal of the parent's death with
 * it: whoever wants that asks for it again. 0 or -errno; -EPERM: not started with the right. */
int privileges_become(uid_t uid, gid_t gid);

/* No capabilities, so that root is not more than the owner of its files. 0 or -errno. */
int privileges_drop(void);

#endif
