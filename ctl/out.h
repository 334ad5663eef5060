/*
 * Standard output: results, raw or as JSON.
 *
 * Nobody looks at the answer of each write. A failure sticks to the stream, out_failed()
 * tells of it, and out_finish() turns it into the exit code.
 */
#ifndef CTL_OUT_H
#define CTL_OUT_H

#include <futured/futured.h>

#include <jansson.h>
#include <stdbool.h>

void out_bytes(fut_bytes bytes);

/* Ends the line if a terminal shows it and it is not ended: a pipe gets just the bytes. */
void out_end_line(void);

/* One object on one line. Takes the reference over. */
void out_json(json_t *object);

/* Sends what is buffered. False when nobody reads any more, or the disk is full. */
bool out_flush(void);
bool out_failed(void);

/* Flushes. Answers `code`, or CTL_SYSTEM when output was lost; quietly if the reader left. */
int out_finish(int code);

#endif
