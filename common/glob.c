#include "common/glob.h"

/*
 * Where something does not fit, only the last star can still help: it takes one byte more. What
 * stood before that star fitted with as few bytes as possible, and leaves it the most to take.
 */
bool glob_matches(const char *pattern, struct span text)
{
	const char *p = pattern, *star = NULL;
	const char *s = text.data, *end = s + text.len, *taken = s;

	while (s < end) {
		if (*p == '*') {
			star = ++p;
			taken = s;
		} else if (*p != '\0' && (*p == '?' || *p == *s)) {
			p++;
			s++;
		} else if (star) {
			p = star;
			s = ++taken;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}
