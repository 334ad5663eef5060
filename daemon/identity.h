/*
 * Who a client is: found from what the kernel or a certificate says of it, never from what it
 * says itself.
 *
 *   unix:1000               who connected to a Unix socket as this user
 *   tcp                     who came over TCP without a certificate: all of them are one
 *   spiffe://ex/billing     anything else: the name in a certificate
 *
 * Those who may do everything are one identity together, `unrestricted`: without any section all
 * clients, else who owns the daemon.
 *
 * A name is printable ASCII without spaces. A certificate with another one, or with one that
 * another kind of client has, is nobody's; so a name says who it is.
 */
#ifndef DAEMON_IDENTITY_H
#define DAEMON_IDENTITY_H

#include "daemon/config.h"

#include <stdbool.h>
#include <stdint.h>

#define IDENTITY_UNRESTRICTED "unrestricted"

enum { IDENTITY_NAME_SIZE = 256 };

struct session;

struct identity {
	enum identity_kind kind;
	uint32_t uid;  /* IDENTITY_USER */
	bool is_owner; /* root, the user that the daemon runs as, or its own program */
	char name[IDENTITY_NAME_SIZE];
};

/* Who is at the other end. 0, or -EACCES: nobody. */
int identity_of(const struct session *s, struct identity *ret);

bool identity_is_certificate_name(const char *name);

#endif
