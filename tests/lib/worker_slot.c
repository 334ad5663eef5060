#include "tests/lib/worker_slot.h"

#include "tests/lib/trun.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

/* ---- tasks ---- */

struct front front;
sem_t gate;
_Atomic uint64_t fake_now_ns;

static sem_t gate_reached; /* what the test waits for */

static int task_echo(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);

	return fut_call_return(call, in.data, in.len);
}

static int task_fail(struct fut_call *call)
{
	return fut_call_fail(call, "ValueError", "no good", "\0\1\2", 3);
}

static int task_fail_and_return_0(struct fut_call *call)
{
	(void)fut_call_fail(call, NULL, NULL, NULL, 0);
	return 0;
}

static int task_seven(struct fut_call *call)
{
	(void)call;
	return 7;
}

void fill_bytes(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (uint8_t)(seed >> 24);
	}
}

/* Returns as many bytes as its payload, a number, says. */
static int task_many(struct fut_call *call)
{
	uint32_t n;

	memcpy(&n, fut_call_payload(call).data, sizeof n);
	uint8_t *p = malloc(n);
	fill_bytes(p, n, n);
	int r = fut_call_return(call, p, n);
	free(p);
	return r;
}

static int task_stream(struct fut_call *call)
{
	static uint8_t large[RECORD_BYTES_MAX + 1];
	char text[300];

	memset(text, 't', sizeof text);
	text[sizeof text - 1] = '\0';
	if (fut_call_emit(call, "one", 3) < 0 || fut_call_emit(call, NULL, 0) < 0)
		return 1;
	if (fut_call_progress(call, 1, 2, text) < 0 || fut_call_progress(call, 2, 2, NULL) < 0)
		return 2;
	if (fut_call_emit(call, large, RECORD_BYTES_MAX) < 0)
		return 3;
	if (fut_call_emit(call, large, sizeof large) != -1)
		return 4;
	return fut_call_return(call, "end", 3);
}

static int task_until_stopped(struct fut_call *call)
{
	uint64_t end_us = clock_after_us(WAIT_MS * 1000);

	(void)fut_call_emit(call, "here", 4);
	while (!fut_call_stopped(call)) {
		if (clock_now_us() > end_us)
			return 1;
		sched_yield();
	}
	return fut_call_fail(call, "Stopped", "as asked", NULL, 0);
}

static int task_gate(struct fut_call *call)
{
	(void)call;
	sem_post(&gate_reached);
	while (sem_wait(&gate) < 0)
		;
	return 0;
}

static int task_remaining(struct fut_call *call)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%lld %u", (long long)fut_call_remaining_us(call),
			 fut_call_attempt(call));

	return fut_call_return(call, text, (size_t)n);
}

/* Fails for "bad", returns 1 for "one", asks to be stopped for "stop", else echoes. */
static int task_item(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);

	if (in.len == 3 && memcmp(in.data, "bad", 3) == 0)
		return fut_call_fail(call, "BadItem", "it is bad", NULL, 0);
	if (in.len == 3 && memcmp(in.data, "one", 3) == 0)
		return 1;
	if (in.len == 4 && memcmp(in.data, "stop", 4) == 0)
		atomic_store(&front.slots[0].view.shared->stop_tag, front.last_tag);
	return fut_call_return(call, in.data, in.len);
}

/* Was the front told of what is there already? */
static int task_look(struct fut_call *call)
{
	return fut_call_return(call, atomic_load(&front.host->notified) ? "1" : "0", 1);
}

static int task_pass_60us(struct fut_call *call)
{
	atomic_fetch_add(&fake_now_ns, 60 * 1000);
	return task_look(call);
}

/* A second result replaces the first, and one too large is an end to all. */
static int task_twice(struct fut_call *call)
{
	(void)fut_call_return(call, "first and long", 14);
	return fut_call_return(call, "second", 6);
}

static int task_too_much(struct fut_call *call)
{
	uint8_t *p = calloc(1, MAX_RESULT + 1);
	int r = fut_call_return(call, p, MAX_RESULT + 1);

	free(p);
	ck_assert_int_eq(r, -1);
	return fut_call_return(call, "small", 5);
}

static const struct fut_task tasks[NTASKS] = {
	[ECHO] = {"echo", task_echo},
	[FAIL] = {"fail", task_fail},
	[FAIL_AND_RETURN_0] = {"fail0", task_fail_and_return_0},
	[SEVEN] = {"seven", task_seven},
	[MANY] = {"many", task_many},
	[STREAM] = {"stream", task_stream},
	[UNTIL_STOPPED] = {"until-stopped", task_until_stopped},
	[GATE] = {"gate", task_gate},
	[REMAINING] = {"remaining", task_remaining},
	[ITEM] = {"item", task_item},
	[LOOK] = {"look", task_look},
	[PASS_60US] = {"pass-60us", task_pass_60us},
	[TWICE] = {"twice", task_twice},
	[TOO_MUCH] = {"too-much", task_too_much},
};

/* ---- the set-up ---- */

static struct slot slot;
static struct task_table table;
static pthread_t thread;
static uint64_t (*real_clock)(void);

static void *on_slot_thread(void *arg)
{
	(void)arg;
	return slot_run(&slot) == 0 ? &slot : NULL;
}

static void set_up(void)
{
	front_open(&front, 1, BIG_BYTES, MAX_RESULT);
	sem_init(&gate, 0, 0);
	sem_init(&gate_reached, 0, 0);
	task_table_init(&table);
	for (size_t i = 0; i < NTASKS; i++)
		ck_assert_int_eq(task_table_add(&table, &tasks[i]), 0);
	slot_init(&slot, 0, front.host, front.page, front.event_fd, &table);
	real_clock = clock_source_ns;
	ck_assert_int_eq(pthread_create(&thread, NULL, on_slot_thread, NULL), 0);
}

static void tear_down(void)
{
	void *result;

	front_quit(&front);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, &slot);
	clock_source_ns = real_clock;
	slot_done(&slot);
	task_table_done(&table);
	front_close(&front);
}

TCase *slot_case(Suite *s, const char *name)
{
	TCase *tc = trun_case(s, name);

	tcase_add_checked_fixture(tc, set_up, tear_down);
	return tc;
}

struct job job_of(uint32_t task, size_t len)
{
	return (struct job){.task = task, .payload_len = (uint32_t)len};
}

struct answered run_job(uint32_t task, const char *payload)
{
	size_t len = payload ? strlen(payload) : 0;

	(void)front_submit(&front, 0, job_of(task, len), payload);
	struct answered a = front_answer(&front, 0);
	ck_assert_uint_eq(a.tag, front.last_tag);
	return a;
}

void wait_for_gate(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += WAIT_MS / 1000;
	ck_assert_int_eq(sem_timedwait(&gate_reached, &end), 0);
}

struct error_info error_of(const uint8_t *bytes, size_t len)
{
	static struct arena arena;
	struct error_info e;

	arena_reset(&arena);
	ck_assert_int_eq(error_decode(span_of(bytes, len), &arena, &e), 0);
	return e;
}

struct error_info error_in(const struct answered *a)
{
	return error_of(a->bytes, a->len);
}

uint64_t fake_clock(void)
{
	return atomic_load(&fake_now_ns);
}
