/*
 * What the processes of a pool may do: the daemon's configuration decides, and the pool's
 * zygote puts it on itself before it loads a module, for all that it forks.
 *
 * Crosses the control socket as text that only a program of the same build can read.
 */
#ifndef PROTO_SANDBOX_H
#define PROTO_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SANDBOX_PATHS_MAX = 64,             /* of both lists together */
	SANDBOX_PATHS_MAX_BYTES = 8 * 1024, /* likewise, with an end and a mark each */
	SANDBOX_TEXT_MAX = SANDBOX_PATHS_MAX_BYTES + 512,
};

enum sandbox_mode {
	SANDBOX_OFF,
	SANDBOX_ON,     /* as much as the kernel can */
	SANDBOX_STRICT, /* all of it, or no pool */
};

enum sandbox_limit {
	SANDBOX_ADDRESS_SPACE, /* bytes */
	SANDBOX_CORE,          /* bytes */
	SANDBOX_CPU,           /* seconds */
	SANDBOX_FILE_SIZE,     /* bytes */
	SANDBOX_OPEN_FILES,
	SANDBOX_PROCESSES,
	SANDBOX_NLIMITS
};

#define SANDBOX_INHERIT UINT64_MAX /* the limit that the daemon has */

struct sandbox {
	enum sandbox_mode mode;
	bool network;      /* sockets */
	bool programs;     /* execve() */
	bool is_traceable; /* by debuggers of the same user, the zygote too */
	bool has_user;     /* else the daemon's */
	uint32_t uid, gid;
	uint64_t limits[SANDBOX_NLIMITS];

	/* Files and what is below directories, besides what every program needs; absolute. */
	char *paths[SANDBOX_PATHS_MAX];
	size_t nreadable; /* come first */
	size_t nwritable;
};

/* Nothing is confined. */
void sandbox_init(struct sandbox *s);

/* Frees the paths. */
void sandbox_done(struct sandbox *s);

/* Takes the path, which the sandbox then owns. All that can be read come before the first that
 * can be written. 0, or -E2BIG, and the path is freed. */
int sandbox_add_readable(struct sandbox *s, char *path);
int sandbox_add_writable(struct sandbox *s, char *path);

/* Returns the length. */
size_t sandbox_encode(const struct sandbox *s, char ret[SANDBOX_TEXT_MAX]);

/* 0 and a sandbox that is the caller's, -EPROTO or -ENOMEM. */
int sandbox_decode(const char *text, size_t len, struct sandbox *ret);

#endif
