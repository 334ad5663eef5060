#include "worker/module_file.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 8 };

/* A path on its way to what is there without any link. */
struct walk {
	uid_t owner;
	unsigned links;      /* followed so far */
	char real[PATH_MAX]; /* where it is; "" is the root */
	struct stat st;      /* of that */
	char *reason;
};

static int refuse(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int refuse(struct walk *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(w->reason, MODULE_FILE_REASON_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Up to a width that leaves room for the reason. */
#define SHOWN "%.160s"

static int check_owner(struct walk *w)
{
	if (w->st.st_uid == 0 || w->st.st_uid == w->owner)
		return 0;
	return refuse(w, SHOWN " belongs to user %u, neither to root nor to the daemon's",
		      w->real[0] ? w->real : "/", (unsigned)w->st.st_uid);
}

static int check_directory(struct walk *w)
{
	bool others_write = w->st.st_mode & (S_IWGRP | S_IWOTH);
	int r = check_owner(w);

	if (r < 0)
		return r;
	/* The daemon's own is how its user wants it: often a group of one. */
	if (!others_write || w->st.st_mode & S_ISVTX || (w->st.st_uid == w->owner && w->owner != 0))
		return 0;
	return refuse(w, SHOWN " can be written by others", w->real[0] ? w->real : "/");
}

static int check_file(struct walk *w)
{
	int r = check_owner(w);

	if (r < 0)
		return r;
	if (!S_ISREG(w->st.st_mode))
		return refuse(w, "it is not a regular file");
	if (w->st.st_mode & (S_IWGRP | S_IWOTH))
		return refuse(w, "it can be written by others");
	return 0;
}

static int look(struct walk *w)
{
	if (lstat(w->real[0] ? w->real : "/", &w->st) < 0)
		return refuse(w, "it cannot be read: %s", strerror(errno));
	return 0;
}

static void step_up(struct walk *w)
{
	char *slash = strrchr(w->real, '/');

	if (slash)
		*slash = '\0';
}

static int step_down(struct walk *w, const char *name, size_t len)
{
	size_t n = strlen(w->real);

	if (len + 2 > sizeof w->real - n)
		return refuse(w, "the path is too long");
	w->real[n] = '/';
	memcpy(w->real + n + 1, name, len);
	w->real[n + 1 + len] = '\0';
	return look(w);
}

static int walk_path(struct walk *w, const char *path);

/* Goes on to where the link leads, from the directory that it is in. */
static int follow(struct walk *w)
{
	char target[PATH_MAX];
	int r = check_owner(w);

	if (r < 0)
		return r;
	if (++w->links > LINKS_MAX)
		return refuse(w, "the path has more than %d links", LINKS_MAX);
	ssize_t n = readlink(w->real, target, sizeof target - 1);
	if (n < 0)
		return refuse(w, "it cannot be read: %s", strerror(errno));
	target[n] = '\0';
	step_up(w);
	return walk_path(w, target);
}

static int step(struct walk *w, const char *name, size_t len)
{
	int r;

	if (len == 0 || (len == 1 && name[0] == '.'))
		return 0;
	if (len == 2 && memcmp(name, "..", 2) == 0) {
		step_up(w);
		return look(w);
	}
	if (!S_ISDIR(w->st.st_mode))
		return refuse(w, "it cannot be read: %s", strerror(ENOTDIR));
	r = step_down(w, name, len);
	if (r < 0)
		return r;
	if (S_ISLNK(w->st.st_mode))
		return follow(w);
	return S_ISDIR(w->st.st_mode) ? check_directory(w) : 0;
}

/* On return `real` is where it leads, and `st` what is there. */
static int walk_path(struct walk *w, const char *path)
{
	int r = 0;

	if (path[0] == '/')
		w->real[0] = '\0';
	r = look(w);
	if (r == 0 && path[0] == '/')
		r = check_directory(w);
	while (r == 0 && *path) {
		size_t len = strcspn(path, "/");

		r = step(w, path, len);
		path += len;
		path += strspn(path, "/");
	}
	return r;
}

int module_file_check(const char *path, uid_t owner, char reason[MODULE_FILE_REASON_MAX])
{
	struct walk w = {.owner = owner, .reason = reason};

	/* Without a slash the loader would search the system's libraries. */
	if (path[0] != '/')
		return refuse(&w, "the path is not absolute");
	int r = walk_path(&w, path);
	return r < 0 ? r : check_file(&w);
}
