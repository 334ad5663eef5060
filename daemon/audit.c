#include "daemon/audit.h"

#include "common/log.h"
#include "common/util.h"
#include "daemon/account.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { INTERVAL_US = 1000000 / AUDIT_PER_SECOND, BURST_US = AUDIT_BURST * INTERVAL_US };

/* The level is for the log; a file has all but what nobody asked for. */
static const struct {
	const char *event;
	enum log_level level;
} kinds[AUDIT_NKINDS] = {
	[AUDIT_CONNECT] = {"audit.connect", LOG_DEBUG},
	[AUDIT_IDENTITY] = {"audit.identity", LOG_DEBUG},
	[AUDIT_DENY] = {"audit.deny", LOG_WARNING},
	[AUDIT_ADMIN] = {"audit.admin", LOG_INFO},
	[AUDIT_RELOAD] = {"audit.reload", LOG_INFO},
	[AUDIT_SUBMIT] = {"audit.submit", LOG_DEBUG},
};

/* ---- the file ------------------------------------------------------------ */

void audit_init(struct audit *a)
{
	*a = (struct audit){.fd = -1};
}

static int report(const char *path, int r)
{
	log_event(LOG_ERROR, "audit.failed", LOG_STR("path", path),
		  LOG_STR("reason", strerror(-r)));
	return r;
}

int audit_open(struct audit *a, const char *path)
{
	int fd = -1;

	if (path) {
		/* A fifo without a reader must not hold the daemon up; nor may a link lead away. */
		fd = open(path,
			  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY |
				  O_NONBLOCK,
			  0600);
		if (fd < 0)
			return report(path, -errno);
	}
	close_fd(a->fd);
	a->fd = fd;
	return 0;
}

/* ---- one line ------------------------------------------------------------ */

static size_t put_time(char *line, size_t size)
{
	struct timespec now;
	struct tm parts;
	char seconds[32];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &parts);
	(void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
	return (size_t)snprintf(line, size, "time=%s.%03dZ ", seconds,
				(int)(now.tv_nsec / 1000000));
}

static void write_line(const struct audit *a, enum log_level level, const char *event,
		       const struct log_field *fields)
{
	char line[64 + LOG_LINE_MAX];

	if (a->fd < 0) {
		log_fields(level, event, fields);
		return;
	}
	size_t n = put_time(line, 64);
	n += log_format(line + n, level, event, fields);
	/* One write, so that lines stay whole where others append too. What cannot be written (a
	 * full disk) is at least in the log. */
	if (write(a->fd, line, n) != (ssize_t)n)
		log_fields(level, event, fields);
}

static void tell_omitted(struct audit *a, enum audit_kind kind)
{
	uint64_t n = a->kinds[kind].omitted;

	if (n == 0)
		return;
	a->kinds[kind].omitted = 0;
	write_line(a, LOG_WARNING, "audit.omitted",
		   (const struct log_field[]){
			   LOG_STR("of", kinds[kind].event), LOG_UINT("count", n), {0}});
}

void audit_done(struct audit *a)
{
	for (int kind = 0; kind < AUDIT_NKINDS; kind++)
		tell_omitted(a, (enum audit_kind)kind);
	a->fd = close_fd(a->fd);
}

static bool take_turn(struct audit *a, enum audit_kind kind, uint64_t now_us)
{
	uint64_t from_us = max_u64(a->kinds[kind].paid_until_us, now_us);

	if (from_us + INTERVAL_US - now_us > BURST_US) {
		a->kinds[kind].omitted++;
		return false;
	}
	a->kinds[kind].paid_until_us = from_us + INTERVAL_US;
	return true;
}

static void put(struct daemon *d, enum audit_kind kind, const struct log_field *fields)
{
	if (d->audit.fd < 0 && kinds[kind].level > d->config->log_level)
		return;
	if (!take_turn(&d->audit, kind, d->now_us))
		return;
	tell_omitted(&d->audit, kind);
	write_line(&d->audit, kinds[kind].level, kinds[kind].event, fields);
}

#define PUT(d, kind, ...) put((d), (kind), (const struct log_field[]){__VA_ARGS__, {0}})

/* ---- what there is to say ------------------------------------------------ */

static const char *name_of(const struct session *s)
{
	return s->account ? s->account->name : "";
}

void audit_connect(const struct session *s)
{
	PUT(s->daemon, AUDIT_CONNECT, LOG_UINT("session", s->number),
	    LOG_STR("peer", s->peer.text));
}

void audit_identity(const struct session *s)
{
	PUT(s->daemon, AUDIT_IDENTITY, LOG_UINT("session", s->number),
	    LOG_STR("peer", s->peer.text), LOG_STR("identity", name_of(s)),
	    LOG_STR("section", s->rules ? s->rules->name : ""), LOG_STR("pool", s->pool->name));
}

void audit_submit(const struct session *s, const char *task)
{
	PUT(s->daemon, AUDIT_SUBMIT, LOG_UINT("session", s->number),
	    LOG_STR("identity", name_of(s)), LOG_STR("task", task));
}

void audit_deny(const struct session *s, const char *what, struct span name)
{
	PUT(s->daemon, AUDIT_DENY, LOG_UINT("session", s->number), LOG_STR("peer", s->peer.text),
	    LOG_STR("identity", name_of(s)), LOG_STR("what", what),
	    LOG_BYTES("name", name.data, name.len));
}

void audit_admin(const struct session *s, const char *what)
{
	PUT(s->daemon, AUDIT_ADMIN, LOG_UINT("session", s->number), LOG_STR("peer", s->peer.text),
	    LOG_STR("identity", name_of(s)), LOG_STR("what", what));
}

void audit_reload(struct daemon *d, const char *how)
{
	PUT(d, AUDIT_RELOAD, LOG_STR("result", how));
}
