/*
 * A module's file, before it is loaded: nobody but root and the daemon's own user may be able to
 * replace it, or what leads to it.
 */
#ifndef WORKER_MODULE_FILE_H
#define WORKER_MODULE_FILE_H

#include <sys/types.h>

enum { MODULE_FILE_REASON_MAX = 256 };

/*
 * Follows the path as the loader will: every directory and link of it, and the file at its end,
 * must belong to root or to `owner`. The file and what is not the owner's own can be written by
 * nobody else; a directory where only owners rename, like /tmp, is in order.
 *
 * 0, or -EINVAL and one line that says why. When it is in order nobody else can change that.
 */
int module_file_check(const char *path, uid_t owner, char reason[MODULE_FILE_REASON_MAX]);

#endif
