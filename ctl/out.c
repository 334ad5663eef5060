#include "ctl/out.h"

#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool mid_line;
static int write_errno;

void out_bytes(fut_bytes bytes)
{
	if (bytes.len == 0)
		return;
	if (fwrite(bytes.data, 1, bytes.len, stdout) < bytes.len)
		write_errno = errno;
	mid_line = ((const char *)bytes.data)[bytes.len - 1] != '\n';
}

void out_end_line(void)
{
	if (mid_line && isatty(STDOUT_FILENO))
		out_bytes((fut_bytes){"\n", 1});
}

void out_json(json_t *object)
{
	if (!object)
		ctl_no_memory();
	if (json_dumpf(object, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		write_errno = errno;
	json_decref(object);
}

bool out_flush(void)
{
	if (fflush(stdout) != 0)
		write_errno = errno;
	return !out_failed();
}

bool out_failed(void)
{
	return ferror(stdout) != 0;
}

int out_finish(int code)
{
	if (out_flush())
		return code;
	if (write_errno != EPIPE && write_errno != EBADF)
		fprintf(stderr, "futurectl: standard output: %s\n", strerror(write_errno));
	return CTL_SYSTEM;
}
