/* Errors as a person reads them, on stderr. */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include <futured/futured.h>

#include <stdio.h>

/* Everything there is to say, over several lines. `what` failed; `error` may be NULL. */
void report_error(const char *what, fut_status status, const fut_error *error);

/* What the daemon calls the job. */
void report_job(const fut_future *f);

/* Where a job's time went. */
void report_timeline(const fut_timeline *t);

/* Writes text that came from elsewhere: control characters, which could tell the
 * terminal to do things, become question marks. */
void report_text(FILE *out, const char *text, size_t len);

#endif
