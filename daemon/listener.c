#include "daemon/listener.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/daemon.h"
#include "net/address.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024, ACCEPTS_PER_CALL = 64, RETRY_US = 100 * 1000 };

static void on_retry_due(struct timer *t)
{
	struct listener *l = container_of(t, struct listener, retry_timer);

	(void)event_add(l->on_accept, NULL);
}

/* Without descriptors or memory the connection stays where it is, and the socket readable:
 * trying at once would do nothing else any more. */
static void pause_accepting(struct listener *l, int error)
{
	struct daemon *d = l->daemon;

	if (guard_may_log(d))
		log_event(LOG_ERROR, "listener.accept", LOG_STR("reason", strerror(error)));
	if (timer_set(&d->timers, &l->retry_timer, clock_now_us() + RETRY_US) == 0)
		event_del(l->on_accept);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)what;
	l->daemon->now_us = clock_now_us();
	for (int i = 0; i < ACCEPTS_PER_CALL; i++) {
		if (guard_is_short_of_fds(&l->daemon->guard, fd)) {
			pause_accepting(l, EMFILE);
			return;
		}
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				pause_accepting(l, errno);
			return;
		}
		session_open(l->daemon, l, client);
	}
}

static int report(const char *url, int r, const char *why)
{
	log_event(LOG_ERROR, "listener.failed", LOG_STR("url", url),
		  LOG_STR("reason", why ? why : strerror(-r)));
	return r;
}

static int listener_build(struct listener *l, const struct url *u)
{
	int r = address_listen(u, LISTEN_BACKLOG, &l->fd);

	if (r < 0)
		return r;
	if (u->scheme == URL_UNIX && u->path[0] != '@' && !(l->unlink_path = strdup(u->path)))
		return -ENOMEM;
	l->on_accept = event_new(l->daemon->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
	return l->on_accept && event_add(l->on_accept, NULL) == 0 ? 0 : -ENOMEM;
}

int listener_open(struct daemon *d, const char *text)
{
	char name[ADDRESS_TEXT_MAX];
	const char *why = NULL;
	struct url u;
	int r = url_parse(text, &u, &why);

	if (r < 0)
		return report(text, r, why);
	if (u.scheme == URL_LOCAL) {
		url_done(&u);
		return report(text, -EAFNOSUPPORT, "nobody can connect to a local: URL");
	}
	if (u.scheme == URL_TLS && !d->secure.context) {
		url_done(&u);
		return report(text, -EINVAL, "the configuration has no section tls");
	}
	if (u.scheme != URL_TLS && !d->config->insecure && !address_is_loopback(&u)) {
		url_done(&u);
		return report(
			text, -EACCES,
			"plain TCP beyond loopback needs insecure = true in the configuration");
	}
	struct listener *l = calloc(1, sizeof *l);
	if (!l) {
		url_done(&u);
		return report(text, -ENOMEM, NULL);
	}
	l->daemon = d;
	l->fd = -1;
	l->is_tls = u.scheme == URL_TLS;
	timer_init(&l->retry_timer, on_retry_due);
	LIST_INSERT_HEAD(&d->listeners, l, node);
	r = listener_build(l, &u);
	if (r == 0)
		address_of_listener(&u, l->fd, name);
	url_done(&u);
	if (r < 0) {
		listener_close(l);
		return report(text, r, NULL);
	}
	log_event(LOG_INFO, "listener.open", LOG_STR("url", name));
	return 0;
}

void listener_close(struct listener *l)
{
	LIST_REMOVE(l, node);
	timer_cancel(&l->daemon->timers, &l->retry_timer);
	if (l->on_accept)
		event_free(l->on_accept);
	close_fd(l->fd);
	if (l->unlink_path)
		(void)unlink(l->unlink_path);
	free(l->unlink_path);
	free(l);
}
