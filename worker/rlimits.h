/* The resource limits of a host, which its threads share and its commands inherit. */
#ifndef WORKER_RLIMITS_H
#define WORKER_RLIMITS_H

#include "proto/sandbox.h"

/* Sets those that are not SANDBOX_INHERIT; never above what the process may have. 0 or -errno. */
int rlimits_apply(const uint64_t limits[SANDBOX_NLIMITS]);

#endif
