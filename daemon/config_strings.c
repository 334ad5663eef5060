#include "daemon/config_strings.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

int config_strings_new(char ***ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void config_strings_free(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

int config_strings_take(char ***strings, char *s)
{
	size_t n = 0;

	while ((*strings)[n])
		n++;
	char **grown = s ? reallocarray(*strings, n + 2, sizeof *grown) : NULL;
	if (!grown) {
		free(s);
		return -ENOMEM;
	}
	grown[n] = s;
	grown[n + 1] = NULL;
	*strings = grown;
	return 0;
}
