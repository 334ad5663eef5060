/*
 * A storm: hosts are killed at random while 100,000 jobs go through. Every future resolves,
 * each failure names its cause, no job runs twice, and nothing is left behind.
 *
 * With $SANITIZERS other than "no" it is a twentieth of the jobs, for all is that much slower.
 */
#include "tests/integ/e2e.h"
#include "tests/lib/footprint.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum {
	KINDS = 2,
	SLOTS = 4,
	JOBS = 100000,
	SLOWER = 20,
	MARKS = 2000, /* of the jobs, leave a line in a file */
	KILLS = 90,   /* at most: a pool replaces 100 hosts in 10 seconds, no more */
	PAUSE_MAX_US = 25 * MS,
	BIG_BYTES = 100 * 1024,
};

static size_t njobs(void)
{
	return td_is_sanitized() ? JOBS / SLOWER : JOBS;
}

/* ---- the killer --------------------------------------------------------- */

struct killer {
	struct rng rng;
	_Atomic bool over;
	_Atomic pid_t killed[KILLS]; /* 0: nobody yet */
	_Atomic unsigned n;
};

static bool was_killed(const struct killer *k, int64_t pid)
{
	for (unsigned i = 0; i < KILLS; i++) {
		if (k->killed[i] == pid)
			return true;
	}
	return false;
}

static void *kill_hosts(void *arg)
{
	struct killer *k = arg;
	pid_t hosts[SLOTS];

	while (!k->over && k->n < KILLS) {
		struct timespec pause = {.tv_nsec = (long)rng_below(&k->rng, PAUSE_MAX_US) * 1000};
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		unsigned n = tdaemon_hosts(d, "p", hosts, SLOTS);
		if (n == 0)
			continue;
		pid_t pid = hosts[rng_below(&k->rng, n)];
		if (was_killed(k, pid))
			continue;
		k->killed[k->n] = pid; /* first: its jobs may fail at once */
		if (kill_child(pid, tdaemon_zygote(d, "p"), false))
			k->n++;
	}
	return NULL;
}

/* ---- the jobs ----------------------------------------------------------- */

enum job_kind { JOB_ECHO, JOB_BIG, JOB_PID, JOB_SLEEP, JOB_MARK };

static enum job_kind kind_of_job(size_t i)
{
	if (i % (njobs() / MARKS ? njobs() / MARKS : 1) == 0)
		return JOB_MARK;
	if (i % 1000 == 7)
		return JOB_BIG;
	if (i % 20 == 3)
		return JOB_SLEEP;
	return i % 2 ? JOB_PID : JOB_ECHO;
}

static char *big_bytes(void)
{
	static char bytes[BIG_BYTES];

	if (bytes[0] == '\0')
		memset(bytes, 'b', sizeof bytes);
	return bytes;
}

static fut_future *submit_job(size_t i)
{
	char text[160];
	int len;

	switch (kind_of_job(i)) {
	case JOB_MARK:
		len = snprintf(text, sizeof text, "%s %zu", mark, i);
		return submit_on(x, "mark_line", text, (size_t)len);
	case JOB_BIG:
		return submit_on(x, "echo", big_bytes(), BIG_BYTES);
	case JOB_SLEEP:
		return submit("sleep", "0.001");
	case JOB_PID:
		return submit("pid", "");
	case JOB_ECHO:
		len = snprintf(text, sizeof text, "%zu", i);
		return submit_on(x, "echo", text, (size_t)len);
	}
	abort();
}

static void check_value(size_t i, fut_bytes value)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%zu", i);

	switch (kind_of_job(i)) {
	case JOB_MARK:
		must(value.len == 0);
		break;
	case JOB_BIG:
		must(value.len == BIG_BYTES && memcmp(value.data, big_bytes(), BIG_BYTES) == 0);
		break;
	case JOB_SLEEP:
		must(value.len == 5 && memcmp(value.data, "0.001", 5) == 0);
		break;
	case JOB_PID:
		must(value.len > 0);
		break;
	case JOB_ECHO:
		must(value.len == (size_t)len && memcmp(value.data, text, value.len) == 0);
		break;
	}
}

static void check_death(const struct killer *k, const fut_error *e)
{
	const fut_death *death = fut_error_death(e);

	must(fut_error_status(e) == FUT_HOST_DIED);
	must(fut_error_executed(e) == FUT_EXECUTED_MAYBE);
	must(fut_error_retry(e) == FUT_RETRY_NEW_JOB);
	must(death && death->signal == SIGKILL && death->exit_code == -1);
	must(was_killed(k, death->pid));
	must(strstr(fut_error_detail(e), "signal 9"));
}

/* Every line at most once; and exactly once when the job said so. */
static void check_marks(const bool *failed)
{
	unsigned *lines = calloc(njobs(), sizeof *lines);
	char line[32];
	FILE *f = fopen(mark, "re");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f)) {
		size_t i = strtoul(line, NULL, 10);
		must(i < njobs() && kind_of_job(i) == JOB_MARK);
		lines[i]++;
	}
	fclose(f);
	for (size_t i = 0; i < njobs(); i++) {
		if (kind_of_job(i) != JOB_MARK)
			continue;
		if (lines[i] > 1 || (lines[i] == 0 && !failed[i]))
			ck_abort_msg("job %zu ran %u times", i, lines[i]);
	}
	free(lines);
}

/* ---- the storm ---------------------------------------------------------- */

START_TEST(test_storm)
{
	struct killer k = {.rng = rng_of(seed_get() + (uint64_t)_i)};
	size_t n = njobs(), nfailed = 0;
	fut_future **f = calloc(n, sizeof(fut_future *));
	bool *failed = calloc(n, sizeof *failed);
	pthread_t thread;
	unsigned hosts = _i & PROCESSES ? SLOTS : 1;

	start_with(_i, SLOTS, "", _i & PROCESSES ? "  min_hosts = 4" : "");
	/* One that was only just forked still has descriptors in its zygote, and none here. */
	tdaemon_wait_log_count(d, "event=host.up pool=p", hosts);
	close_executor(x);
	tdaemon_wait_log(d, "event=session.close");
	struct footprint before = footprint_of(d, tdaemon_zygote(d, "p"));
	ck_assert_uint_eq(before.regions, hosts);
	x = open_url(d->unix_url, "p");

	ck_assert_int_eq(pthread_create(&thread, NULL, kill_hosts, &k), 0);
	for (size_t i = 0; i < n; i++)
		f[i] = submit_job(i);
	for (size_t i = 0; i < n; i++) {
		fut_bytes value;
		fut_error *e = NULL;
		if (fut_result(f[i], PATIENCE_US, &value, &e) == FUT_OK) {
			check_value(i, value);
		} else {
			check_death(&k, e);
			failed[i] = true;
			nfailed++;
		}
		fut_error_unref(e);
		fut_future_unref(f[i]);
	}
	k.over = true;
	pthread_join(thread, NULL);
	printf("# %s: %zu jobs, %u hosts killed, %zu jobs failed\n", kind_of(_i), n, k.n, nfailed);
	fflush(stdout);
	ck_assert_uint_ge(k.n, td_is_sanitized() ? 2 : 10);
	/* A death costs what ran there, and no more. */
	ck_assert_uint_le(nfailed, (size_t)k.n * SLOTS / hosts);
	check_marks(failed);
	close_executor(x);
	footprint_wait(d, tdaemon_zygote(d, "p"), before);
	free(failed);
	free(f);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("storm");

	tcase_add_loop_test(trun_case(s, "storm"), test_storm, 0, KINDS);
	return s;
}
