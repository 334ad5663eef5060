/*
 * What a zygote may say to the front, once a module's init() has taken it over: whole messages
 * about hosts that there are or not, with descriptors that belong or do not, odd ones, noise.
 * The daemon serves its sessions, and ends in order.
 */
#include "tests/fuzz/front.h"

#include "common/util.h"
#include "proto/submit.h"

#include <signal.h>
#include <sys/socket.h>

enum { STEPS_MAX = 120 };

static uint32_t take_number(struct input *in)
{
	uint64_t b = take(in, 1);
	struct process *h = kernel_host((unsigned)b);

	return b < 224 && h ? h->number : (uint32_t)take_wide(in);
}

static void say_message(struct process *z, struct input *in)
{
	static struct control_message m;
	uint64_t b = take(in, 1);
	struct span text;

	m = (struct control_message){.type = (uint32_t)b % (CONTROL_EXITED + 2)};
	m.host = take_number(in);
	m.error = (int32_t)take(in, 1);
	m.wait_status = (int32_t)take_wide(in);
	m.pid = (int64_t)take_wide(in);
	m.cpu_us = take_wide(in);
	m.max_rss_bytes = take_wide(in);
	text = take_bytes(in);
	m.text_len = (uint32_t)text.len;
	if (text.len > 0)
		memcpy(m.text, text.data, text.len);
	zygote_say(z, &m, b & 0x80 ? kernel_host((unsigned)take(in, 1)) : NULL);
}

/* As an honest one would, so that inputs get far. */
static void say_expected(struct process *z, struct input *in)
{
	struct process *h = kernel_host((unsigned)take(in, 1));
	struct control_message m = {.type = CONTROL_READY};

	switch (take(in, 1) % 4) {
	case 0:
		zygote_say(z, &m, NULL);
		return;
	case 1:
		m.type = CONTROL_TASK;
		m.text_len = (uint32_t)snprintf(m.text, sizeof m.text, "%s",
						front_tasks[take(in, 1) % FRONT_TASKS]);
		zygote_say(z, &m, NULL);
		return;
	case 2:
		if (!h)
			return;
		m.type = CONTROL_FORKED;
		m.host = h->number;
		m.pid = h->pid;
		zygote_say(z, &m, h);
		return;
	default:
		if (!h)
			return;
		atomic_store(&h->shared->ready, h->nslots);
		host_notify(h);
	}
}

static void say_noise(struct process *z, struct input *in)
{
	struct span bytes = take_bytes(in);

	(void)send(z->control, bytes.data, bytes.len, MSG_NOSIGNAL);
}

static void say_submit(struct input *in)
{
	const struct job_spec spec = {
		.id = job_id_of((uint32_t)take(in, 1) % 16, 1),
		.task = span_str(front_tasks[take(in, 1) % FRONT_TASKS]),
		.crash_retries = 1,
	};
	struct buf b;

	buf_init(&b, SIZE_MAX);
	if (submit_put(&b, &spec, SPAN_EMPTY) == 0)
		front_say(0, buf_data(&b), buf_len(&b));
	buf_done(&b);
}

static void step(uint64_t op, struct input *in)
{
	struct process *z = kernel_zygote((unsigned)(op >> 4));
	struct process *h;

	switch (op & 15) {
	case 0:
		front_pass((uint64_t)1 << (take(in, 1) % 26));
		break;
	case 1:
		h = kernel_host((unsigned)take(in, 1));
		if (h)
			process_end(h, SIGSEGV);
		break;
	case 2:
		if (z && take(in, 1) == 'x')
			process_end(z, SIGSEGV);
		break;
	case 3:
		say_submit(in);
		break;
	case 4:
		if (z)
			say_noise(z, in);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
		if (z)
			say_expected(z, in);
		break;
	default:
		if (z)
			say_message(z, in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);

	front_open(false);
	front_turn();
	front_connect(0);
	front_hello(0, "threads");
	for (unsigned i = 0; i < STEPS_MAX && !input_is_over(&in); i++) {
		step(take(&in, 1), &in);
		front_turn();
	}
	front_close();
	return 0;
}
