/*
 * Waiting so that Ctrl-C and a time limit end it: the library's waits are cut into slices.
 * A result that comes in the middle of a slice is handed out at once.
 */
#ifndef CTL_WAIT_H
#define CTL_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#define WAIT_FOREVER UINT64_MAX

uint64_t wait_now_us(void);

/* From here on Ctrl-C only sets a flag, and ends a read; a second one ends the program. */
void wait_catch_interrupt(void);
bool wait_interrupted(void);

/* How long to wait now, when all of it ends at `until_us` (or WAIT_FOREVER). */
int64_t wait_slice_us(uint64_t until_us);

#endif
