#include "ctl/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 * 1024)

static int grow(struct content *c, size_t cap)
{
	char *data;

	if (cap <= c->cap)
		return 0;
	if (cap > FILE_CONTENT_MAX + 1)
		return -EFBIG;
	data = realloc(c->data, cap);
	if (!data)
		return -ENOMEM;
	c->data = data;
	c->cap = cap;
	return 0;
}

/* Room for a regular file and one byte more, with which the end is seen in one read. */
static int make_room_for(struct content *c, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	if ((uintmax_t)st.st_size > FILE_CONTENT_MAX)
		return -EFBIG;
	return grow(c, (size_t)st.st_size + 1);
}

int content_read_fd(struct content *c, int fd)
{
	int r = make_room_for(c, fd);

	c->len = 0;
	while (r == 0) {
		ssize_t n;

		if (c->len > FILE_CONTENT_MAX)
			return -EFBIG;
		if (c->len == c->cap) {
			size_t cap = c->cap < READ_BYTES ? READ_BYTES : c->cap * 2;

			if (cap > FILE_CONTENT_MAX)
				cap = FILE_CONTENT_MAX + 1;
			r = grow(c, cap);
			continue;
		}
		n = read(fd, c->data + c->len, c->cap - c->len);
		if (n == 0)
			return 0;
		if (n < 0)
			return -errno;
		c->len += (size_t)n;
	}
	return r;
}

int content_read_file(struct content *c, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = content_read_fd(c, fd);
	close(fd);
	return r;
}

void content_done(struct content *c)
{
	free(c->data);
	*c = (struct content){.data = NULL};
}
