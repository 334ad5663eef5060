/* Submitting a job, as fut_submit(), fut_submit_job() and maps do. Any thread. */
#ifndef CLIENT_SUBMIT_H
#define CLIENT_SUBMIT_H

#include "client/job.h"
#include "common/span.h"

/* `items` is 0 for one call, or how many the payload packs. */
fut_status submit_job(fut_executor *x, const fut_job *job, struct span payload, uint32_t items,
		      fut_future **ret, fut_error **reterr);

#endif
