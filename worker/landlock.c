#include "worker/landlock.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the kernel's user-space interface, where the headers may be older. The numbers are
 * those of every architecture. */
enum { NR_CREATE_RULESET = 444, NR_ADD_RULE = 445, NR_RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define FS_EXECUTE   (1u << 0)
#define FS_WRITE     (1u << 1)
#define FS_READ      (1u << 2)
#define FS_READ_DIR  (1u << 3)
#define FS_MAKE      (0x1ff0u) /* remove 2 kinds, make 7 kinds */
#define FS_REFER     (1u << 13)
#define FS_TRUNCATE  (1u << 14)
#define FS_IOCTL_DEV (1u << 15)
#define FS_OF_FILES  (FS_EXECUTE | FS_WRITE | FS_READ | FS_TRUNCATE | FS_IOCTL_DEV)

#define NET_TCP    (3u) /* bind, connect */
#define SCOPED_ALL (3u) /* abstract sockets, signals */

enum { VERSION_NET = 4, VERSION_SCOPED = 6 };

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_attr {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

int landlock_version(void)
{
	long n = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

	return n > 0 ? (int)n : 0;
}

/* All that this version can forbid. */
static uint64_t known_fs(int version)
{
	uint64_t fs = FS_EXECUTE | FS_WRITE | FS_READ | FS_READ_DIR | FS_MAKE;

	if (version >= 2)
		fs |= FS_REFER;
	if (version >= 3)
		fs |= FS_TRUNCATE;
	if (version >= 5)
		fs |= FS_IOCTL_DEV;
	return fs;
}

int landlock_open(bool network, int *ret_fd)
{
	int version = landlock_version();
	struct ruleset_attr attr = {
		.fs = known_fs(version),
		.net = version >= VERSION_NET && !network ? NET_TCP : 0,
		.scoped = version >= VERSION_SCOPED ? SCOPED_ALL : 0,
	};
	size_t size = sizeof attr;

	if (version == 0)
		return -EOPNOTSUPP;
	if (version < VERSION_SCOPED)
		size = offsetof(struct ruleset_attr, scoped);
	if (version < VERSION_NET)
		size = offsetof(struct ruleset_attr, net);
	/* Close-on-exec by itself. */
	int fd = (int)syscall(NR_CREATE_RULESET, &attr, size, 0);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static uint64_t fs_of(unsigned access)
{
	uint64_t fs = 0;

	if (access & LANDLOCK_READ)
		fs |= FS_READ | FS_READ_DIR;
	if (access & LANDLOCK_WRITE)
		fs |= FS_WRITE | FS_MAKE | FS_REFER | FS_TRUNCATE;
	if (access & LANDLOCK_EXECUTE)
		fs |= FS_EXECUTE;
	if (access & LANDLOCK_DEVICE)
		fs |= FS_IOCTL_DEV;
	return fs;
}

int landlock_allow(int fd, const char *path, unsigned access)
{
	CLEANUP(close_fdp) int path_fd = open(path, O_PATH | O_CLOEXEC);
	struct path_attr attr = {.access = fs_of(access) & known_fs(landlock_version())};
	struct stat st;

	if (path_fd < 0 || fstat(path_fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		attr.access &= FS_OF_FILES;
	attr.fd = path_fd;
	return syscall(NR_ADD_RULE, fd, RULE_PATH_BENEATH, &attr, 0) < 0 ? -errno : 0;
}

int landlock_enter(int fd)
{
	return syscall(NR_RESTRICT_SELF, fd, 0) < 0 ? -errno : 0;
}
