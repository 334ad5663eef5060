/* The words that the tool uses for the library's small enums and for signals. */
#ifndef CTL_NAMES_H
#define CTL_NAMES_H

#include <futured/futured.h>

#define NAME_SIGNAL_SIZE 32

const char *name_of_executed(fut_executed executed); /* no, maybe, yes */
const char *name_of_retry(fut_retry retry);          /* never, now, later, new_job */

/* "SIGSEGV". `scratch` has NAME_SIGNAL_SIZE bytes and may hold the answer. */
const char *name_of_signal(int number, char *scratch);

#endif
