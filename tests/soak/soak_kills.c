/*
 * A soak: hosts are killed as fast as they come, under load, $FUTURED_SOAK_KILLS times
 * (1,000) in each kind of pool. Every future resolves, memory stays flat, and nothing is left
 * behind.
 *
 * The killer takes any child of the zygote, and the next one when that is gone and a job was
 * done meanwhile. The load keeps a window of jobs in flight, some short and some long enough
 * to be hit.
 */
#include "tests/integ/e2e.h"
#include "tests/lib/footprint.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

enum {
	KINDS = 2,
	SLOTS = 4,
	WINDOW = 256,
	SAMPLES = 10,
	/* What memory may grow by from the first tenth to the end. */
	GROWTH_MAX_BYTES = 1024 * 1024,
};

static unsigned kills_wanted(void)
{
	const char *text = getenv("FUTURED_SOAK_KILLS");

	return text ? (unsigned)strtoul(text, NULL, 10) : 1000;
}

struct killer {
	pid_t zygote;
	struct rng rng;
	unsigned wanted;
	_Atomic unsigned n;
	_Atomic uint64_t done; /* jobs, by the load: one at least between two kills */
};

static void *kill_hosts(void *arg)
{
	struct killer *k = arg;
	pid_t hosts[2 * SLOTS];

	uint64_t done_before = 0;

	while (k->n < k->wanted) {
		if (k->done == done_before) {
			sched_yield();
			continue;
		}
		unsigned n = children_of(k->zygote, hosts, ARRAY_LEN(hosts));
		n = n < ARRAY_LEN(hosts) ? n : ARRAY_LEN(hosts);
		if (n > 0 && kill_child(hosts[rng_below(&k->rng, n)], k->zygote, true)) {
			done_before = k->done;
			k->n++;
		}
	}
	return NULL;
}

static fut_future *submit_one(uint64_t i)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%lu", (unsigned long)i);

	return i % 4 == 0 ? submit("sleep", "0.0005") : submit_on(x, "echo", text, (size_t)len);
}

static bool ended_well(fut_future *f, uint64_t i)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%lu", (unsigned long)i);
	fut_bytes value;
	fut_error *e = NULL;

	if (fut_result(f, PATIENCE_US, &value, &e) == FUT_OK) {
		must(i % 4 == 0 ||
		     (value.len == (size_t)len && memcmp(value.data, text, value.len) == 0));
		return true;
	}
	const fut_death *death = fut_error_death(e);
	if (fut_error_status(e) != FUT_HOST_DIED || !death || death->signal != SIGKILL)
		ck_abort_msg("job %lu: %s: %s", (unsigned long)i, fut_error_message(e),
			     fut_error_detail(e));
	fut_error_unref(e);
	return false;
}

struct memory {
	uint64_t daemon_bytes, zygote_bytes;
};

static struct memory memory_now(pid_t zygote)
{
	return (struct memory){private_bytes_of(d->pid), private_bytes_of(zygote)};
}

static void check_memory(struct memory early, struct memory late)
{
	ck_assert_uint_le(late.daemon_bytes, early.daemon_bytes + GROWTH_MAX_BYTES);
	ck_assert_uint_le(late.zygote_bytes, early.zygote_bytes + GROWTH_MAX_BYTES);
}

START_TEST(test_kills)
{
	struct killer k = {.rng = rng_of(seed_get() + (uint64_t)_i), .wanted = kills_wanted()};
	fut_future *window[WINDOW] = {NULL};
	uint64_t i = 0, ok = 0, died = 0;
	struct memory early = {0, 0};
	unsigned sample = 1;
	pthread_t thread;

	start_with(_i, SLOTS, "",
		   _i & PROCESSES ? "  breaker_crashes = 0\n  min_hosts = 4"
				  : "  breaker_crashes = 0");
	k.zygote = tdaemon_zygote(d, "p");
	twait_until(d, children_of(k.zygote, NULL, 0) == (_i & PROCESSES ? SLOTS : 1));
	close_executor(x);
	tdaemon_wait_log(d, "event=session.close");
	struct footprint before = footprint_of(d, k.zygote);
	x = open_url(d->unix_url, "p");
	ck_assert_int_eq(pthread_create(&thread, NULL, kill_hosts, &k), 0);
	for (; k.n < k.wanted || i % WINDOW != 0; i++) {
		fut_future **f = &window[i % WINDOW];
		if (*f && ended_well(*f, i - WINDOW))
			k.done = ++ok;
		else if (*f)
			died++;
		fut_future_unref(*f);
		*f = submit_one(i);
		if (k.n >= (uint64_t)k.wanted * sample / SAMPLES && sample <= SAMPLES) {
			struct memory now = memory_now(k.zygote);
			early = sample == 1 ? now : early;
			printf("# %s: %u kills, daemon %lu KiB, zygote %lu KiB\n", kind_of(_i), k.n,
			       (unsigned long)now.daemon_bytes / 1024,
			       (unsigned long)now.zygote_bytes / 1024);
			fflush(stdout);
			sample++;
		}
	}
	pthread_join(thread, NULL);
	for (uint64_t n = 0; n < WINDOW; n++) {
		if (ended_well(window[n], i - WINDOW + n))
			ok++;
		else
			died++;
		fut_future_unref(window[n]);
	}
	printf("# %s: %u hosts killed, %lu jobs done, %lu died with their host\n", kind_of(_i), k.n,
	       (unsigned long)ok, (unsigned long)died);
	ck_assert_uint_eq(ok + died, i);
	check_memory(early, memory_now(k.zygote));
	close_executor(x);
	footprint_wait(d, k.zygote, before);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("soak_kills");
	TCase *tc = trun_case(s, "kills");

	tcase_set_timeout(tc, 0);
	tcase_add_loop_test(tc, test_kills, 0, KINDS);
	return s;
}
