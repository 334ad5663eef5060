#include "tests/lib/wallclock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

struct shared {
	_Atomic int64_t shift_s;
	_Atomic uint64_t calls;
};

static struct shared *shared;
static int is_owner;

static struct shared *map(const char *path, int flags)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
	void *p = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(struct shared)) == 0)
		p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return p == MAP_FAILED ? NULL : p;
}

__attribute__((constructor)) static void join(void)
{
	const char *path = getenv(WALLCLOCK_FILE);

	if (path && *path)
		shared = map(path, 0);
}

VISIBLE void wallclock_share(const char *path)
{
	shared = map(path, O_CREAT);
	if (!shared)
		abort();
	is_owner = 1;
}

VISIBLE void wallclock_shift(int64_t seconds)
{
	shared->shift_s = seconds;
}

VISIBLE uint64_t wallclock_calls(void)
{
	return shared->calls;
}

static int is_time_of_day(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

VISIBLE int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (!shared || r < 0)
		return r;
	if (!is_owner)
		shared->calls++;
	if (is_time_of_day(clock))
		ret->tv_sec += shared->shift_s;
	return r;
}

VISIBLE int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return -1;
	*ret = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}

VISIBLE time_t time(time_t *ret)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return -1;
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}
