/*
 * Patterns for names: `*` is any number of bytes, `?` is one, and everything else is itself.
 *
 * There are no classes, no escapes and no expressions, so that a pattern says what it looks like.
 * Only the pattern has wildcards: in a text `*` and `?` are bytes like others.
 */
#ifndef COMMON_GLOB_H
#define COMMON_GLOB_H

#include "common/span.h"

#include <stdbool.h>

/* Whether the whole text is like the pattern. Takes at most so many steps as the product of their
 * lengths, whatever they are. */
bool glob_matches(const char *pattern, struct span text);

#endif
