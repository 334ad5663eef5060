/* What the daemon says, frame by frame. The I/O thread; before it exists, the opener. */
#ifndef CLIENT_DISPATCH_H
#define CLIENT_DISPATCH_H

#include "client/executor.h"
#include "proto/frame.h"

/* A sink_frame_fn; arg is the executor. 0, -EPROTO when the daemon broke the protocol,
 * -ECONNABORTED when it refused the session: then x->farewell says why. */
int dispatch_frame(void *arg, const struct frame *frame);

/* The daemon is done with a job whose future was just settled: its place is free, whoever
 * waits is told, and the place's reference is dropped. */
void dispatch_end(fut_executor *x, fut_future *f, uint32_t old_state);

#endif
