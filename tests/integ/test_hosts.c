/*
 * Processes that die: what each death costs, what it is called, and that nothing is left.
 *
 * Most cases run on both kinds of pool (the loop's index).
 */
#include "common/util.h"
#include "tests/lib/seed.h"
#include "tests/lib/tdaemon.h"
#include "tests/lib/trun.h"
#include "tests/lib/twire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KINDS = 2 };

static const char *const kinds[KINDS] = {"threads", "processes"};

static struct tdaemon *d;
static char mark[96], gate[96];

static void start(const char *kind, unsigned slots)
{
	char text[400];

	unsigned hosts = strcmp(kind, "threads") == 0 ? 1 : slots;

	snprintf(text, sizeof text,
		 "kill_grace = 500ms\npool p {\n  kind = %s\n  slots = %u\n  min_hosts = %u\n"
		 "  modules = {basic, testmod_crash}\n}\n",
		 kind, slots, hosts);
	d = tdaemon_start(text);
	tdaemon_wait_log_count(d, "event=host.up", hosts);
	tdaemon_path(d, "mark", mark, sizeof mark);
	tdaemon_path(d, "gate", gate, sizeof gate);
}

/* Lets the daemon learn that a task is short, so that it goes ahead into slots. */
static void warm(struct tw *w, const char *task, const char *payload)
{
	for (uint64_t id = 0; id < 20; id++)
		tw_put(w, id, task, payload);
	tw_flush(w);
	for (uint64_t id = 0; id < 20; id++)
		tw_result(w, id);
}

/* An error as every death has it: which process, that the job may have run. */
static const struct error_info *expect_death(struct tw *w, uint64_t id)
{
	struct tw_job *j = tw_expect_status(w, id, FUT_HOST_DIED);
	const struct error_info *e = tw_error(w, j);

	ck_assert(e->has_death);
	ck_assert_int_gt(e->death.pid, 1);
	ck_assert_int_eq(e->executed, FUT_EXECUTED_MAYBE);
	ck_assert_int_eq(e->retry, FUT_RETRY_NEW_JOB);
	ck_assert_uint_eq(j->attempt, 1);
	ck_assert_uint_gt(e->message.len, 0);
	ck_assert_uint_gt(e->detail.len, 0);
	return e;
}

/* ---- one crash ---------------------------------------------------------- */

static const struct crash {
	const char *task, *payload, *harmless;
	int signal, exit_code;
	const char *stderr_tail;
} crashes[] = {
	{"segv", "", NULL, SIGSEGV, -1, "about to crash\n"},
	{"abort", "", NULL, SIGABRT, -1, NULL},
	{"kill_self", "", NULL, SIGKILL, -1, NULL},
	{"exit", "3", "no number", 0, 3, NULL}, /* fails fast when it is no number */
	{"exit", "0", "no number", 0, 0, NULL},
};

enum { CRASHES = ARRAY_LEN(crashes) };

/* Jobs before and behind it, many of them in the same slot's ring, run once. */
START_TEST(test_crash_costs_one_job)
{
	enum { AROUND = 200 };
	const struct crash *c = &crashes[_i / KINDS];

	start(kinds[_i % KINDS], 1);
	struct tw *w = tw_open(d->unix_url, "p");
	warm(w, "mark", mark);
	if (c->harmless)
		warm(w, c->task, c->harmless);
	unsigned before = tfile_lines(mark);
	for (uint64_t id = 0; id < 2 * AROUND + 1; id++)
		tw_put(w, id, id == AROUND ? c->task : "mark", id == AROUND ? c->payload : mark);
	tw_flush(w);
	const struct error_info *e = expect_death(w, AROUND);
	ck_assert_int_eq(e->death.signal, c->signal);
	if (c->signal == 0)
		ck_assert_int_eq(e->death.exit_code, c->exit_code);
	if (c->stderr_tail)
		ck_assert_str_eq(tw_text(e->death.stderr_tail), c->stderr_tail);
	ck_assert_uint_gt(e->death.max_rss_bytes, 0);
	for (uint64_t id = 0; id < 2 * AROUND + 1; id++) {
		if (id != AROUND)
			tw_expect_status(w, id, FUT_OK);
	}
	ck_assert_uint_eq(tfile_lines(mark) - before, 2 * AROUND);
	tdaemon_wait_log(d, "event=host.died");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 1);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* Threads: the jobs that run in the same process die with it. Processes: they do not. */
START_TEST(test_crash_beside_others)
{
	static const bool shared[KINDS] = {true, false};

	start(kinds[_i], 3);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "pid", "");
	long pid = tw_number(tw_expect_status(w, 0, FUT_OK));
	tw_submit(w, 1, "gate", gate);
	tw_submit(w, 2, "gate", gate);
	tw_wait_started(w, 1);
	tw_wait_started(w, 2);
	tw_put(w, 3, "segv", "");
	for (uint64_t id = 10; id < 60; id++)
		tw_put(w, id, "mark", mark);
	tw_flush(w);
	int64_t died = expect_death(w, 3)->death.pid;
	if (shared[_i]) {
		ck_assert_int_eq(died, pid);
		ck_assert_int_eq(expect_death(w, 1)->death.pid, died);
		ck_assert_int_eq(expect_death(w, 2)->death.pid, died);
	} else {
		tfile_touch(gate);
		tw_expect_value(w, 1, "open");
		tw_expect_value(w, 2, "open");
	}
	for (uint64_t id = 10; id < 60; id++)
		tw_expect_status(w, id, FUT_OK);
	ck_assert_uint_eq(tfile_lines(mark), 50);
	tw_submit(w, 70, "pid", "");
	ck_assert_int_ne(tw_number(tw_expect_status(w, 70, FUT_OK)), died);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* What is told of a death is the death of this job's host, not an earlier one's. */
START_TEST(test_one_death_after_the_other)
{
	start(kinds[_i], 2);
	struct tw *w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < 12; id++) {
		const struct crash *c = &crashes[id % 4];
		tw_submit(w, id, c->task, c->payload);
		const struct error_info *e = expect_death(w, id);
		ck_assert_int_eq(e->death.signal, c->signal);
		ck_assert_str_eq(tw_text(e->death.stderr_tail),
				 c->stderr_tail ? c->stderr_tail : "");
	}
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* The end of a long stderr is kept, and only that. */
START_TEST(test_stderr_tail)
{
	char *text = malloc(20001);

	ck_assert_ptr_nonnull(text);
	for (int i = 0; i < 20000; i++)
		text[i] = (char)('a' + i % 26);
	text[20000] = '\0';
	start(kinds[_i], 1);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "stderr", text);
	tw_expect_status(w, 0, FUT_OK);
	tw_submit(w, 1, "kill_self", "");
	const struct error_info *e = expect_death(w, 1);
	ck_assert_uint_eq(e->death.stderr_tail.len, ERROR_STDERR_MAX);
	ck_assert_int_eq(memcmp(e->death.stderr_tail.data, text + 20000 - ERROR_STDERR_MAX,
				ERROR_STDERR_MAX),
			 0);
	tw_close(w);
	free(text);
	tdaemon_stop(d);
}
END_TEST

/* ---- many deaths -------------------------------------------------------- */

static bool is_host(pid_t pid)
{
	char path[64], name[32] = "";

	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	FILE *f = fopen(path, "re");
	bool is = f && fgets(name, sizeof name, f) && strncmp(name, "p_", 2) == 0;
	if (f)
		fclose(f);
	return is;
}

static unsigned count_regions(void)
{
	char path[64], line[512];
	unsigned n = 0;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)d->pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f))
		n += strstr(line, "/memfd:") != NULL;
	fclose(f);
	return n;
}

static unsigned kill_one(struct rng *r)
{
	pid_t hosts[TD_HOSTS_MAX];
	unsigned n = tdaemon_hosts(d, "p", hosts, TD_HOSTS_MAX);

	if (n == 0)
		return 0;
	pid_t pid = hosts[rng_below(r, n)];
	return is_host(pid) && kill(pid, SIGKILL) == 0;
}

/* Every 32nd job leaves its mark in a file of its own. */
static void mark_of(uint64_t id, char *path, size_t size)
{
	if (id % 32 == 0)
		snprintf(path, size, "%s.%u", mark, (unsigned)id);
	else
		snprintf(path, size, "%s", mark);
}

static void check_marks(struct tw *w, unsigned n)
{
	unsigned ok = 0, all = 0;
	char path[128];

	for (unsigned id = 0; id < n; id++) {
		const struct tw_job *j = tw_job(w, id);
		if (j->status != FUT_OK) {
			const struct error_info *e = expect_death(w, id);
			ck_assert_int_eq(e->death.signal, SIGKILL);
		} else {
			must(j->attempt == 1);
		}
		if (id % 32 != 0) {
			ok += j->status == FUT_OK;
			all++;
			continue;
		}
		mark_of(id, path, sizeof path);
		unsigned lines = tfile_lines(path);
		must(lines <= 1);
		must(lines == 1 || j->status != FUT_OK);
	}
	/* A job that died may have left its mark, no job two of them. */
	ck_assert_uint_ge(tfile_lines(mark), ok);
	ck_assert_uint_le(tfile_lines(mark), all);
}

START_TEST(test_kill_at_random)
{
	enum { KILLS_MAX = 60, PAUSE_US = 5000 };
	unsigned n = td_is_sanitized() ? 20000 : 100000, kills = 0;
	struct rng r = rng_of_run();
	char path[128];

	if (getenv("FUTURED_LONG_TESTS"))
		n *= 5;
	start(kinds[_i], 3);
	struct tw *w = tw_open(d->unix_url, "p");
	warm(w, "mark", "/dev/null");
	unsigned fds = tdaemon_fd_count(d), regions = count_regions();
	w->nanswered = 0;
	for (unsigned id = 0; id < n; id++) {
		mark_of(id, path, sizeof path);
		tw_put(w, id, "mark", path);
	}
	tw_flush(w);
	uint64_t next_us = td_now_us();
	struct twait wait = twait_for(d, "all answers");
	for (unsigned seen = 0; w->nanswered < n;) {
		ck_assert(tw_pump(w, 2));
		if (w->nanswered == seen)
			twait_step(&wait);
		else
			wait = twait_for(d, "all answers");
		seen = w->nanswered;
		if (td_now_us() < next_us || kills >= KILLS_MAX)
			continue;
		kills += kill_one(&r);
		next_us = td_now_us() + PAUSE_US + rng_below(&r, PAUSE_US);
	}
	printf("# %s: %u kills cost %u of %u jobs\n", kinds[_i], kills, w->nfailed, n);
	ck_assert_uint_gt(kills, 10);
	ck_assert_uint_le(w->nfailed, kills * 3);
	check_marks(w, n);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.protocol"), 0);
	/* All is back, and nothing more than before. */
	tw_submit(w, 0, "echo", "well");
	tw_expect_value(w, 0, "well");
	twait_until(d, tdaemon_fd_count(d) == fds);
	twait_until(d, count_regions() == regions);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* However many die, the next one is there at once. */
START_TEST(test_respawn_storm)
{
	enum { N = 300 };

	start("processes", 2);
	struct tw *w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < N; id++)
		tw_put(w, id, "kill_self", "");
	tw_put(w, N, "echo", "healed");
	tw_flush(w);
	tw_expect_value(w, N, "healed");
	for (uint64_t id = 0; id < N; id++)
		expect_death(w, id);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=breaker.open"), 0);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* ---- the zygote's death ------------------------------------------------- */

START_TEST(test_zygote_killed)
{
	start(kinds[_i], 2);
	struct tw *w = tw_open(d->unix_url, "p");
	warm(w, "mark", "/dev/null");
	unsigned fds = tdaemon_fd_count(d), regions = count_regions();
	for (int round = 0; round < 5; round++) {
		pid_t zygote = tdaemon_zygote(d, "p");
		tw_put(w, 1, "gate", gate);
		tw_put(w, 2, "gate", gate);
		tw_flush(w);
		tw_wait_started(w, 1);
		tw_wait_started(w, 2);
		for (uint64_t id = 10; id < 40; id++)
			tw_put(w, id, "mark", mark);
		tw_flush(w);
		tw_ping(w);
		ck_assert_int_eq(kill(zygote, SIGKILL), 0);
		ck_assert_int_eq(expect_death(w, 1)->death.signal, SIGKILL);
		ck_assert_int_eq(expect_death(w, 2)->death.signal, SIGKILL);
		for (uint64_t id = 10; id < 40; id++)
			tw_expect_status(w, id, FUT_OK);
		ck_assert_uint_eq(tfile_lines(mark), 30 * (unsigned)(round + 1));
		ck_assert_int_ne(tdaemon_zygote(d, "p"), zygote);
	}
	twait_until(d, tdaemon_fd_count(d) == fds);
	twait_until(d, count_regions() == regions);
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* A host that died, and then its zygote before it could say so. */
START_TEST(test_zygote_killed_before_it_reported)
{
	start(kinds[_i], 1);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "pid", "");
	pid_t host = (pid_t)tw_number(tw_expect_status(w, 0, FUT_OK));
	pid_t zygote = tdaemon_zygote(d, "p");
	tw_submit(w, 1, "gate", gate);
	tw_wait_started(w, 1);
	ck_assert_int_eq(kill(zygote, SIGSTOP), 0);
	ck_assert_int_eq(kill(host, SIGKILL), 0);
	/* The daemon sees the host's end by itself: it gives it no more jobs. */
	twait_until(d, strstr(tw_status(w), "\"hosts\":0") || tw_job(w, 1)->answered);
	ck_assert_int_eq(kill(zygote, SIGKILL), 0);
	expect_death(w, 1);
	tw_submit(w, 2, "echo", "again");
	tw_expect_value(w, 2, "again");
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* ---- the daemon's death ------------------------------------------------- */

static int open_pid(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void expect_gone(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	ck_assert_int_eq(poll(&p, 1, td_patience_ms(TD_WAIT_MS)), 1);
	close(pidfd);
}

START_TEST(test_daemon_killed)
{
	int fds[16];
	pid_t hosts[8];
	unsigned n = 0;

	d = tdaemon_start(NULL);
	tdaemon_path(d, "gate", gate, sizeof gate);
	struct tw *t = tw_open(d->unix_url, "threads"), *p = tw_open(d->unix_url, "processes");
	tw_submit(t, 0, "gate", gate);
	tw_submit(p, 0, "hang", "");
	tw_submit(p, 1, "stubborn", "");
	tw_wait_started(t, 0);
	tw_wait_started(p, 0);
	tw_wait_started(p, 1);
	for (int i = 0; i < KINDS; i++) {
		unsigned more = tdaemon_hosts(d, kinds[i], hosts, ARRAY_LEN(hosts));
		ck_assert_uint_eq(more, i == 0 ? 1 : 2);
		fds[n++] = open_pid(tdaemon_zygote(d, kinds[i]));
		while (more-- > 0)
			fds[n++] = open_pid(hosts[more]);
	}
	tdaemon_signal(d, SIGKILL);
	ck_assert_int_eq(tdaemon_wait_exit(d), -SIGKILL);
	while (n-- > 0)
		expect_gone(fds[n]);
	tw_expect_end(t);
	tw_expect_end(p);
	tw_close(t);
	tw_close(p);
	while (waitpid(-1, NULL, 0) > 0) /* they became ours */
		;
	ck_assert_int_eq(errno, ECHILD);
	tdaemon_forget(d);
}
END_TEST

/* ---- full rings --------------------------------------------------------- */

/* Payloads so large that a slot's ring is full all the time: what a job leaves there is used
 * again at once. */
START_TEST(test_full_rings)
{
	enum { LEN = 30000, BATCH = 200 };
	unsigned n = td_is_sanitized() ? 2000 : 20000;
	char *bytes = malloc(LEN);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'r', LEN);
	start(kinds[_i], 2);
	struct tw *w = tw_open(d->unix_url, "p");
	warm(w, "noop", "");
	pid_t zygote = tdaemon_zygote(d, "p");
	for (unsigned id = 0; id < n; id++) {
		struct job_spec s = {.id = id, .task = span_str("noop")};
		tw_put_job(w, &s, bytes, LEN);
		if (id % BATCH == 0)
			tw_flush(w);
	}
	tw_flush(w);
	tw_wait_answers(w, n + 20);
	ck_assert_uint_eq(w->nfailed, 0);
	ck_assert_int_eq(tdaemon_zygote(d, "p"), zygote);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.protocol"), 0);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"), 0);
	tw_close(w);
	free(bytes);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("hosts");
	TCase *tc = trun_case(s, "one crash");

	tcase_add_loop_test(tc, test_crash_costs_one_job, 0, CRASHES * KINDS);
	tcase_add_loop_test(tc, test_crash_beside_others, 0, KINDS);
	tcase_add_loop_test(tc, test_one_death_after_the_other, 0, KINDS);
	tcase_add_loop_test(tc, test_stderr_tail, 0, KINDS);
	tc = trun_case(s, "many crashes");
	tcase_add_loop_test(tc, test_kill_at_random, 0, KINDS);
	tcase_add_test(tc, test_respawn_storm);
	tc = trun_case(s, "parents");
	tcase_add_loop_test(tc, test_zygote_killed, 0, KINDS);
	tcase_add_loop_test(tc, test_zygote_killed_before_it_reported, 0, KINDS);
	tcase_add_test(tc, test_daemon_killed);
	tc = trun_case(s, "rings");
	tcase_add_loop_test(tc, test_full_rings, 0, KINDS);
	return s;
}
