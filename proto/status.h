/* What is known about a status by its number. */
#ifndef PROTO_STATUS_H
#define PROTO_STATUS_H

#include <futured/status.h>

#include <stdbool.h>
#include <stdint.h>

/* A number from the wire to a status; one that this version does not know is INTERNAL. */
fut_status status_from_wire(uint32_t number);

const char *status_text(fut_status status);
const char *status_name(fut_status status);
fut_family status_family(fut_status status);

/* What a caller may do when a job ended so, given what is known of its code having run. */
fut_retry status_retry(fut_status status, fut_executed executed);

#endif
