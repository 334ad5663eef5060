/* Whole files in memory, one after the other in the same memory. */
#ifndef CTL_FILES_H
#define CTL_FILES_H

#include <stddef.h>

/* More than a job may carry, anywhere: a device that never ends is noticed in time. */
#define FILE_CONTENT_MAX ((size_t)1 << 30)

struct content {
	char *data;
	size_t len, cap;
};

/* Both replace what `c` holds. 0 or a negative errno; -EFBIG above FILE_CONTENT_MAX. */
int content_read_file(struct content *c, const char *path);
int content_read_fd(struct content *c, int fd);
void content_done(struct content *c);

#endif
