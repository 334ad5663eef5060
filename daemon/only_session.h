/*
 * The one session of a daemon that a program started for itself, on a socket that was
 * connected before the daemon began (--session-fd). Such a daemon listens nowhere.
 *
 *   waiting   the pools load; what the program says lies in the socket
 *   open      a session like any other, see session.h
 *   over      the socket closed, or the program is gone: the daemon ends
 *
 * A child of the program may hold a copy of its end of the socket for as long as it likes;
 * so the process that made the socket is watched as well. Loop thread only.
 */
#ifndef DAEMON_ONLY_SESSION_H
#define DAEMON_ONLY_SESSION_H

#include <stdbool.h>

struct daemon;
struct event;

struct only_session {
	int fd;         /* until the session is open */
	int program_fd; /* of the process that made the socket; -1 when there is none to watch */
	struct event *on_program_gone;
	bool is_open, has_lost_program;
};

/* Without --session-fd there is none, and all of these do nothing. */
int only_session_init(struct daemon *d); /* 0 or -errno */
void only_session_done(struct daemon *d);

bool only_session_exists(const struct daemon *d);

/* Once the pools can take jobs. */
void only_session_open(struct daemon *d);

bool only_session_is_over(const struct daemon *d);

/* Makes the descriptor fit to be one: 0, -ENOTCONN, or what else is wrong with it. */
int only_session_prepare(int fd);

#endif
