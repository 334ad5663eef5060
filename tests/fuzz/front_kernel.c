#include "tests/fuzz/front_kernel.h"

#include "common/util.h"
#include "daemon/oom.h"
#include "tests/fuzz/front.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct process processes[PROCESSES_MAX];
static bool honest;
static pid_t last_pid;
static int spawning_control; /* what the next zygote gets as its descriptor 3 */

/* ---- processes ----------------------------------------------------------- */

static struct process *process_new(void)
{
	struct process *p = processes;
	struct stat st;
	int fds[2];

	while (p->exists)
		fuzz_must(++p < processes + PROCESSES_MAX);
	fuzz_must(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0 && fstat(fds[0], &st) == 0);
	*p = (struct process){
		.exists = true,
		.pid = ++last_pid,
		.ended_fd = fds[1],
		.pidfd = fds[0],
		.pipe = st.st_ino,
		.control = -1,
		.wake_fd = -1,
		.stderr_fd = -1,
	};
	return p;
}

static void process_free(struct process *p)
{
	if (!p->exists)
		return;
	close_fd(p->ended_fd);
	close_fd(p->pidfd);
	close_fd(p->control);
	close_fd(p->wake_fd);
	close_fd(p->stderr_fd);
	region_unmap(p->shared, p->nslots, p->big_bytes);
	p->exists = false;
}

static struct process *find_by_pidfd(int pidfd)
{
	struct stat st;

	if (fstat(pidfd, &st) < 0)
		return NULL;
	for (struct process *p = processes; p < processes + PROCESSES_MAX; p++) {
		if (p->exists && p->pipe == st.st_ino)
			return p;
	}
	return NULL;
}

static struct process *nth(unsigned n, bool is_zygote)
{
	struct process *alive[PROCESSES_MAX];
	unsigned count = 0;

	for (struct process *p = processes; p < processes + PROCESSES_MAX; p++) {
		if (p->exists && !p->has_ended && (p->zygote == NULL) == is_zygote)
			alive[count++] = p;
	}
	return count > 0 ? alive[n % count] : NULL;
}

struct process *kernel_host(unsigned n)
{
	return nth(n, false);
}

struct process *kernel_zygote(unsigned n)
{
	return nth(n, true);
}

/* A zygote takes its hosts with it. */
void process_end(struct process *p, int how)
{
	if (p->has_ended)
		return;
	p->has_ended = true;
	p->how = how;
	fuzz_must(write(p->ended_fd, "", 1) == 1);
	p->stderr_fd = close_fd(p->stderr_fd);
	if (p->zygote)
		return;
	p->control = close_fd(p->control);
	for (struct process *h = processes; h < processes + PROCESSES_MAX; h++) {
		if (h->exists && h->zygote == p)
			process_end(h, SIGKILL);
	}
}

/* ---- zygotes ------------------------------------------------------------- */

void zygote_say(struct process *z, const struct control_message *m, const struct process *fd_of)
{
	if (z->control >= 0)
		(void)control_send(z->control, m, fd_of ? &fd_of->pidfd : NULL, fd_of != NULL);
}

static void say_text(struct process *z, enum control_type type, const char *text)
{
	struct control_message m = {.type = type, .text_len = (uint32_t)strlen(text)};

	memcpy(m.text, text, m.text_len);
	zygote_say(z, &m, NULL);
}

static void fork_host(struct process *z, const struct control_message *m, int *fds)
{
	struct control_message reply = {.type = CONTROL_FORKED, .host = m->host};
	struct process *h = process_new();

	fuzz_must(m->slots >= 1 && m->slots <= PROCESS_SLOTS_MAX);
	h->zygote = z;
	h->number = m->host;
	h->nslots = m->slots;
	fuzz_must(region_map(fds[0], &h->shared) == 0);
	h->big_bytes = h->shared->big_bytes;
	h->stderr_fd = TAKE_FD(fds[1]);
	for (unsigned i = 0; i < h->nslots; i++) {
		struct fake_slot *s = &h->slots[i];
		s->view = region_slot(h->shared, h->big_bytes, i);
		ring_consumer_init(&s->in, &s->view.shared->in, s->view.in, REGION_RING_BYTES);
		ring_producer_init(&s->out, &s->view.shared->out, s->view.out, REGION_RING_BYTES);
	}
	if (honest) {
		reply.pid = h->pid;
		zygote_say(z, &reply, h);
		atomic_store(&h->shared->ready, h->nslots);
		host_notify(h);
	}
}

static void on_control(struct process *z, const struct control_message *m, int *fds)
{
	if (m->type == CONTROL_POOL)
		z->wake_fd = TAKE_FD(fds[1]);
	else if (m->type == CONTROL_FORK)
		fork_host(z, m, fds);
	else if (m->type == CONTROL_QUIT)
		z->was_told_to_quit = true;
	else if (m->type == CONTROL_START && honest) {
		for (size_t i = 0; i < FRONT_TASKS; i++)
			say_text(z, CONTROL_TASK, front_tasks[i]);
		zygote_say(z, &(struct control_message){.type = CONTROL_READY}, NULL);
	}
}

/* Buries the hosts that have ended, as it must. Says whether any is left. */
static bool bury_hosts(struct process *z)
{
	bool any = false;

	for (struct process *h = processes; h < processes + PROCESSES_MAX; h++) {
		if (!h->exists || h->zygote != z)
			continue;
		if (!h->has_ended) {
			any = true;
			continue;
		}
		const struct control_message m = {.type = CONTROL_EXITED,
						  .host = h->number,
						  .pid = h->pid,
						  .wait_status = h->how};
		zygote_say(z, &m, NULL);
		process_free(h);
	}
	return any;
}

static void run_zygote(struct process *z)
{
	struct control_message m;
	int fds[CONTROL_FDS_MAX];

	while (control_receive(z->control, &m, fds) == 1) {
		on_control(z, &m, fds);
		for (size_t i = 0; i < CONTROL_FDS_MAX; i++)
			close_fd(fds[i]);
	}
	if (!bury_hosts(z) && z->was_told_to_quit)
		process_end(z, 0);
}

/* A zygote that has ended was reaped by waitid(); what is left of it goes with its hosts. */
static void clean_up(struct process *z)
{
	for (struct process *h = processes; h < processes + PROCESSES_MAX; h++) {
		if (h->exists && h->zygote == z)
			process_free(h);
	}
	if (z->was_reaped)
		process_free(z);
}

/* ---- hosts --------------------------------------------------------------- */

void host_notify(struct process *h)
{
	(void)eventfd_write(h->zygote->wake_fd, 1);
}

static void run_host(struct process *h)
{
	if (!atomic_load(&h->shared->quit))
		return;
	for (unsigned i = 0; i < h->nslots; i++) {
		if (h->slots[i].tag)
			return;
	}
	process_end(h, 0);
}

bool slot_take(struct fake_slot *s)
{
	uint32_t ready = RECORD_READY;
	struct ring_record *r;
	size_t len;

	if (s->tag)
		return false;
	do {
		r = ring_next(&s->in, &len);
		fuzz_must(!s->in.broken); /* the front keeps to the rules, whatever it is told */
		if (!r)
			return false;
		fuzz_must(len >= sizeof(struct job_record));
	} while (!atomic_compare_exchange_strong(&r->state, &ready, RECORD_RUNNING) &&
		 (ready = RECORD_READY));
	const struct job_record *job = record_body(r);
	fuzz_must(job->tag != 0 && job->attempt >= 1 && job->task < FRONT_TASKS);
	fuzz_must(job->payload_len <= len - sizeof *job || job->flags & JOB_FLAG_BIG);
	s->tag = job->tag;
	return true;
}

bool slot_say(struct fake_slot *s, const struct outcome_record *o, const void *bytes, size_t n)
{
	struct ring_record *r = ring_reserve(&s->out, sizeof *o + n);

	if (!r)
		return false;
	struct outcome_record *to = record_body(r);
	*to = *o;
	if (n > 0)
		memcpy(to->bytes, bytes, n);
	(void)ring_publish(&s->out);
	if (o->kind == OUTCOME_DONE) {
		s->tag = 0;
		(void)ring_release(&s->in);
	}
	return true;
}

/* ---- all ----------------------------------------------------------------- */

void kernel_open(bool is_honest)
{
	honest = is_honest;
	last_pid = 0x40000000; /* more than any that the real one has */
}

void kernel_run(void)
{
	for (struct process *p = processes; p < processes + PROCESSES_MAX; p++) {
		if (p->exists && !p->has_ended && p->zygote)
			run_host(p);
	}
	for (struct process *p = processes; p < processes + PROCESSES_MAX; p++) {
		if (!p->exists || p->zygote)
			continue;
		if (p->has_ended)
			clean_up(p);
		else
			run_zygote(p);
	}
}

void kernel_close(void)
{
	for (struct process *p = processes; p < processes + PROCESSES_MAX; p++)
		process_free(p);
}

/* ---- what the daemon calls ----------------------------------------------- */

long __wrap_syscall(long number, ...);
int __real_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *a, int fd, int as);
int __wrap_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *a, int fd, int as);
int __wrap_posix_spawn(pid_t *ret, const char *path, const posix_spawn_file_actions_t *a,
		       const posix_spawnattr_t *attr, char *const argv[], char *const env[]);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *ret, int options);
ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags);
long __real_sysconf(int name);
long __wrap_sysconf(int name);
int __wrap_oom_find(const char *cgroup, const char *mount, char ret_path[PATH_MAX]);

int __wrap_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *a, int fd, int as)
{
	spawning_control = fd;
	return __real_posix_spawn_file_actions_adddup2(a, fd, as);
}

int __wrap_posix_spawn(pid_t *ret, const char *path, const posix_spawn_file_actions_t *a,
		       const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
	struct process *z = process_new();

	(void)path, (void)a, (void)attr, (void)argv, (void)env;
	z->control = fcntl(spawning_control, F_DUPFD_CLOEXEC, 0);
	fuzz_must(z->control >= 0 && fcntl(z->control, F_SETFL, O_NONBLOCK) == 0);
	*ret = z->pid;
	return 0;
}

static long open_pidfd(pid_t pid)
{
	for (struct process *p = processes; p < processes + PROCESSES_MAX; p++) {
		if (p->exists && p->pid == pid)
			return fcntl(p->pidfd, F_DUPFD_CLOEXEC, 0);
	}
	errno = ESRCH;
	return -1;
}

static long send_signal(int pidfd, int signal)
{
	struct process *p = find_by_pidfd(pidfd);

	if (p)
		process_end(p, signal);
	return 0;
}

long __wrap_syscall(long number, ...)
{
	long r = 0; /* a futex: nobody sleeps here */
	va_list ap;

	va_start(ap, number);
	if (number == SYS_pidfd_open) {
		r = open_pidfd(va_arg(ap, pid_t));
	} else if (number == SYS_pidfd_send_signal) {
		int pidfd = va_arg(ap, int);
		r = send_signal(pidfd, va_arg(ap, int));
	}
	va_end(ap);
	return r;
}

int __wrap_waitid(idtype_t type, id_t id, siginfo_t *ret, int options)
{
	(void)type, (void)options;
	for (struct process *p = processes; p < processes + PROCESSES_MAX; p++) {
		if (!p->exists || p->pid != (pid_t)id || !p->has_ended)
			continue;
		ret->si_code = p->how ? CLD_KILLED : CLD_EXITED;
		ret->si_status = p->how;
		p->was_reaped = true;
		return 0;
	}
	errno = ECHILD;
	return -1;
}

ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags)
{
	(void)flags;
	memset(p, 7, n);
	return (ssize_t)n;
}

long __wrap_sysconf(int name)
{
	return name == _SC_NPROCESSORS_ONLN ? 2 : __real_sysconf(name);
}

int __wrap_oom_find(const char *cgroup, const char *mount, char ret_path[PATH_MAX])
{
	(void)cgroup, (void)mount;
	ret_path[0] = '\0';
	return -ENOENT;
}
