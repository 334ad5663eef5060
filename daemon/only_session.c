#include "daemon/only_session.h"

#include "common/log.h"
#include "common/util.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static void on_program_gone(evutil_socket_t fd, short what, void *arg);

int only_session_prepare(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int);
	int type, flags;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	if (type != SOCK_STREAM)
		return -EPROTOTYPE;
	len = sizeof peer;
	if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
		return -errno;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

bool only_session_exists(const struct daemon *d)
{
	return d->options->session_fd > 0;
}

/* The pid, 0 when there is none that can be seen from here: then only the socket tells. */
static pid_t maker_of(int fd)
{
	struct ucred who = {0};
	socklen_t len = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ? 0 : who.pid;
}

int only_session_init(struct daemon *d)
{
	struct only_session *o = &d->only_session;

	if (!only_session_exists(d))
		return 0;
	o->fd = d->options->session_fd;
	pid_t program = maker_of(o->fd);
	if (program <= 0)
		return 0;
	o->program_fd = (int)syscall(SYS_pidfd_open, program, 0);
	if (o->program_fd < 0) {
		o->has_lost_program = errno == ESRCH;
		return o->has_lost_program ? 0 : -errno;
	}
	o->on_program_gone = event_new(d->base, o->program_fd, EV_READ, on_program_gone, d);
	return o->on_program_gone && event_add(o->on_program_gone, NULL) == 0 ? 0 : -ENOMEM;
}

void only_session_done(struct daemon *d)
{
	struct only_session *o = &d->only_session;

	if (o->on_program_gone)
		event_free(o->on_program_gone);
	o->on_program_gone = NULL;
	o->program_fd = close_fd(o->program_fd);
	o->fd = close_fd(o->fd);
}

void only_session_open(struct daemon *d)
{
	struct only_session *o = &d->only_session;

	o->is_open = true;
	session_open(d, NULL, TAKE_FD(o->fd));
}

bool only_session_is_over(const struct daemon *d)
{
	const struct only_session *o = &d->only_session;

	return o->has_lost_program || (o->is_open && LIST_EMPTY(&d->sessions));
}

static void on_program_gone(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd, (void)what;
	d->only_session.has_lost_program = true;
	while (!LIST_EMPTY(&d->sessions))
		session_close(LIST_FIRST(&d->sessions), "the program is gone");
}
