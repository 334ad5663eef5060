/*
 * A slot of a host, in memory that a hostile front writes: it ends, or goes on, but never
 * touches what is not in its region.
 *
 * The input is a list of the front's steps. It makes one whenever the slot sleeps, so that one
 * thread plays both sides; when there are none left it lets the slot go.
 */
#include "worker/slot.h"

#include "common/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

#include <linux/futex.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { BIG_BYTES = 8192, MAX_RESULT = 256 * 1024, SLEEPS_MAX = 300 };

static struct host_shared *host;
static struct front_shared page;
static struct slot_view view;
static struct input input;
static unsigned sleeps;
static uint64_t now_ns;

static uint64_t our_clock(void)
{
	return now_ns += 1000;
}

/* ---- tasks --------------------------------------------------------------- */

static int task_echo(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);

	return fut_call_return(call, in.data, in.len);
}

static int task_large(struct fut_call *call)
{
	static const uint8_t bytes[3 * RECORD_BYTES_MAX];

	return fut_call_return(call, bytes, sizeof bytes);
}

static int task_stream(struct fut_call *call)
{
	if (fut_call_emit(call, "chunk", 5) < 0 || fut_call_stopped(call) ||
	    fut_call_progress(call, 1, 2, "text") < 0)
		return 1;
	return fut_call_fail(call, "Odd", "it is", "details", 7);
}

static const struct fut_task tasks[] = {
	{"echo", task_echo}, {"large", task_large}, {"stream", task_stream}};

/* ---- the front ----------------------------------------------------------- */

static void put_job(void)
{
	struct ring_producer in;
	struct job_record *job;
	size_t len = take(&input, 1);
	uint64_t flags = take(&input, 1);

	/* It goes on where it stopped, or where it said it had. */
	ring_producer_init(&in, &view.shared->in, view.in, REGION_RING_BYTES);
	in.tail = in.published = atomic_load(&view.shared->in.tail);
	in.head_seen = in.tail;
	struct ring_record *r = ring_reserve(&in, sizeof *job + len);
	if (!r)
		return;
	job = record_body(r);
	*job = (struct job_record){
		.tag = (uint32_t)take(&input, 1),
		.flags = (uint32_t)flags & 3,
		.task = (uint32_t)take(&input, 1) % 5,
		.payload_len = (uint32_t)len,
		.attempt = 1,
	};
	if (flags & 4)
		job->payload_len = (uint32_t)take_wide(&input);
	if (flags & 8)
		job->items = (uint32_t)take_wide(&input);
	if (flags & 16)
		job->deadline_ns = take_wide(&input);
	struct span bytes = span_cut(take_bytes(&input), len);
	memset(job->payload, 0, len);
	if (bytes.len > 0)
		memcpy(job->payload, bytes.data, bytes.len);
	if (flags & 32)
		atomic_store(&r->state, (uint32_t)take(&input, 1));
	(void)ring_publish(&in);
}

static void front_step(void)
{
	struct span bytes;

	switch (take(&input, 1) % 8) {
	case 0: /* takes everything that was said */
		atomic_store(&view.shared->out.head, atomic_load(&view.shared->out.tail));
		break;
	case 1:
		atomic_store(&view.shared->out.head, take_wide(&input) * RING_ALIGN);
		break;
	case 2:
		atomic_store(&view.shared->in.tail, take_wide(&input) * RING_ALIGN);
		break;
	case 3:
		bytes = take_bytes(&input);
		if (bytes.len > 0)
			memcpy(view.in + take(&input, 1) * 8, bytes.data, bytes.len);
		break;
	case 4:
		atomic_store(&view.shared->stop_tag, (uint32_t)take(&input, 1));
		page.sleeping = (uint32_t)take(&input, 1) & 1;
		break;
	default:
		put_job();
	}
}

/* The slot sleeps. Without steps, or after too many, the front takes all and says goodbye. */
static void on_sleep(void)
{
	if (!input_is_over(&input) && ++sleeps < SLEEPS_MAX) {
		front_step();
		return;
	}
	fuzz_must(++sleeps < 10 * SLEEPS_MAX);
	atomic_store(&view.shared->out.head, atomic_load(&view.shared->out.tail));
	atomic_store(&view.shared->in.tail, atomic_load(&view.shared->in.head));
	atomic_store(&host->quit, 1);
}

long __wrap_syscall(long number, ...);

long __wrap_syscall(long number, ...)
{
	va_list ap;

	fuzz_must(number == SYS_futex);
	va_start(ap, number);
	(void)va_arg(ap, void *);
	int op = va_arg(ap, int);
	va_end(ap);
	if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET)
		on_sleep();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t bytes = region_size(1, BIG_BYTES);
	struct task_table table;
	static struct slot slot;

	host = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fuzz_must(host != MAP_FAILED);
	*host = (struct host_shared){
		.nslots = 1, .big_bytes = BIG_BYTES, .max_result_bytes = MAX_RESULT};
	view = region_slot(host, BIG_BYTES, 0);
	input = input_of(data, size);
	sleeps = 0;
	now_ns = 1000000000;
	clock_source_ns = clock_cpu_source_ns = our_clock;
	task_table_init(&table);
	for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
		fuzz_must(task_table_add(&table, &tasks[i]) == 0);
	slot_init(&slot, 0, host, &page, -1, &table);
	(void)slot_run(&slot);
	slot_done(&slot);
	task_table_done(&table);
	munmap(host, bytes);
	return 0;
}
