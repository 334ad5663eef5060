#include "proto/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In front of the paths, each of which ends with NUL. */
struct head {
	uint32_t mode, network, programs, is_traceable, has_user, uid, gid;
	uint32_t nreadable, nwritable;
	uint64_t limits[SANDBOX_NLIMITS];
};

_Static_assert(sizeof(struct head) + SANDBOX_PATHS_MAX_BYTES <= SANDBOX_TEXT_MAX, "it has room");

void sandbox_init(struct sandbox *s)
{
	*s = (struct sandbox){.mode = SANDBOX_OFF, .network = true, .programs = true};
	for (int i = 0; i < SANDBOX_NLIMITS; i++)
		s->limits[i] = SANDBOX_INHERIT;
}

void sandbox_done(struct sandbox *s)
{
	for (size_t i = 0; i < s->nreadable + s->nwritable; i++)
		free(s->paths[i]);
	s->nreadable = s->nwritable = 0;
}

static size_t paths_bytes(const struct sandbox *s)
{
	size_t bytes = 0;

	for (size_t i = 0; i < s->nreadable + s->nwritable; i++)
		bytes += strlen(s->paths[i]) + 1;
	return bytes;
}

static int add_path(struct sandbox *s, size_t *counter, char *path)
{
	size_t n = s->nreadable + s->nwritable;

	if (n >= SANDBOX_PATHS_MAX || strlen(path) + 1 > SANDBOX_PATHS_MAX_BYTES - paths_bytes(s)) {
		free(path);
		return -E2BIG;
	}
	s->paths[n] = path;
	(*counter)++;
	return 0;
}

int sandbox_add_readable(struct sandbox *s, char *path)
{
	assert(s->nwritable == 0);
	return add_path(s, &s->nreadable, path);
}

int sandbox_add_writable(struct sandbox *s, char *path)
{
	return add_path(s, &s->nwritable, path);
}

size_t sandbox_encode(const struct sandbox *s, char ret[SANDBOX_TEXT_MAX])
{
	struct head head = {
		.mode = s->mode,
		.network = s->network,
		.programs = s->programs,
		.is_traceable = s->is_traceable,
		.has_user = s->has_user,
		.uid = s->uid,
		.gid = s->gid,
		.nreadable = (uint32_t)s->nreadable,
		.nwritable = (uint32_t)s->nwritable,
	};
	size_t len = sizeof head;

	memcpy(head.limits, s->limits, sizeof head.limits);
	memcpy(ret, &head, sizeof head);
	for (size_t i = 0; i < s->nreadable + s->nwritable; i++) {
		size_t n = strlen(s->paths[i]) + 1;
		memcpy(ret + len, s->paths[i], n);
		len += n;
	}
	return len;
}

/* The next of the paths in the text, copied. */
static int take_path(const char **at, const char *end, struct sandbox *s, bool is_readable)
{
	size_t len = strnlen(*at, (size_t)(end - *at));
	char *path;

	if (*at + len == end || **at != '/')
		return -EPROTO;
	path = strdup(*at);
	if (!path)
		return -ENOMEM;
	*at += len + 1;
	int r = is_readable ? sandbox_add_readable(s, path) : sandbox_add_writable(s, path);
	return r < 0 ? -EPROTO : 0;
}

static int take_paths(const struct head *head, const char *text, size_t len, struct sandbox *s)
{
	const char *at = text, *end = text + len;
	int r = 0;

	for (uint32_t i = 0; i < head->nreadable && r == 0; i++)
		r = take_path(&at, end, s, true);
	for (uint32_t i = 0; i < head->nwritable && r == 0; i++)
		r = take_path(&at, end, s, false);
	return r == 0 && at != end ? -EPROTO : r;
}

int sandbox_decode(const char *text, size_t len, struct sandbox *ret)
{
	struct sandbox s = {.mode = SANDBOX_OFF};
	struct head head;

	if (len < sizeof head)
		return -EPROTO;
	memcpy(&head, text, sizeof head);
	if (head.mode > SANDBOX_STRICT)
		return -EPROTO;
	s.mode = (enum sandbox_mode)head.mode;
	s.network = head.network;
	s.programs = head.programs;
	s.is_traceable = head.is_traceable;
	s.has_user = head.has_user;
	s.uid = head.uid;
	s.gid = head.gid;
	memcpy(s.limits, head.limits, sizeof s.limits);
	int r = take_paths(&head, text + sizeof head, len - sizeof head, &s);
	if (r < 0)
		sandbox_done(&s);
	else
		*ret = s;
	return r;
}
