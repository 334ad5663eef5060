#include "worker/title.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct {
	char *start;
	size_t size;
} room;

void title_init(int argc, char **argv)
{
	char *end = argc > 0 ? argv[0] : NULL;

	/* One behind the other, as the kernel put them. */
	for (int i = 0; i < argc && argv[i] == end; i++)
		end += strlen(argv[i]) + 1;
	room.start = argc > 0 ? argv[0] : NULL;
	room.size = (size_t)(end - room.start);
}

void title_set(const char *role, const char *pool)
{
	if (room.size == 0)
		return;
	int n = snprintf(room.start, room.size, "futured-worker: %s of %s", role, pool);
	if (n >= 0 && (size_t)n < room.size)
		memset(room.start + n, 0, room.size - (size_t)n);
}

void title_of_thread(const char *pool, unsigned slot, char ret[TITLE_THREAD_MAX])
{
	char number[TITLE_THREAD_MAX];
	size_t digits = (size_t)snprintf(number, sizeof number, "_%u", slot);
	size_t len = strnlen(pool, TITLE_THREAD_MAX - 1 - digits);

	memcpy(ret, pool, len);
	memcpy(ret + len, number, digits + 1);
}
