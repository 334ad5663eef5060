/* A directory whose files say how the slots of testmod_slots begin. */
#ifndef TESTS_SLOTS_H
#define TESTS_SLOTS_H

#include "tests/lib/tdaemon.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char slots_dir[64], slots_env[96]; /* the latter for the daemon's environment */

static inline void slots_path(const char *name, char path[128])
{
	ck_assert_int_lt(snprintf(path, 128, "%s/%s", slots_dir, name), 128);
}

static inline void set_flag(const char *name)
{
	char path[128];

	slots_path(name, path);
	tfile_touch(path);
}

static inline void clear_flag(const char *name)
{
	char path[128];

	slots_path(name, path);
	ck_assert_int_eq(unlink(path), 0);
}

static inline void slots_set_up(void)
{
	strcpy(slots_dir, "/tmp/tslots-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(slots_dir));
	snprintf(slots_env, sizeof slots_env, "SLOTS_DIR=%s", slots_dir);
}

static inline int slots_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void slots_tear_down(void)
{
	(void)nftw(slots_dir, slots_remove, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
