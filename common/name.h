/*
 * Names that decisions are made on: tasks, pools.
 *
 * 1 to NAME_MAX_BYTES bytes of ASCII letters, digits and . _ - and not starting with a
 * dot or a dash. On the wire they are bytes, because a protobuf-c string stops at a NUL.
 */
#ifndef COMMON_NAME_H
#define COMMON_NAME_H

#include "common/span.h"

#include <stdbool.h>

enum { NAME_MAX_BYTES = 63 };

bool name_is_valid(struct span name);

#endif
