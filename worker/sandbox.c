#include "worker/sandbox.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/landlock.h"
#include "worker/privileges.h"
#include "worker/rlimits.h"
#include "worker/seccomp.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
/* The check for leaks at the end traces the process: from inside a sandbox it would be killed. */
static bool is_confined;

int __lsan_is_turned_off(void) __attribute__((visibility("default")));
int __lsan_is_turned_off(void)
{
	return is_confined;
}
#endif

static int refuse(char reason[SANDBOX_REASON_MAX], int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int refuse(char reason[SANDBOX_REASON_MAX], int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(reason, SANDBOX_REASON_MAX, fmt, ap);
	va_end(ap);
	return r;
}

/* ---- files --------------------------------------------------------------- */

/* What every program needs. Not all of it is everywhere. Not below /etc or /usr as a whole: the
 * daemon's configuration is in one of them. */
static const struct {
	const char *path;
	unsigned access;
} common_files[] = {
	{"/bin", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/sbin", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/lib", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/lib32", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/lib64", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/usr/bin", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/usr/sbin", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/usr/lib", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/usr/lib32", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/usr/lib64", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/usr/libexec", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/usr/share", LANDLOCK_READ},
	{"/usr/local/bin", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/usr/local/lib", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/usr/local/share", LANDLOCK_READ},
	{"/etc/alternatives", LANDLOCK_READ},
	{"/etc/gai.conf", LANDLOCK_READ},
	{"/etc/group", LANDLOCK_READ},
	{"/etc/host.conf", LANDLOCK_READ},
	{"/etc/hosts", LANDLOCK_READ},
	{"/etc/ld.so.cache", LANDLOCK_READ},
	{"/etc/localtime", LANDLOCK_READ},
	{"/etc/nsswitch.conf", LANDLOCK_READ},
	{"/etc/passwd", LANDLOCK_READ},
	{"/etc/protocols", LANDLOCK_READ},
	{"/etc/resolv.conf", LANDLOCK_READ},
	{"/etc/services", LANDLOCK_READ},
	{"/etc/ssl/certs", LANDLOCK_READ},
	{"/etc/ssl/openssl.cnf", LANDLOCK_READ},
	{"/dev/full", LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_DEVICE},
	{"/dev/null", LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_DEVICE},
	{"/dev/random", LANDLOCK_READ | LANDLOCK_DEVICE},
	{"/dev/urandom", LANDLOCK_READ | LANDLOCK_DEVICE},
	{"/dev/zero", LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_DEVICE},
	/* Of other processes there is what everybody sees: the rest is for who may trace them. */
	{"/proc", LANDLOCK_READ},
	{"/sys/devices/system/cpu", LANDLOCK_READ},
};

static unsigned allowed(const struct sandbox *s, unsigned access)
{
	return s->programs ? access : access & ~(unsigned)LANDLOCK_EXECUTE;
}

static int allow_common(int fd, const struct sandbox *s)
{
	for (size_t i = 0; i < ARRAY_LEN(common_files); i++) {
		int r = landlock_allow(fd, common_files[i].path,
				       allowed(s, common_files[i].access));

		if (r < 0 && r != -ENOENT && r != -EACCES && r != -ENOTDIR)
			return r;
	}
	return 0;
}

/* A file that is not there fails where it is needed, with a reason of its own. */
static int allow_needs(int fd, const char *const *paths, unsigned access)
{
	for (; *paths; paths++) {
		int r = landlock_allow(fd, *paths, access);

		if (r < 0 && r != -ENOENT && r != -EACCES && r != -ENOTDIR)
			return r;
	}
	return 0;
}

static int allow_listed(int fd, const struct sandbox *s, char reason[SANDBOX_REASON_MAX])
{
	for (size_t i = 0; i < s->nreadable + s->nwritable; i++) {
		bool writable = i >= s->nreadable;
		unsigned access = writable ? LANDLOCK_READ | LANDLOCK_WRITE
					   : LANDLOCK_READ | LANDLOCK_EXECUTE;
		int r = landlock_allow(fd, s->paths[i], allowed(s, access));

		if (r < 0)
			return refuse(reason, r, "%s = '%.160s': %s",
				      writable ? "writable" : "readable", s->paths[i],
				      strerrordesc_np(-r));
	}
	return 0;
}

static int make_rules(const struct sandbox *s, const struct sandbox_needs *needs, int *ret_fd,
		      char reason[SANDBOX_REASON_MAX])
{
	CLEANUP(close_fdp) int fd = -1;
	int r = landlock_open(s->network, &fd);

	if (r == -EOPNOTSUPP)
		return r;
	if (r == 0)
		r = allow_common(fd, s);
	if (r == 0)
		r = allow_needs(fd, needs->modules, LANDLOCK_READ);
	if (r == 0)
		r = allow_needs(fd, needs->programs, allowed(s, LANDLOCK_READ | LANDLOCK_EXECUTE));
	if (r < 0)
		return refuse(reason, r, "Landlock: %s", strerrordesc_np(-r));
	r = allow_listed(fd, s, reason);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

/* ---- the whole ----------------------------------------------------------- */

/* What cannot be had: the end of the matter only where all of it was asked for. */
static int do_without(const struct sandbox *s, const char *pool, const char *what,
		      char reason[SANDBOX_REASON_MAX])
{
	if (s->mode == SANDBOX_STRICT)
		return refuse(reason, -EOPNOTSUPP, "sandbox = strict, and there is no %s here",
			      what);
	log_event(LOG_WARNING, "sandbox.partial", LOG_STR("pool", pool), LOG_STR("missing", what));
	return 0;
}

/* Before this process is anybody else: the lists may name what only the daemon can see. */
static int prepare_files(const struct sandbox *s, const struct sandbox_needs *needs,
			 const char *pool, int *ret_fd, char reason[SANDBOX_REASON_MAX])
{
	int r = make_rules(s, needs, ret_fd, reason);

	return r == -EOPNOTSUPP ? do_without(s, pool, "Landlock", reason) : r;
}

static int change_user(const struct sandbox *s, char reason[SANDBOX_REASON_MAX])
{
	int r = s->has_user ? privileges_become(s->uid, s->gid) : 0;

	if (r < 0)
		return refuse(reason, r, "it cannot become user %u: %s", s->uid,
			      strerrordesc_np(-r));
	/* Root's are root's; what another daemon has of them it has for itself. */
	r = geteuid() == 0 ? 0 : privileges_drop();
	if (r < 0)
		return refuse(reason, r, "capabilities: %s", strerrordesc_np(-r));
	/* That took it away. Whether the front has ended meanwhile is seen on its socket. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What a host could get hold of here could speak for all of them. */
	if (!s->is_traceable)
		(void)prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

static int confine(const struct sandbox *s, const char *pool, int files,
		   char reason[SANDBOX_REASON_MAX])
{
	int r = privileges_drop();

	if (r < 0)
		return refuse(reason, r, "capabilities: %s", strerrordesc_np(-r));
	r = files >= 0 ? landlock_enter(files) : 0;
	if (r < 0)
		return refuse(reason, r, "Landlock: %s", strerrordesc_np(-r));
#ifdef __SANITIZE_ADDRESS__
	is_confined = true;
#endif
	r = seccomp_enter(s->network, s->programs);
	if (r == -EOPNOTSUPP)
		return do_without(s, pool, "seccomp", reason);
	return r < 0 ? refuse(reason, r, "seccomp: %s", strerrordesc_np(-r)) : 0;
}

int sandbox_enter(const struct sandbox *s, const struct sandbox_needs *needs, const char *pool,
		  int *ret_files, char reason[SANDBOX_REASON_MAX])
{
	CLEANUP(close_fdp) int files = -1;
	int r = 0;

	if (s->mode != SANDBOX_OFF)
		r = prepare_files(s, needs, pool, &files, reason);
	if (r == 0)
		r = change_user(s, reason);
	if (r == 0 && s->mode != SANDBOX_OFF)
		r = confine(s, pool, files, reason);
	if (r == 0)
		*ret_files = TAKE_FD(files);
	return r;
}

int sandbox_enter_host(const struct sandbox *s, int files)
{
	/* Once more by itself: so it is apart from its siblings, and the zygote. */
	int r = files >= 0 ? landlock_enter(files) : 0;

	if (r == 0)
		r = rlimits_apply(s->limits);
	if (r < 0)
		return r;
	/* A core is for who may look into the process anyway; without one nobody need. */
	if (s->limits[SANDBOX_CORE] != 0 || s->is_traceable)
		return prctl(PR_SET_DUMPABLE, 1) < 0 ? -errno : 0;
	return 0;
}
