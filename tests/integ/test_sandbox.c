/*
 * What a task gets hold of: of the daemon, of its files, of the machine. Each test starts a pool
 * with a sandbox, or what every pool has without one, and has a task try.
 */
#include "tests/integ/e2e.h"

#include "worker/landlock.h"
#include "worker/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KINDS = 2 };

static char key_path[96], public_path[96], public_file[112];

/* A key that the daemon reads and nobody else, and a directory that is meant for tasks. The
 * daemon is as it is where nobody debugs it. */
static void start_pool(int kind, const char *in_pool)
{
	static const char *const env[] = {"FUTURED_TRACEABLE=", "SECRET=hidden",    "WANTED=seen",
					  "WANTED_TOO=seen",    "LD_SECRET=hidden", NULL};
	char text[1200];

	snprintf(text, sizeof text,
		 "kill_grace = 500ms\n"
		 "command cat {\n exec = {\"/bin/cat\"}\n}\n"
		 "pool p {\n kind = %s\n slots = 1\n breaker_crashes = 0\n"
		 " modules = {testmod_sandbox, testmod_plan, basic}\n%s\n}\n",
		 kind_of(kind), in_pool);
	d = tdaemon_start_with(.config = text, .env = env);
	x = open_url(d->unix_url, "p");
	tdaemon_path(d, "key", key_path, sizeof key_path);
	tfile_write(key_path, "PRIVATE KEY");
}

/* The same, with readable or writable = the public directory. */
static void start_public(int kind, const char *in_pool, const char *option)
{
	char text[400], dir[] = "/tmp/tsandbox-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(dir));
	strcpy(public_path, dir);
	snprintf(public_file, sizeof public_file, "%s/file", public_path);
	tfile_write(public_file, "for all");
	snprintf(text, sizeof text, "%s\n %s = {'%s'}", in_pool, option, public_path);
	start_pool(kind, text);
}

static void remove_public(void)
{
	(void)remove(public_file);
	(void)rmdir(public_path);
}

/* What the task returns. */
static const char *ask(const char *task, const char *payload)
{
	static char text[8192];
	fut_future *f = submit(task, payload);
	fut_error *e = NULL;
	fut_bytes value;

	if (fut_result(f, PATIENCE_US, &value, &e) != FUT_OK) {
		fprintf(stderr, "# %s(%s): %s (%s)\n", task, payload, fut_error_message(e),
			fut_error_detail(e));
		tdaemon_fail(d, __FILE__, __LINE__, "the task failed");
	}
	snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.data);
	fut_future_unref(f);
	return text;
}

#define must_say(task, payload, text) ck_assert_str_eq(ask(task, payload), text)

/* The task's process is ended for what it did, and the error says so. */
static void must_be_ended(const char *task, const char *payload)
{
	fut_future *f = submit(task, payload);
	fut_error *e = must_fail(f, FUT_HOST_DIED);
	const fut_death *death = fut_error_death(e);

	ck_assert_ptr_nonnull(death);
	if (death->cause != FUT_DEATH_SANDBOX || death->signal != SIGSYS)
		ck_abort_msg("%s(%s): %s", task, payload, fut_error_detail(e));
	fut_error_unref(e);
	fut_future_unref(f);
}

static const char *why_no_seccomp(void)
{
	return seccomp_number("ptrace") < 0 ? "built without libseccomp" : NULL;
}

static const char *why_no_landlock(void)
{
	return landlock_version() == 0 ? "the kernel has no Landlock" : NULL;
}

static const char *why_not_strict(void)
{
	return why_no_seccomp() ? why_no_seccomp() : why_no_landlock();
}

static const char *why_root(void)
{
	return geteuid() == 0 ? "root may look into every process" : NULL;
}

static const char *why_not_hidden(void)
{
	return td_is_sanitized() ? "a leak checker must look into it" : why_root();
}

static const char *number(long n)
{
	static char text[24];

	snprintf(text, sizeof text, "%ld", n);
	return text;
}

/* ---- always --------------------------------------------------------------- */

START_TEST(test_every_pool)
{
	char want[96];

	start_pool(_i, "");
	snprintf(want, sizeof want, "uid=%u gid=%u groups=%d nnp=1 leads=1", (unsigned)getuid(),
		 (unsigned)getgid(), getgroups(0, NULL));
	must_say("identity", "", want);
	must_say("ordinary", "", "0");
	must_say("dumpable", "", "1");
	stop();
}
END_TEST

/* Its standard streams, and what it wakes the front by. */
START_TEST(test_descriptors)
{
	int leaked = open("/dev/zero", O_RDONLY); /* not close-on-exec: the daemon has it */
	char *list, *line;
	unsigned n = 0;

	ck_assert_int_ge(leaked, 0);
	start_pool(_i, _i & 2 ? "sandbox = on" : "");
	list = strdup(ask("descriptors", "self"));
	ck_assert_ptr_nonnull(list);
	for (char *at = list; (line = strsep(&at, "\n")) && *line; n++)
		ck_assert_msg(atoi(line) <= STDERR_FILENO || strstr(line, "eventfd"), "%s", line);
	ck_assert_uint_eq(n, 4);
	ck_assert_ptr_nonnull(strstr(ask("descriptors", "self"), "0 /dev/null\n"));
	free(list);
	close(leaked);
	stop();
}
END_TEST

START_TEST(test_clean_environment)
{
	start_pool(_i, "environment = {'WANTED*', 'MADE=here', 'HOME=/nowhere', 'LD_*'}");
	must_say("variable", "SECRET", "(none)");
	must_say("variable", "LD_SECRET", "(none)");
	must_say("variable", "FUTURED_TRACEABLE", "(none)");
	must_say("variable", "WANTED", "seen");
	must_say("variable", "WANTED_TOO", "seen");
	must_say("variable", "MADE", "here");
	must_say("variable", "HOME", "/nowhere");
	ck_assert_str_eq(ask("variable", "PATH"), getenv("PATH"));
	stop();
}
END_TEST

START_TEST(test_kernel_limits)
{
	struct rlimit files;
	char want[128];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	start_pool(_i, "limit_core = 0\n limit_cpu = 90500ms\n limit_file_size = 1M\n"
		       " limit_open_files = 64");
	snprintf(want, sizeof want, " 0 91 %d 64 ", 1 << 20);
	ck_assert_ptr_nonnull(strstr(ask("limits", ""), want));
	must_say("dumpable", "", "0");
	stop();
	start_pool(_i, "");
	snprintf(want, sizeof want, " %llu ", (unsigned long long)files.rlim_cur);
	ck_assert_ptr_nonnull(strstr(ask("limits", ""), want));
	stop();
}
END_TEST

START_TEST(test_over_the_cpu_limit)
{
	start_pool(_i, "limit_cpu = 1s");
	fut_future *f = submit("burn", "60000000");
	fut_error *e = must_fail(f, FUT_HOST_DIED);
	ck_assert_int_eq(fut_error_death(e)->cause, FUT_DEATH_RESOURCE_LIMIT);
	ck_assert_int_eq(fut_error_death(e)->signal, SIGXCPU);
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

/* Without any sandbox: the daemon and the zygote are not there to be looked into. */
START_TEST(test_the_daemon_is_closed)
{
	char path[64];
	long zygote;

	start_pool(_i, "");
	zygote = tdaemon_zygote(d, "p");
	must_say("descriptors", number(d->pid), "EACCES");
	must_say("descriptors", number(zygote), "EACCES");
	must_say("trace", number(d->pid), "EPERM");
	must_say("trace", number(zygote), "EPERM");
	snprintf(path, sizeof path, "/proc/%d/mem", (int)d->pid);
	must_say("steal", path, "EACCES");
	snprintf(path, sizeof path, "/proc/%d/environ", (int)d->pid);
	must_say("steal", path, "EACCES");
	stop();
}
END_TEST

/* Whoever reads what everybody may read of a process still can: ps, and the daemon itself. */
START_TEST(test_what_everybody_may_see)
{
	char path[64], text[64] = "";

	start_pool(_i, "");
	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)tdaemon_zygote(d, "p"));
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(text, 1, sizeof text - 1, f), 0);
	fclose(f);
	ck_assert_str_eq(text, "futured-worker: zygote of p");
	stop();
}
END_TEST

/* ---- system calls --------------------------------------------------------- */

START_TEST(test_every_forbidden_call)
{
	/* Whatever the list becomes, these are on it. */
	static const char *const named[] = {"ptrace",
					    "process_vm_readv",
					    "process_vm_writev",
					    "bpf",
					    "userfaultfd",
					    "perf_event_open",
					    "keyctl",
					    "add_key",
					    "io_uring_setup",
					    "io_uring_enter",
					    "mount",
					    "umount2",
					    "open_by_handle_at",
					    "kexec_load",
					    "init_module",
					    "finit_module",
					    "unshare",
					    "setns"};
	unsigned n = 0;

	start_pool(_i, "sandbox = on");
	for (size_t i = 0; seccomp_forbidden[i]; i++) {
		if (seccomp_number(seccomp_forbidden[i]) < 0)
			continue; /* not on this architecture */
		must_be_ended("call_number", number(seccomp_number(seccomp_forbidden[i])));
		n++;
	}
	ck_assert_uint_gt(n, ARRAY_LEN(named));
	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		must_be_ended("call_number", number(seccomp_number(named[i])));
	stop();
}
END_TEST

START_TEST(test_ways_around)
{
	char text[96];

	start_pool(_i, "sandbox = on");
	must_be_ended("namespaces", "");
	/* Linux has no way to look at what clone3() wants; libc does without it. */
	must_say("call_number", number(SYS_clone3), "ENOSYS");
	snprintf(text, sizeof text, "%d 0 %d", (int)SYS_ioctl, TIOCSTI);
	must_be_ended("call_number", text);
	must_say("ordinary", "", "0");
	stop();
}
END_TEST

START_TEST(test_socket_families)
{
	static const int good[] = {AF_UNIX, AF_INET, AF_INET6};
	static const int bad[] = {AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_KEY, AF_X25, 500};
	char text[96];

	start_pool(_i, "sandbox = on");
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(text, sizeof text, "%d %d %d 0", (int)SYS_socket, good[i], SOCK_STREAM);
		ck_assert_str_ne(ask("call_number", text), "EPERM");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof text, "%d %d %d 0", (int)SYS_socket, bad[i], SOCK_RAW);
		must_be_ended("call_number", text);
	}
	/* Of netlink, what getaddrinfo() asks. */
	snprintf(text, sizeof text, "%d %d %d 0", (int)SYS_socket, AF_NETLINK, SOCK_RAW);
	must_say("call_number", text, "0");
	snprintf(text, sizeof text, "%d %d %d 12", (int)SYS_socket, AF_NETLINK, SOCK_RAW);
	must_be_ended("call_number", text);
	stop();
}
END_TEST

START_TEST(test_no_network)
{
	char text[96];

	start_pool(_i, "sandbox = on\n network = no");
	must_be_ended("connect_to", d->socket_path);
	snprintf(text, sizeof text, "%d %d %d 0", (int)SYS_socket, AF_INET, SOCK_STREAM);
	must_be_ended("call_number", text);
	must_say("ordinary", "", "0"); /* a pair of sockets, too */
	stop();
}
END_TEST

START_TEST(test_no_programs)
{
	start_pool(_i, "sandbox = on\n programs = no");
	must_say("run_program", "/bin/true", "SYS");
	must_say("ordinary", "", "0");
	stop();
}
END_TEST

START_TEST(test_programs)
{
	start_pool(_i, "sandbox = on\n commands = {cat}");
	must_say("run_program", "/bin/true", "0");
	must_say("cat", "as it came", "as it came");
	stop();
}
END_TEST

/* ---- files ---------------------------------------------------------------- */

START_TEST(test_secrets)
{
	char path[64];
	long zygote;

	start_pool(_i, "sandbox = strict");
	zygote = tdaemon_zygote(d, "p");
	must_say("steal", key_path, "EACCES");
	must_say("steal", d->config_path, "EACCES");
	must_say("leave", d->config_path, "EACCES");
	must_say("leave", "/tmp/futured-test-left", "EACCES");
	must_say("descriptors", number(d->pid), "EACCES");
	must_say("descriptors", number(zygote), "EACCES");
	snprintf(path, sizeof path, "/proc/%d/environ", (int)d->pid);
	must_say("steal", path, "EACCES");
	snprintf(path, sizeof path, "/proc/%d/mem", (int)d->pid);
	must_say("steal", path, "EACCES");
	snprintf(path, sizeof path, "/proc/%ld/mem", zygote);
	must_say("steal", path, "EACCES");
	must_be_ended("trace", number(d->pid));
	snprintf(path, sizeof path, "%d 1000", (int)d->pid);
	must_be_ended("read_memory", path);
	ck_assert(strstr(ask("steal", "/etc/passwd"), "root:") != NULL);
	stop();
}
END_TEST

/* What a kernel must be newer for. */
START_TEST(test_truncation)
{
	start_pool(_i, "sandbox = strict");
	must_say("truncate", key_path, "EACCES");
	stop();
}
END_TEST

START_TEST(test_signals)
{
	start_pool(_i, "sandbox = strict");
	must_say("send_signal", number(d->pid), "EPERM");
	must_say("send_signal", number(tdaemon_zygote(d, "p")), "EPERM");
	stop();
}
END_TEST

START_TEST(test_readable)
{
	start_public(_i, "sandbox = strict", "readable");
	must_say("steal", public_file, "for all");
	must_say("leave", public_file, "EACCES");
	must_say("steal", key_path, "EACCES");
	stop();
	remove_public();
}
END_TEST

START_TEST(test_writable)
{
	start_public(_i, "sandbox = strict", "writable");
	must_say("leave", public_file, "0");
	must_say("steal", public_file, "leftall");
	must_say("leave", key_path, "EACCES");
	stop();
	remove_public();
}
END_TEST

START_TEST(test_strict_commands)
{
	start_pool(_i, "sandbox = strict\n network = no\n commands = {cat}");
	must_say("cat", "as it came", "as it came");
	must_say("ordinary", "", "0");
	must_say("dumpable", "", "0");
	must_say("capabilities", "", "none");
	stop();
}
END_TEST

/* ---- what the kernel cannot ----------------------------------------------- */

/* This process and all it starts find a kernel without that call. */
static void take_away(int number_of_call)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number_of_call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ARRAY_LEN(code), code};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

enum { LANDLOCK_CREATE_RULESET = 444 };

START_TEST(test_strict_needs_all)
{
	take_away(LANDLOCK_CREATE_RULESET);
	start_pool(_i, "sandbox = strict");
	tdaemon_wait_log(d, "event=pool.failed pool=p");
	fut_future *f = submit("echo", "x");
	fut_error *e = must_fail(f, FUT_POOL_BROKEN);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "sandbox = strict"));
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "Landlock"));
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(test_on_takes_what_there_is)
{
	take_away(LANDLOCK_CREATE_RULESET);
	start_pool(_i, "sandbox = on");
	tdaemon_wait_log(d, "event=sandbox.partial pool=p missing=Landlock");
	must_be_ended("call_number", number(SYS_ptrace));
	must_say("ordinary", "", "0");
	stop();
}
END_TEST

START_TEST(test_a_list_must_be_there)
{
	start_pool(_i, "sandbox = on\n readable = {'/no/such/file'}");
	tdaemon_wait_log(d, "event=pool.failed pool=p");
	fut_future *f = submit("echo", "x");
	fut_error *e = must_fail(f, FUT_POOL_BROKEN);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "readable = '/no/such/file'"));
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- another user --------------------------------------------------------- */

/* Only root can, and the other user must be able to load what was built. */
static const char *why_no_user(void)
{
	char path[4200];
	struct stat st;

	if (geteuid() != 0)
		return "only root can become somebody else";
	const char *top = getenv("top_builddir");
	if (!realpath(top ? top : ".", path))
		return strerror(errno);
	strcat(path, "/.libs");
	for (char *end = path + strlen(path); end > path; end = strrchr(path, '/')) {
		*end = '\0';
		if (*path && (stat(path, &st) < 0 || !(st.st_mode & S_IXOTH)))
			return "the build is in a directory that others may not enter";
	}
	return NULL;
}

START_TEST(test_user)
{
	const gid_t groups[] = {4, 24};

	ck_assert_int_eq(setgroups(ARRAY_LEN(groups), groups), 0); /* the daemon has them */
	start_pool(_i, "user = nobody\n environment = {WANTED}");
	must_say("identity", "", "uid=65534 gid=65534 groups=0 nnp=1 leads=1");
	must_say("capabilities", "", "none");
	must_say("steal", key_path, "EACCES");
	must_say("steal", d->config_path, "EACCES");
	must_say("descriptors", number(d->pid), "EACCES");
	must_say("trace", number(d->pid), "EPERM");
	must_say("send_signal", number(d->pid), "EPERM");
	must_say("variable", "HOME", "(none)");
	must_say("variable", "WANTED", "seen");
	stop();
}
END_TEST

START_TEST(test_user_in_a_sandbox)
{
	start_pool(_i, "user = nobody\n sandbox = strict\n network = no");
	must_say("identity", "", "uid=65534 gid=65534 groups=0 nnp=1 leads=1");
	must_say("steal", key_path, "EACCES");
	must_say("ordinary", "", "0");
	stop();
}
END_TEST

START_TEST(test_user_needs_root)
{
	struct tdaemon *run;

	run = tdaemon_spawn(&(struct tdaemon_options){
		.config = "pool p {\n kind = threads\n user = nobody\n}\n"});
	ck_assert_int_eq(tdaemon_wait_exit(run), 78);
	ck_assert_uint_eq(tdaemon_log_count(run, "CAP_SETUID,"), 1);
	tdaemon_forget(run);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("sandbox");
	TCase *tc = trun_case(s, "always");

	tcase_add_loop_test(tc, test_every_pool, 0, KINDS);
	tcase_add_loop_test(tc, test_descriptors, 0, 2 * KINDS);
	tcase_add_loop_test(tc, test_clean_environment, 0, KINDS);
	tcase_add_loop_test(tc, test_kernel_limits, 0, KINDS);
	tcase_add_loop_test(tc, test_over_the_cpu_limit, 0, KINDS);
	trun_add_unless(tc, why_not_hidden(), test_the_daemon_is_closed, KINDS);
	tcase_add_loop_test(tc, test_what_everybody_may_see, 0, KINDS);
	tc = trun_case(s, "calls");
	trun_add_unless(tc, why_no_seccomp(), test_every_forbidden_call, KINDS);
	trun_add_unless(tc, why_no_seccomp(), test_ways_around, KINDS);
	trun_add_unless(tc, why_no_seccomp(), test_socket_families, KINDS);
	trun_add_unless(tc, why_no_seccomp(), test_no_network, KINDS);
	trun_add_unless(tc, why_no_seccomp(), test_no_programs, KINDS);
	tcase_add_loop_test(tc, test_programs, 0, KINDS);
	tc = trun_case(s, "files");
	trun_add_unless(tc, why_not_strict(), test_secrets, KINDS);
	trun_add_unless(tc, why_not_strict(), test_readable, KINDS);
	trun_add_unless(tc, why_not_strict(), test_writable, KINDS);
	trun_add_unless(tc, why_not_strict(), test_strict_commands, KINDS);
	trun_add_unless(tc, why_no_landlock(), test_a_list_must_be_there, KINDS);
	trun_add_unless(tc, landlock_version() < 3 ? "needs Landlock 3" : why_not_strict(),
			test_truncation, KINDS);
	trun_add_unless(tc, landlock_version() < 6 ? "needs Landlock 6" : why_not_strict(),
			test_signals, KINDS);
	tc = trun_case(s, "kernel");
	tcase_add_loop_test(tc, test_strict_needs_all, 0, KINDS);
	trun_add_unless(tc, why_no_seccomp(), test_on_takes_what_there_is, KINDS);
	tc = trun_case(s, "user");
	trun_add_unless(tc, why_no_user(), test_user, KINDS);
	trun_add_unless(tc, why_no_user() ? why_no_user() : why_not_strict(),
			test_user_in_a_sandbox, KINDS);
	trun_add_unless(tc, geteuid() == 0 ? "root may" : NULL, test_user_needs_root, 1);
	return s;
}
