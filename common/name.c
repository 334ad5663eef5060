#include "common/name.h"

static bool is_alnum(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool name_is_valid(struct span name)
{
	const unsigned char *p = name.data;

	if (name.len == 0 || name.len > NAME_MAX_BYTES)
		return false;
	if (!is_alnum(p[0]) && p[0] != '_')
		return false;
	for (size_t i = 1; i < name.len; i++) {
		if (!is_alnum(p[i]) && p[i] != '.' && p[i] != '_' && p[i] != '-')
			return false;
	}
	return true;
}
