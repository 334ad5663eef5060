/*
 * What every fuzz target is: one function, called by libFuzzer where there is one (dev/fuzz),
 * and by replay.c in `make check`.
 *
 * A target is a file fuzz_NAME.c here, a name in local.mk, and some inputs in corpus/fuzz_NAME.
 * The same input does the same each time; nothing is left behind between two.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Holds, or this input is a finding. */
#define fuzz_must(cond)                                                                            \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: fuzz_must(%s)\n", __FILE__, __LINE__, #cond);      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Copies of their exact size, so that a sanitizer sees a byte too far; for free(). The second
 * one ends with a NUL. */
static inline uint8_t *fuzz_copy(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	fuzz_must(copy != NULL);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

static inline char *fuzz_text(const uint8_t *p, size_t n)
{
	char *copy = malloc(n + 1);

	fuzz_must(copy != NULL);
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

#endif
