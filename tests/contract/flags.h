/*
 * Files that decide what goes wrong in a daemon that is started behind flags_begin(): for
 * testmod_slots, and for the libraries that are preloaded into it.
 */
#ifndef TESTS_CONTRACT_FLAGS_H
#define TESTS_CONTRACT_FLAGS_H

#include "tests/lib/tdaemon.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char flags_dir[64];

static inline const char *flag_path(const char *name)
{
	static char path[128];

	ck_assert_int_lt(snprintf(path, sizeof path, "%s/%s", flags_dir, name), sizeof path);
	return path;
}

static inline void flag_set(const char *name)
{
	tfile_touch(flag_path(name));
}

static inline void flag_clear(const char *name)
{
	ck_assert_int_eq(unlink(flag_path(name)), 0);
}

/* A fixture: it begins each test and, where that goes well, ends it. */
static inline void flags_begin(void)
{
	strcpy(flags_dir, "/tmp/tflags-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(flags_dir));
	ck_assert_int_eq(setenv("SLOTS_DIR", flags_dir, 1), 0);
}

static inline int flags_remove_one(const char *path, const struct stat *st, int type,
				   struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void flags_end(void)
{
	(void)nftw(flags_dir, flags_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Daemons from here on have the library, which does its harm while the flag is there; its
 * environment variable says which that is. */
static inline void preload(const char *library, const char *variable, const char *flag)
{
	const char *asan = getenv("ASAN_OPTIONS");
	char text[PATH_MAX];

	snprintf(text, sizeof text, "%s/.libs/%s.so", td_builddir(), library);
	ck_assert_int_eq(setenv("LD_PRELOAD", text, 1), 0);
	ck_assert_int_eq(setenv(variable, flag_path(flag), 1), 0);
	/* A preloaded library comes before the sanitizer's, which minds. */
	snprintf(text, sizeof text, "%s:verify_asan_link_order=0", asan ? asan : "");
	ck_assert_int_eq(setenv("ASAN_OPTIONS", text, 1), 0);
}

#endif
