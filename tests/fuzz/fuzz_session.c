/*
 * What clients and task code can do to a daemon, step by step: an input is a list of steps, of
 * three clients that say whole messages, odd ones, or noise, and of slots that do their jobs,
 * or lie about them. Whatever happened, the daemon then drains, and has forgotten everything.
 */
#include "tests/fuzz/front.h"

#include "common/util.h"
#include "proto/submit.h"

#include <signal.h>

enum { STEPS_MAX = 200 };

static const char *const pools[] = {"threads", "processes", "", "nobody"};
static const char *const names[] = {"", "vip", "other", "no name"};
static uint8_t zeros[64 * 1024];

/* Ids of the 16 places that there are, a few generations, and one too far. */
static uint64_t take_id(struct input *in)
{
	uint64_t b = take(in, 1);

	return job_id_of(b % 17, 1 + (uint32_t)(b / 17) % 4);
}

static struct span take_name(struct input *in)
{
	uint64_t b = take(in, 1);

	return b < 250 ? span_str(names[b % ARRAY_LEN(names)]) : take_bytes(in);
}

static void say_submit(unsigned client, struct input *in)
{
	uint64_t flags = take(in, 1);
	size_t len = flags & 1 ? take(in, 2) % 48000 : take(in, 1) % 100;
	struct job_spec spec = {.id = take_id(in), .payload_len = (uint32_t)len};
	uint64_t task = take(in, 1);
	struct buf b;

	spec.task = task < 250 ? span_str(front_tasks[task % FRONT_TASKS]) : take_bytes(in);
	if (flags & 2)
		spec.key = take_name(in);
	if (flags & 4)
		spec.unique = take_name(in);
	if (flags & 8)
		spec.priority = (int32_t)take(in, 1) % 16 - 8;
	if (flags & 16) {
		spec.queue_limit_us = take_wide(in);
		spec.run_limit_us = take_wide(in);
		spec.stall_limit_us = take_wide(in);
		spec.deadline_us = take_wide(in);
	}
	if (flags & 32) {
		spec.crash_retries = (uint32_t)take(in, 1) % 4;
		spec.error_retries = (uint32_t)take(in, 1);
		spec.retry_pause_us = take_wide(in);
	}
	if (flags & 64)
		spec.items = (uint32_t)take_wide(in);
	buf_init(&b, SIZE_MAX);
	if (submit_put(&b, &spec, span_of(zeros, len)) == 0)
		front_say(client, buf_data(&b), buf_len(&b));
	buf_done(&b);
}

static void say_admin(unsigned client, struct input *in)
{
	static const char *const questions[] = {"status", "jobs", "why", "drain"};
	char name[64];
	struct message m = {.kind = MESSAGE_ADMIN_REQUEST};

	m.admin_request.what = span_str(questions[take(in, 1) % ARRAY_LEN(questions)]);
	snprintf(name, sizeof name, "%u-%u-%u", (unsigned)take(in, 1), (unsigned)take(in, 1) % 16,
		 1 + (unsigned)take(in, 1) % 4);
	m.admin_request.argument = span_str(name);
	front_say_message(client, &m);
}

/* Any kind of message around any bytes. */
static void say_odd(unsigned client, struct input *in)
{
	enum message_kind kind = (enum message_kind)(take(in, 1) % (MESSAGE_KIND_END + 2));
	size_t payload = take(in, 1) % 4;
	struct span bytes = take_bytes(in);
	struct buf b;
	size_t size;

	buf_init(&b, SIZE_MAX);
	uint8_t *p = envelope_begin(&b, kind, bytes.len, payload, &size);
	if (p) {
		memcpy(p, bytes.data, bytes.len);
		memset(p + bytes.len, 0, payload);
		buf_commit(&b, size);
		front_say(client, buf_data(&b), buf_len(&b));
	}
	buf_done(&b);
}

static void client_step(uint64_t op, struct input *in)
{
	unsigned client = (unsigned)(op >> 5) % FRONT_CLIENTS;
	struct message m = {0};
	struct span bytes;

	switch (op & 31) {
	case 0:
		front_connect(client);
		front_hello(client, pools[take(in, 1) % ARRAY_LEN(pools)]);
		break;
	case 1:
		front_hang_up(client);
		break;
	case 2:
		(void)front_listen(client);
		break;
	case 3:
		m.kind = MESSAGE_CANCEL;
		m.cancel.id = take_id(in);
		m.cancel.mode = (uint32_t)take(in, 1) % 4;
		front_say_message(client, &m);
		break;
	case 4:
		m.kind = MESSAGE_PING;
		m.ping.nonce = take(in, 1);
		front_say_message(client, &m);
		break;
	case 5:
		m.kind = MESSAGE_BYE;
		front_say_message(client, &m);
		break;
	case 6:
		say_admin(client, in);
		break;
	case 7:
		say_odd(client, in);
		break;
	case 8:
		bytes = take_bytes(in);
		front_say(client, bytes.data, bytes.len);
		break;
	default:
		say_submit(client, in);
	}
}

/* How a slot says what is true, or would be if it ran that job. */
static void say_outcome(struct fake_slot *s, struct input *in, enum outcome_kind kind)
{
	uint64_t len = take(in, 1);
	struct outcome_record o = {.tag = s->tag, .kind = kind};

	if (len >= 240)
		len = take(in, 2);
	if (kind == OUTCOME_DONE) {
		o.status = (uint32_t)take(in, 1) & 1 ? (uint32_t)take(in, 1) : 0;
		o.started_ns = take_wide(in);
		o.finished_ns = o.started_ns + take_wide(in);
		o.cpu_ns = take_wide(in);
	}
	o.len = (uint32_t)len;
	if (s->tag)
		(void)slot_say(s, &o, zeros, len);
}

/* What only a host that a task has taken over would do. */
static void lie(struct process *h, struct fake_slot *s, struct input *in)
{
	struct outcome_record o = {0};
	struct span bytes;

	switch (take(in, 1) % 8) {
	case 0:
		o.tag = s->tag + (uint32_t)take(in, 1);
		o.kind = (uint32_t)take(in, 1) % 6;
		o.status = (uint32_t)take_wide(in);
		o.len = (uint32_t)take_wide(in);
		bytes = take_bytes(in);
		(void)slot_say(s, &o, bytes.data, bytes.len);
		break;
	case 1:
		atomic_store(&s->view.shared->out.tail, take_wide(in) * RING_ALIGN);
		break;
	case 2:
		atomic_store(&s->view.shared->in.head, take_wide(in) * RING_ALIGN);
		break;
	case 3: /* anything into a ring: headers, records, outcomes */
		bytes = take_bytes(in);
		memcpy((take(in, 1) & 1 ? s->view.in : s->view.out) + take(in, 1) * 8, bytes.data,
		       bytes.len);
		break;
	case 4:
		atomic_store(&h->shared->ready, (uint32_t)take_wide(in));
		atomic_store(&h->shared->over_rss, (uint32_t)take(in, 1));
		break;
	case 5:
		h->shared->nslots = (uint32_t)take_wide(in);
		h->shared->big_bytes = take_wide(in);
		atomic_store(&h->shared->quit, (uint32_t)take(in, 1));
		break;
	case 6:
		atomic_store(&s->view.shared->stage, (uint32_t)take(in, 1) % 5);
		memset(s->view.shared->step, (int)take(in, 1), sizeof s->view.shared->step);
		break;
	default: /* its output, which goes to the log */
		bytes = take_bytes(in);
		(void)!write(h->stderr_fd, bytes.data, bytes.len);
	}
	h->is_spoilt = true;
}

static void slot_step(uint64_t op, struct input *in)
{
	struct process *h = kernel_host((unsigned)(op >> 3) & 3);

	if (!h)
		return;
	struct fake_slot *s = &h->slots[(op >> 5) % h->nslots];
	switch (op & 7) {
	case 0:
	case 1:
		if (!h->is_spoilt)
			(void)slot_take(s);
		break;
	case 2:
		say_outcome(s, in, OUTCOME_DONE);
		break;
	case 3:
		say_outcome(s, in, OUTCOME_CHUNK);
		break;
	case 4:
		say_outcome(s, in, OUTCOME_PROGRESS);
		break;
	case 5:
		say_outcome(s, in, OUTCOME_PART);
		break;
	case 6:
		process_end(h, take(in, 1) & 1 ? SIGSEGV : 0);
		break;
	default:
		lie(h, s, in);
	}
	host_notify(h);
}

static void world_step(uint64_t op, struct input *in)
{
	struct process *z;

	switch (op & 7) {
	case 0:
		front_pass((uint64_t)1 << (take(in, 1) % 26));
		break;
	case 1:
		z = kernel_zygote((unsigned)op >> 3);
		if (z)
			process_end(z, SIGSEGV);
		break;
	case 2:
		if (take(in, 1) == 'd')
			daemon_drain(front);
		break;
	default:
		break;
	}
	front_turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);

	front_open(true);
	front_connect(0);
	front_hello(0, "threads");
	front_turn();
	for (unsigned i = 0; i < STEPS_MAX && !input_is_over(&in); i++) {
		uint64_t what = take(&in, 1), op = take(&in, 1);
		if (what % 4 == 0)
			world_step(op, &in);
		else if (what % 4 == 1)
			slot_step(op, &in);
		else
			client_step(op, &in);
		if (what & 128)
			front_turn();
	}
	front_close();
	return 0;
}
