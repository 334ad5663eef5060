#include "daemon/identity.h"

#include "daemon/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Static_assert((int)TLS_IDENTITY_MAX_BYTES < (int)IDENTITY_NAME_SIZE, "a certificate's name fits");

bool identity_is_certificate_name(const char *name)
{
	size_t n = 0;

	for (; name[n]; n++) {
		if (name[n] <= ' ' || name[n] > '~')
			return false;
	}
	return n > 0 && n <= TLS_IDENTITY_MAX_BYTES && strncmp(name, "unix:", 5) != 0 &&
	       strcmp(name, "tcp") != 0 && strcmp(name, IDENTITY_UNRESTRICTED) != 0;
}

static int of_certificate(const char *name, struct identity *ret)
{
	if (!identity_is_certificate_name(name))
		return -EACCES;
	ret->kind = IDENTITY_CERTIFICATE;
	(void)snprintf(ret->name, sizeof ret->name, "%s", name);
	return 0;
}

static int of_user(uid_t uid, struct identity *ret)
{
	ret->kind = IDENTITY_USER;
	ret->uid = uid;
	ret->is_owner = uid == 0 || uid == geteuid();
	(void)snprintf(ret->name, sizeof ret->name, "unix:%u", (unsigned)uid);
	return 0;
}

int identity_of(const struct session *s, struct identity *ret)
{
	*ret = (struct identity){.kind = IDENTITY_TCP, .name = "tcp"};
	if (s->is_only)
		return of_user(geteuid(), ret); /* its socket was never anybody else's */
	if (s->certificate.len > 0)
		return of_certificate(s->certificate.bytes, ret);
	switch (s->peer.kind) {
	case PEER_UNIX:
		return of_user(s->peer.uid, ret);
	case PEER_TCP:
		return 0;
	case PEER_UNKNOWN:
		break;
	}
	return -EACCES;
}
