#include "ctl/input.h"

#include "ctl/ctl.h"
#include "ctl/wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define uthash_fatal(msg) ctl_no_memory()
#include <uthash.h>

struct item_name {
	uint64_t index;  /* the map's */
	uint64_t number; /* the user's */
	UT_hash_handle hh;
	size_t len;
	char text[];
};

static bool next_line(struct input *in, fut_bytes *ret)
{
	ssize_t n;

	errno = 0;
	n = getdelim(&in->line, &in->line_cap, in->delimiter, stdin);
	if (n < 0) {
		/* Ctrl-C ends a read too; that is no failure of the input. */
		if (!feof(stdin) && !wait_interrupted())
			in->error = errno ? -errno : -EIO;
		return false;
	}
	if (n > 0 && in->line[n - 1] == (char)in->delimiter)
		n--;
	in->line[n] = '\0';
	*ret = (fut_bytes){in->line, (size_t)n};
	return true;
}

static bool next_name(struct input *in, fut_bytes *ret)
{
	const char *arg;

	if (wait_interrupted() || in->error < 0)
		return false;
	if (in->from_stdin)
		return next_line(in, ret);
	if (in->number >= in->nargs)
		return false;
	arg = in->args[in->number];
	*ret = (fut_bytes){arg, strlen(arg)};
	return true;
}

static void remember(struct input *in, fut_bytes name)
{
	struct item_name *n = malloc(sizeof *n + name.len);

	if (!n)
		ctl_no_memory();
	n->index = in->taken;
	n->number = in->number;
	n->len = name.len;
	memcpy(n->text, name.data, name.len);
	HASH_ADD(hh, in->names, index, sizeof n->index, n);
}

/* 0, or a negative errno when the item has no payload. */
static int payload_of(struct input *in, fut_bytes name, fut_bytes *ret)
{
	int r;

	*ret = name;
	if (!in->are_files)
		return 0;
	if (strlen(name.data) != name.len)
		return -EINVAL; /* a NUL in the middle would name another file */
	r = content_read_file(&in->content, name.data);
	*ret = (fut_bytes){in->content.len ? in->content.data : "", in->content.len};
	return r;
}

bool input_next(void *input, fut_bytes *ret)
{
	struct input *in = input;
	fut_bytes name;

	while (next_name(in, &name)) {
		int r = payload_of(in, name, ret);

		if (r == -EINTR && wait_interrupted())
			return false;
		if (r < 0) {
			in->on_unreadable(in->arg, in->number++, name, -r);
			continue;
		}
		remember(in, name);
		in->bytes += ret->len;
		in->number++;
		in->taken++;
		return true;
	}
	return false;
}

uint64_t input_total(const struct input *in)
{
	if (in->from_stdin)
		return feof(stdin) ? in->number : 0;
	return in->nargs;
}

static struct item_name *find(const struct input *in, uint64_t index)
{
	struct item_name *n;

	HASH_FIND(hh, in->names, &index, sizeof index, n);
	return n;
}

fut_bytes input_name(const struct input *in, uint64_t index, uint64_t *ret_number)
{
	const struct item_name *n = find(in, index);

	*ret_number = n ? n->number : index;
	return n ? (fut_bytes){n->text, n->len} : (fut_bytes){"", 0};
}

void input_forget(struct input *in, uint64_t index)
{
	struct item_name *n = find(in, index);

	if (!n)
		return;
	HASH_DEL(in->names, n);
	free(n);
}

void input_done(struct input *in)
{
	struct item_name *n, *next;

	HASH_ITER(hh, in->names, n, next)
	{
		HASH_DEL(in->names, n);
		free(n);
	}
	free(in->line);
	content_done(&in->content);
}
