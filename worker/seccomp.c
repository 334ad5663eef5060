#include "worker/seccomp.h"

#include "common/util.h"

#include <errno.h>

const char *const seccomp_forbidden[] = {
	/* other processes */
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"pidfd_getfd",
	"kcmp",
	"process_madvise",
	/* the kernel's own programs, watchers, and its other way to make calls */
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"fanotify_init",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	/* keys that are not the process's */
	"add_key",
	"request_key",
	"keyctl",
	/* what is mounted, and ways around it */
	"mount",
	"umount2",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"pivot_root",
	"chroot",
	"open_by_handle_at",
	"unshare",
	"setns",
	"quotactl",
	"quotactl_fd",
	"swapon",
	"swapoff",
	"acct",
	/* code in the kernel, and another kernel */
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	/* the machine */
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"sethostname",
	"setdomainname",
	"syslog",
	"iopl",
	"ioperm",
	"lookup_dcookie",
	"nfsservctl",
	NULL,
};

#ifdef HAVE_SECCOMP

#include <seccomp.h>

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { NETLINK_FOR_ROUTES = 0 };

int seccomp_number(const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	return nr < 0 ? -1 : nr; /* libseccomp has numbers of its own below 0 */
}

static int forbid(scmp_filter_ctx ctx, const char *name)
{
	int nr = seccomp_number(name);

	return nr < 0 ? 0 : seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, nr, 0);
}

static int forbid_all(scmp_filter_ctx ctx)
{
	int r = 0;

	for (size_t i = 0; r == 0 && seccomp_forbidden[i]; i++)
		r = forbid(ctx, seccomp_forbidden[i]);
	return r;
}

/* No new namespaces by way of a new process. What clone3() wants lies where no filter can look:
 * it is not there, and libc takes the other. */
static int forbid_namespaces(scmp_filter_ctx ctx)
{
	static const unsigned flags[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,   CLONE_NEWUSER,
					 CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(flags); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return r;
}

/* Families but those of paths and addresses. The comparisons are of 64 bits and the kernel takes
 * an int: what a caller puts above it makes it large. */
static int forbid_families(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket), 1,
				 SCMP_A0(SCMP_CMP_GT, AF_NETLINK));

	for (uint64_t family = 0; r == 0 && family < AF_NETLINK; family++) {
		if (family == AF_UNIX || family == AF_INET || family == AF_INET6)
			continue;
		r = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, family));
	}
	/* getaddrinfo() asks which addresses there are. */
	return r < 0 ? r
		     : seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket), 2,
					SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
					SCMP_A2(SCMP_CMP_NE, NETLINK_FOR_ROUTES));
}

static int forbid_sockets(scmp_filter_ctx ctx, bool network)
{
	return network ? forbid_families(ctx) : forbid(ctx, "socket");
}

static int forbid_programs(scmp_filter_ctx ctx, bool programs)
{
	int r = programs ? 0 : forbid(ctx, "execve");

	return r < 0 || programs ? r : forbid(ctx, "execveat");
}

/* Input for a terminal that is not the process's. */
static int forbid_typing(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(ioctl), 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCSTI));
}

static int add_rules(scmp_filter_ctx ctx, bool network, bool programs)
{
	int r = forbid_all(ctx);

	if (r == 0)
		r = forbid_namespaces(ctx);
	if (r == 0)
		r = forbid_sockets(ctx, network);
	if (r == 0)
		r = forbid_programs(ctx, programs);
	return r < 0 ? r : forbid_typing(ctx);
}

/* Calls by the numbers of another architecture would get around it all. */
static int set_attributes(scmp_filter_ctx ctx)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (r == 0) /* a tree instead of a list: every call passes through it */
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	return r;
}

int seccomp_enter(bool network, bool programs)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (!ctx)
		return -ENOMEM;
	int r = set_attributes(ctx);
	if (r == 0)
		r = add_rules(ctx, network, programs);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r == -EINVAL || r == -ENOSYS ? -EOPNOTSUPP : r;
}

#else

int seccomp_number(const char *name)
{
	(void)name;
	return -1;
}

int seccomp_enter(bool network, bool programs)
{
	(void)network, (void)programs;
	return -EOPNOTSUPP;
}

#endif
